#![doc = include_str!("../README.md")]

mod allowance;
mod answer;
mod classify;
mod counted;
mod go_duration;
mod limited;
mod one_client;
mod pace;
mod printable;
mod pull_budget;
mod pull_cost;
mod pull_secrets;
mod queue;
mod rate;
mod reading;
mod redact;
mod retry_after;
mod shares;
mod shell_word;
mod shown;
mod source;
mod spend;
mod unseen;
mod wording;

pub use allowance::{Allowance, Dialect, MAX_COUNT, MAX_WINDOW};
pub use answer::{Answer, HostKind, Method};
pub use classify::{MAX_BODY_BYTES, classify, classify_malformed_head};
pub use counted::{counted, counted_as};
pub use go_duration::parse_go_duration;
pub use limited::{
    ABUSE_COOL_DOWN, API_COOL_DOWN, Account, Identity, LOCKOUT_COOL_DOWN, Limited, Limiter,
    MIN_COOL_DOWN, OTHER_COOL_DOWN, PULL_LIMIT_COOL_DOWN,
};
pub use one_client::one_client;
pub use pace::{DEFAULT_BURST, DEFAULT_PER_MINUTE, MIN_PER_MINUTE, Pace, STEP_UP_EVERY, TooFast};
pub use printable::printable;
pub use pull_budget::{DEFAULT_WINDOW, Forecast, MAX_CHARGES, PullBudget, Said};
pub use pull_cost::PullCost;
pub use pull_secrets::pull_secrets_template;
pub use queue::{Full, Place, Queue};
pub use rate::{Debts, Rate};
pub use reading::{Reading, read_headers};
pub use redact::{is_setting_secret, redact_tokens};
pub use retry_after::{MAX_WAIT, RetryAfter};
pub use shares::{Share, ShareTaken, Shares};
pub use shell_word::shell_word;
pub use shown::{shown, without_secrets};
pub use source::Source;
pub use spend::{DEFAULT_RETRY_AFTER, MIN_RETRY_AFTER, Priority, Purse, Situation, Spend, spend};
pub use unseen::is_unseen;
