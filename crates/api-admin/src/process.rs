//! The process's own metrics, under the names that Prometheus's client libraries share.
//!
//! Source: "Writing client libraries", "Process metrics".

use std::fmt::{Result, Write};
use std::time::Duration;

use crate::readings::Process;

/// Writes what is known.
pub(crate) fn render(to: &mut String, process: &Process) -> Result {
    let whole = |value: Option<u64>| value.map(|value| value.to_string());
    let seconds =
        |value: Option<Duration>| value.map(|value| format!("{:.3}", value.as_secs_f64()));
    for (name, kind, sample, help, value) in [
        (
            "process_cpu_seconds",
            "counter",
            "process_cpu_seconds_total",
            "Time on a processor",
            seconds(process.cpu),
        ),
        (
            "process_resident_memory_bytes",
            "gauge",
            "process_resident_memory_bytes",
            "Memory in use",
            whole(process.resident_bytes),
        ),
        (
            "process_open_fds",
            "gauge",
            "process_open_fds",
            "Open files",
            whole(process.open_files),
        ),
        (
            "process_max_fds",
            "gauge",
            "process_max_fds",
            "The most files that may be open",
            whole(process.max_files),
        ),
        (
            "process_start_time_seconds",
            "gauge",
            "process_start_time_seconds",
            "When the process started, since the UNIX epoch",
            seconds(process.started),
        ),
    ] {
        if let Some(value) = value {
            writeln!(
                to,
                "# HELP {name} {help}.\n# TYPE {name} {kind}\n{sample} {value}"
            )?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_told_and_nothing_else() {
        let process = Process {
            resident_bytes: Some(1 << 24),
            cpu: Some(Duration::from_millis(1_250)),
            ..Process::default()
        };
        let mut text = String::new();
        render(&mut text, &process).unwrap();
        assert_eq!(
            text,
            "# HELP process_cpu_seconds Time on a processor.\n# TYPE process_cpu_seconds counter\nprocess_cpu_seconds_total 1.250\n# HELP process_resident_memory_bytes Memory in use.\n# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes 16777216\n"
        );
    }
}
