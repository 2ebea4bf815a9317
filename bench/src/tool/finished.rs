//! A command that ends by itself: its time, its CPU time and the most memory that it held, as the kernel counts them.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use forebay_content::{Clock, SystemClock};

use crate::error::Error;
use crate::process::{TICKS_PER_SECOND, cpu_ticks, find_kibibytes};

/// Between two looks at the command.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// One that takes longer is told so, not waited for. docker-registry takes 97 s to collect 10,000 manifests, and a bench has 100,000.
const END_WITHIN: Duration = Duration::from_mins(40);

/// What a command took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finished {
    /// From its start to its end.
    pub(crate) wall_seconds: f64,
    /// User and system, all threads.
    pub(crate) cpu_seconds: f64,
    /// The most resident memory.
    pub(crate) peak_mb: f64,
    /// Its exit code.
    pub(crate) code: i32,
}

/// Runs `command` to its end; what it prints goes to the files `out` and `err`.
pub(crate) fn finish(mut command: Command, out: &Path, err: &Path) -> Result<Finished, Error> {
    let name = command.get_program().to_string_lossy().into_owned();
    let create =
        |path: &Path| File::create(path).map_err(Error::io(format!("cannot start {name}")));
    command
        .stdin(Stdio::null())
        .stdout(create(out)?)
        .stderr(create(err)?);
    let clock = SystemClock::new();
    let mut child = command
        .spawn()
        .map_err(Error::io(format!("cannot start {name}")))?;
    let folder = format!("/proc/{}", child.id());
    let (mut peak_kib, mut ticks) = (0.0, None);
    while clock.monotonic() < END_WITHIN {
        // Not waited for: what has ended and was not yet buried still tells its CPU time.
        let stat = std::fs::read_to_string(format!("{folder}/stat")).unwrap_or_default();
        if has_ended(&stat) {
            ticks = cpu_ticks(&stat);
            break;
        }
        let status = std::fs::read_to_string(format!("{folder}/status")).unwrap_or_default();
        peak_kib = find_kibibytes(&status, "VmHWM:").unwrap_or(peak_kib);
        sleep(LOOK_EVERY);
    }
    let wall_seconds = clock.monotonic().as_secs_f64();
    let Some(ticks) = ticks else {
        let _ = child.kill();
        let _ = child.wait();
        return Err(Error::program(name, "does not end"));
    };
    let status = child
        .wait()
        .map_err(Error::io(format!("cannot wait for {name}")))?;
    #[expect(clippy::cast_precision_loss, reason = "ticks of an hour fit")]
    let cpu_seconds = ticks as f64 / TICKS_PER_SECOND;
    Ok(Finished {
        wall_seconds,
        cpu_seconds,
        peak_mb: peak_kib * 1024.0 / 1e6,
        code: status.code().unwrap_or(-1),
    })
}

/// Whether a `/proc/PID/stat` is of a process that has ended (proc(5): the state follows the name).
fn has_ended(stat: &str) -> bool {
    stat.rsplit_once(')')
        .is_some_and(|(_, rest)| rest.trim_start().starts_with(['Z', 'X']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_told_by_the_state_behind_the_name() {
        assert!(has_ended("7 (a) Z) Z 1 7"));
        assert!(!has_ended("7 (Z) S 1 7"));
        assert!(!has_ended(""));
    }
}
