//! A server under measurement: its processes, their CPU time and their memory, as the kernel counts them.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process, setrlimit};

use crate::error::Error;

/// How long a server has to leave after it was told to.
const LEAVE_WITHIN: Duration = Duration::from_secs(10);

/// In which the kernel tells CPU time, a second (`USER_HZ`, which is this on all that we build for).
pub(crate) const TICKS_PER_SECOND: f64 = 100.0;

/// A running server; told to stop when it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    name: String,
}

impl Server {
    /// Starts `command` with both outputs, and so its access log, in the file `log`.
    pub(crate) fn start(mut command: Command, log: &Path) -> Result<Self, Error> {
        let name = command.get_program().to_string_lossy().into_owned();
        let cannot = format!("cannot start {name}");
        let out = File::create(log).map_err(Error::io(cannot.clone()))?;
        let err = out.try_clone().map_err(Error::io(cannot.clone()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .map_err(Error::io(cannot))?;
        Ok(Self { child, name })
    }

    /// Stops it where it is: it takes connections, for the kernel does, and answers nothing.
    pub(crate) fn freeze(&self) -> Result<(), Error> {
        self.signal(Signal::STOP)
            .map_err(Error::io(format!("cannot stop {}", self.name)))
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        match Pid::from_raw(self.child.id().cast_signed()) {
            Some(pid) => Ok(kill_process(pid, signal)?),
            None => Ok(()),
        }
    }

    /// CPU seconds so far, user and system, of all its threads and of its workers.
    pub(crate) fn cpu_seconds(&self) -> Result<f64, Error> {
        let mut ticks = 0;
        for pid in self.pids()? {
            ticks += cpu_ticks(&self.read(pid, "stat")?)
                .ok_or_else(|| Error::program(&self.name, "its stat cannot be read"))?;
        }
        #[expect(clippy::cast_precision_loss, reason = "ticks of an hour fit")]
        let seconds = ticks as f64 / TICKS_PER_SECOND;
        Ok(seconds)
    }

    /// Resident memory now, in MB, of it and its workers.
    pub(crate) fn resident_mb(&self) -> Result<f64, Error> {
        self.sum_status("VmRSS:")
    }

    /// The most resident memory so far, in MB, of it and its workers.
    pub(crate) fn peak_resident_mb(&self) -> Result<f64, Error> {
        self.sum_status("VmHWM:")
    }

    /// How many files and sockets it has open.
    pub(crate) fn open_files(&self) -> Result<usize, Error> {
        let folder = format!("/proc/{}/fd", self.child.id());
        let open = fs::read_dir(&folder).map_err(Error::io(format!("{} is gone", self.name)))?;
        Ok(open.count())
    }

    fn sum_status(&self, key: &str) -> Result<f64, Error> {
        let mut kibibytes = 0.0;
        for pid in self.pids()? {
            kibibytes += find_kibibytes(&self.read(pid, "status")?, key)
                .ok_or_else(|| Error::program(&self.name, "its status cannot be read"))?;
        }
        Ok(kibibytes * 1024.0 / 1e6)
    }

    /// The process and its children: nginx works in those.
    fn pids(&self) -> Result<Vec<u32>, Error> {
        let parent = self.child.id();
        let children = self.read(parent, &format!("task/{parent}/children"))?;
        let children = children
            .split_whitespace()
            .filter_map(|pid| pid.parse().ok());
        Ok(children.chain([parent]).collect())
    }

    fn read(&self, pid: u32, file: &str) -> Result<String, Error> {
        let path = format!("/proc/{pid}/{file}");
        fs::read_to_string(&path).map_err(Error::io(format!("{} is gone", self.name)))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.signal(Signal::TERM);
        // One that was frozen hears of its end only then.
        let _ = self.signal(Signal::CONT);
        let step = Duration::from_millis(10);
        for _ in 0..LEAVE_WITHIN.as_millis() / step.as_millis() {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(step);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lets this process and its children have as many files as the system allows: a thousand readers are a thousand sockets.
pub(crate) fn raise_file_limit() -> Result<(), Error> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit)
        .map_err(io::Error::from)
        .map_err(Error::io("cannot raise the limit of open files"))
}

/// How many files this process and its children may have open.
pub(crate) fn file_limit() -> u64 {
    // None is no limit.
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// utime and stime of a `/proc/PID/stat` (proc(5): fields 14 and 15; the name before them may hold anything).
pub(crate) fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

pub(crate) fn find_kibibytes(status: &str, key: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_behind_a_name_with_anything_in_it() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 152 0 0 0 31 11 0 0 20 0 9 0 4711";
        assert_eq!(cpu_ticks(stat), Some(42));
        assert_eq!(cpu_ticks("7 (a) S 1"), None);
    }

    #[test]
    fn memory_is_read_by_its_key() {
        let status = "Name:\tx\nVmHWM:\t   17980 kB\nVmRSS:\t   17864 kB\n";
        assert_eq!(find_kibibytes(status, "VmRSS:"), Some(17_864.0));
        assert_eq!(find_kibibytes(status, "VmSwap:"), None);
    }
}
