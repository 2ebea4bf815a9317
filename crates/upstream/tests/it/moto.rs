//! The moto server, which plays AWS; it is installed into `target/` if it is not there. Another package's tests use it by its path.
//!
//! Where it cannot be had, tests say so and pass; with CI=true they fail.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use url::Url;

const INSTALL_LIMIT: Duration = Duration::from_mins(5);
const START_LIMIT: Duration = Duration::from_mins(1);

/// A running moto server; it ends with this.
pub(crate) struct Moto {
    _process: Child,
    /// Where it answers for every service of AWS.
    pub(crate) url: Url,
}

impl Moto {
    /// Starts it, or says why not.
    pub(crate) async fn start() -> Option<Self> {
        match Self::try_start().await {
            Ok(moto) => Some(moto),
            Err(why) => {
                assert!(!is_ci(), "moto is needed: {why}");
                // Straight to the descriptor: the test harness would keep a passing test's prints to itself.
                let _ = writeln!(std::io::stderr(), "SKIPPED: AWS logins, {why}");
                None
            }
        }
    }

    async fn try_start() -> Result<Self, String> {
        let server = install().await?;
        let mut process = Command::new(server)
            .args(["-H", "127.0.0.1", "-p", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("moto_server cannot be started: {error}"))?;
        let mut lines =
            BufReader::new(process.stderr.take().ok_or("moto_server says nothing")?).lines();
        let announced = async {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some((_, url)) = line.split_once("Running on ") {
                    return Url::parse(url.trim()).ok();
                }
            }
            None
        };
        let announced = tokio::time::timeout(START_LIMIT, announced).await;
        let url = announced
            .ok()
            .flatten()
            .ok_or("moto_server does not start")?;
        // Whatever else it says has to go somewhere, or it blocks on a full pipe.
        forebay_jobs::Supervisor::new().spawn("moto's log", async move {
            while let Ok(Some(_)) = lines.next_line().await {}
        });
        Ok(Self {
            _process: process,
            url,
        })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test that cannot run asks whether it may"
)]
fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// The server's program, installed if it is not there. One test at a time installs.
async fn install() -> Result<PathBuf, String> {
    static INSTALLING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _one = INSTALLING.lock().await;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("moto-venv");
    let (done, server) = (folder.join("installed"), folder.join("bin/moto_server"));
    if !done.exists() {
        let pip = folder.join("bin/pip");
        run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&folder))
        .await?;
        run(Command::new(pip).args(["install", "--quiet", "moto[server]==5.*"])).await?;
        std::fs::write(done, "").map_err(|error| error.to_string())?;
    }
    Ok(server)
}

async fn run(command: &mut Command) -> Result<(), String> {
    let what = command.as_std().get_program().display().to_string();
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    match tokio::time::timeout(INSTALL_LIMIT, output).await {
        Err(_) => Err(format!("{what} takes too long")),
        Ok(Err(error)) => Err(format!("{what} cannot be run: {error}")),
        Ok(Ok(output)) if !output.status.success() => Err(format!(
            "{what} fails: {}",
            String::from_utf8_lossy(&output.stderr)
        )),
        Ok(Ok(_)) => Ok(()),
    }
}
