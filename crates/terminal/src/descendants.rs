//! The processes that a program has started, and those that they have: none of them is to outlive a run that was given up.
//!
//! A group of their own would be simpler to end, but then a terminal's interrupt would reach us and not them. They are known by
//! their parents, and where a parent has ended, by a mark in the environment that each hands on.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Pid, Signal, kill_process};

/// How often it is looked for more: those that are ended may have started others meanwhile.
const MAX_ROUNDS: usize = 8;

/// The variable that holds the mark. Not one of ours: those are keys of the configuration.
pub(crate) const MARK_NAME: &str = "_TOOL_OF_FOREBAY";

/// A mark that no other run has.
pub(crate) fn new_mark() -> String {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    // As wide as any other: no mark begins with another.
    format!("{}{run:016x}", own_marks())
}

/// What all marks of this process begin with, and no other's: a process in a container may have our number.
pub(crate) fn own_marks() -> &'static str {
    static OWN: LazyLock<String> = LazyLock::new(|| {
        let chance = RandomState::new().build_hasher().finish();
        format!("{}-{chance:016x}-", std::process::id())
    });
    &OWN
}

/// Ends all that this process has started, and what those have, and who bears a mark that begins so.
pub(crate) fn kill_descendants(of: u32, mark: &str) {
    let mut killed = Vec::new();
    for _ in 0..MAX_ROUNDS {
        let mut found = descendants(of, mark);
        found.retain(|pid| !killed.contains(pid));
        if found.is_empty() {
            return;
        }
        for pid in found {
            let raw = i32::try_from(pid).ok().and_then(Pid::from_raw);
            if let Some(raw) = raw {
                // It may have ended by itself.
                let _ = kill_process(raw, Signal::KILL);
            }
            killed.push(pid);
        }
    }
}

/// The nearest first.
fn descendants(of: u32, mark: &str) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut found = vec![of];
    let variable = format!("{MARK_NAME}={mark}");
    for entry in entries.flatten() {
        let pid = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        let parent = pid.and_then(find_parent);
        if let (Some(pid), Some(parent)) = (pid, parent) {
            children.entry(parent).or_default().push(pid);
            if pid != of && has_variable(pid, &variable) {
                found.push(pid);
            }
        }
    }
    let mut next = 0;
    while let Some(parent) = found.get(next) {
        let of_parent = children.remove(parent).unwrap_or_default();
        found.extend(of_parent);
        next += 1;
    }
    found.remove(0);
    found
}

/// Whether a process has what begins so in its environment, as far as that is told.
fn has_variable(pid: u32, variable: &str) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let mut variables = environment.split(|byte| *byte == 0);
    variables.any(|one| one.starts_with(variable.as_bytes()))
}

/// The fourth field of `/proc/PID/stat`, as proc(5) has it; the second, in parentheses, may hold anything.
fn find_parent(pid: u32) -> Option<u32> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let is_dead = fields.next()? == "Z";
    let parent = fields.next()?.parse().ok()?;
    (!is_dead).then_some(parent)
}
