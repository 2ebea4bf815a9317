//! A disk as POSIX promises it and no better, to lose its power: bytes survive once their file was synced, a name once its
//! directory was. What was not synced may be there or not, each write and each name for itself.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::recorder::Change;
use crate::scene::content;

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

/// A name that came or went in a directory that was not synced since.
#[derive(Debug)]
struct Renaming {
    path: PathBuf,
    node: Option<Node>,
}

/// What a disk holds, and what of it would survive.
#[derive(Debug, Default)]
pub(crate) struct Model {
    files: Vec<Content>,
    names: BTreeMap<PathBuf, Node>,
    synced_names: BTreeMap<PathBuf, Node>,
    unsynced_names: Vec<Renaming>,
}

impl Model {
    pub(crate) fn apply(&mut self, change: &Change) {
        match change {
            Change::Create(path) => {
                self.files.push(Content::default());
                self.name(path, Some(Node::File(self.files.len() - 1)));
            }
            Change::CreateDir(path) => self.name(path, Some(Node::Directory)),
            Change::Remove(path) => self.name(path, None),
            Change::Rename(from, to) => {
                let node = self.names[from];
                self.name(to, Some(node));
                self.name(from, None);
            }
            Change::Write(path, offset, bytes) => {
                let unsynced = Edit::Write(*offset, bytes.clone());
                self.file_at(path).unsynced.push(unsynced);
            }
            Change::Truncate(path, bytes) => {
                self.file_at(path).unsynced.push(Edit::Truncate(*bytes));
            }
            Change::Sync(path) => match self.names.get(path) {
                Some(Node::File(_)) => {
                    let file = self.file_at(path);
                    for edit in std::mem::take(&mut file.unsynced) {
                        edit.make(&mut file.synced);
                    }
                }
                _ => self.sync_names(path),
            },
        }
    }

    fn name(&mut self, path: &Path, node: Option<Node>) {
        put(&mut self.names, path, node);
        self.unsynced_names.push(Renaming {
            path: path.to_owned(),
            node,
        });
    }

    fn file_at(&mut self, path: &Path) -> &mut Content {
        let Node::File(number) = self.names[path] else {
            panic!("{} is a directory", path.display());
        };
        &mut self.files[number]
    }

    fn sync_names(&mut self, dir: &Path) {
        let all = std::mem::take(&mut self.unsynced_names);
        let (synced, unsynced) = all
            .into_iter()
            .partition(|renaming| renaming.path.parent() == Some(dir));
        self.unsynced_names = unsynced;
        let synced: Vec<Renaming> = synced;
        for renaming in synced {
            put(&mut self.synced_names, &renaming.path, renaming.node);
        }
    }

    /// Makes what is left after a power loss, in which `survives` says what of the unsynced does.
    pub(crate) fn restore(&self, root: &Path, mut survives: impl FnMut(Unsynced) -> bool) {
        let mut left = self.synced_names.clone();
        for renaming in &self.unsynced_names {
            if survives(Unsynced::Name) {
                put(&mut left, &renaming.path, renaming.node);
            }
        }
        // Parents come first. What is in a directory without a name is lost with it.
        for (path, node) in left {
            let path = root.join(path);
            if !path.parent().unwrap().is_dir() {
                continue;
            }
            match node {
                Node::Directory => fs::create_dir(path).unwrap(),
                Node::File(number) => {
                    let mut bytes = self.files[number].synced.clone();
                    for edit in &self.files[number].unsynced {
                        if survives(Unsynced::Bytes) {
                            edit.make(&mut bytes);
                        }
                    }
                    fs::write(path, bytes).unwrap();
                }
            }
        }
    }
}

/// What may be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsynced {
    Name,
    Bytes,
}

fn put(names: &mut BTreeMap<PathBuf, Node>, path: &Path, node: Option<Node>) {
    match node {
        Some(node) => names.insert(path.to_owned(), node),
        None => names.remove(path),
    };
}

impl Edit {
    /// A write that leaves a hole before it leaves zeros there.
    fn make(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write(offset, bytes) => {
                let start = usize::try_from(*offset).unwrap();
                let end = start + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[start..end].copy_from_slice(bytes);
            }
            Self::Truncate(bytes) => content.resize(usize::try_from(*bytes).unwrap(), 0),
        }
    }
}

/// How much survives of what was not synced.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Left {
    Nothing,
    All(Unsynced),
    /// Each thing by the toss of a coin, of which this is the seed.
    Some(u32),
}

/// All that is tried.
pub(crate) const LEFT: [Left; 7] = [
    Left::Nothing,
    Left::All(Unsynced::Name),
    Left::All(Unsynced::Bytes),
    Left::Some(1),
    Left::Some(2),
    Left::Some(3),
    Left::Some(4),
];

impl Left {
    pub(crate) fn survives(self) -> impl FnMut(Unsynced) -> bool {
        let seed = match self {
            Self::Some(seed) => seed,
            _ => 0,
        };
        let mut coins = content(seed, 4096).into_iter();
        move |what| match self {
            Self::Nothing => false,
            Self::All(left) => left == what,
            Self::Some(_) => coins.next().is_some_and(|coin| coin & 1 == 1),
        }
    }
}
