//! The log: to standard error, as text or JSON.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use forebay_config::{LogConfig, LogFormat};

/// Begins to log. A second call changes nothing: the log is the process's, not the program's.
pub(crate) fn begin(config: &LogConfig) {
    let level = LevelFilter::from_level(config.level);
    // The libraries below us tell their own affairs at levels of their own; ours is what the operator sets.
    let filter = Targets::new()
        .with_default(LevelFilter::WARN.min(level))
        .with_target("forebay", level)
        // Which task spoke says nothing to an operator: its spans would stand before every line.
        .with_target("forebay_jobs", LevelFilter::WARN.min(level));
    let registry = tracing_subscriber::registry().with(filter);
    let _ = match config.format {
        LogFormat::Text => registry
            .with(fmt::layer().with_writer(std::io::stderr).with_ansi(false))
            .try_init(),
        LogFormat::Json => registry
            .with(fmt::layer().json().with_writer(std::io::stderr))
            .try_init(),
    };
}
