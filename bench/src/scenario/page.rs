//! Writes what came of a story, with the date and the commit, unless it was a quick one.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use crate::build::root;
use crate::error::Error;
use crate::report::machine;
use crate::settings::Settings;

/// Prints `text`, and keeps it as `results/NAME.md`.
pub(crate) fn publish(name: &str, text: &str, settings: &Settings) -> Result<(), Error> {
    let date = jiff::Timestamp::now().strftime("%Y-%m-%d");
    let mut page = format!("{text}\nMeasured {date} at commit {}", commit());
    for (key, value) in machine()?.iter().filter(|(key, _)| *key != "nginx") {
        let _ = write!(page, "; {key} {value}");
    }
    page.push_str(".\n");
    println!("{page}");
    if !settings.is_whole() {
        println!("a quick run or a part of one: nothing is kept");
        return Ok(());
    }
    let path = root().join(format!("bench/results/{name}.md"));
    fs::write(&path, page).map_err(Error::io(format!("cannot write {}", path.display())))
}

/// The commit that was measured.
fn commit() -> String {
    let asked = Command::new("git")
        .args(["rev-parse", "--short", "HEAD"])
        .current_dir(root())
        .output();
    let said = asked.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    said.ok()
        .filter(|id| !id.is_empty())
        .unwrap_or_else(|| "unknown".to_owned())
}
