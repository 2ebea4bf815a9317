//! A disk as POSIX promises it: bytes survive once their file was synced, a name once its directory was. What was not synced may be
//! there or not, each write and each name for itself.
//!
//! One thing it has from journalling file systems, as which it takes all that a data directory lies on: a file that is renamed is
//! never without both names.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::Change;
use forebay_blobs_fs::{Disk as _, RealDisk};

/// What a disk holds, and what of it would survive.
#[derive(Debug, Default)]
pub struct Model {
    files: Vec<Content>,
    names: BTreeMap<PathBuf, Node>,
    synced_names: BTreeMap<PathBuf, Node>,
    unsynced_names: Vec<Naming>,
}

/// What may be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsynced {
    /// That something has a name, or no longer has one.
    Name,
    /// What was written to a file.
    Bytes,
}

/// How much survives of what was not synced.
#[derive(Clone, Copy, Debug)]
pub enum Survival {
    /// Nothing.
    Nothing,
    /// Everything, as after a kill: the machine goes on, and what was written is there.
    Everything,
    /// All of this kind, and nothing of the other.
    All(Unsynced),
    /// Each thing by the toss of a coin, of which this is the seed.
    Some(u64),
}

/// All that is tried when power is lost.
pub const SURVIVALS: [Survival; 7] = [
    Survival::Nothing,
    Survival::All(Unsynced::Name),
    Survival::All(Unsynced::Bytes),
    Survival::Some(1),
    Survival::Some(2),
    Survival::Some(3),
    Survival::Some(4),
];

/// What has a name: a directory, or the file of this number.
#[derive(Clone, Copy, Debug)]
enum Node {
    Directory,
    File(usize),
}

#[derive(Debug, Default)]
struct Content {
    synced: Vec<u8>,
    unsynced: Vec<Edit>,
}

/// A change of a file's bytes.
#[derive(Debug)]
enum Edit {
    Write(u64, Vec<u8>),
    Truncate(u64),
}

/// What happened to names in directories that were not synced since.
#[derive(Debug)]
enum Naming {
    /// A name came, or went.
    One(PathBuf, Option<Node>),
    /// One was given for another.
    Move {
        from: PathBuf,
        to: PathBuf,
        node: Node,
    },
}

/// Tosses coins (xorshift64).
struct Coin(u64);

// === impl Model ===

impl Model {
    /// A disk that has durably what lies below the directory `root`.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of(root: &Path) -> io::Result<Self> {
        let mut model = Self::default();
        model.take_over(root, root)?;
        model.synced_names.clone_from(&model.names);
        Ok(model)
    }

    fn take_over(&mut self, root: &Path, dir: &Path) -> io::Result<()> {
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            let below = path.strip_prefix(root).map_err(io::Error::other)?;
            if path.is_dir() {
                self.names.insert(below.to_owned(), Node::Directory);
                self.take_over(root, &path)?;
            } else if path.is_file() {
                self.files.push(Content {
                    synced: fs::read(&path)?,
                    unsynced: Vec::new(),
                });
                let node = Node::File(self.files.len() - 1);
                self.names.insert(below.to_owned(), node);
            }
        }
        Ok(())
    }

    /// Takes the next change.
    ///
    /// # Errors
    /// It is of a file that does not exist.
    pub fn apply(&mut self, change: &Change) -> io::Result<()> {
        match change {
            Change::Create(path) => {
                self.files.push(Content::default());
                self.name(path, Some(Node::File(self.files.len() - 1)));
            }
            Change::CreateDir(path) => self.name(path, Some(Node::Directory)),
            Change::Remove(path) => self.name(path, None),
            Change::Rename(from, to) => {
                let node = self.names.get(from).copied();
                let node = node.ok_or_else(|| unknown(from))?;
                let (from, to) = (from.clone(), to.clone());
                let renaming = Naming::Move { from, to, node };
                renaming.make(&mut self.names);
                self.unsynced_names.push(renaming);
            }
            Change::Write(path, offset, bytes) => {
                let unsynced = Edit::Write(*offset, bytes.clone());
                self.file_at(path)?.unsynced.push(unsynced);
            }
            Change::Truncate(path, bytes) => {
                self.file_at(path)?.unsynced.push(Edit::Truncate(*bytes));
            }
            Change::Sync(path) => match self.names.get(path) {
                Some(Node::File(_)) => {
                    let file = self.file_at(path)?;
                    for edit in std::mem::take(&mut file.unsynced) {
                        edit.make(&mut file.synced);
                    }
                }
                _ => self.sync_names(path),
            },
        }
        Ok(())
    }

    fn name(&mut self, path: &Path, node: Option<Node>) {
        let naming = Naming::One(path.to_owned(), node);
        naming.make(&mut self.names);
        self.unsynced_names.push(naming);
    }

    fn file_at(&mut self, path: &Path) -> io::Result<&mut Content> {
        match self.names.get(path) {
            Some(Node::File(number)) => Ok(&mut self.files[*number]),
            _ => Err(unknown(path)),
        }
    }

    fn sync_names(&mut self, dir: &Path) {
        let is_here = |path: &Path| path.parent() == Some(dir);
        let all = std::mem::take(&mut self.unsynced_names);
        for naming in all {
            match naming {
                Naming::One(ref path, _) if is_here(path) => naming.make(&mut self.synced_names),
                Naming::Move { ref from, .. } if is_here(from) => {
                    naming.make(&mut self.synced_names);
                }
                // The new name is sure; the old one may be there too.
                Naming::Move { from, to, node } if is_here(&to) => {
                    self.synced_names.insert(to, node);
                    self.unsynced_names.push(Naming::One(from, None));
                }
                naming => self.unsynced_names.push(naming),
            }
        }
    }

    /// Makes in the directory `root`, which has nothing of it, what is left after a loss of power now.
    ///
    /// # Errors
    /// The directory cannot be written to.
    pub fn restore(&self, root: &Path, left: Survival) -> io::Result<()> {
        let mut coin = Coin::of(left);
        let mut survives = |what| match left {
            Survival::Nothing => false,
            Survival::Everything => true,
            Survival::All(kind) => kind == what,
            Survival::Some(_) => coin.toss(),
        };
        let mut names = self.synced_names.clone();
        for naming in &self.unsynced_names {
            if survives(Unsynced::Name) {
                naming.make(&mut names);
            }
        }
        // Parents come first. What is in a directory without a name is lost with it.
        for (path, node) in names {
            let path = root.join(path);
            if !path.parent().is_some_and(Path::is_dir) {
                continue;
            }
            match node {
                Node::Directory => RealDisk.create_dir(&path)?,
                Node::File(number) => {
                    let mut bytes = self.files[number].synced.clone();
                    for edit in &self.files[number].unsynced {
                        if survives(Unsynced::Bytes) {
                            edit.make(&mut bytes);
                        }
                    }
                    fs::write(path, bytes)?;
                }
            }
        }
        Ok(())
    }
}

fn unknown(path: &Path) -> io::Error {
    let what = format!("{} is no file that was recorded", path.display());
    io::Error::new(ErrorKind::NotFound, what)
}

// === impl Naming ===

impl Naming {
    fn make(&self, names: &mut BTreeMap<PathBuf, Node>) {
        match self {
            Self::One(path, Some(node)) => {
                names.insert(path.clone(), *node);
            }
            Self::One(path, None) => {
                names.remove(path);
            }
            Self::Move { from, to, node } => {
                names.remove(from);
                names.insert(to.clone(), *node);
            }
        }
    }
}

// === impl Edit ===

impl Edit {
    /// A write that leaves a hole before it leaves zeros there.
    fn make(&self, content: &mut Vec<u8>) {
        let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        match self {
            Self::Write(offset, bytes) => {
                let start = index(*offset);
                let end = start.saturating_add(bytes.len());
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[start..end].copy_from_slice(bytes);
            }
            Self::Truncate(bytes) => content.resize(index(*bytes), 0),
        }
    }
}

// === impl Coin ===

impl Coin {
    fn of(left: Survival) -> Self {
        let seed = match left {
            Survival::Some(seed) => seed,
            _ => 0,
        };
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn toss(&mut self) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) & 1 == 1
    }
}
