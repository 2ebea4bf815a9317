//! A running hub: where it is, what it saw, and everything a test may do to it.
//!
//! Dropping it stops its servers and ends their connections.

mod breaking;
mod contents;
mod counting;

use crate::route::Role;
use crate::server::Host;
use crate::sim::{HubSim, Listen};
use crate::state::{Addresses, State};
use crate::tls::{Acceptor, Authority};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

/// A running hub.
#[derive(Debug)]
pub struct Hub {
    state: Arc<State>,
    hosts: tokio::sync::Mutex<Vec<Host>>,
    acceptor: Arc<Acceptor>,
    authority: Mutex<Option<Authority>>,
}

impl Hub {
    pub(crate) fn start(sim: HubSim) -> io::Result<Self> {
        let HubSim {
            settings,
            clock,
            inner,
            listen,
        } = sim;
        let (mut hosts, addresses) = reserve(listen)?;
        let tls = settings.tls;
        let state = Arc::new(State::new(clock, settings, addresses, inner));
        let acceptor = Arc::<Acceptor>::default();
        for host in &mut hosts {
            host.open(&state, &acceptor)?;
        }
        let hub = Self {
            state,
            hosts: tokio::sync::Mutex::new(hosts),
            acceptor,
            authority: Mutex::default(),
        };
        if let Some(kind) = tls {
            hub.renew_authority(kind)?;
        }
        Ok(hub)
    }
}

/// Takes the ports of all hosts.
fn reserve(listen: Listen) -> io::Result<(Vec<Host>, Addresses)> {
    let hosts = vec![
        Host::reserve(Role::Registry, listen.registry)?,
        Host::reserve(Role::Token, listen.token)?,
        Host::reserve(Role::Blob, listen.blob)?,
        Host::reserve(Role::Trap, listen.trap)?,
    ];
    let [registry, token, blob, trap] = [0, 1, 2, 3].map(|at: usize| hosts[at].address());
    let addresses = Addresses {
        registry,
        token: if listen.token_at_registry {
            registry
        } else {
            token
        },
        blob,
        trap,
    };
    Ok((hosts, addresses))
}

/// Where it is.
impl Hub {
    /// `http://127.0.0.1:port` of the registry (`https` with TLS).
    pub fn url(&self) -> String {
        format!(
            "{}://{}",
            self.state.scheme(),
            self.state.addresses.registry
        )
    }

    /// `127.0.0.1:port` of the registry.
    pub fn host(&self) -> String {
        self.state.addresses.registry.to_string()
    }

    /// `127.0.0.1:port` of the token service.
    pub fn token_host(&self) -> String {
        self.state.addresses.token.to_string()
    }

    /// `127.0.0.9:port` of the blob host.
    pub fn blob_host(&self) -> String {
        self.state.addresses.blob.to_string()
    }

    /// The URL of the token service, as a `realm` names it.
    pub fn token_url(&self) -> String {
        format!("{}/token", self.state.token_url())
    }

    /// The URL of a host at a foreign address: for hostile realms and redirects. Whatever credential comes there is
    /// a violation.
    pub fn trap_url(&self) -> String {
        format!("{}://{}", self.state.scheme(), self.state.addresses.trap)
    }

    /// The certificate of the authority that signed its certificates; none without TLS.
    pub fn ca_pem(&self) -> Option<String> {
        self.authority().as_ref().map(Authority::pem)
    }
}

/// What time it is there.
impl Hub {
    /// Moves its clock on.
    pub fn advance(&self, by: Duration) {
        self.state.clock.advance(by);
    }

    /// Sets its clock.
    pub fn set_time(&self, to: SystemTime) {
        self.state.clock.set(to);
    }

    /// Its time.
    pub fn now(&self) -> SystemTime {
        crate::record::moment(self.state.clock.now())
    }
}
