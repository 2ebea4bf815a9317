//! A database file of ours: opening it to be written, read, or looked at, and closing it.
//!
//! What is in it is its `Layout`'s word. A read goes to the readers, an act that writes into the writer's queue.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use forebay_content::CatalogError;
use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, AssertSqlSafe, ConnectOptions, Connection};

use crate::dialect::{self, Access};
use crate::error::SqlError;
use crate::layout::{Act, Layout};
use crate::readers::Readers;
use crate::schema;
use crate::writer::{self, WriteCounts, Writer};

/// The mode of its files.
const OWNER_ONLY: u32 = 0o600;

/// A database in a SQLite file.
///
/// What an act returned `Ok` for survives a crash and a power loss. Reads wait for no write. Dropped without
/// [`close`](Self::close), it does what is queued as long as the runtime lives.
pub(crate) struct Database<L: Layout> {
    path: PathBuf,
    opened: RwLock<Arc<Opened<L>>>,
    /// Only to be looked at: no write is tried.
    is_look: bool,
    /// Held by the one who tries to open for writing what could only be opened for reading.
    reopening: tokio::sync::Mutex<()>,
}

/// The open file.
pub(crate) struct Opened<L: Layout> {
    /// Who reads.
    pub(crate) readers: Readers,
    /// Who writes; nobody if the disk refused when it was opened.
    writer: Option<Writer<L>>,
}

impl<L: Layout> Database<L> {
    /// Opens the database in the file at `path`, which is made if it is not there, in a directory that is.
    ///
    /// On a disk that is full or read-only it is opened to be read. Then [`is_read_only`](Self::is_read_only), and every
    /// act tries anew, and fails with [`CatalogError::NotWritable`] as long as the disk refuses.
    ///
    /// # Errors
    /// [`CatalogError::Corrupt`] if the file is damaged as far as a start can see, [`CatalogError::Format`] if a newer
    /// version wrote it, [`CatalogError::NotWritable`] if it would have to be made or brought up to date and cannot be
    /// written to.
    pub(crate) async fn open(path: &Path) -> Result<Self, CatalogError> {
        sqlx::any::install_default_drivers();
        let path = absolute(path).await?;
        make_private(&path).await;
        let opened = match Opened::to_write(&path).await {
            Err(error) if error.is_of_disk() => Opened::to_read(&path, error).await?,
            opened => opened?,
        };
        Ok(Self::of(path, opened, false))
    }

    /// Opens the database in the file at `path` to be looked at, whoever may be writing to it: it is neither made nor brought up
    /// to date, every write fails, and nothing of it is changed.
    ///
    /// # Errors
    /// [`CatalogError::Corrupt`] if the file is damaged as far as that shows, [`CatalogError::Format`] if a newer version wrote
    /// it, [`CatalogError::Failed`] if it cannot be read, or an older version wrote it.
    pub(crate) async fn look(path: &Path) -> Result<Self, CatalogError> {
        sqlx::any::install_default_drivers();
        let looked = async {
            let path = absolute(path).await?;
            let opened = Opened::to_look(&path).await?;
            Ok(Self::of(path, opened, true))
        };
        looked.await.map_err(|error: SqlError| match error.into() {
            CatalogError::NotWritable(source) | CatalogError::NoSpace(source) => {
                CatalogError::Failed(source)
            }
            error => error,
        })
    }

    /// The database in the file at `path`, to be looked at without a check of what it is.
    pub(crate) async fn salvage(path: &Path) -> Result<Self, CatalogError> {
        sqlx::any::install_default_drivers();
        let path = absolute(path).await?;
        let access = if has_log(&path).await {
            Access::Read
        } else {
            Access::Frozen
        };
        let opened = Opened {
            readers: Readers::new(address(&path, access)?),
            writer: None,
        };
        Ok(Self::of(path, opened, true))
    }

    fn of(path: PathBuf, opened: Opened<L>, is_look: bool) -> Self {
        Self {
            path,
            opened: RwLock::new(Arc::new(opened)),
            is_look,
            reopening: tokio::sync::Mutex::default(),
        }
    }

    /// True if it could only be opened to be read, and no write has changed that since.
    pub(crate) fn is_read_only(&self) -> bool {
        self.opened().writer.is_none()
    }

    /// Does the acts that are queued and closes the file; whatever is asked afterwards fails.
    pub(crate) async fn close(&self) -> Result<(), CatalogError> {
        let opened = self.opened();
        // The readers first: the last connection to close tidies the log away, and must be able to write.
        opened.readers.close().await;
        match &opened.writer {
            Some(writer) => Ok(writer.close().await?),
            None => Ok(()),
        }
    }

    /// How much was written since it was opened for writing.
    pub(crate) fn write_counts(&self) -> WriteCounts {
        let opened = self.opened();
        opened
            .writer
            .as_ref()
            .map(Writer::counts)
            .unwrap_or_default()
    }

    /// Does the act, and returns when it is durable.
    pub(crate) async fn write<A: Act<Layout = L>>(&self, act: A) -> Result<A::Told, CatalogError> {
        let mut opened = self.opened();
        if opened.writer.is_none() && !self.is_look {
            opened = self.reopen().await?;
        }
        match &opened.writer {
            Some(writer) => writer.write(act).await,
            None => Err(SqlError::Closed.into()),
        }
    }

    /// Opens it for writing after all, if the disk lets us by now.
    async fn reopen(&self) -> Result<Arc<Opened<L>>, SqlError> {
        let _turn = self.reopening.lock().await;
        let opened = self.opened();
        if opened.writer.is_some() || opened.readers.is_closed() {
            return Ok(opened);
        }
        let opened = Arc::new(Opened::to_write(&self.path).await?);
        *self.opened.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&opened);
        Ok(opened)
    }

    /// The file as it is open now.
    pub(crate) fn opened(&self) -> Arc<Opened<L>> {
        Arc::clone(&self.opened.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Where the file is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

// === impl Opened ===

impl<L: Layout> Opened<L> {
    async fn to_write(path: &Path) -> Result<Self, SqlError> {
        let options = address(path, Access::Write)?;
        let mut connection = writer::connect(&options).await?;
        if let Err(error) = make_current::<L>(&mut connection).await {
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
        check::<L>(&readers).await?;
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
            match check::<L>(&readers).await {
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

/// Brings the file to our format, and tries whether it can be written to.
async fn make_current<L: Layout>(connection: &mut AnyConnection) -> Result<(), SqlError> {
    schema::migrate(connection, L::MIGRATIONS).await?;
    schema::check(connection, L::MIGRATIONS).await?;
    probe(connection, schema::format_table(L::MIGRATIONS)?).await
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

pub(crate) fn address(path: &Path, access: Access) -> Result<AnyConnectOptions, SqlError> {
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

async fn check<L: Layout>(readers: &Readers) -> Result<(), SqlError> {
    let mut reader = readers.borrow().await?;
    schema::check(&mut reader.connection, L::MIGRATIONS).await?;
    reader.give_back();
    Ok(())
}

/// Tries a write and takes it back: on a read-only disk a file may open all the same.
async fn probe(connection: &mut AnyConnection, table: &str) -> Result<(), SqlError> {
    let mut transaction = match connection.begin_with(dialect::BEGIN_WRITE).await {
        Ok(transaction) => transaction,
        Err(error) => return SqlError::from(error).unless_busy(),
    };
    let statement = format!("UPDATE {table} SET version = version");
    sqlx::query(AssertSqlSafe(statement))
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
