//! What an operator is told without having asked, and whoever carries it there.

use async_trait::async_trait;
use serde::Serialize;

use crate::Timestamp;

/// Carries alerts to where people see them.
#[async_trait]
pub trait Notify: Send + Sync {
    /// Takes an alert over, to be delivered behind; false if nobody takes it. Called beside pulls: it must neither wait nor fail.
    fn notify(&self, alert: &Alert) -> bool;

    /// Waits until it is known of alerts that were taken over whether they reached anybody, and tells it, of each once. Whoever
    /// stops waiting misses nothing.
    async fn settled(&self) -> Vec<Settled>;
}

/// What became of an alert that was taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Its kind.
    pub kind: AlertKind,
    /// What it was about.
    pub subject: String,
    /// Whether it reached anybody; if not, it was tried as often as it is.
    pub has_reached: bool,
}

/// Something that an operator should know. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alert {
    /// What kind of thing.
    pub kind: AlertKind,
    /// What it is about, such as an upstream: one of the same kind and subject is told once in a quiet time.
    pub subject: String,
    /// What happened, in one line.
    pub text: String,
    /// When, in milliseconds since the UNIX epoch.
    #[serde(rename = "at_unix_ms")]
    pub at: Timestamp,
}

/// The kinds of alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// A budget of pulls is under its floor.
    BudgetLow,
    /// A budget of pulls runs out soon at the present rate.
    BudgetRunsOut,
    /// A client began to ask for the same again and again.
    StormBegan,
    /// It stopped.
    StormEnded,
    /// A registry refuses our credentials.
    CredentialRefused,
    /// An upstream does not answer.
    UpstreamDown,
    /// It answers again.
    UpstreamBack,
    /// The disk is nearly full.
    DiskNearFull,
    /// Nothing: somebody tries whether alerts arrive.
    Test,
}

impl AlertKind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::BudgetLow,
        Self::BudgetRunsOut,
        Self::StormBegan,
        Self::StormEnded,
        Self::CredentialRefused,
        Self::UpstreamDown,
        Self::UpstreamBack,
        Self::DiskNearFull,
        Self::Test,
    ];

    /// Whether it is about what one client does: of those there may be many at once, and what is about all goes before them.
    pub const fn is_of_storm(self) -> bool {
        matches!(self, Self::StormBegan | Self::StormEnded)
    }

    /// The word for logs and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BudgetLow => "budget_low",
            Self::BudgetRunsOut => "budget_runs_out",
            Self::StormBegan => "storm_began",
            Self::StormEnded => "storm_ended",
            Self::CredentialRefused => "credential_refused",
            Self::UpstreamDown => "upstream_down",
            Self::UpstreamBack => "upstream_back",
            Self::DiskNearFull => "disk_near_full",
            Self::Test => "test",
        }
    }
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct TellNobody;

#[async_trait]
impl Notify for TellNobody {
    fn notify(&self, _: &Alert) -> bool {
        false
    }

    async fn settled(&self) -> Vec<Settled> {
        std::future::pending().await
    }
}
