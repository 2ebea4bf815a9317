//! The catalog in a database: opening and closing it, and its roles.
//!
//! Each role's act is one line here: a read goes to the readers, a write into the writer's queue.

use std::path::Path;

use async_trait::async_trait;
use forebay_content::{
    CatalogError, KeptList, KeptManifest, KeptTag, Links, ListKey, Lists, Manifests, Object,
    Objects, Tags, Timestamp, Usage,
};
use forebay_oci::{Digest, Tag, Target};
use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, ConnectOptions};

use crate::dialect::{self, Access};
use crate::error::SqlError;
use crate::readers::Readers;
use crate::schema::{self, MIGRATIONS};
use crate::write::Write;
use crate::writer::{self, WriteCounts, Writer};
use crate::{lists, manifests, objects, tags};

/// What the catalog's file is called in the data directory.
pub const FILE_NAME: &str = "catalog.sqlite";

/// The catalog in a SQLite file.
///
/// What a write returned `Ok` for survives a crash and a power loss. Reads wait for no write. Dropped without
/// [`close`](Self::close), it does what is queued as long as the runtime lives.
#[derive(Debug)]
pub struct SqlCatalog {
    pub(crate) readers: Readers,
    writes: Writes,
}

/// Whether it can be written to.
#[derive(Debug)]
enum Writes {
    /// Through the writer.
    Open(Writer),
    /// Not since it was opened: why.
    Refused(CatalogError),
}

impl SqlCatalog {
    /// Opens the catalog in the file at `path`, which is made if it is not there, in a directory that is.
    ///
    /// On a read-only file system it is opened to be read; then [`is_read_only`](Self::is_read_only), and every write fails
    /// with [`CatalogError::NotWritable`] until it is opened anew.
    ///
    /// # Errors
    /// [`CatalogError::Corrupt`] if the file is damaged as far as a start can see, [`CatalogError::Format`] if a newer
    /// version wrote it, [`CatalogError::NotWritable`] if it would have to be made or brought up to date and cannot be
    /// written to.
    pub async fn open(path: &Path) -> Result<Self, CatalogError> {
        sqlx::any::install_default_drivers();
        let path = absolute(path).await?;
        let (options, connection) = match open_to_write(&path).await {
            Ok(opened) => opened,
            Err(error) if error.is_of_disk() => return open_to_read(&path, error).await,
            Err(error) => return Err(error.into()),
        };
        Ok(Self {
            readers: Readers::new(address(&path, Access::Read)?),
            writes: Writes::Open(Writer::start(options, connection)),
        })
    }

    /// True if it could only be opened to be read.
    pub const fn is_read_only(&self) -> bool {
        matches!(self.writes, Writes::Refused(_))
    }

    /// Does the writes that are queued and closes the file; whatever is asked afterwards fails.
    pub async fn close(&self) -> Result<(), CatalogError> {
        // The readers first: the last connection to close tidies the log away, and must be able to write.
        self.readers.close().await;
        match &self.writes {
            Writes::Open(writer) => Ok(writer.close().await?),
            Writes::Refused(_) => Ok(()),
        }
    }

    /// How much was written since it was opened.
    pub fn write_counts(&self) -> WriteCounts {
        match &self.writes {
            Writes::Open(writer) => writer.counts(),
            Writes::Refused(_) => WriteCounts::default(),
        }
    }

    async fn write(&self, write: Write) -> Result<Vec<Digest>, CatalogError> {
        match &self.writes {
            Writes::Open(writer) => writer.write(write).await,
            Writes::Refused(error) => Err(error.clone()),
        }
    }
}

#[async_trait]
impl Tags for SqlCatalog {
    async fn find_tag(&self, target: &Target, tag: &Tag) -> Result<Option<KeptTag>, CatalogError> {
        Ok(tags::find(&self.readers, target, tag).await?)
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
        Ok(manifests::find(&self.readers, digest).await?)
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
        Ok(objects::is_linked(&self.readers, target, digest).await?)
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
        Ok(objects::coldest(&self.readers, limit).await?)
    }

    async fn evict(&self, digests: &[Digest]) -> Result<Vec<Digest>, CatalogError> {
        self.write(Write::Evict(digests.to_vec())).await
    }

    async fn objects_after(
        &self,
        after: Option<&Digest>,
        limit: u32,
    ) -> Result<Vec<Object>, CatalogError> {
        Ok(objects::after(&self.readers, after, limit).await?)
    }

    async fn usage(&self) -> Result<Usage, CatalogError> {
        Ok(objects::usage(&self.readers).await?)
    }
}

#[async_trait]
impl Lists for SqlCatalog {
    async fn find_list(
        &self,
        target: &Target,
        key: &ListKey,
    ) -> Result<Option<KeptList>, CatalogError> {
        Ok(lists::find(&self.readers, target, key).await?)
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

/// The path that an address can hold: absolute, with no `..` that an address would resolve in its own way.
async fn absolute(path: &Path) -> Result<std::path::PathBuf, SqlError> {
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

async fn open_to_write(path: &Path) -> Result<(AnyConnectOptions, AnyConnection), SqlError> {
    let options = address(path, Access::Write)?;
    let mut connection = writer::connect(&options).await?;
    schema::migrate(&mut connection, MIGRATIONS).await?;
    schema::check(&mut connection, MIGRATIONS).await?;
    Ok((options, connection))
}

async fn open_to_read(path: &Path, cause: SqlError) -> Result<SqlCatalog, CatalogError> {
    let refused = CatalogError::from(cause);
    for access in [Access::Read, Access::Frozen] {
        if access == Access::Frozen && has_log(path).await {
            // Without its log, an older and maybe torn state would be read.
            break;
        }
        let readers = Readers::new(address(path, access)?);
        match check(&readers).await {
            Ok(()) => {
                return Ok(SqlCatalog {
                    readers,
                    writes: Writes::Refused(refused),
                });
            }
            Err(error) if error.is_of_disk() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(refused)
}

async fn check(readers: &Readers) -> Result<(), SqlError> {
    let mut reader = readers.borrow().await?;
    schema::check(&mut reader.connection, MIGRATIONS).await?;
    reader.give_back();
    Ok(())
}

async fn has_log(path: &Path) -> bool {
    let [log, ..] = dialect::files_of(path);
    tokio::fs::metadata(log)
        .await
        .is_ok_and(|file| file.len() > 0)
}
