//! Makes connections for the pool: address check, proxy, TLS, in this order.
//!
//! Every connect of every hop comes through here, so a check made here cannot be gone around.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use tower_service::Service;

use super::dial::{Dialer, Target};
use super::link::{Link, Wire};
use super::policy::ClientPolicy;
use super::proxy::{Proxies, Proxy};
use super::tls::Tls;
use crate::error::{ClientError, SendError, Stage};

/// The `Service` that the pool asks for connections.
#[derive(Clone)]
pub(super) struct Connector {
    parts: Arc<Parts>,
}

struct Parts {
    dialer: Dialer,
    proxies: Proxies,
    tls: Tls,
    limit: Duration,
}

impl Connector {
    pub(super) fn new(policy: &ClientPolicy) -> Result<Self, ClientError> {
        Ok(Self {
            parts: Arc::new(Parts {
                dialer: Dialer::new(policy),
                proxies: Proxies::new(&policy.proxy)?,
                tls: Tls::new(&policy.trust)?,
                limit: policy.timeouts.connect,
            }),
        })
    }

    /// The proxy that a request to `uri` goes through, if any.
    pub(super) fn find_proxy(&self, uri: &Uri) -> Option<Proxy> {
        self.parts.proxies.find(uri)
    }
}

impl Parts {
    async fn connect(&self, uri: &Uri) -> Result<Link, SendError> {
        let target = Target::of(uri)?;
        let attempt = self.establish(uri, &target);
        match tokio::time::timeout(self.limit, attempt).await {
            Ok(link) => link,
            Err(_) => Err(SendError::TimedOut {
                host: target.host,
                stage: Stage::Connect,
            }),
        }
    }

    async fn establish(&self, uri: &Uri, target: &Target) -> Result<Link, SendError> {
        let Some(proxy) = self.proxies.find(uri) else {
            let (stream, remote) = self.dialer.dial(target).await?;
            let wire: Box<dyn Wire> = Box::new(stream);
            return Ok(Link::new(self.secure(target, wire).await?, remote));
        };
        // The proxy resolves names for us; a literal needs no resolving, and is judged as it would be without a proxy.
        self.dialer.check_literal(target)?;
        let (stream, remote) = self.dialer.dial_unchecked(&proxy.target).await?;
        let mut wire = self.secure(&proxy.target, Box::new(stream)).await?;
        if !target.secure {
            return Ok(Link::new(wire, remote).through_proxy());
        }
        proxy.open_tunnel(&mut wire, target).await?;
        Ok(Link::new(self.secure(target, wire).await?, remote))
    }

    async fn secure(
        &self,
        target: &Target,
        wire: Box<dyn Wire>,
    ) -> Result<Box<dyn Wire>, SendError> {
        if target.secure {
            self.tls.agree(&target.host, wire).await
        } else {
            Ok(wire)
        }
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Link>;
    type Error = SendError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, SendError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let parts = self.parts.clone();
        Box::pin(async move { parts.connect(&uri).await.map(TokioIo::new) })
    }
}
