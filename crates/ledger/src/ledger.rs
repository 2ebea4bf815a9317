//! The ledger: what is told to it as it happens, and what it tells who asks.
//!
//! What is told takes one short lock and waits for nothing; rows are read and written by who asks and by the upkeep.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use forebay_content::{
    Alert, CatalogError, Clock, KeptCoolDown, KeptLimits, KeptTold, LedgerRows, Notify, PullCursor,
    PullOrder, PullPage, Spent, TimeRange, TopPage, UpstreamCall, lock, pulls_scope,
};
use forebay_limits::Limiter;
use forebay_oci::{Digest, Target, UpstreamName};
use tracing::{info, warn};

use crate::accounts::{Accounts, Place};
use crate::alerts::Alerts;
use crate::answered::{Answered, AnsweredByUpstream, AskedUpstream, Refused, What};
use crate::budgets::Budgets;
use crate::config::LedgerConfig;
use crate::cool_downs::CoolDowns;
use crate::moment::Moment;
use crate::pending::Pending;
use crate::report::{StormReport, UpstreamReport};
use crate::storms::{Storms, storm_reports};
use crate::upkeep::WritingAsked;

/// The most spenders that are read to be added to what the disk does not take; what a spender beyond them did before is then left
/// out of its sum.
pub(crate) const MAX_TOP_BEFORE_PENDING: u32 = 10_000;

/// What the ledger needs of the world.
#[derive(Clone)]
pub struct LedgerSeams {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Where rows are kept.
    pub rows: Arc<dyn LedgerRows>,
    /// Who carries alerts.
    pub notify: Arc<dyn Notify>,
}

/// The memory of who pulled what, of limits, storms, and what an operator was told.
pub struct Ledger {
    config: Mutex<LedgerConfig>,
    pub(crate) seams: LedgerSeams,
    watch: Mutex<Watch>,
    storms_begun: AtomicU64,
    budgets: Mutex<Budgets>,
    cool_downs: Mutex<CoolDowns>,
    /// A cool-down was noted, which is not to wait for the next writing.
    pub(crate) urgent: tokio::sync::Notify,
    alerts: Mutex<Alerts>,
    /// What waits to be written; held by the one who writes, whatever it is that he writes.
    pub(crate) pending: tokio::sync::Mutex<Pending>,
    /// The way to the task that writes, once it has begun.
    pub(crate) writer: OnceLock<tokio::sync::mpsc::Sender<WritingAsked>>,
}

/// What every request changes: one lock for both.
struct Watch {
    accounts: Accounts,
    storms: Storms,
}

impl Ledger {
    /// A ledger that knows of limits what was written down. If that cannot be read, it begins anew, and says so in the log.
    pub async fn open(config: LedgerConfig, seams: LedgerSeams) -> Self {
        let kept = seams.rows.limits().await.unwrap_or_else(|error| {
            warn!(%error, "what was known of limits cannot be read");
            KeptLimits::default()
        });
        let told = seams.rows.told().await.unwrap_or_else(|error| {
            warn!(%error, "what was told in alerts cannot be read: it may be told again");
            Vec::new()
        });
        Self::with(config, seams, kept, told)
    }

    /// A ledger that tells what was written down.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn read(config: LedgerConfig, seams: LedgerSeams) -> Result<Self, CatalogError> {
        let kept = seams.rows.limits().await?;
        Ok(Self::with(config, seams, kept, Vec::new()))
    }

    fn with(
        config: LedgerConfig,
        seams: LedgerSeams,
        mut kept: KeptLimits,
        told: Vec<KeptTold>,
    ) -> Self {
        let now = Moment::of(&*seams.clock);
        let cool_downs = std::mem::take(&mut kept.cool_downs);
        Self {
            storms_begun: AtomicU64::new(0),
            watch: Mutex::new(Watch {
                accounts: Accounts::default(),
                storms: Storms::new(config.storms),
            }),
            budgets: Mutex::new(Budgets::restored(kept, now)),
            cool_downs: Mutex::new(CoolDowns::restored(cool_downs, now)),
            urgent: tokio::sync::Notify::new(),
            alerts: Mutex::new(Alerts::new(config.alerts, told, now)),
            pending: tokio::sync::Mutex::default(),
            writer: OnceLock::new(),
            config: Mutex::new(config),
            seams,
        }
    }

    /// Is set so from now on. What was counted and told stays.
    pub fn set_config(&self, config: LedgerConfig) {
        lock(&self.watch).storms.set_rules(config.storms);
        lock(&self.alerts).set_rules(config.alerts);
        *lock(&self.config) = config;
    }

    /// Which upstreams are configured from now on. What was learnt of the others is forgotten, except their budgets: they may come
    /// back.
    pub fn keep_upstreams(&self, is_configured: impl Fn(&str) -> bool) {
        lock(&self.budgets).keep_upstreams(is_configured);
    }

    /// A client's request has ended.
    pub fn note_answered(&self, answered: &Answered<'_>) {
        let now = self.now();
        let began = {
            let watch = &mut *lock(&self.watch);
            let place = watch.accounts.note(answered, now);
            let who = (answered.client, answered.target);
            match (answered.what, place) {
                (What::Manifest(asked), Place::Root { is_try: true }) => {
                    watch
                        .storms
                        .note(who, asked.reference, answered.outcome, now)
                }
                (What::Manifest(asked), Place::Root { is_try: false }) => {
                    watch
                        .storms
                        .note_same(who, asked.reference, answered.outcome);
                    None
                }
                (_, Place::PartOf(root)) => {
                    watch.storms.note_part(who, &root, answered.outcome);
                    None
                }
                _ => None,
            }
        };
        if let Some(storm) = began {
            self.tell_storm_began(&storm.report(), now);
        }
    }

    /// A request of ours is being sent.
    pub fn note_sent(&self, asked: AskedUpstream<'_>) {
        lock(&self.budgets).note_sent(asked, self.now());
    }

    /// A request of ours was answered, or was not.
    pub fn note_upstream(&self, answered: &AnsweredByUpstream<'_>) {
        let now = self.now();
        let charged = lock(&self.budgets).note_answered(answered, now);
        let AskedUpstream {
            upstream,
            account,
            call,
        } = answered.asked;
        if call_opens_pulls(answered) {
            self.lock_cool_downs().end(upstream, &pulls_scope(account));
        }
        let is_token = call == UpstreamCall::Token && is_success(answered);
        if let Some(account) = account.filter(|_| is_token) {
            self.lock_cool_downs().note_taken_login(upstream, account);
            lock(&self.alerts).credential_taken(upstream);
        }
        if !charged.is_zero()
            && let (Some(client), Some(repository)) = (answered.client, answered.repository)
        {
            let target = Target {
                upstream: upstream.clone(),
                repository: repository.clone(),
            };
            lock(&self.watch)
                .accounts
                .note_charged(client, &target, charged, now);
        }
    }

    /// An upstream refused the login of an account of ours, and no limiter spoke: it is not shown for `rest`.
    pub fn note_login_refused(
        &self,
        upstream: &UpstreamName,
        account: Option<&str>,
        rest: Duration,
    ) {
        let now = self.now();
        self.lock_cool_downs()
            .note_refused_login((upstream, account), (now.wall, rest));
        let alert = lock(&self.alerts).credential_refused(upstream, None, now);
        self.notify(alert);
    }

    /// The manifest that came last from this repository is an index of these.
    pub fn note_index(&self, target: &Target, children: &[Digest]) {
        lock(&self.budgets).note_index(target, children, self.now());
    }

    /// A limiter of an upstream refused us.
    pub fn note_limited(&self, refused: Refused<'_>) {
        let now = self.now();
        let Refused {
            upstream,
            scope,
            limiter,
            wait,
        } = refused;
        self.lock_cool_downs().note(KeptCoolDown {
            upstream: upstream.clone(),
            scope: scope.into(),
            limiter,
            until: now.wall.after(wait),
            noted_at: now.wall,
        });
        self.urgent.notify_one();
        if limiter == Limiter::LoginLockout {
            let alert = lock(&self.alerts).credential_refused(upstream, Some(limiter), now);
            self.notify(alert);
        }
    }

    /// The circuit breaker of an upstream opened or closed.
    pub fn note_breaker(&self, upstream: &UpstreamName, is_open: bool) {
        let alert = lock(&self.alerts).upstream(upstream, is_open, self.now());
        self.notify(alert);
    }

    /// Another upstream has this name from now on, or none.
    pub fn note_replaced(&self, upstream: &UpstreamName) {
        lock(&self.alerts).keep_upstreams(|name| *name != **upstream);
    }

    /// So much of the disk is free.
    pub fn note_disk(&self, free_bytes: u64, total_bytes: u64) {
        let alert = lock(&self.alerts).disk(free_bytes, total_bytes, self.now());
        self.notify(alert);
    }

    /// Who spent most in the range, in the order asked for, with what is not written down yet.
    ///
    /// Writes nothing itself, so that whoever asks may leave at any time.
    pub async fn top(
        &self,
        range: TimeRange,
        order: PullOrder,
        limit: u32,
    ) -> Result<Vec<Spent>, CatalogError> {
        self.ask_to_write().await;
        let mut pending = self.pending.lock().await;
        // Where nobody writes.
        pending.add(self.drain());
        if pending.is_empty() {
            let page = TopPage { skip: 0, limit };
            return self.seams.rows.top_pulls(range, order, page).await;
        }
        // The disk refuses: what it holds, with what waits for it.
        let most = TopPage {
            skip: 0,
            limit: MAX_TOP_BEFORE_PENDING,
        };
        let mut top = self.seams.rows.top_pulls(range, order, most).await?;
        pending.add_to(&mut top, range);
        top.sort_by(|one, other| order.compare(one, other));
        top.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(top)
    }

    /// Rows of the range, the oldest first, those after `after`, at most `limit`; the task writes first what it can.
    pub async fn export(
        &self,
        range: TimeRange,
        after: Option<PullCursor>,
        limit: u32,
    ) -> Result<PullPage, CatalogError> {
        if after.is_none() {
            self.ask_to_write().await;
        }
        self.seams.rows.pulls(range, after, limit).await
    }

    /// What is known of budgets, and what rests, by upstream.
    pub fn budgets(&self) -> Vec<UpstreamReport> {
        let now = self.now();
        let mut rests = self.lock_cool_downs().told(now.wall);
        let mut told = lock(&self.budgets).list(now);
        for report in &mut told {
            report.rests = rests.remove(report.upstream.as_str()).unwrap_or_default();
        }
        // Those that have refused us before they answered anything.
        told.extend(rests.into_iter().map(|(name, rests)| UpstreamReport {
            rests,
            ..UpstreamReport::unknown(&name)
        }));
        told.sort_by(|a, b| a.upstream.cmp(&b.upstream));
        told
    }

    /// What was known of limits when it was written down, and still holds: to be given back to the upstreams.
    pub fn kept_limits(&self) -> KeptLimits {
        let now = self.now();
        KeptLimits {
            cool_downs: self.lock_cool_downs().list(now.wall),
            ..lock(&self.budgets).kept(now)
        }
    }

    /// The storms of now, those who ask most first.
    pub fn storms(&self) -> Vec<StormReport> {
        let now = self.seams.clock.monotonic();
        let seen = lock(&self.watch).storms.list(now);
        storm_reports(&seen)
    }

    /// Looks for what has ended or is worth telling.
    pub fn look(&self) {
        let now = self.now();
        let ended = lock(&self.watch).storms.take_ended(now.monotonic);
        for storm in storm_reports(&ended) {
            info!(
                storm = %storm.subject(),
                pulls = storm.pulls,
                since_unix_ms = storm.since_unix_ms,
                gets = &*storm.gets,
                "storm over"
            );
            let alert = lock(&self.alerts).storm_ended(&storm, now);
            self.notify(alert);
        }
        let storms = self.storms();
        let lasting = lock(&self.alerts).of_what_lasts(&storms, now);
        for alert in lasting {
            self.notify(Some(alert));
        }
        let budgets = lock(&self.budgets).list_latest(now);
        let alerts = lock(&self.alerts).of_budgets(&budgets, now);
        for alert in alerts {
            self.notify(Some(alert));
        }
    }

    /// How many storms have begun since the start.
    pub fn storms_begun(&self) -> u64 {
        self.storms_begun.load(Ordering::Relaxed)
    }

    /// The moment that its clock shows.
    pub fn moment(&self) -> Moment {
        self.now()
    }

    pub(crate) fn now(&self) -> Moment {
        Moment::of(&*self.seams.clock)
    }

    pub(crate) fn drain(&self) -> Vec<forebay_content::PullRow> {
        let now = self.seams.clock.monotonic();
        lock(&self.watch).accounts.drain(now)
    }

    pub(crate) fn config(&self) -> LedgerConfig {
        lock(&self.config).clone()
    }

    /// By the wall clock as it is set now.
    pub(crate) fn lock_cool_downs(&self) -> MutexGuard<'_, CoolDowns> {
        let mut cool_downs = lock(&self.cool_downs);
        cool_downs.follow(self.now());
        cool_downs
    }

    pub(crate) fn lock_alerts(&self) -> MutexGuard<'_, Alerts> {
        lock(&self.alerts)
    }

    pub(crate) fn lock_budgets(&self) -> MutexGuard<'_, Budgets> {
        lock(&self.budgets)
    }

    fn tell_storm_began(&self, storm: &StormReport, now: Moment) {
        self.storms_begun.fetch_add(1, Ordering::Relaxed);
        warn!(
            storm = %storm.subject(),
            per_minute = storm.per_minute,
            since_unix_ms = storm.since_unix_ms,
            gets = &*storm.gets,
            "a client asks again and again"
        );
        let alert = lock(&self.alerts).storm_began(storm, now);
        self.notify(alert);
    }

    /// Outside of all locks: whose seam this is, is somebody else's.
    fn notify(&self, alert: Option<Alert>) {
        let Some(alert) = alert else {
            return;
        };
        if !self.seams.notify.notify(&alert) {
            lock(&self.alerts).not_taken(&alert);
        }
    }
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger")
            .field("config", &self.config())
            .finish_non_exhaustive()
    }
}

/// Whether an answer shows that pulls are open, however lately they were refused: a free HEAD tells the remainder too.
fn call_opens_pulls(answered: &AnsweredByUpstream<'_>) -> bool {
    let left = answered
        .reading
        .and_then(forebay_limits::Reading::pulls_left);
    is_success(answered) && left.is_some_and(|left| left > 0)
}

fn is_success(answered: &AnsweredByUpstream<'_>) -> bool {
    let is_success = |status: u16| (200..300).contains(&status);
    answered.status.is_some_and(is_success)
}
