//! What is looked up when somebody asks, rather than counted when it happens.

use std::time::Duration;

use forebay_content::HostedUsage;

use crate::LedgerReadings;

/// The program's state at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Readings {
    /// Bytes of content at rest.
    pub cache_bytes: u64,
    /// The most bytes that may be at rest.
    pub cache_max_bytes: u64,
    /// What keeps the cache from keeping, in words for an operator.
    pub disk_trouble: Option<String>,
    /// What is wrong with local repositories, in words for an operator: their bytes are lost, or pushes are refused by their disk.
    pub registry_troubles: Vec<String>,
    /// Open client connections.
    pub connections: usize,
    /// True once the program is told to stop: it finishes what it does and takes nothing new.
    pub is_draining: bool,
    /// What the ledger knows.
    pub ledger: LedgerReadings,
    /// What the operating system counts for the process.
    pub process: Process,
    /// How the certificate stands; none where TLS is not spoken.
    pub tls: Option<TlsReadings>,
    /// What local repositories hold; none where there are none, their rows cannot be read, or nobody asks for it.
    pub hosted: Option<HostedReadings>,
}

/// What local repositories hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostedReadings {
    /// How much that is, each object once.
    pub usage: HostedUsage,
    /// Uploads under way.
    pub open_uploads: u64,
}

/// How the certificate stands that clients are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsReadings {
    /// Where it is.
    pub cert_file: String,
    /// Until when it holds, in seconds since the UNIX epoch.
    pub not_after: i64,
    /// False while what lies in the files cannot be used, and what lay there before is.
    pub is_taken_over: bool,
    /// What an operator should know, in words.
    pub troubles: Vec<String>,
}

/// What the operating system counts for the process; a field that it does not tell is `None`, and is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// Memory in use, in bytes.
    pub resident_bytes: Option<u64>,
    /// Time on a processor, in user and kernel mode.
    pub cpu: Option<Duration>,
    /// Open files.
    pub open_files: Option<u64>,
    /// The most files that may be open.
    pub max_files: Option<u64>,
    /// When it started, since the UNIX epoch.
    pub started: Option<Duration>,
}
