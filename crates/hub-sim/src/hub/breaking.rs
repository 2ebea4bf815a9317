//! How a running hub misbehaves: faults, outages, bad certificates.

use super::Hub;
use crate::fault::Fault;
use crate::gate::Gate;
use crate::route::{On, Role};
use crate::rules::{Armed, Arming};
use crate::tls::{Authority, Tls};
use std::io;
use std::sync::{MutexGuard, PoisonError};

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

    pub(super) fn authority(&self) -> MutexGuard<'_, Option<Authority>> {
        self.authority
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
