#![doc = include_str!("../README.md")]

mod accounts;
mod alert;
mod audit;
mod blob_store;
mod body;
mod budget;
mod catalog;
mod client_rights;
mod clock;
mod error;
mod event;
mod hosted;
mod journal;
mod keys;
mod ledger_rows;
mod limit_rows;
mod lock;
pub mod memory;
mod pages;
mod range;
mod secret;
mod source;
mod tag_names;
mod told_rows;

pub use accounts::{
    AccountChange, AccountName, Accounts, Added, InvalidAccountName, InvalidRobotId, KeptRobot,
    KeptUser, MAX_ROBOTS, MAX_USERS, Right, RobotId, Robots, Stamp, Users,
};
pub use alert::{Alert, AlertKind, Notify, Settled, TellNobody};
pub use audit::{Audit, AuditEntry, BegunAct, NoAudit};
pub use blob_store::{BlobError, BlobReader, BlobStat, BlobStore, FileSpan, Stage, collect_reader};
pub use body::{BlobBody, BlobReading, BlobStream, Piece, PieceStream};
pub use budget::Budget;
pub use catalog::{
    Catalog, CatalogError, Child, ChildKind, KeptList, KeptManifest, KeptTag, Links, ListKey,
    Lists, Manifests, Object, Objects, Tags, Unused, Usage,
};
pub use client_rights::{ClientLogin, ClientRight, ClientRights, ClientVisit, Sought, Standing};
pub use clock::{Clock, ManualClock, SystemClock, Timestamp, within};
pub use error::{BoxError, Missing, SourceError};
pub use event::{Event, FillEnd, Ignore, Observe, UpstreamAnswer, UpstreamCall};
pub use hosted::{
    BlobMount, Committed, DropGuard, Dropped, Hosted, HostedBlob, HostedChild, HostedContent,
    HostedDrops, HostedEntry, HostedLists, HostedManifest, HostedPushes, HostedRepository,
    HostedUpkeep, HostedUsage, MAX_REFERRERS_BYTES, ManifestPush, Referrer, ReferrersOf,
    RepositorySettings, TagBounds, TagHolder,
};
pub use journal::{
    Change, Journal, JournalEntry, JournalPage, JournalPlace, JournalReader, MAX_ABSENT,
    MAX_APPENDED,
};
pub use keys::{
    InvalidKeySet, KeyNumbers, KeySet, Keys, KeysError, MAX_KEY_SET_BYTES, MAX_KEYS, PublicKey,
};
pub use ledger_rows::{
    Client, LedgerRows, MAX_PULL_COUNT, MAX_PULL_ROWS, MERGE_PULL_ROWS, Period, PullCounts,
    PullCursor, PullOrder, PullPage, PullRow, PullRows, Spender, Spent, TimeRange, TopPage,
};
pub use limit_rows::{
    BudgetKey, EVERYTHING_SCOPE, KeptBudget, KeptCoolDown, KeptLimits, LimitRows, MAX_BUDGETS,
    MAX_COOL_DOWNS, MAX_SOURCES, login_scope, pulls_scope,
};
pub use lock::lock;
pub use pages::{PAGE, blob_pages, held_pages, journal_pages, pages};
pub use range::{ByteRange, Unsatisfiable};
pub use secret::Secret;
pub use source::{
    Blob, Caller, ClientKind, ContentSource, List, ManifestContent, Provenance, Request, Resolved,
    collect,
};
pub use tag_names::TagNames;
pub use told_rows::{KeptTold, MAX_TOLD, ToldRows};
