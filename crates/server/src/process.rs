//! What the operating system counts for this process, out of `/proc`: proc(5).

use std::time::Duration;

use forebay_api_admin::Process;
use forebay_content::Timestamp;
use rustix::process::{Resource, getrlimit};

/// The unit of processor time in `/proc`: Linux has shown 100 a second to programs on every architecture that we build for.
const TICKS_PER_SECOND: u64 = 100;

/// What is counted now, of a process that `started` then.
pub(crate) fn read(started: Timestamp) -> Process {
    let text = |name: &str| std::fs::read_to_string(format!("/proc/self/{name}")).ok();
    Process {
        resident_bytes: text("status").as_deref().and_then(resident_bytes),
        cpu: text("stat").as_deref().and_then(cpu),
        open_files: std::fs::read_dir("/proc/self/fd")
            .ok()
            .map(|files| files.count() as u64),
        max_files: getrlimit(Resource::Nofile).current,
        started: Some(Duration::from_secs(started.unix_seconds())),
    }
}

fn resident_bytes(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// Time in user and in kernel mode, fields 14 and 15; the name before them is in brackets and may hold anything.
fn cpu(stat: &str) -> Option<Duration> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ').skip(11).map(str::parse::<u64>);
    let ticks = fields.next()?.ok()? + fields.next()?.ok()?;
    Some(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_proc_says_is_read() {
        assert_eq!(
            resident_bytes("VmPeak:\t  9 kB\nVmRSS:\t   16 kB\n"),
            Some(16 * 1024)
        );
        let stat = "7 (for) ebay) S 1 7 7 0 -1 4194560 100 0 0 0 150 25 0 0 20 0 9 0 1";
        assert_eq!(cpu(stat), Some(Duration::from_millis(1_750)));
        for nonsense in ["", "7 (forebay", "7 (forebay) S 1", "VmRSS: many"] {
            assert_eq!((cpu(nonsense), resident_bytes(nonsense)), (None, None));
        }
    }
}
