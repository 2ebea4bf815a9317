//! How long `forebay rewrite` takes for ten thousand files of the kinds that a company's repositories hold.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::corpus;
use super::finished::finish;
use crate::build::{built, root};
use crate::error::Error;
use crate::report::{HEADER, Row, Target, Who};
use crate::scenario::page::publish;
use crate::settings::Settings;

/// Files of the tree.
const FILES: usize = 10_000;

/// What they have to be read and planned in.
const WITHIN_SECONDS: f64 = 2.0;

/// Plans the whole tree, round by round.
pub(crate) fn run(settings: &Settings) -> Result<(), Error> {
    let programs = built()?;
    let dir = tempfile::Builder::new()
        .prefix("bench-rewrite-")
        .tempdir_in(root().join("target"))
        .map_err(Error::io("cannot make a directory to work in"))?;
    let tree = dir.path().join("tree");
    let bytes = corpus::plant(&tree, FILES)?;
    let mut wall = Row::new(format!("rewrite of {FILES} files: time"), "s", 2)
        .target(Target::Below(WITHIN_SECONDS));
    let mut cpu = Row::new("the same: CPU time", "s", 2);
    let mut memory = Row::new("the same: most resident memory", "MB", 1);
    let (out, err) = (dir.path().join("out"), dir.path().join("err"));
    let mut said = String::new();
    for _ in 0..settings.rounds {
        let mut command = Command::new(&programs.forebay);
        command.current_dir(&tree);
        command.args(["rewrite", ".", "--to", "forebay:cache.example", "--diff"]);
        let finished = finish(command, &out, &err)?;
        if finished.code != 0 {
            return Err(Error::program("forebay rewrite", last_line(&err)));
        }
        wall.add(Who::Forebay, finished.wall_seconds);
        cpu.add(Who::Forebay, finished.cpu_seconds);
        memory.add(Who::Forebay, finished.peak_mb);
        said = last_line(&err);
    }
    let mut text = HEADER.to_owned();
    for row in [wall, cpu, memory] {
        text.push_str(&row.line());
    }
    let megabytes = bytes / 1_000_000;
    let _ = write!(
        text,
        "\nA tree of {megabytes} MB in the page cache, all cores, the diff written to a file. It said: {said}.\n"
    );
    publish("rewrite", &text, settings)
}

/// The last line of a file that says what came of it; hints come after it.
fn last_line(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().rev().find(|line| !line.starts_with("hint: "));
    line.unwrap_or("nothing").to_owned()
}
