//! The files that TLS is made of: read small, and told by their paths when they are wrong.
//!
//! They are read at the start, to check a configuration, and again and again while they are used.

use std::fmt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use forebay_http_kit::{TlsClients, TlsError, TlsMaterial, TlsPart, TlsProblem, TlsSetup};

use crate::advice::{Advice, Hint};
use crate::bounded_file::read_at_most;
use crate::resolved::{ClientAuth, TlsConfig};

/// The longest of them, in bytes: a bundle of authorities has several hundred KiB.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// The bits that let others than its owner and group read a file.
const READABLE_BY_OTHERS: u32 = 0o004;

/// What lay in the files. Equal where their bytes are.
#[derive(Clone, PartialEq, Eq)]
pub struct TlsFiles {
    chain: Vec<u8>,
    key: Vec<u8>,
    client_authorities: Option<Vec<u8>>,
}

/// A file that TLS cannot be made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFileError {
    /// Which part it should have been.
    pub part: TlsPart,
    /// Where it is.
    pub path: PathBuf,
    /// What is wrong, as a clause that follows the path.
    pub what: String,
    /// It may be right: who runs this may not look.
    pub(crate) is_barred: bool,
    hint: Option<String>,
}

// === impl TlsFiles ===

impl TlsFiles {
    /// Reads them. Blocks, and of pipes for some seconds.
    ///
    /// # Errors
    /// The first that cannot be read.
    pub fn read(config: &TlsConfig) -> Result<Self, TlsFileError> {
        let authorities = config.client_ca_file.as_deref();
        Ok(Self {
            chain: read(TlsPart::Certificate, &config.cert_file)?,
            key: read(TlsPart::Key, &config.key_file)?,
            client_authorities: authorities
                .map(|path| read(TlsPart::ClientAuthorities, path))
                .transpose()?,
        })
    }

    /// What can be spoken with them; `config` is where they were read.
    ///
    /// # Errors
    /// The one that is wrong, or does not fit the others.
    pub fn build(&self, config: &TlsConfig) -> Result<TlsSetup, TlsFileError> {
        let clients = match (&self.client_authorities, config.client_auth) {
            (None, _) => TlsClients::Unasked,
            (Some(roots), ClientAuth::Optional) => TlsClients::Optional(roots),
            (Some(roots), ClientAuth::Required) => TlsClients::Required(roots),
        };
        let material = TlsMaterial {
            chain: &self.chain,
            key: &self.key,
            clients,
        };
        TlsSetup::build(material).map_err(|error| TlsFileError::of(&error, config))
    }
}

impl fmt::Debug for TlsFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsFiles")
    }
}

/// Whether every account of the machine may read the key at `path`: then it is no secret.
pub fn is_open_to_others(path: &Path) -> bool {
    let metadata = std::fs::metadata(path);
    metadata.is_ok_and(|file| file.permissions().mode() & READABLE_BY_OTHERS != 0)
}

fn read(part: TlsPart, path: &Path) -> Result<Vec<u8>, TlsFileError> {
    let wrong = |what: String| TlsFileError {
        part,
        path: path.to_owned(),
        what,
        is_barred: false,
        hint: None,
    };
    let bytes = read_at_most(path, MAX_FILE_BYTES + 1).map_err(|error| TlsFileError {
        is_barred: error.kind() == std::io::ErrorKind::PermissionDenied,
        ..wrong(format!("cannot be read: {error}"))
    })?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(wrong(format!("is longer than {MAX_FILE_BYTES} bytes")));
    }
    Ok(bytes)
}

// === impl TlsFileError ===

impl TlsFileError {
    fn of(error: &TlsError, config: &TlsConfig) -> Self {
        let path = match error.part {
            TlsPart::Certificate => &config.cert_file,
            TlsPart::Key => &config.key_file,
            TlsPart::ClientAuthorities => {
                config.client_ca_file.as_ref().unwrap_or(&config.cert_file)
            }
        };
        let (cert, key) = (config.cert_file.display(), config.key_file.display());
        let (what, hint) = match &error.problem {
            TlsProblem::Mismatch => (
                format!("is not the key of the certificate in {cert}"),
                Some(format!(
                    "of the certificates in {cert}, Forebay's own must be the first"
                )),
            ),
            problem @ TlsProblem::EncryptedKey => (
                problem.to_string(),
                Some(format!(
                    "write it without one: openssl pkey -in {key} -out decrypted.key"
                )),
            ),
            problem => (problem.to_string(), None),
        };
        Self {
            part: error.part,
            path: path.clone(),
            what,
            is_barred: false,
            hint,
        }
    }

    /// The key of the configuration that names it.
    pub(crate) fn key(&self) -> &'static str {
        match self.part {
            TlsPart::Certificate => "tls.cert_file",
            TlsPart::Key => "tls.key_file",
            TlsPart::ClientAuthorities => "tls.client_ca_file",
        }
    }
}

impl fmt::Display for TlsFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path.display(), self.what)
    }
}

impl std::error::Error for TlsFileError {}

impl Advice for TlsFileError {
    fn hints(&self) -> Vec<Hint> {
        self.hint.iter().map(Hint::new).collect()
    }
}
