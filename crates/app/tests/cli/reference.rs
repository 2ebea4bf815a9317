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

/// The pages whose TOML is Forebay's own; those of clients show files of theirs.
const PAGES: [&str; 6] = [
    "concepts/budget.md",
    "concepts/caching.md",
    "concepts/operating.md",
    "concepts/upstreams.md",
    "guides/access.md",
    "guides/install.md",
];

#[test]
fn what_the_pages_show_of_a_configuration_is_right() {
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let mut checked = 0;
    for page in PAGES {
        let text = fs::read_to_string(pages.join(page)).expect("a page");
        for block in text.split("```toml\n").skip(1) {
            let block = block.split("```").next().unwrap_or_default();
            // containerd's.
            if block.contains("[host.") {
                continue;
            }
            let told = with_files(block).check();
            assert!(told.starts_with("exit: 0"), "{page}:\n{block}\n{told}");
            checked += 1;
        }
    }
    assert!(checked >= 7, "{checked}");
}

/// A configuration with the files that it names in its own folder.
fn with_files(config: &str) -> Program {
    let config = config.replace("\"/etc/forebay/", "\"");
    let named = |key: &'static str| {
        let lines = config.lines().filter(move |line| line.starts_with(key));
        lines.filter_map(|line| line.split('"').nth(1))
    };
    let mut program = Program::with_config(&config);
    let authority = rcgen::generate_simple_self_signed(["ca.example".to_owned()]);
    let authority = authority.expect("a certificate").cert.pem();
    for (key, content) in [
        ("password_file", "a password\n"),
        ("url_file", "https://hooks.example/T0/1\n"),
        ("ca_file", &authority),
    ] {
        for name in named(key) {
            program = program.file(name, content);
        }
    }
    program
}
