//! The files that are, or could be, committed.

use std::io;
use std::path::Path;
use std::process::Command;

use crate::error::Error;

/// Larger files are data: nobody wrote them by hand.
const MAX_TEXT_BYTES: u64 = 2 * 1024 * 1024;

/// A text file.
#[derive(Debug, Clone)]
pub(crate) struct File {
    /// Its path from the root of the repository.
    pub(crate) path: String,
    /// Its content.
    pub(crate) text: String,
}

/// The files of the tree.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    /// Every path, of other files than texts too.
    pub(crate) paths: Vec<String>,
    /// The text files.
    pub(crate) files: Vec<File>,
}

impl Tree {
    /// Reads all files below `root` that git tracks or would add.
    pub(crate) fn read(root: &Path) -> Result<Self, Error> {
        let mut tree = Self::default();
        for path in list(root)? {
            let full = root.join(&path);
            // What was deleted but is still in the index is no file of the tree.
            let Ok(metadata) = full.symlink_metadata() else {
                continue;
            };
            if !metadata.is_file() {
                continue;
            }
            if metadata.len() <= MAX_TEXT_BYTES
                && let Some(text) = read_text(&full, &path)?
            {
                let path = path.clone();
                tree.files.push(File { path, text });
            }
            tree.paths.push(path);
        }
        Ok(tree)
    }

    /// The file at a path.
    pub(crate) fn find(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The Rust sources.
    pub(crate) fn rust(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.is_rust())
    }

    /// The folders of our packages: `xtask` and each of `crates`.
    pub(crate) fn package_folders(&self) -> Vec<&str> {
        let mut folders: Vec<&str> = self
            .paths
            .iter()
            .filter_map(|path| path.strip_suffix("/Cargo.toml"))
            .collect();
        folders.sort_unstable();
        folders
    }
}

impl File {
    /// Whether it is a Rust source.
    pub(crate) fn is_rust(&self) -> bool {
        self.has_extension("rs")
    }

    /// Whether its name ends with a dot and this.
    pub(crate) fn has_extension(&self, extension: &str) -> bool {
        let end = self.path.rsplit_once('.').map(|(_, end)| end);
        end == Some(extension)
    }

    /// Its lines with their numbers, from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .split('\n')
            .enumerate()
            .map(|(index, line)| (index + 1, line))
    }
}

fn list(root: &Path) -> Result<Vec<String>, Error> {
    let output = Command::new("git")
        .arg("-C")
        .arg(root)
        .args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
        ])
        .output()
        .map_err(|source| Error::Run {
            program: "git ls-files",
            source,
        })?;
    if !output.status.success() {
        return Err(Error::Failed {
            program: "git ls-files",
            message: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        });
    }
    let mut paths: Vec<String> = output
        .stdout
        .split(|&byte| byte == 0)
        .filter(|path| !path.is_empty())
        .map(|path| String::from_utf8_lossy(path).into_owned())
        .collect();
    paths.sort_unstable();
    paths.dedup();
    Ok(paths)
}

/// Reads a file; `None` if it is no text.
fn read_text(full: &Path, path: &str) -> Result<Option<String>, Error> {
    match std::fs::read(full) {
        Ok(bytes) if bytes.contains(&0) => Ok(None),
        Ok(bytes) => Ok(String::from_utf8(bytes).ok()),
        // Somebody else's editor may have renamed it since it was listed.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

#[cfg(test)]
pub(crate) mod sample {
    //! Small trees for tests.

    use super::{File, Tree};

    /// A tree of text files.
    pub(crate) fn tree(files: &[(&str, &str)]) -> Tree {
        Tree {
            paths: files.iter().map(|(path, _)| (*path).to_owned()).collect(),
            files: files
                .iter()
                .map(|(path, text)| File {
                    path: (*path).to_owned(),
                    text: (*text).to_owned(),
                })
                .collect(),
        }
    }
}
