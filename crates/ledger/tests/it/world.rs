//! What the tests here speak of: a ledger, rows that can be made to fail, who listens, clients and images.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use forebay_content::memory::MemoryLedger;
use forebay_content::{
    Alert, AlertKind, CatalogError, Client, KeptBudget, KeptCoolDown, KeptLimits, KeptTold,
    LimitRows, ManualClock, Notify, Provenance, PullCursor, PullOrder, PullPage, PullRow, PullRows,
    Settled, Spent, TimeRange, Timestamp, ToldRows, TopPage,
};
use forebay_ledger::{Answered, Asked, Ledger, LedgerConfig, LedgerSeams, Outcome, What};
use forebay_limits::PullCost;
use forebay_oci::{Reference, Target, UpstreamName};

/// 16 November 2026, 12:00 UTC.
pub(crate) const NOON: Timestamp = Timestamp(498_636 * 3_600_000);

/// A generous time for what happens at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Everything around a ledger.
pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) rows: Arc<FullDisk>,
    pub(crate) heard: Arc<Heard>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            clock: ManualClock::at(NOON),
            rows: Arc::default(),
            heard: Arc::default(),
        }
    }

    /// A ledger in it; another one is a restart.
    pub(crate) async fn ledger(&self) -> Arc<Ledger> {
        let seams = LedgerSeams {
            clock: Arc::new(self.clock.clone()),
            rows: Arc::clone(&self.rows) as _,
            notify: Arc::clone(&self.heard) as _,
        };
        Arc::new(Ledger::open(LedgerConfig::default(), seams).await)
    }

    pub(crate) async fn all_rows(&self) -> Vec<PullRow> {
        let page = self.rows.pulls(TimeRange::ALL, None, 1_000_000).await;
        page.unwrap().rows
    }

    /// Waits until so many cool-downs are kept.
    pub(crate) async fn cool_downs_written(&self, count: usize) {
        let done = async {
            while self.rows.limits().await.unwrap().cool_downs.len() < count {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, done).await.unwrap();
    }

    /// Waits until so much of what was told is kept.
    pub(crate) async fn told_written(&self, count: usize) {
        let done = async {
            while self.rows.told().await.unwrap().len() < count {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, done).await.unwrap();
    }

    /// Waits until something was written `times` times in all.
    pub(crate) async fn written(&self, times: usize) {
        let done = async {
            while self.rows.writes.load(Ordering::SeqCst) < times {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, done).await.unwrap();
    }
}

/// Rows in memory; or a disk that takes nothing.
#[derive(Default)]
pub(crate) struct FullDisk {
    rows: MemoryLedger,
    pub(crate) is_full: AtomicBool,
    /// Acts that wrote pulls.
    pub(crate) writes: AtomicUsize,
    /// Acts that summed up.
    pub(crate) sums: AtomicUsize,
    /// The next drop of cool-downs says so in `stuck`, waits for `free`, and fails.
    pub(crate) is_sticky: AtomicBool,
    /// The next pulls are written, which says so in `stuck`; but that is told only after `free`.
    pub(crate) is_slow: AtomicBool,
    pub(crate) stuck: tokio::sync::Notify,
    pub(crate) free: tokio::sync::Notify,
}

impl FullDisk {
    fn check(&self) -> Result<(), CatalogError> {
        if self.is_full.load(Ordering::SeqCst) {
            return Err(full());
        }
        Ok(())
    }
}

#[async_trait]
impl PullRows for FullDisk {
    async fn add_pulls(&self, rows: &[PullRow]) -> Result<(), CatalogError> {
        self.check()?;
        self.rows.add_pulls(rows).await?;
        self.writes.fetch_add(1, Ordering::SeqCst);
        if self.is_slow.swap(false, Ordering::SeqCst) {
            self.stuck.notify_one();
            self.free.notified().await;
        }
        Ok(())
    }

    async fn pulls(
        &self,
        range: TimeRange,
        after: Option<PullCursor>,
        limit: u32,
    ) -> Result<PullPage, CatalogError> {
        self.rows.pulls(range, after, limit).await
    }

    async fn top_pulls(
        &self,
        range: TimeRange,
        order: PullOrder,
        page: TopPage,
    ) -> Result<Vec<Spent>, CatalogError> {
        self.rows.top_pulls(range, order, page).await
    }

    async fn roll_up(&self, before: Timestamp) -> Result<(), CatalogError> {
        self.check()?;
        self.rows.roll_up(before).await
    }

    async fn forget_pulls(&self, before: Timestamp) -> Result<(), CatalogError> {
        self.check()?;
        self.sums.fetch_add(1, Ordering::SeqCst);
        self.rows.forget_pulls(before).await
    }
}

#[async_trait]
impl LimitRows for FullDisk {
    async fn limits(&self) -> Result<KeptLimits, CatalogError> {
        self.rows.limits().await
    }

    async fn keep_budgets(&self, budgets: &[KeptBudget]) -> Result<(), CatalogError> {
        self.check()?;
        self.rows.keep_budgets(budgets).await
    }

    async fn keep_pull_cost(
        &self,
        upstream: &UpstreamName,
        cost: PullCost,
    ) -> Result<(), CatalogError> {
        self.check()?;
        self.rows.keep_pull_cost(upstream, cost).await
    }

    async fn keep_silence(
        &self,
        upstream: &UpstreamName,
        heard_at: Option<Timestamp>,
    ) -> Result<(), CatalogError> {
        self.check()?;
        self.rows.keep_silence(upstream, heard_at).await
    }

    async fn keep_cool_down(&self, cool_down: &KeptCoolDown) -> Result<(), CatalogError> {
        self.check()?;
        self.rows.keep_cool_down(cool_down).await
    }

    async fn drop_cool_downs(
        &self,
        upstream: &UpstreamName,
        scope: &str,
    ) -> Result<(), CatalogError> {
        self.check()?;
        if self.is_sticky.swap(false, Ordering::SeqCst) {
            self.stuck.notify_one();
            self.free.notified().await;
            return Err(full());
        }
        self.rows.drop_cool_downs(upstream, scope).await
    }
}

#[async_trait]
impl ToldRows for FullDisk {
    async fn told(&self) -> Result<Vec<KeptTold>, CatalogError> {
        self.rows.told().await
    }

    async fn keep_told(&self, told: &[KeptTold]) -> Result<(), CatalogError> {
        self.check()?;
        self.rows.keep_told(told).await
    }
}

fn full() -> CatalogError {
    let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
    CatalogError::NoSpace(Arc::new(full))
}

/// Alerts that came, and what becomes of them.
#[derive(Default)]
pub(crate) struct Heard {
    alerts: Mutex<Vec<Alert>>,
    settled: Mutex<Vec<Settled>>,
    changed: tokio::sync::Notify,
    /// Takes none.
    pub(crate) is_deaf: AtomicBool,
    /// Takes them, and they reach nobody.
    pub(crate) is_vain: AtomicBool,
}

impl Heard {
    /// Their kinds and subjects, and forgets them.
    pub(crate) fn take(&self) -> Vec<(AlertKind, String)> {
        let alerts = std::mem::take(&mut *self.alerts.lock().unwrap());
        alerts
            .into_iter()
            .map(|alert| (alert.kind, alert.subject))
            .collect()
    }
}

#[async_trait]
impl Notify for Heard {
    fn notify(&self, alert: &Alert) -> bool {
        if self.is_deaf.load(Ordering::SeqCst) {
            return false;
        }
        self.alerts.lock().unwrap().push(alert.clone());
        self.settled.lock().unwrap().push(Settled {
            kind: alert.kind,
            subject: alert.subject.clone(),
            has_reached: !self.is_vain.load(Ordering::SeqCst),
        });
        self.changed.notify_one();
        true
    }

    async fn settled(&self) -> Vec<Settled> {
        loop {
            let settled = std::mem::take(&mut *self.settled.lock().unwrap());
            if !settled.is_empty() {
                return settled;
            }
            self.changed.notified().await;
        }
    }
}

pub(crate) fn node(number: u8) -> Client {
    Client {
        address: Some([10, 0, 0, number].into()),
        agent: "containerd".into(),
        ..Client::default()
    }
}

pub(crate) fn image(number: u32) -> Target {
    Target {
        upstream: "docker.io".into(),
        repository: format!("team/app{number}").parse().unwrap(),
    }
}

pub(crate) fn tag() -> Reference {
    Reference::Tag("1.27".parse().unwrap())
}

/// A client asks for an image by its tag, and gets so.
pub(crate) fn asks(ledger: &Ledger, client: &Client, target: &Target, outcome: Outcome) {
    let tag = tag();
    ledger.note_answered(&Answered {
        client,
        target,
        what: What::Manifest(Asked {
            reference: &tag,
            is_head: false,
        }),
        outcome,
        bytes: 500,
    });
}

/// A client pulls from what is kept.
pub(crate) fn pulls(ledger: &Ledger, number: u8, of: u32) {
    asks(
        ledger,
        &node(number),
        &image(of),
        Outcome::Served(Provenance::Kept),
    );
}
