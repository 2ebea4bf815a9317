//! Who changed what: told of every change, and of every try at one.

use std::net::IpAddr;

/// Writes down changes where they stay.
pub trait Audit: Send + Sync {
    /// Writes down one. It never fails for who makes the change; what could not be written is the operator's to hear.
    fn record(&self, entry: &AuditEntry<'_>);
}

/// A change, or a try at one. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry<'a> {
    /// Who, as policies name them; empty where no access is configured.
    pub who: &'a str,
    /// From where; none for what came over the control socket, or is done by ourselves.
    pub from: Option<IpAddr>,
    /// What was done: `push-manifest`, `delete-tag` and so on.
    pub act: &'a str,
    /// To what: a repository with a tag or digest behind it, an account.
    pub object: &'a str,
    /// The digest of what was pushed, where the object does not say it.
    pub digest: Option<&'a str>,
    /// What came of it: `done`, or why not in a word.
    pub outcome: &'a str,
    /// The request's name in the logs.
    pub request: Option<&'a str>,
}

/// Writes nothing down.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoAudit;

impl Audit for NoAudit {
    fn record(&self, _: &AuditEntry<'_>) {}
}
