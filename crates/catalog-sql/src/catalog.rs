//! The catalog in a database: opening and closing it, and its roles.
//!
//! Each role's act is one line here: a read goes to the readers, a write into the writer's queue.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use forebay_content::{
    CatalogError, KeptList, KeptManifest, KeptTag, Links, ListKey, Lists, Manifests, Object,
    Objects, Tags, Timestamp, Unused, Usage,
};
use forebay_oci::{Digest, Tag, Target, UpstreamName};
use sqlx::AnyConnection;

use crate::database::{Database, Opened};
use crate::error::SqlError;
use crate::layout::Layout;
use crate::schema::{self, Migration};
use crate::totals::{self, Tally};
use crate::write::Write;
use crate::writer::WriteCounts;
use crate::{lists, maintain, manifests, objects, tags};

/// What the catalog's file is called in the data directory.
pub const FILE_NAME: &str = "catalog.sqlite";

/// What the cache's catalog holds.
pub(crate) struct CatalogLayout;

#[async_trait]
impl Layout for CatalogLayout {
    type Tally = Tally;

    const MIGRATIONS: &'static [Migration] = schema::CATALOG;

    const WRITER: &'static str = "catalog writer";

    async fn settle(connection: &mut AnyConnection, tally: Tally) -> Result<(), SqlError> {
        totals::add(connection, tally).await
    }

    async fn check_sums(connection: &mut AnyConnection) -> Result<(), SqlError> {
        totals::check(connection).await
    }
}

/// The catalog in a SQLite file.
///
/// What a write returned `Ok` for survives a crash and a power loss. Reads wait for no write. Dropped without
/// [`close`](Self::close), it does what is queued as long as the runtime lives.
pub struct SqlCatalog {
    database: Database<CatalogLayout>,
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
        let database = Database::open(path).await?;
        Ok(Self { database })
    }

    /// Opens the catalog in the file at `path` to be looked at, whoever may be writing to it: it is neither made nor brought up to
    /// date, every write fails, and nothing of it is changed.
    ///
    /// # Errors
    /// [`CatalogError::Corrupt`] if the file is damaged as far as that shows, [`CatalogError::Format`] if a newer version wrote
    /// it, [`CatalogError::Failed`] if it cannot be read, or an older version wrote it.
    pub async fn look(path: &Path) -> Result<Self, CatalogError> {
        let database = Database::look(path).await?;
        Ok(Self { database })
    }

    /// True if it could only be opened to be read, and no write has changed that since.
    pub fn is_read_only(&self) -> bool {
        self.database.is_read_only()
    }

    /// Does the writes that are queued and closes the file; whatever is asked afterwards fails.
    pub async fn close(&self) -> Result<(), CatalogError> {
        self.database.close().await
    }

    /// How much was written since it was opened for writing.
    pub fn write_counts(&self) -> WriteCounts {
        self.database.write_counts()
    }

    /// Does it, and returns when it is durable; tells what was forgotten.
    pub(crate) async fn write(&self, write: Write) -> Result<Vec<Digest>, CatalogError> {
        self.database.write(write).await
    }

    pub(crate) fn opened(&self) -> Arc<Opened<CatalogLayout>> {
        self.database.opened()
    }

    /// Checks the whole file and the sums that are kept of it. Reads everything, so it takes as long as that.
    ///
    /// # Errors
    /// [`CatalogError::Corrupt`] with the first faults found.
    pub async fn integrity_check(&self) -> Result<(), CatalogError> {
        self.database.integrity_check().await
    }

    /// Moves the files of the catalog at `path` aside and opens a new, empty one in their place.
    ///
    /// The old one is then `<path>.damaged-<milliseconds since the UNIX epoch>`. Nobody may have it open.
    ///
    /// # Errors
    /// [`CatalogError::Failed`] if a file of that name is there already, and what [`open`](Self::open) says.
    pub async fn rebuild_in_place(path: &Path, at: Timestamp) -> Result<Self, CatalogError> {
        maintain::move_aside(path, at).await?;
        Self::open(path).await
    }
}

impl std::fmt::Debug for SqlCatalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqlCatalog")
            .field("path", &self.database.path())
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
        self.write(Write::Evict(digests.to_vec())).await
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
