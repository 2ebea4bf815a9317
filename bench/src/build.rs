//! Builds what is measured, and finds what it is measured beside.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;

/// Where the programs are.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    pub(crate) forebay: PathBuf,
    pub(crate) hub_sim: PathBuf,
}

/// Debian's, by their names; `wrk` makes the load for manifests.
const OTHERS: [(&str, &str); 3] = [
    ("docker-registry", "--version"),
    ("nginx", "-v"),
    ("wrk", "-v"),
];

/// Builds Forebay and the upstream, and makes sure that the others are installed.
pub(crate) fn programs() -> Result<Programs, Error> {
    for (name, version) in OTHERS {
        Command::new(name)
            .arg(version)
            .output()
            .map_err(Error::io(format!(
                "cannot run {name}: apt-get install docker-registry nginx-light wrk"
            )))?;
    }
    built()
}

/// Builds Forebay and the upstream in release mode.
pub(crate) fn built() -> Result<Programs, Error> {
    let root = root();
    let built = Command::new("cargo")
        .args(["build", "--release", "-p", "forebay", "-p", "hub-sim"])
        .current_dir(&root)
        .status()
        .map_err(Error::io("cannot run cargo"))?;
    if !built.success() {
        return Err(Error::program("cargo build", "failed"));
    }
    let release = root.join("target/release");
    Ok(Programs {
        forebay: release.join("forebay"),
        hub_sim: release.join("hub-sim"),
    })
}

/// The first line of what a program says of its version.
pub(crate) fn version(program: &Path, argument: &str) -> String {
    let Ok(output) = Command::new(program).arg(argument).output() else {
        return "unknown".to_owned();
    };
    let said = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&said);
    text.lines().next().unwrap_or("unknown").to_owned()
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}
