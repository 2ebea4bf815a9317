//! Journals in memory keep what every journal keeps.

use forebay_content::memory::MemoryJournal;

forebay_content_conformance::journal_suite!(fresh);

#[expect(clippy::unused_async, reason = "the suite awaits it")]
async fn fresh() -> (MemoryJournal, ()) {
    (MemoryJournal::new(), ())
}
