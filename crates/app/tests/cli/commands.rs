//! Commands that make files of what the program knows of itself.

use std::fs;

use crate::program::Program;

#[test]
fn completions_are_made_for_each_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = Program::new().run(&["completions", shell]);
        assert!(script.starts_with("exit: 0"), "{script}");
        assert!(script.contains("refresh"), "{shell}");
    }
}

#[test]
fn man_pages_are_made_for_each_command() {
    let program = Program::new();
    assert!(program.run(&["man", "."]).starts_with("exit: 0"));
    for page in [
        "forebay",
        "forebay-serve",
        "forebay-refresh",
        "forebay-fsck",
        "forebay-config",
        "forebay-config-show",
    ] {
        let text = fs::read_to_string(program.path(&format!("{page}.1"))).expect("a page");
        assert!(text.contains(".TH "), "{page}");
    }
    assert!(program.run(&["man"]).contains("forebay\\-serve(1)"));
}

#[test]
fn a_folder_that_is_not_there_is_a_failure() {
    let told = Program::new().run(&["man", "nowhere"]);
    assert!(
        told.starts_with("exit: 3") && told.contains("caused by: "),
        "{told}"
    );
}
