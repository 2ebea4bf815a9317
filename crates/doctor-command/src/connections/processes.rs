//! Whose a socket is: the process that has it open, its container and its service, by `/proc`.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::rc::Rc;

use forebay_traffic::{Container, read_cgroup, read_socket};

use super::tables::Tables;

/// The most processes that are looked at.
const MAX_PROCESSES: usize = 50_000;

/// The most descriptors of one process.
const MAX_DESCRIPTORS: usize = 100_000;

/// The most networks (one a container) whose tables are read.
const MAX_NETWORKS: usize = 2_000;

/// The most sockets whose process is known.
const MAX_OWNED: usize = 200_000;

/// All processes, by the sockets that they have.
pub(super) struct Processes {
    owners: HashMap<u64, Rc<str>>,
    /// The numbers of the networks that processes are in, and whose tables were read.
    networks: BTreeSet<u64>,
    has_refused: bool,
    is_cut: bool,
}

impl Processes {
    /// Reads `/proc`, with the tables of sockets of all networks.
    pub(super) fn read(proc: &Path, tables: &mut Tables) -> Self {
        let mut all = Self {
            owners: HashMap::new(),
            networks: BTreeSet::new(),
            has_refused: false,
            is_cut: false,
        };
        let entries = fs::read_dir(proc).into_iter().flatten().flatten();
        let is_process = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
        for (number, entry) in entries.enumerate() {
            if number >= MAX_PROCESSES {
                all.is_cut = true;
                break;
            }
            if entry.file_name().to_str().is_some_and(is_process) {
                all.add(&entry.path(), tables);
            }
        }
        if all.networks.is_empty() {
            read_tables(proc, tables);
        }
        all
    }

    /// Whether some would not be looked at.
    pub(super) const fn has_refused(&self) -> bool {
        self.has_refused
    }

    /// Whether there were more than are looked at: processes, networks, or sockets.
    pub(super) const fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Who has a socket open: `curl (42), container 4f6…, service web`.
    pub(super) fn find_owner(&self, inode: u64) -> Option<String> {
        self.owners.get(&inode).map(ToString::to_string)
    }

    fn add(&mut self, process: &Path, tables: &mut Tables) {
        self.add_network(process, tables);
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
            if self.owners.len() >= MAX_OWNED {
                self.is_cut = true;
                return;
            }
            let name = name.get_or_insert_with(|| describe(process).into());
            self.owners.insert(inode, Rc::clone(name));
        }
    }

    /// Reads a network's tables at once: they are seen through a process, which may be gone in a moment.
    fn add_network(&mut self, process: &Path, tables: &mut Tables) {
        let Ok(network) = fs::metadata(process.join("ns/net")) else {
            return;
        };
        let number = network.ino();
        if self.networks.contains(&number) {
            return;
        }
        if self.networks.len() >= MAX_NETWORKS {
            self.is_cut = true;
            return;
        }
        if read_tables(process, tables) {
            self.networks.insert(number);
        }
    }
}

/// Reads the tables of sockets of the network that a process is in; whether there are any.
fn read_tables(process: &Path, tables: &mut Tables) -> bool {
    let mut is_there = false;
    for name in ["net/tcp", "net/tcp6"] {
        is_there |= tables.read(&process.join(name), read_socket);
    }
    is_there
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
