//! Who changed what: told of every change, and of every try at one.

use std::net::IpAddr;

/// What came of a change that ended in its middle, as where the process ends.
const BROKEN_OFF: &str = "broken_off";

/// Writes down changes where they stay.
pub trait Audit: Send + Sync {
    /// Writes down one. It never fails for who makes the change; what could not be written is the operator's to hear.
    fn record(&self, entry: &AuditEntry<'_>);

    /// What is wrong with it, in words for an operator, if the last change could not be written down.
    fn trouble(&self) -> Option<String> {
        None
    }
}

/// A change, or a try at one. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry<'a> {
    /// Who, as policies name them; `loopback` for this machine's own programs where no access is configured.
    pub who: &'a str,
    /// From where; none for what came over the control socket, or is done by ourselves.
    pub from: Option<IpAddr>,
    /// What was done: `push-manifest`, `delete-tag` and so on.
    pub act: &'a str,
    /// To what: a repository with a tag or digest behind it, an account.
    pub object: &'a str,
    /// What was said of it, where that is more than the act's name: settings, a grace.
    pub detail: Option<&'a str>,
    /// The digest of what was pushed or pinned, where the object does not say it.
    pub digest: Option<&'a str>,
    /// What came of it: `done`, or why not in a word.
    pub outcome: &'a str,
    /// The request's name in the logs.
    pub request: Option<&'a str>,
}

impl<'a> AuditEntry<'a> {
    /// The outcome of a change that was made.
    pub const DONE: &'static str = "done";

    /// An act of our own or over the control socket, of which nothing more is said, its outcome yet to come.
    pub const fn of(who: &'a str, act: &'a str, object: &'a str) -> Self {
        Self {
            who,
            from: None,
            act,
            object,
            detail: None,
            digest: None,
            outcome: "",
            request: None,
        }
    }
}

/// Writes nothing down.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoAudit;

impl Audit for NoAudit {
    fn record(&self, _: &AuditEntry<'_>) {}
}

/// A change that has begun. It is written down with what came of it, or, dropped before, with that it was broken off: then nobody
/// knows how far it came.
pub struct BegunAct<'a> {
    audit: &'a dyn Audit,
    entry: Option<AuditEntry<'a>>,
}

impl<'a> BegunAct<'a> {
    /// Begins it; what `entry` has as its outcome does not count.
    pub fn new(audit: &'a dyn Audit, entry: AuditEntry<'a>) -> Self {
        Self {
            audit,
            entry: Some(entry),
        }
    }

    /// With what is known of it only now, in the place of what was said before.
    #[must_use]
    pub fn telling(mut self, detail: &'a str) -> Self {
        if let Some(entry) = &mut self.entry {
            entry.detail = Some(detail);
        }
        self
    }

    /// With the digest of what was changed, where the object does not say it.
    #[must_use]
    pub fn of_digest(mut self, digest: Option<&'a str>) -> Self {
        if let Some(entry) = &mut self.entry {
            entry.digest = digest;
        }
        self
    }

    /// Writes down what came of it.
    pub fn end(mut self, outcome: &'a str) {
        self.record(outcome);
    }

    fn record(&mut self, outcome: &'a str) {
        if let Some(entry) = self.entry.take() {
            self.audit.record(&AuditEntry { outcome, ..entry });
        }
    }
}

impl Drop for BegunAct<'_> {
    fn drop(&mut self) {
        self.record(BROKEN_OFF);
    }
}
