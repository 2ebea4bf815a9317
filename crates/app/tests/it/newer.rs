//! A data directory that a newer Forebay wrote: refused in words, and left as it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hub_sim::{HubSim, Image};
use sqlx::Connection as _;

use crate::image::Pull;
use crate::program::{Ended, Forebay, files_below};

const KEPT: &str = "forebay_fills_ended_total{upstream=\"docker.io\",end=\"kept\"}";

/// The commands that open the data directory.
const COMMANDS: [&[&str]; 3] = [&["serve"], &["fsck"], &["fsck", "--dry-run"]];

/// A program that has kept an image and was stopped.
async fn kept() -> Forebay {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .start()
        .await;
    let program = Forebay::before(&hub).start().await;
    Pull::of(&hub, "library/nginx:1").succeeds(&program).await;
    program.until_metric(KEPT, 3.0).await;
    program.stop().await.setup
}

/// All files with what is in them, but for the lock, in which each who asks for it writes its process id.
fn contents(data: &Path) -> BTreeMap<String, Vec<u8>> {
    let names = files_below(data).into_iter();
    let names = names.filter(|name| name != "lock");
    names
        .map(|name| {
            let bytes = std::fs::read(data.join(&name)).expect("a file of ours");
            (name, bytes)
        })
        .collect()
}

fn assert_refused(ended: &Ended, told: &str, before: &BTreeMap<String, Vec<u8>>) {
    assert_eq!(ended.status.code(), Some(3), "{}", ended.log);
    assert!(ended.log.contains(told), "{}", ended.log);
    assert!(ended.log.contains("newer Forebay"), "{}", ended.log);
    let after = contents(&ended.setup.data());
    let names = |contents: &BTreeMap<_, _>| contents.keys().cloned().collect::<Vec<String>>();
    assert_eq!(names(&after), names(before));
    for (name, bytes) in before {
        assert!(after[name] == *bytes, "{name} was changed");
    }
}

#[tokio::test]
async fn a_directory_of_a_newer_format_is_refused_and_left_as_it_is() {
    let setup = kept().await;
    std::fs::write(setup.data().join("format"), "999\n").expect("a file of ours");
    // A start would tidy it away.
    let leftover = setup.data().join("staging/leftover");
    std::fs::write(leftover, "of a newer Forebay").expect("a folder of ours");
    let before = contents(&setup.data());
    for command in COMMANDS.into_iter().chain([&["fsck", "--rebuild"][..]]) {
        let ended = setup.run(command).await;
        assert_refused(&ended, "the data directory has format 999", &before);
    }
}

#[tokio::test]
async fn a_catalog_of_a_newer_format_is_refused_and_left_as_it_is() {
    let setup = kept().await;
    set_catalog_format(setup.data().join("catalog.sqlite"), 999).await;
    let before = contents(&setup.data());
    for command in COMMANDS {
        let ended = setup.run(command).await;
        assert_refused(&ended, "the database has format 999", &before);
    }
}

async fn set_catalog_format(file: PathBuf, format: i64) {
    sqlx::any::install_default_drivers();
    let url = format!("sqlite:{}", file.display());
    let mut catalog = sqlx::AnyConnection::connect(&url).await.expect("a catalog");
    let set = sqlx::query("UPDATE catalog_format SET version = $1").bind(format);
    let set = set.execute(&mut catalog).await.expect("a catalog");
    assert_eq!(set.rows_affected(), 1);
    catalog.close().await.expect("a catalog");
}
