//! What the program is told on its command line.

use clap::Parser;

/// Asks a running registry everything that the OCI distribution-spec and its clients ask of one.
#[derive(Debug, Parser)]
#[command(
    name = "registry-conformance",
    version,
    after_help = "Prints a line for each case, then how many passed, failed and were skipped.\nEnds with 0 if none failed, 1 if any did, 2 for a wrong command line.\nIt writes to repositories NAME/… that did not exist, and deletes most of what it wrote."
)]
pub(crate) struct Args {
    /// The registry, as http://HOST:PORT
    pub(crate) registry: String,
    /// The namespace of the repositories that it makes
    #[arg(long, value_name = "NAME", default_value = "conformance")]
    pub(crate) repo: String,
    /// Who asks, by Basic authentication
    #[arg(long, value_name = "USER:PASSWORD")]
    pub(crate) user: Option<String>,
    /// Want every error in the spec's JSON, and what is no manifest refused as an invalid one, which the spec only allows
    #[arg(long)]
    pub(crate) strict: bool,
    /// Only cases with this in their names (tags/paging)
    #[arg(long, value_name = "PATTERN")]
    pub(crate) only: Option<String>,
}
