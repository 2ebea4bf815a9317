//! The front door: one handler for all that comes over the network, and one for the control socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use forebay_api_admin::{Metrics, Readings, handle_control, healthz, readyz, scrape};
use forebay_api_registry::{OciError, RegistryApi};
use forebay_cache::Kept;
use forebay_content::Timestamp;
use forebay_http_kit::{Body, Connections, Handler, Peer, RequestBody};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};

use crate::control::Controls;
use crate::front_route::{FrontRoute, Openness};
use crate::ledger::Books;
use crate::process;
use crate::registry_health::RegistryHealth;
use crate::tls::Tls;

/// What somebody reads who looks here with a browser.
const WHAT_THIS_IS: &str = "This is Forebay, a pull-through cache for container registries. Its registry API is at /v2/.\n";

/// Answers what comes over the network.
pub(crate) struct Front {
    pub(crate) registry: RegistryApi,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) state: State,
}

/// What is looked up when somebody asks how the program is.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) kept: Arc<Kept>,
    pub(crate) books: Books,
    pub(crate) leaving: Leaving,
    pub(crate) connections: Connections,
    pub(crate) started: Timestamp,
    pub(crate) tls: Option<Tls>,
    pub(crate) hosted: RegistryHealth,
}

/// Whether the program has been told to stop. It is said before the listener closes, so that who sends clients here stops first.
#[derive(Clone, Default)]
pub(crate) struct Leaving(Arc<AtomicBool>);

impl Leaving {
    pub(crate) fn announce(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_announced(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl State {
    fn readings(&self) -> Readings {
        Readings {
            cache_bytes: self.kept.bytes(),
            cache_max_bytes: self.kept.max_bytes(),
            disk_trouble: self.kept.health().trouble(),
            registry_troubles: self.hosted.troubles(),
            connections: self.connections.open(),
            is_draining: self.leaving.is_announced(),
            ledger: self.books.readings(),
            process: process::read(self.started),
            tls: self.tls.as_ref().map(Tls::readings),
            hosted: None,
        }
    }

    /// All of it, with what has to be asked of rows.
    async fn figures(&self) -> Readings {
        Readings {
            hosted: self.hosted.readings().await,
            ..self.readings()
        }
    }
}

impl Handler for Front {
    async fn handle(&self, request: Request<RequestBody>, peer: Peer) -> Response<Body> {
        let (head, body) = request.into_parts();
        let is_head = head.method == Method::HEAD;
        let Some(route) = FrontRoute::of(head.uri.path()) else {
            return OciError::nowhere().into_response(is_head);
        };
        if let Some(methods) = route.methods_instead_of(head.method.as_str()) {
            return OciError::unsupported(methods).into_response(is_head);
        }
        match route.openness() {
            Openness::Anybody | Openness::AsAsked => {}
            Openness::Admins => {
                if let Err(refused) = self.registry.let_watch(&head, peer).await {
                    return refused;
                }
            }
        }
        match route {
            FrontRoute::Token => self.registry.give_token(&head, body, peer).await,
            FrontRoute::Registry => self.registry.answer(&head, body, peer).await,
            FrontRoute::Page => front_page(),
            FrontRoute::Healthz => healthz(),
            FrontRoute::Readyz => {
                let is_let_watch = self.registry.let_watch(&head, peer).await.is_ok();
                readyz(&self.state.readings(), is_let_watch)
            }
            FrontRoute::Metrics => scrape(&self.metrics, &self.state.figures().await),
        }
    }

    fn refusal(status: StatusCode) -> String {
        OciError::unasked(status).to_json()
    }
}

fn front_page() -> Response<Body> {
    let mut response = Response::new(Body::from(WHAT_THIS_IS));
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

/// Answers what comes over the control socket.
pub(crate) struct ControlDoor {
    pub(crate) controls: Controls,
}

impl Handler for ControlDoor {
    async fn handle(&self, request: Request<RequestBody>, peer: Peer) -> Response<Body> {
        handle_control(&self.controls, request, peer).await
    }
}
