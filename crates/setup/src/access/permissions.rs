//! What a workflow's own token may do with packages.
//!
//! Several jobs can have one `permissions:` in common: what they need is collected first, and written once in each place.

use std::collections::BTreeMap;

use forebay_setup_files::{Edits, Node, SetupError, Yaml, workflow::at_end};

/// The key of what a token may do, and in it the one of packages.
const PERMISSIONS: &str = "permissions";
const PACKAGES: &str = "packages";

const BLOCKS: &str = "write it as lines with indentation, without braces";

/// What jobs need, by where it is said.
#[derive(Default)]
pub(super) struct Permissions<'a>(BTreeMap<usize, Need<'a>>);

struct Need<'a> {
    place: Place<'a>,
    is_writer: bool,
}

enum Place<'a> {
    /// A `permissions:`, of the job or of the whole workflow.
    Stated(&'a Node),
    /// A job, where none is stated.
    Job(&'a Node),
}

impl<'a> Permissions<'a> {
    /// Notes that a job reads packages, or writes them.
    pub(super) fn need(&mut self, yaml: &'a Yaml<'_>, job: &'a Node, is_writer: bool) {
        let stated = job
            .find(PERMISSIONS)
            .or_else(|| yaml.root.find(PERMISSIONS));
        let (at, place) = match stated {
            Some(stated) => (stated.span.start, Place::Stated(stated)),
            None => (job.span.start, Place::Job(job)),
        };
        let need = self.0.entry(at).or_insert(Need { place, is_writer });
        need.is_writer |= is_writer;
    }

    /// Writes what is not said yet.
    ///
    /// # Errors
    /// It is written in a way that cannot be added to.
    pub(super) fn put(self, yaml: &Yaml<'_>, edits: &mut Edits) -> Result<(), SetupError> {
        for need in self.0.into_values() {
            match need.place {
                Place::Stated(stated) => put(yaml, stated, need.is_writer, edits)?,
                // The token may read packages unless something else is said.
                Place::Job(job) if need.is_writer => {
                    let lines = "permissions:\n  contents: read\n  packages: write\n";
                    let (at, lines) = at_end(yaml, job, lines);
                    edits.insert(at, lines);
                }
                Place::Job(_) => {}
            }
        }
        Ok(())
    }
}

fn put(
    yaml: &Yaml<'_>,
    stated: &Node,
    is_writer: bool,
    edits: &mut Edits,
) -> Result<(), SetupError> {
    let wanted = if is_writer { "write" } else { "read" };
    if stated.text() == Some("write-all") || stated.text() == Some("read-all") && !is_writer {
        return Ok(());
    }
    if stated.entries().is_empty() || stated.is_flow() {
        let what = format!("permissions does not say packages: {wanted}");
        return Err(yaml.refuse(&what, BLOCKS));
    }
    match stated.find(PACKAGES) {
        Some(may) if may.text() == Some("write") || may.text() == Some(wanted) => {}
        Some(may) => edits.replace(may.span.start, may.span.end, wanted),
        None => {
            let (at, lines) = at_end(yaml, stated, &format!("{PACKAGES}: {wanted}\n"));
            edits.insert(at, lines);
        }
    }
    Ok(())
}
