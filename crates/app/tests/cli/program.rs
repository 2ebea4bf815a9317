//! Runs the program in a folder of its own and writes down what it said.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A folder with files, and the environment of the runs in it.
pub(crate) struct Program {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Program {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            variables: Vec::new(),
        }
    }

    /// With this as `forebay.toml`.
    pub(crate) fn with_config(text: &str) -> Self {
        Self::new().file("forebay.toml", text)
    }

    /// With a file that only its owner may read.
    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        self.file_with_mode(name, text, 0o600)
    }

    pub(crate) fn file_with_mode(self, name: &str, text: &str, mode: u32) -> Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("folders");
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("a mode");
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs it with these arguments and writes down the exit code and both outputs.
    pub(crate) fn run(&self, args: &[&str]) -> String {
        self.run_with_input(args, "")
    }

    /// The same with this on its standard input.
    pub(crate) fn run_with_input(&self, args: &[&str], input: &str) -> String {
        let mut child = Command::new(env!("CARGO_BIN_EXE_forebay"))
            .args(args)
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        // One that reads nothing may have ended already.
        let _ = child
            .stdin
            .take()
            .expect("its input")
            .write_all(input.as_bytes());
        let output = child.wait_with_output().expect("the program ends");
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        let transcript = format!(
            "exit: {}\n----- stdout -----\n{}----- stderr -----\n{}",
            output.status.code().expect("an exit code"),
            text(&output.stdout),
            text(&output.stderr)
        );
        self.scrub(&transcript)
    }

    /// `config check` of `forebay.toml`.
    pub(crate) fn check(&self) -> String {
        self.run(&["config", "check", "--config", "forebay.toml"])
    }

    fn scrub(&self, text: &str) -> String {
        let scrub = |path: &Path| text.replace(&path.display().to_string(), "[DIR]");
        scrub(self.folder.path())
    }
}
