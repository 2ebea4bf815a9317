//! The catalog in a database: opening and closing it, and its roles.
//!
//! Each role's act is one line here: a read goes to the readers, a write into the writer's queue.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use forebay_content::{
    CatalogError, KeptList, KeptManifest, KeptTag, Links, ListKey, Lists, Manifests, Object,
    Objects, Tags, Timestamp, Unused, Usage,
};
use forebay_oci::{Digest, Tag, Target, UpstreamName};
use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, ConnectOptions, Connection};

use crate::dialect::{self, Access};
use crate::error::SqlError;
use crate::readers::Readers;
use crate::schema::{self, MIGRATIONS};
use crate::write::{Outcome, Write};
use crate::writer::{self, WriteCounts, Writer};
use crate::{lists, manifests, objects, tags};

/// What the catalog's file is called in the data directory.
pub const FILE_NAME: &str = "catalog.sqlite";

/// The mode of its files.
const OWNER_ONLY: u32 = 0o600;

/// The catalog in a SQLite file.
///
/// What a write returned `Ok` for survives a crash and a power loss. Reads wait for no write. Dropped without
/// [`close`](Self::close), it does what is queued as long as the runtime lives.
pub struct SqlCatalog {
    path: PathBuf,
    opened: RwLock<Arc<Opened>>,
    /// Only to be looked at: no write is tried.
    is_look: bool,
    /// Held by the one who tries to open for writing what could only be opened for reading.
    reopening: tokio::sync::Mutex<()>,
}

/// The open file.
pub(crate) struct Opened {
    /// Who reads.
    pub(crate) readers: Readers,
    /// Who writes; nobody if the disk refused when it was opened.
    writer: Option<Writer>,
}

impl SqlCatalog {
    /// Opens the catalog in the file at `path`, which is made if it is not there, in a directory that is.
    ///
    /// On a disk that is full or read-only it is opened to be read. Then [`is_read_only`](Self::is_read_only), and every
    /// write tries anew, and fails with [`CatalogError::NotWritable`] as long as the disk refuses.
    ///
    /// # Errors
    /// [`CatalogError::Corrupt`] if the file is damaged as far as a start can see, [`CatalogError::Format`] if a newer
    /// version wrote it, [`CatalogError::NotWritable`] if it would have to be made or brought up to date and cannot be
    /// written to.
    pub async fn open(path: &Path) -> Result<Self, CatalogError> {
        sqlx::any::install_default_drivers();
        let path = absolute(path).await?;
        make_private(&path).await;
        let opened = match Opened::to_write(&path).await {
            Err(error) if error.is_of_disk() => Opened::to_read(&path, error).await?,
            opened => opened?,
        };
        Ok(Self {
            path,
            opened: RwLock::new(Arc::new(opened)),
            is_look: false,
            reopening: tokio::sync::Mutex::default(),
        })
    }

    /// Opens the catalog in the file at `path` to be looked at, whoever may be writing to it: it is neither made nor brought up to
    /// date, every write fails, and nothing of it is changed.
    ///
    /// # Errors
    /// [`CatalogError::Corrupt`] if the file is damaged as far as that shows, [`CatalogError::Format`] if a newer version wrote
    /// it, [`CatalogError::Failed`] if it cannot be read, or an older version wrote it.
    pub async fn look(path: &Path) -> Result<Self, CatalogError> {
        sqlx::any::install_default_drivers();
        let looked = async {
            let path = absolute(path).await?;
            let opened = Opened::to_look(&path).await?;
            Ok(Self {
                path,
                opened: RwLock::new(Arc::new(opened)),
                is_look: true,
                reopening: tokio::sync::Mutex::default(),
            })
        };
        looked.await.map_err(|error: SqlError| match error.into() {
            CatalogError::NotWritable(source) => CatalogError::Failed(source),
            error => error,
        })
    }

    /// True if it could only be opened to be read, and no write has changed that since.
    pub fn is_read_only(&self) -> bool {
        self.opened().writer.is_none()
    }

    /// Does the writes that are queued and closes the file; whatever is asked afterwards fails.
    pub async fn close(&self) -> Result<(), CatalogError> {
        let opened = self.opened();
        // The readers first: the last connection to close tidies the log away, and must be able to write.
        opened.readers.close().await;
        match &opened.writer {
            Some(writer) => Ok(writer.close().await?),
            None => Ok(()),
        }
    }

    /// How much was written since it was opened for writing.
    pub fn write_counts(&self) -> WriteCounts {
        let opened = self.opened();
        opened
            .writer
            .as_ref()
            .map(Writer::counts)
            .unwrap_or_default()
    }

    /// Does it, and returns when it is durable.
    pub(crate) async fn write(&self, write: Write) -> Result<Outcome, CatalogError> {
        let mut opened = self.opened();
        if opened.writer.is_none() && !self.is_look {
            opened = self.reopen().await?;
        }
        match &opened.writer {
            Some(writer) => writer.write(write).await,
            None => Err(SqlError::Closed.into()),
        }
    }

    /// Opens it for writing after all, if the disk lets us by now.
    async fn reopen(&self) -> Result<Arc<Opened>, SqlError> {
        let _turn = self.reopening.lock().await;
        let opened = self.opened();
        if opened.writer.is_some() || opened.readers.is_closed() {
            return Ok(opened);
        }
        let opened = Arc::new(Opened::to_write(&self.path).await?);
        *self.opened.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&opened);
        Ok(opened)
    }

    pub(crate) fn opened(&self) -> Arc<Opened> {
        Arc::clone(&self.opened.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl std::fmt::Debug for SqlCatalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqlCatalog")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Tags for SqlCatalog {
    async fn find_tag(&self, target: &Target, tag: &Tag) -> Result<Option<KeptTag>, CatalogError> {
        Ok(tags::find(&self.opened().readers, target, tag).await?)
    }

    async fn keep_tag(
        &self,
        target: &Target,
        tag: &Tag,
        kept: &KeptTag,
    ) -> Result<(), CatalogError> {
        let write = Write::KeepTag(target.clone(), tag.clone(), kept.clone());
        self.write(write).await.map(drop)
    }

    async fn drop_tag(&self, target: &Target, tag: &Tag) -> Result<(), CatalogError> {
        let write = Write::DropTag(target.clone(), tag.clone());
        self.write(write).await.map(drop)
    }
}

#[async_trait]
impl Manifests for SqlCatalog {
    async fn find_manifest(&self, digest: &Digest) -> Result<Option<KeptManifest>, CatalogError> {
        Ok(manifests::find(&self.opened().readers, digest).await?)
    }

    async fn keep_manifest(
        &self,
        target: Option<&Target>,
        manifest: &KeptManifest,
        at: Timestamp,
    ) -> Result<(), CatalogError> {
        let write = Write::KeepManifest(target.cloned(), manifest.clone(), at);
        self.write(write).await.map(drop)
    }
}

#[async_trait]
impl Links for SqlCatalog {
    async fn is_linked(&self, target: &Target, digest: &Digest) -> Result<bool, CatalogError> {
        Ok(objects::is_linked(&self.opened().readers, target, digest).await?)
    }

    async fn suppliers(&self, digest: &Digest) -> Result<Option<Vec<UpstreamName>>, CatalogError> {
        Ok(objects::suppliers(&self.opened().readers, digest).await?)
    }

    async fn link(
        &self,
        target: &Target,
        digest: &Digest,
        at: Timestamp,
    ) -> Result<(), CatalogError> {
        let write = Write::Link(target.clone(), digest.clone(), at);
        self.write(write).await.map(drop)
    }
}

#[async_trait]
impl Objects for SqlCatalog {
    async fn keep_object(
        &self,
        target: Option<&Target>,
        object: &Object,
    ) -> Result<(), CatalogError> {
        let write = Write::KeepObject(target.cloned(), object.clone());
        self.write(write).await.map(drop)
    }

    async fn touch(&self, used: &[(Digest, Timestamp)]) -> Result<(), CatalogError> {
        self.write(Write::Touch(used.to_vec())).await.map(drop)
    }

    async fn coldest(&self, limit: u32) -> Result<Vec<Object>, CatalogError> {
        Ok(objects::coldest(&self.opened().readers, limit).await?)
    }

    async fn evict(&self, digests: &[Digest]) -> Result<Vec<Digest>, CatalogError> {
        match self.write(Write::Evict(digests.to_vec())).await? {
            Outcome::Forgotten(digests) => Ok(digests),
            _ => Ok(Vec::new()),
        }
    }

    async fn objects_after(
        &self,
        after: Option<&Digest>,
        limit: u32,
    ) -> Result<Vec<Object>, CatalogError> {
        Ok(objects::after(&self.opened().readers, after, limit).await?)
    }

    async fn usage(&self) -> Result<Usage, CatalogError> {
        Ok(objects::usage(&self.opened().readers).await?)
    }
}

#[async_trait]
impl Unused for SqlCatalog {
    async fn forget_unused(&self, before: Timestamp, limit: u32) -> Result<(), CatalogError> {
        self.write(Write::ForgetUnused(before, limit))
            .await
            .map(drop)
    }
}

#[async_trait]
impl Lists for SqlCatalog {
    async fn find_list(
        &self,
        target: &Target,
        key: &ListKey,
    ) -> Result<Option<KeptList>, CatalogError> {
        Ok(lists::find(&self.opened().readers, target, key).await?)
    }

    async fn keep_list(
        &self,
        target: &Target,
        key: &ListKey,
        list: &KeptList,
    ) -> Result<(), CatalogError> {
        let write = Write::KeepList(target.clone(), key.clone(), list.clone());
        self.write(write).await.map(drop)
    }
}

// === impl Opened ===

/// Makes the file for its owner alone, for it tells who pulls what, and closes one that others may read. SQLite gives its log
/// the file's mode. What stands against it is told when the file is opened.
async fn make_private(path: &Path) {
    let mut new = tokio::fs::OpenOptions::new();
    new.append(true).create_new(true).mode(OWNER_ONLY);
    if new.open(path).await.is_ok() {
        return;
    }
    for file in dialect::files_of(path) {
        let mode = tokio::fs::metadata(&file).await;
        let mode = mode.map(|metadata| metadata.permissions().mode() & 0o777);
        if mode.is_ok_and(|mode| mode & !OWNER_ONLY != 0) {
            let _ = tokio::fs::set_permissions(&file, Permissions::from_mode(OWNER_ONLY)).await;
        }
    }
}

impl Opened {
    async fn to_write(path: &Path) -> Result<Self, SqlError> {
        let options = address(path, Access::Write)?;
        let mut connection = writer::connect(&options).await?;
        if let Err(error) = make_current(&mut connection).await {
            // The files that opening it made go with it: what is refused stays as it was.
            let _ = connection.close().await;
            return Err(error);
        }
        Ok(Self {
            readers: Readers::new(address(path, Access::Read)?),
            writer: Some(Writer::start(options, connection)),
        })
    }

    /// Where there is no log, what is written meanwhile goes into a new one: the file itself stays as it is, and is read without
    /// another file beside it.
    async fn to_look(path: &Path) -> Result<Self, SqlError> {
        let access = if has_log(path).await {
            Access::Read
        } else {
            Access::Frozen
        };
        let readers = Readers::new(address(path, access)?);
        check(&readers).await?;
        Ok(Self {
            readers,
            writer: None,
        })
    }

    /// As far as that goes when it cannot be written to, because of `cause`.
    async fn to_read(path: &Path, cause: SqlError) -> Result<Self, SqlError> {
        for access in [Access::Read, Access::Frozen] {
            if access == Access::Frozen && has_log(path).await {
                // Without its log, an older and maybe torn state would be read.
                break;
            }
            let readers = Readers::new(address(path, access)?);
            match check(&readers).await {
                Err(error) if error.is_of_disk() => {}
                checked => {
                    return checked.map(|()| Self {
                        readers,
                        writer: None,
                    });
                }
            }
        }
        Err(cause)
    }
}

/// Brings the catalog to our format, and tries whether it can be written to.
async fn make_current(connection: &mut AnyConnection) -> Result<(), SqlError> {
    schema::migrate(connection, MIGRATIONS).await?;
    schema::check(connection, MIGRATIONS).await?;
    probe(connection).await
}

/// The path that an address can hold: absolute, with no `..` that an address would resolve in its own way.
async fn absolute(path: &Path) -> Result<PathBuf, SqlError> {
    let invalid = std::io::ErrorKind::InvalidInput.into();
    let Some(name) = path.file_name() else {
        return Err(SqlError::File("a path without a file name", invalid));
    };
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let directory = tokio::fs::canonicalize(directory)
        .await
        .map_err(|error| SqlError::File("looking up its directory", error))?;
    Ok(directory.join(name))
}

fn address(path: &Path, access: Access) -> Result<AnyConnectOptions, SqlError> {
    let invalid = || {
        SqlError::File(
            "a path that is not Unicode",
            std::io::ErrorKind::InvalidInput.into(),
        )
    };
    let address = dialect::address(path, access).ok_or_else(invalid)?;
    let options: AnyConnectOptions = address.parse()?;
    // Each is one of ours and fixed; what is slow shows in the metrics of those who ask.
    Ok(options.disable_statement_logging())
}

async fn check(readers: &Readers) -> Result<(), SqlError> {
    let mut reader = readers.borrow().await?;
    schema::check(&mut reader.connection, MIGRATIONS).await?;
    reader.give_back();
    Ok(())
}

/// Tries a write and takes it back: on a read-only disk a file may open all the same.
async fn probe(connection: &mut AnyConnection) -> Result<(), SqlError> {
    let mut transaction = match connection.begin_with(dialect::BEGIN_WRITE).await {
        Ok(transaction) => transaction,
        Err(error) => return SqlError::from(error).unless_busy(),
    };
    sqlx::query("UPDATE catalog_format SET version = version")
        .execute(&mut *transaction)
        .await?;
    Ok(transaction.rollback().await?)
}

async fn has_log(path: &Path) -> bool {
    let [log, ..] = dialect::files_of(path);
    tokio::fs::metadata(log)
        .await
        .is_ok_and(|file| file.len() > 0)
}
