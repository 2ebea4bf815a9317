//! The client's files on a disk, below a root, with the record of what was written there.

use std::error::Error;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use forebay_setup::{
    BoxError, Client, Files, HOSTS_TOML, MAX_FILE_BYTES, Reach, Record, SetupError,
};
use forebay_terminal::Failure;
use forebay_terminal::plain_file::read_text;

/// What can be done about links that lead where nothing of the client's is.
const ASTRAY: &str = "links are followed on this machine, and never out of --root: put a plain file or folder in the link's place, \
                      or name the folder that holds both with --root";

/// A path that leads where nothing of the client's is.
#[derive(Debug)]
struct Astray(String);

impl fmt::Display for Astray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Astray {}

/// The client's files below a root.
pub(crate) struct Disk {
    root: PathBuf,
    record_path: String,
    record: Option<Record>,
}

impl Disk {
    /// Reads the record of a client, if there is one.
    ///
    /// # Errors
    /// There is one that cannot be read, or that tells of what no set-up of this client writes.
    pub(crate) fn open(root: PathBuf, client: Client, file: Option<&str>) -> Result<Self, Failure> {
        if !root.is_dir() {
            return Err(Failure::plain(format!(
                "there is no folder {}",
                root.display()
            )));
        }
        let mut disk = Self {
            root,
            record_path: client.record(file),
            record: None,
        };
        let unreadable = |error: BoxError| {
            let what = format!("cannot read the record {}", disk.record_path);
            let hint = disk.hint_on_record(&error);
            let failure = Failure::failed(what, error);
            match hint {
                Some(hint) => failure.with_hint(hint),
                None => failure,
            }
        };
        let text = disk.read_now(&disk.record_path).map_err(unreadable)?;
        let record = text.map(|text| Record::parse(&text)).transpose();
        let record = record.map_err(|error| unreadable(error.into()))?;
        if let Some(record) = &record {
            disk.refuse_foreign(record, client, file)?;
        }
        disk.record = record;
        Ok(disk)
    }

    /// What can be done about a record that cannot be read.
    fn hint_on_record(&self, error: &BoxError) -> Option<&'static str> {
        let is_astray = error.is::<Astray>();
        let error = error.downcast_ref::<io::Error>();
        if error.is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied) {
            return Some("run it as the user who wrote it, or as root");
        }
        if self.is_link(&self.record_path) {
            return Some("it is a link, which no set-up makes: take the link away");
        }
        is_astray.then_some(ASTRAY)
    }

    /// A record comes with a repository, written by anybody: what is taken back by it is what this client's plans write.
    fn refuse_foreign(
        &self,
        record: &Record,
        client: Client,
        file: Option<&str>,
    ) -> Result<(), Failure> {
        let reach = self.reach(client, file);
        let files = record.files.iter().map(|written| &written.path);
        let foreign_file = files.into_iter().find(|path| !reach.is_file(self, path));
        let mut folders = record.folders.iter();
        let foreign_folder = || folders.find(|path| !reach.is_folder(self, path));
        let Some(foreign) = foreign_file.or_else(foreign_folder) else {
            return Ok(());
        };
        let what = format!(
            "the record {} tells of {foreign:?}, which a set-up of {client} with these arguments does not write",
            self.record_path
        );
        Err(Failure::plain(what).with_hint(
            "nothing was changed: name the same --root and --file as with --write; a record that came with others' files \
             is to be deleted",
        ))
    }

    fn reach(&self, client: Client, file: Option<&str>) -> Places {
        let own = Reach::of(client, file, None).files.into_iter().next();
        // What cannot be read names no folder.
        let text = own.and_then(|own| self.read_now(&own).ok().flatten());
        let reach = Reach::of(client, file, text.as_deref());
        let beside = Path::new(&self.record_path).parent();
        let beside = beside.filter(|_| file.is_some() || !self.record_path.starts_with('/'));
        let beside = beside.and_then(|folder| self.place(&folder.to_string_lossy()).ok());
        let is_near = |path: &str, place: &Path| {
            // What another absolute path leads to, no repository decides.
            let is_beside = file == Some(path) || !path.starts_with('/');
            let is_within = |folder: &PathBuf| place.starts_with(folder);
            !is_beside || beside.as_ref().is_none_or(is_within)
        };
        let places = |paths: Vec<String>| {
            let places = paths.into_iter().filter_map(|path| {
                let place = self.place(&path).ok()?;
                is_near(&path, &place).then_some(place)
            });
            places.collect()
        };
        Places {
            files: places(reach.files),
            certs_d: places(reach.certs_d),
        }
    }

    pub(crate) fn has_record(&self) -> bool {
        self.record.is_some()
    }

    pub(crate) fn record_path(&self) -> &str {
        &self.record_path
    }

    /// The record, an empty one if there is none.
    pub(crate) fn record(&self) -> Record {
        self.record.clone().unwrap_or_default()
    }

    /// What stands at a path of the client's now.
    pub(crate) fn read_now(&self, path: &str) -> Result<Option<String>, BoxError> {
        let place = self.place(path)?;
        match read_text(&place, MAX_FILE_BYTES) {
            Ok(text) => Ok(Some(text)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a path of the client's is a link itself.
    pub(crate) fn is_link(&self, path: &str) -> bool {
        let inside = Path::new(path);
        let inside = inside.strip_prefix("/").unwrap_or(inside);
        let is_own = self.root == Path::new("/") && !path.starts_with('/');
        let place = if is_own {
            inside.to_owned()
        } else {
            self.root.join(inside)
        };
        fs::symlink_metadata(place).is_ok_and(|about| about.is_symlink())
    }

    /// Where a path of the client's is on this disk, links followed. No link leads out of the root.
    pub(crate) fn place(&self, path: &str) -> Result<PathBuf, BoxError> {
        let inside = Path::new(path);
        let inside = inside.strip_prefix("/").unwrap_or(inside);
        let is_whole = self.root == Path::new("/");
        if is_whole && !path.starts_with('/') {
            return follow(inside);
        }
        let place = follow(&self.root.join(inside))?;
        let root = fs::canonicalize(&self.root)?;
        if place.starts_with(&root) {
            return Ok(place);
        }
        let (root, place) = (self.root.display(), place.display());
        Err(Astray(format!("it leads out of {root}, to {place}")).into())
    }
}

/// Where on the disk the plans of a client write.
struct Places {
    files: Vec<PathBuf>,
    /// Folders with one for each registry.
    certs_d: Vec<PathBuf>,
}

impl Places {
    fn is_file(&self, disk: &Disk, path: &str) -> bool {
        let Some(place) = straight(disk, path) else {
            return false;
        };
        let is_hosts = place.file_name().is_some_and(|name| name == HOSTS_TOML);
        let folder = place.parent().and_then(Path::parent);
        let is_of_registry =
            folder.is_some_and(|folder| self.certs_d.iter().any(|one| one == folder));
        self.files.contains(&place) || is_hosts && is_of_registry
    }

    /// Whether a folder is above such a file.
    fn is_folder(&self, disk: &Disk, path: &str) -> bool {
        let Some(place) = straight(disk, path) else {
            return false;
        };
        let is_above = |file: &PathBuf| file.starts_with(&place) && *file != place;
        let is_of_registry = |certs_d: &PathBuf| {
            certs_d.starts_with(&place) || place.parent().is_some_and(|folder| folder == certs_d)
        };
        self.files.iter().any(is_above) || self.certs_d.iter().any(is_of_registry)
    }
}

/// The place of a path that goes nowhere up.
fn straight(disk: &Disk, path: &str) -> Option<PathBuf> {
    let goes_up = |part: Component<'_>| part == Component::ParentDir;
    let is_straight = !Path::new(path).components().any(goes_up);
    is_straight.then(|| disk.place(path).ok()).flatten()
}

impl Files for Disk {
    fn read(&self, path: &str) -> Result<Option<String>, SetupError> {
        let now = self
            .read_now(path)
            .map_err(|source| unreadable(path, source))?;
        Ok(match &self.record {
            Some(record) => record.original(path, now),
            None => now,
        })
    }

    fn list(&self, path: &str) -> Result<Vec<String>, SetupError> {
        let place = self
            .place(path)
            .map_err(|source| unreadable(path, source))?;
        let entries = match fs::read_dir(place) {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(unreadable(path, error.into())),
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        Ok(names.collect())
    }
}

fn unreadable(path: &str, source: BoxError) -> SetupError {
    let path = path.to_owned();
    if let Some(Astray(what)) = source.downcast_ref() {
        return SetupError::Unmergeable {
            path,
            what: what.clone(),
            hint: ASTRAY.to_owned(),
            lines: String::new(),
            source: None,
        };
    }
    SetupError::Unreadable { path, source }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// The path with the links of what exists of it followed.
fn follow(path: &Path) -> Result<PathBuf, BoxError> {
    match fs::canonicalize(path) {
        Ok(place) => Ok(place),
        Err(error) if is_absent(&error) && fs::symlink_metadata(path).is_err() => {
            let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
                return Ok(path.to_owned());
            };
            if parent.as_os_str().is_empty() {
                return Ok(path.to_owned());
            }
            Ok(follow(parent)?.join(name))
        }
        Err(error) => Err(match fs::read_link(path) {
            Ok(target) if is_absent(&error) => {
                let (path, target) = (path.display(), target.display());
                Astray(format!(
                    "{path} is a link to {target}, and nothing is there"
                ))
                .into()
            }
            _ => error.into(),
        }),
    }
}
