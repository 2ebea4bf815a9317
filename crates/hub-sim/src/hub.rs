//! A running hub: where it is, what it saw, and everything a test may do to it.
//!
//! Dropping it stops its servers and ends their connections.

use crate::blob::Blob;
use crate::fault::Fault;
use crate::gate::Gate;
use crate::image::Image;
use crate::limits::{Limit, source_of};
use crate::manifest::Manifest;
use crate::record::{Record, Requests, Violation};
use crate::route::{On, Role};
use crate::rules::{Armed, Arming};
use crate::server::Host;
use crate::sim::{HubSim, Listen};
use crate::state::{Addresses, State};
use crate::store::split_reference;
use crate::tls::{Acceptor, Authority, Tls};
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::mpsc;

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
        let Listen {
            registry,
            token,
            blob,
            trap,
            token_at_registry,
        } = listen;
        let mut hosts = vec![
            Host::reserve(Role::Registry, registry)?,
            Host::reserve(Role::Token, token)?,
            Host::reserve(Role::Blob, blob)?,
            Host::reserve(Role::Trap, trap)?,
        ];
        let [registry, token, blob, trap] = [0, 1, 2, 3].map(|at: usize| hosts[at].address());
        let addresses = Addresses {
            registry,
            token: if token_at_registry { registry } else { token },
            blob,
            trap,
        };
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

/// What it holds.
impl Hub {
    /// Pushes an image under `name:tag`, moving the tag. Returns the new digest.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a story hands its images over"
    )]
    pub fn push(&self, reference: &str, image: Image) -> String {
        self.state.inner().store.push(reference, &image)
    }

    /// Pushes an artifact that refers to what `reference` names. Returns the artifact's digest.
    ///
    /// # Panics
    /// When there is no such manifest.
    #[expect(
        clippy::expect_used,
        reason = "the story names an image that it did not push"
    )]
    pub fn attach(&self, reference: &str, artifact: Image) -> String {
        let attached = self.state.inner().store.attach(reference, artifact);
        attached.expect("a referrer's subject was pushed before it")
    }

    /// Points a tag at a manifest that the repository holds.
    pub fn retag(&self, reference: &str, digest: &str) {
        let (name, tag) = split_reference(reference);
        let mut inner = self.state.inner();
        let tags = &mut inner.store.entry(name).tags;
        tags.insert(tag.to_owned(), digest.to_owned());
    }

    /// Deletes a tag (`name:tag`), or a manifest and its tags (`name@digest`).
    pub fn delete(&self, reference: &str) {
        let (name, tag_or_digest) = split_reference(reference);
        self.state.inner().store.entry(name).delete(tag_or_digest);
    }

    /// Takes a blob out of a repository.
    pub fn delete_blob(&self, repository: &str, digest: &str) {
        self.state.inner().store.entry(repository).drop_blob(digest);
    }

    /// Deletes a repository with all it holds.
    pub fn delete_repository(&self, name: &str) {
        self.state.inner().store.remove(name);
    }

    /// Lets only these accounts read a repository, at once, whatever tokens are about.
    pub fn make_private(&self, repository: &str, readers: &[&str]) {
        let readers = readers.iter().map(|&name| name.to_owned()).collect();
        self.state.inner().store.entry(repository).readers = Some(readers);
    }

    /// Lets everybody read a repository.
    pub fn make_public(&self, repository: &str) {
        self.state.inner().store.entry(repository).readers = None;
    }

    /// The digest that `name:tag` names now.
    ///
    /// # Panics
    /// When there is no such manifest.
    pub fn digest(&self, reference: &str) -> String {
        self.manifest(reference).digest().to_owned()
    }

    /// The manifest that `name:tag` or `name@digest` names now.
    ///
    /// # Panics
    /// When there is none.
    #[expect(
        clippy::expect_used,
        reason = "the story names an image that it did not push"
    )]
    pub fn manifest(&self, reference: &str) -> Manifest {
        self.find_manifest(reference)
            .expect("the manifest was pushed")
    }

    /// The manifest that `name:tag` or `name@digest` names now, if there is one.
    pub fn find_manifest(&self, reference: &str) -> Option<Manifest> {
        let found = self.state.inner().store.find_manifest(reference)?;
        Some(Manifest::clone(&found))
    }

    /// The manifests that an index lists, in its order.
    pub fn children(&self, reference: &str) -> Vec<Manifest> {
        let (name, _) = split_reference(reference);
        let root = self.manifest(reference);
        let child = |digest: &String| self.find_manifest(&format!("{name}@{digest}"));
        root.parts.iter().filter_map(child).collect()
    }

    /// The manifest of one platform of an index.
    ///
    /// # Panics
    /// When the index has no such platform.
    #[expect(
        clippy::expect_used,
        reason = "the story names a platform that it did not push"
    )]
    pub fn child(&self, reference: &str, platform: &str) -> Manifest {
        let mut children = self.children(reference).into_iter();
        children
            .find(|child| child.platform() == Some(platform))
            .expect("the index lists the platform")
    }

    /// The blobs of what `name:tag` names: the config first, then the layers; of an index those of every child.
    pub fn blobs(&self, reference: &str) -> Vec<Blob> {
        let (name, _) = split_reference(reference);
        let mut manifests = self.children(reference);
        manifests.push(self.manifest(reference));
        let inner = self.state.inner();
        let Some(repository) = inner.store.find(name) else {
            return Vec::new();
        };
        let digests = manifests.iter().flat_map(|manifest| &manifest.parts);
        digests
            .filter_map(|digest| repository.find_blob(digest))
            .map(|blob| Blob::clone(&blob))
            .collect()
    }

    /// The layers of what `name:tag` names; of an index those of every child.
    pub fn layers(&self, reference: &str) -> Vec<Blob> {
        let mut blobs = self.blobs(reference);
        blobs.retain(|blob| !blob.media_type().ends_with("json"));
        blobs
    }
}

/// How it misbehaves.
impl Hub {
    /// Prepares a fault; it strikes after `.once()`, `.times(n)`, `.nth(n)` or `.always()`.
    pub fn fault(&self, fault: Fault) -> Arming<'_> {
        Arming::new(&self.state.rules, fault)
    }

    /// Makes every request of this kind wait until the gate that is returned is opened.
    pub fn hold(&self, on: On) -> Gate {
        let gate = Gate::closed();
        self.fault(Fault::Hold(gate.clone())).on(on).always();
        gate
    }

    /// Ends a fault.
    pub fn lift(&self, fault: &Armed) {
        self.state.rules.lift(fault);
    }

    /// Ends all faults.
    pub fn lift_all(&self) {
        self.state.rules.clear();
    }

    /// Makes every token that was given out worthless.
    pub fn revoke_tokens(&self) {
        self.state.inner().grants.revoke_all();
    }

    /// Ends all connections to a host and refuses new ones; its port stays its own.
    pub async fn refuse(&self, role: Role) -> io::Result<()> {
        let mut hosts = self.hosts.lock().await;
        for host in hosts.iter_mut().filter(|host| host.role() == role) {
            host.close().await?;
        }
        Ok(())
    }

    /// Ends all connections to all hosts and refuses new ones: an outage.
    pub async fn go_down(&self) -> io::Result<()> {
        let mut hosts = self.hosts.lock().await;
        for host in hosts.iter_mut() {
            host.close().await?;
        }
        Ok(())
    }

    /// Opens every host that was closed, on its old port.
    pub async fn come_back(&self) -> io::Result<()> {
        let mut hosts = self.hosts.lock().await;
        for host in hosts.iter_mut() {
            host.open(&self.state, &self.acceptor)?;
        }
        Ok(())
    }

    /// Shows another certificate on new connections, under the same authority.
    pub fn set_tls(&self, kind: Tls) -> io::Result<()> {
        if let Some(authority) = self.authority().as_ref() {
            let addresses = &self.state.addresses;
            let ips = [
                addresses.registry,
                addresses.token,
                addresses.blob,
                addresses.trap,
            ];
            let mut hosts: Vec<String> =
                ips.iter().map(|address| address.ip().to_string()).collect();
            hosts.push("localhost".to_owned());
            let acceptor = authority.acceptor(kind, &hosts)?;
            self.acceptor.set(acceptor);
        }
        Ok(())
    }

    /// Takes a new authority and shows certificates of it: clients that trust the old one refuse them.
    pub fn renew_authority(&self, kind: Tls) -> io::Result<()> {
        *self.authority() = Some(Authority::new()?);
        self.set_tls(kind)
    }

    fn authority(&self) -> MutexGuard<'_, Option<Authority>> {
        self.authority
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// What it counts.
impl Hub {
    /// Sets, changes or (with none) ends the anonymous pull limit.
    pub fn set_anonymous_limit(&self, limit: Option<(u64, Duration)>) {
        self.state.inner().anonymous_limit = limit.map(|(count, window)| Limit { count, window });
    }

    /// Sets, changes or (with none) ends the abuse limit.
    pub fn set_abuse_limit(&self, limit: Option<(u64, Duration)>) {
        self.state.inner().abuse_limit = limit.map(|(count, window)| Limit { count, window });
    }

    /// Adds an account, or changes its password and limit.
    pub fn set_account(&self, user: &str, password: &str, limit: Option<(u64, Duration)>) {
        let limit = limit.map(|(count, window)| Limit { count, window });
        self.state.inner().accounts.add(user, password, limit);
    }

    /// Takes every client to come from this address, or (with none) from where it comes.
    pub fn see_clients_as(&self, address: Option<IpAddr>) {
        self.state.inner().seen_as = address;
    }

    /// Counts pulls of somebody else behind this address.
    pub fn spend(&self, address: IpAddr, pulls: u64) {
        let now = self.state.clock.now();
        self.state
            .inner()
            .pulls
            .spend(&source_of(address), pulls, now);
    }

    /// Counts pulls of somebody else with this account.
    pub fn spend_account(&self, user: &str, pulls: u64) {
        let now = self.state.clock.now();
        let source = crate::accounts::account_id(user);
        self.state.inner().pulls.spend(&source, pulls, now);
    }

    /// What is left of the anonymous limit for this address; none without a limit.
    pub fn remaining(&self, address: IpAddr) -> Option<u64> {
        let now = self.state.clock.now();
        let mut inner = self.state.inner();
        let limit = inner.anonymous_limit?;
        Some(
            inner
                .pulls
                .standing(&source_of(address), limit, now)
                .remaining,
        )
    }

    /// What `docker-ratelimit-source` shows for an account.
    pub fn account_id(&self, user: &str) -> String {
        crate::accounts::account_id(user)
    }
}

/// What it saw.
impl Hub {
    /// All requests, in the order in which they came.
    pub fn requests(&self) -> Requests {
        self.state.log.snapshot()
    }

    /// The requests of which this is true.
    pub fn requests_where(&self, matches: impl Fn(&Record) -> bool) -> Requests {
        let mut requests = self.requests();
        requests.0.retain(|request| matches(request));
        requests
    }

    /// How many requests this is true of.
    pub fn count(&self, matches: impl Fn(&Record) -> bool) -> usize {
        self.state.log.count(matches)
    }

    /// How many requests cost a pull.
    pub fn charged(&self) -> usize {
        self.count(|request| request.charged)
    }

    /// Forgets all requests and violations. Limits and faults stay.
    pub fn clear_requests(&self) {
        self.state.log.clear();
    }

    /// What must never happen and did: credentials at the blob host or at the trap.
    pub fn violations(&self) -> Vec<Violation> {
        self.state.log.violations()
    }

    /// Returns when `n` requests match.
    ///
    /// # Panics
    /// When that takes longer than 30 seconds: the test has failed.
    pub async fn saw(&self, n: usize, matches: impl Fn(&Record) -> bool) {
        let seen = self.state.log.wait(n, matches).await;
        assert!(
            seen,
            "{n} such requests did not come; those that came:\n{}",
            self.requests()
        );
    }

    /// Every request whose answer has gone out from now on. One follower at a time; a slow one misses some.
    pub fn follow(&self) -> mpsc::Receiver<Record> {
        self.state.log.follow()
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
