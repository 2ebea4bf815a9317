//! What the limits of an upstream, and our own of it, leave to be asked, told without asking it.

use std::time::Duration;

use forebay_limits::{Identity, Purse};
use forebay_oci::RepositoryName;

use crate::UpstreamCall;

/// Says which calls a limit stands in the way of now.
///
/// For whoever has something else to give than an answer to such a call. A hint: what is open now may be refused a moment
/// later, and then says so itself.
pub trait Budget: Send + Sync {
    /// For how long from now a limit stops calls of this kind about `repository`, so that one would be refused without being sent;
    /// `None` if it would be sent.
    fn stopped_for(&self, call: UpstreamCall, repository: &RepositoryName) -> Option<Duration>;

    /// What may be spent on manifests of `repository`, as far as the registry has said; of its budgets, the one that it spoke of
    /// last, without what is under way.
    ///
    /// Empty while a limit stops manifests, and from the moment that an answer says that nothing is left, a HEAD's too. That
    /// word grows old: after half a minute others' pulls may have left the window, and the purse opens in no time
    /// (`opens_in` is zero). It does not say that there is something in it: a HEAD of what is to be fetched, which is
    /// free, tells. Ask for the purse again after it; if it still opens in no time, nobody knows when it does.
    ///
    /// Of a repository that the registry does not count pulls of it is unmetered, whatever is left for others.
    fn purse(&self, repository: &RepositoryName) -> Purse;

    /// Whether the registry counts pulls of `repository`, by its last word; `None` where a HEAD of a manifest of it, which is free,
    /// would tell.
    fn is_metered(&self, repository: &RepositoryName) -> Option<bool>;

    /// Whom the registry's limit of pulls counts for us, as it last said; `None` where it has not.
    fn counted(&self) -> Option<Identity>;

    /// True while requests wait for their turn to make a call of this kind: whoever makes one that nobody needs gives way.
    fn is_crowded(&self, call: UpstreamCall) -> bool;

    /// How many requests were sent about `repository`, those for its tokens counted. Of one that was not asked about for long it may
    /// begin anew: only what is added within a moment says something.
    fn asked_about(&self, repository: &RepositoryName) -> u64;

    /// True while our own pace keeps back what nobody waits for, and would let a client's request through, now or in time.
    fn keeps_back(&self) -> bool;
}
