//! What a running hub counts and what it saw.

use super::Hub;
use crate::accounts::account_id;
use crate::limits::{Limit, source_of};
use crate::record::{Record, Requests, Violation};
use std::net::IpAddr;
use std::time::Duration;
use tokio::sync::mpsc;

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
        let source = account_id(user);
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

    /// How often a login of this account was refused, for a wrong password or because it was locked out.
    pub fn refused_logins(&self, user: &str) -> u64 {
        self.state.inner().accounts.refused_logins(user)
    }

    /// What `docker-ratelimit-source` shows for an account.
    pub fn account_id(&self, user: &str) -> String {
        account_id(user)
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
