//! How the ledger is set.

use std::time::Duration;

use crate::alerts::AlertRules;
use crate::storms::StormRules;

/// How the ledger is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerConfig {
    /// How long rows stay by the hour before they are summed by the day; 3 days by default.
    pub keep_hours: Duration,
    /// How long rows are kept at all; 90 days by default.
    pub keep: Duration,
    /// What a storm is.
    pub storms: StormRules,
    /// When an operator is told.
    pub alerts: AlertRules,
}

impl Default for LedgerConfig {
    fn default() -> Self {
        Self {
            keep_hours: Duration::from_hours(3 * 24),
            keep: Duration::from_hours(90 * 24),
            storms: StormRules::default(),
            alerts: AlertRules::default(),
        }
    }
}
