//! Whose a socket is: the process that has it open, its container and its service, by `/proc`.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use forebay_traffic::{Container, read_cgroup};

/// The most processes that are looked at.
const MAX_PROCESSES: usize = 50_000;

/// The most descriptors of one process.
const MAX_DESCRIPTORS: usize = 100_000;

/// The most networks (one a container) whose tables are read.
const MAX_NETWORKS: usize = 2_000;

/// The most that is read of one of the kernel's tables.
const MAX_TABLE_BYTES: u64 = 64 << 20;

/// All processes, by the sockets that they have.
pub(super) struct Processes {
    owners: HashMap<u64, String>,
    /// The tables of sockets of each network that a process is in, by the network's number.
    networks: BTreeMap<u64, Vec<String>>,
    has_refused: bool,
}

impl Processes {
    /// Reads `/proc`.
    pub(super) fn read(proc: &Path) -> Self {
        let mut all = Self {
            owners: HashMap::new(),
            networks: BTreeMap::new(),
            has_refused: false,
        };
        let entries = fs::read_dir(proc).into_iter().flatten().flatten();
        let is_process = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
        for entry in entries.take(MAX_PROCESSES) {
            if entry.file_name().to_str().is_some_and(is_process) {
                all.add(&entry.path());
            }
        }
        if all.networks.is_empty() {
            all.networks.insert(0, read_networks_tables(proc));
        }
        all
    }

    /// The tables of sockets, of all networks.
    pub(super) fn tables(&self) -> impl Iterator<Item = &String> {
        self.networks.values().flatten()
    }

    /// Whether some would not be looked at.
    pub(super) const fn has_refused(&self) -> bool {
        self.has_refused
    }

    /// Who has a socket open: `curl (42), container 4f6…, service web`.
    pub(super) fn find_owner(&self, inode: u64) -> Option<String> {
        self.owners.get(&inode).cloned()
    }

    fn add(&mut self, process: &Path) {
        self.add_network(process);
        let descriptors = match fs::read_dir(process.join("fd")) {
            Ok(descriptors) => descriptors,
            Err(error) => {
                self.has_refused |= error.kind() == std::io::ErrorKind::PermissionDenied;
                return;
            }
        };
        let mut name = None;
        for descriptor in descriptors.flatten().take(MAX_DESCRIPTORS) {
            let Ok(target) = fs::read_link(descriptor.path()) else {
                continue;
            };
            let Some(inode) = target.to_str().and_then(inode_of) else {
                continue;
            };
            let name = name.get_or_insert_with(|| describe(process));
            self.owners.insert(inode, name.clone());
        }
    }

    /// Reads a network's tables at once: they are seen through a process, which may be gone in a moment.
    fn add_network(&mut self, process: &Path) {
        let Ok(network) = fs::metadata(process.join("ns/net")) else {
            return;
        };
        let number = network.ino();
        if self.networks.len() >= MAX_NETWORKS || self.networks.contains_key(&number) {
            return;
        }
        let tables = read_networks_tables(process);
        if !tables.is_empty() {
            self.networks.insert(number, tables);
        }
    }
}

/// One of the kernel's tables.
pub(super) fn read_table(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    let file = File::open(path).ok()?;
    file.take(MAX_TABLE_BYTES).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The tables of sockets of the network that a process is in.
fn read_networks_tables(process: &Path) -> Vec<String> {
    ["net/tcp", "net/tcp6"]
        .iter()
        .filter_map(|name| read_table(&process.join(name)))
        .collect()
}

/// The number in `socket:[4243]`.
fn inode_of(target: &str) -> Option<u64> {
    target
        .strip_prefix("socket:[")?
        .strip_suffix(']')?
        .parse()
        .ok()
}

fn describe(process: &Path) -> String {
    let text = |name: &str| fs::read_to_string(process.join(name)).unwrap_or_default();
    let id = process.file_name().unwrap_or_default().to_string_lossy();
    let name = forebay_limits::printable(&text("comm"), 32);
    let Container {
        id: container,
        unit,
        pod,
    } = read_cgroup(&text("cgroup"));
    let mut who = format!("{name} ({id})");
    for (kind, what) in [("container", container), ("pod", pod), ("service", unit)] {
        if let Some(what) = what {
            who = format!("{who}, {kind} {what}");
        }
    }
    who
}
