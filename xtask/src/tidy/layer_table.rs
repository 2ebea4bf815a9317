//! The layers of the architecture, as data: which package lies where, and what each layer may see.

/// A layer, or a kind of package within one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layer {
    /// L0: pure words.
    Word,
    /// L0: pure as well; reads texts that people and programs wrote, in those words, and tells what they mean.
    Text,
    /// L1: the one HTTP client and listener.
    Toolkit,
    /// L2: traits, in-memory implementations, and the owner of tasks.
    Seam,
    /// L2: one implementation of a seam by one heavy thing.
    Adapter,
    /// L3: what the product does.
    Feature,
    /// L4: what the world speaks to.
    Edge,
    /// L5: the program. Its packages see those that stand before them in the table.
    Binary,
    /// What measures the program from outside.
    Bench,
    /// Dev-dependencies.
    TestOnly,
    /// The repository's own commands.
    Tool,
}

/// Every package of ours, those to come too; within the binary, each after those that it may see.
pub(crate) const PACKAGES: [(&str, Layer); 46] = [
    ("forebay-oci", Layer::Word),
    ("forebay-limits", Layer::Word),
    ("forebay-logs", Layer::Text),
    ("forebay-failures", Layer::Text),
    ("forebay-evidence", Layer::Text),
    ("forebay-diagnosis", Layer::Text),
    ("forebay-syntax", Layer::Text),
    ("forebay-references", Layer::Text),
    ("forebay-source-code", Layer::Text),
    ("forebay-rewrite", Layer::Text),
    ("forebay-setup-files", Layer::Text),
    ("forebay-traffic", Layer::Text),
    ("forebay-lifecycle-rules", Layer::Text),
    ("forebay-http-kit", Layer::Toolkit),
    ("forebay-content", Layer::Seam),
    ("forebay-jobs", Layer::Seam),
    ("forebay-upstream", Layer::Adapter),
    ("forebay-layout", Layer::Adapter),
    ("forebay-blobs-fs", Layer::Adapter),
    ("forebay-blobs-object", Layer::Adapter),
    ("forebay-catalog-sql", Layer::Adapter),
    ("forebay-outside", Layer::Adapter),
    ("forebay-cache", Layer::Feature),
    ("forebay-registry", Layer::Feature),
    ("forebay-ledger", Layer::Feature),
    ("forebay-mirror", Layer::Feature),
    ("forebay-doctor", Layer::Feature),
    ("forebay-forecast", Layer::Feature),
    ("forebay-setup", Layer::Feature),
    ("forebay-access", Layer::Feature),
    ("forebay-api-registry", Layer::Edge),
    ("forebay-api-admin", Layer::Edge),
    ("forebay-config", Layer::Binary),
    ("forebay-terminal", Layer::Binary),
    ("forebay-backup", Layer::Binary),
    ("forebay-server", Layer::Binary),
    ("forebay-access-command", Layer::Binary),
    ("forebay-repository-command", Layer::Binary),
    ("forebay-doctor-command", Layer::Binary),
    ("forebay-setup-command", Layer::Binary),
    ("forebay", Layer::Binary),
    ("forebay-bench", Layer::Bench),
    ("hub-sim", Layer::TestOnly),
    ("forebay-content-conformance", Layer::TestOnly),
    ("forebay-disk-faults", Layer::TestOnly),
    ("registry-conformance", Layer::TestOnly),
];

/// Our packages outside `crates/`.
pub(crate) const TOOLS: [&str; 1] = ["xtask"];

/// The owner of task spawning: a seam that the toolkit may use, though it lies above it.
pub(crate) const TASK_OWNER: &str = "forebay-jobs";

/// Crates of others that a word may not even reach: runtimes, HTTP, databases.
pub(crate) const NOT_IN_WORDS: [&str; 17] = [
    "async-std",
    "axum",
    "futures",
    "futures-util",
    "h2",
    "http",
    "http-body",
    "hyper",
    "hyper-util",
    "reqwest",
    "rusqlite",
    "rustls",
    "smol",
    "sqlx",
    "tokio",
    "tokio-util",
    "tower-service",
];

/// Crates of others that a feature may not name: command lines, web frameworks, HTTP engines, databases.
pub(crate) const NOT_IN_FEATURES: [&str; 14] = [
    "axum",
    "clap",
    "http-body-util",
    "hyper",
    "hyper-util",
    "object_store",
    "reqwest",
    "reqsign-aws-v4",
    "reqsign-core",
    "rusqlite",
    "rustls",
    "sqlx",
    "tokio-rustls",
    "tower-http",
];

/// Heavy crates of others: one manifest names each.
pub(crate) const HEAVY: [&str; 6] = [
    "kube",
    "object_store",
    "reqsign-aws-v4",
    "reqsign-core",
    "reqwest",
    "sqlx",
];

impl Layer {
    /// The layers that a package of this one may depend on, tests aside.
    pub(crate) const fn may_see(self) -> &'static [Self] {
        match self {
            // A tool must build when all the rest does not.
            Self::Word | Self::Tool => &[],
            Self::Text => &[Self::Word, Self::Text],
            Self::Toolkit => &[Self::Word],
            Self::Seam | Self::TestOnly => &[Self::Word, Self::Seam],
            Self::Feature => &[Self::Word, Self::Text, Self::Seam],
            Self::Adapter => &[Self::Word, Self::Toolkit, Self::Seam],
            Self::Bench => &[Self::Word, Self::Seam, Self::Adapter, Self::TestOnly],
            Self::Edge => &[Self::Word, Self::Toolkit, Self::Seam, Self::Feature],
            Self::Binary => &[
                Self::Word,
                Self::Text,
                Self::Toolkit,
                Self::Seam,
                Self::Adapter,
                Self::Feature,
                Self::Edge,
                Self::Binary,
            ],
        }
    }

    /// The rule that `may_see` stands for, in words.
    pub(crate) const fn rule(self) -> &'static str {
        match self {
            Self::Word => "L0 depends on nothing of ours",
            Self::Text => "what reads texts sees words, and others that do",
            Self::Toolkit => "the toolkit sees words and the owner of tasks",
            Self::Seam => "a seam sees words and seams",
            Self::Adapter => {
                "an adapter sees words, the toolkit and seams, never a feature, an edge or another adapter"
            }
            Self::Feature => {
                "a feature sees words, what reads texts, and seams; features meet through content's types"
            }
            Self::Edge => "an edge sees no adapter: only the binary wires one in",
            Self::Binary => "what is for tests is a dev-dependency",
            Self::Bench => {
                "the bench runs the program, and sees only what lays out its data and what plays its upstream"
            }
            Self::TestOnly => {
                "a test's crate sees words and seams, so that it judges every implementation alike"
            }
            Self::Tool => "a tool must build when all the rest does not",
        }
    }
}
