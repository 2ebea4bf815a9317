//! The `aws` command, a Python package, installed into `target/` if it is not there, before a moto server.
//!
//! Where it cannot be had, tests say so and pass; with CI=true they fail.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;
use url::Url;

const INSTALL_LIMIT: Duration = Duration::from_mins(5);
const RUN_LIMIT: Duration = Duration::from_mins(2);

/// The `aws` command, which asks one server.
pub(crate) struct AwsCli {
    folder: PathBuf,
    endpoint: Url,
}

impl AwsCli {
    /// Installs it, or says why not.
    pub(crate) async fn before(endpoint: &Url) -> Option<Self> {
        match install().await {
            Ok(folder) => Some(Self {
                folder,
                endpoint: endpoint.clone(),
            }),
            Err(why) => {
                let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
                assert!(!is_ci, "the aws command is needed: {why}");
                // Straight to the descriptor: the test harness would keep a passing test's prints to itself.
                let _ = writeln!(std::io::stderr(), "SKIPPED: the aws command, {why}");
                None
            }
        }
    }

    /// What whoever runs it needs in the environment.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("PATH", self.folder.display().to_string()),
            ("AWS_ENDPOINT_URL", self.endpoint.to_string()),
            ("AWS_DEFAULT_REGION", "eu-west-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "s3cret".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    }

    /// Runs it; what it says on standard output.
    pub(crate) async fn run(&self, args: &[&str]) -> String {
        let mut command = Command::new(self.folder.join("aws"));
        command.args(args).env_clear().envs(self.environment());
        let output = end_of(&mut command, RUN_LIMIT).await.expect("aws succeeds");
        String::from_utf8(output.stdout)
            .expect("UTF-8")
            .trim()
            .to_owned()
    }
}

/// The folder that it is in. One test at a time installs.
async fn install() -> Result<PathBuf, String> {
    static INSTALLING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _one = INSTALLING.lock().await;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("aws-venv");
    let done = folder.join("installed");
    if !done.exists() {
        let mut venv = Command::new("python3");
        end_of(
            venv.args(["-m", "venv", "--clear"]).arg(&folder),
            INSTALL_LIMIT,
        )
        .await?;
        let mut pip = Command::new(folder.join("bin/pip"));
        end_of(
            pip.args(["install", "--quiet", "awscli==1.*"]),
            INSTALL_LIMIT,
        )
        .await?;
        std::fs::write(done, "").map_err(|error| error.to_string())?;
    }
    Ok(folder.join("bin"))
}

async fn end_of(command: &mut Command, limit: Duration) -> Result<Output, String> {
    let what = command.as_std().get_program().display().to_string();
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    match timeout(limit, output).await {
        Err(_) => Err(format!("{what} takes too long")),
        Ok(Err(error)) => Err(format!("{what} cannot be run: {error}")),
        Ok(Ok(output)) if !output.status.success() => Err(format!(
            "{what} fails: {}",
            String::from_utf8_lossy(&output.stderr)
        )),
        Ok(Ok(output)) => Ok(output),
    }
}
