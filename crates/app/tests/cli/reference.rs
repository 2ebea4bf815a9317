//! The reference pages in the repository are those that the code makes.

use std::fs;
use std::path::Path;

use crate::program::Program;

#[test]
fn the_reference_pages_are_current() {
    let program = Program::new();
    assert!(program.run(&["docs", "."]).starts_with("exit: 0"));
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference");
    for page in ["config.md", "cli.md", "forebay.schema.json"] {
        let made = fs::read_to_string(program.path(page)).expect("a page");
        let kept = fs::read_to_string(kept.join(page)).unwrap_or_default();
        assert!(
            made == kept,
            "docs/reference/{page} is stale: cargo run -- docs docs/reference"
        );
    }
}
