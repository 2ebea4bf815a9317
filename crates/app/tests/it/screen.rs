//! What is shown live, in a terminal that util-linux's `script` plays: drawn, ordered by keys, fitted to the terminal, and the
//! terminal put back however it ends.

use std::process::Command;
use std::time::Duration;

use hub_sim::{Hub, HubSim, Image, hours};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{sleep, timeout};

use crate::client::PATIENCE;
use crate::image::Pull;
use crate::program::{Forebay, Program};

const BINARY: &str = env!("CARGO_BIN_EXE_forebay");
const NGINX: &str = "library/nginx:1.27";

/// Empties the screen and goes to its top.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// To another screen without a cursor, and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

/// What Ctrl-C sends.
const CTRL_C: &str = "\x03";

/// A command in a terminal of its own.
struct Terminal(Program);

impl Terminal {
    fn run(setup: &Forebay, command: &str) -> Self {
        for file in ["tty", "pid", "before", "after", "status"] {
            let _ = std::fs::remove_file(setup.file(file));
        }
        // The shell outlives what a key or a signal does to the whole terminal.
        let script = format!(
            "trap : INT TERM HUP; stty rows 30 cols 120; tty > tty; stty -g > before
            sh -c 'echo $$ > pid; exec {BINARY} {command}'; echo $? > status; stty -g > after"
        );
        let words = ["/usr/bin/script", "-qefc", &script, "/dev/null"];
        let setup = setup.clone().env("PATH", "/usr/bin:/bin");
        Self(setup.played_by(words.map(str::to_owned).to_vec()).begin())
    }

    /// Waits until this is true of the lines that are on the screen.
    async fn shows(&self, holds: impl Fn(&[&str]) -> bool) {
        let shown = self.0.out.until(|text| {
            let screen = text.rsplit(CLEAR).next().unwrap_or_default();
            let lines: Vec<&str> = screen.lines().map(str::trim_end).collect();
            text.contains(CLEAR) && holds(&lines)
        });
        assert!(shown.await, "it ended: {}", self.0.out.text());
    }

    /// What a file holds that the script writes.
    async fn told(&self, file: &str) -> String {
        let path = self.0.setup.file(file);
        let told = async {
            loop {
                match std::fs::read_to_string(&path) {
                    Ok(text) if text.ends_with('\n') => return text.trim().to_owned(),
                    _ => sleep(Duration::from_millis(10)).await,
                }
            }
        };
        timeout(PATIENCE, told).await.expect("in time")
    }

    async fn stty(&self, words: &[&str]) -> String {
        let tty = self.told("tty").await;
        let done = Command::new("stty").args(["-F", &tty]).args(words).output();
        let done = done.expect("coreutils");
        assert!(done.status.success(), "{done:?}");
        String::from_utf8_lossy(&done.stdout).into_owned()
    }

    async fn signal(&self, signal: Signal) {
        let pid = self.told("pid").await.parse().ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process id"), signal).expect("a process of ours");
    }

    /// Waits for its end; the exit code, and all that it wrote. The terminal is as it was before.
    async fn ended(self) -> (String, String) {
        let status = self.told("status").await;
        assert_eq!(self.told("before").await, self.told("after").await);
        (status, self.0.ended().await.out)
    }
}

/// Where the first line with this is.
fn place(lines: &[&str], what: &str) -> Option<usize> {
    lines.iter().position(|line| line.contains(what))
}

/// nginx was pulled; of another image there are only errors.
async fn hub_and_program() -> (Hub, Program) {
    let hub = HubSim::new()
        .image(NGINX, Image::small())
        .anonymous_limit(100, hours(6));
    let hub = hub.start().await;
    let program = Forebay::before(&hub).start().await;
    pulls(&program, &hub).await;
    for _ in 0..2 {
        program.get("/v2/library/none/manifests/1").await;
    }
    (hub, program)
}

async fn pulls(program: &Program, hub: &Hub) {
    let pull = Pull::of(hub, NGINX).by_tag;
    pull.expect(&program.get(&pull.path).await);
}

#[tokio::test]
async fn top_is_drawn_ordered_by_keys_fitted_to_the_terminal_and_live() {
    let (hub, program) = hub_and_program().await;
    let terminal = Terminal::run(&program.setup, "top");
    let is_before = |lines: &[&str], one: &str, other: &str| {
        let (one, other) = (place(lines, one), place(lines, other));
        one.is_some() && other.is_some() && one < other
    };
    terminal
        .shows(|lines| lines[0].starts_with("sort:") && is_before(lines, "nginx:1.27", "none:1"))
        .await;
    terminal.0.tell("e");
    terminal
        .shows(|lines| is_before(lines, "none:1", "nginx:1.27"))
        .await;
    pulls(&program, &hub).await;
    terminal
        .shows(|lines| {
            let line = place(lines, "nginx:1.27").map(|place| lines[place]);
            line.is_some_and(|line| line.trim_start().starts_with("1      2         2"))
        })
        .await;
    terminal.stty(&["rows", "5", "cols", "40"]).await;
    terminal
        .shows(|lines| {
            lines[0].starts_with("sort:")
                && lines.len() <= 4
                && lines.iter().all(|line| line.chars().count() <= 40)
        })
        .await;
    terminal.0.tell("q");
    let (status, out) = terminal.ended().await;
    assert_eq!(status, "0");
    assert!(
        out.contains(ENTER) && out.trim_end().ends_with(LEAVE),
        "{out:?}"
    );
}

#[tokio::test]
async fn however_top_ends_the_terminal_is_put_back() {
    let (_hub, program) = hub_and_program().await;
    for signal in [
        None,
        Some(Signal::TERM),
        Some(Signal::INT),
        Some(Signal::HUP),
    ] {
        let terminal = Terminal::run(&program.setup, "top");
        terminal
            .shows(|lines| place(lines, "nginx").is_some())
            .await;
        match signal {
            Some(signal) => terminal.signal(signal).await,
            None => terminal.0.tell(CTRL_C),
        }
        let (status, out) = terminal.ended().await;
        assert_eq!(status, "0", "{signal:?}");
        assert!(out.trim_end().ends_with(LEAVE), "{signal:?}: {out:?}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_holds_nobody_in_top() {
    let (_hub, program) = hub_and_program().await;
    program.signal(Signal::STOP);
    let terminal = Terminal::run(&program.setup, "top");
    let taken = async {
        while !terminal.stty(&["-a"]).await.contains("-icanon") {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, taken).await.expect("the terminal");
    terminal.0.tell(CTRL_C);
    assert_eq!(terminal.ended().await.0, "0");
}

#[tokio::test]
async fn top_shows_what_was_written_down_and_goes_over_to_the_server_that_begins() {
    let (hub, program) = hub_and_program().await;
    let setup = program.setup.clone();
    program.stop().await;
    let terminal = Terminal::run(&setup, "top --sort requests");
    let shows_requests = |count: &str| {
        let start = format!("1      {count}         {count}");
        move |lines: &[&str]| {
            let line = place(lines, "nginx:1.27").map(|place| lines[place]);
            line.is_some_and(|line| line.trim_start().starts_with(&start))
        }
    };
    terminal.shows(shows_requests("1")).await;
    let program = setup.start().await;
    pulls(&program, &hub).await;
    terminal.shows(shows_requests("2")).await;
    program.stop().await;
    let program = setup.start().await;
    pulls(&program, &hub).await;
    terminal.shows(shows_requests("3")).await;
    terminal.0.tell("q");
    assert_eq!(terminal.ended().await.0, "0");
}

#[tokio::test]
async fn budgets_are_shown_again_and_again_until_it_is_interrupted() {
    let (_hub, program) = hub_and_program().await;
    let terminal = Terminal::run(&program.setup, "budget docker.io --watch");
    let is_told = |lines: &[&str]| place(lines, "99 of 100 pulls left").is_some();
    terminal.shows(is_told).await;
    let again = terminal.0.out.until(|text| text.matches(CLEAR).count() > 1);
    assert!(again.await);
    terminal.shows(is_told).await;
    terminal.0.tell(CTRL_C);
    let (status, out) = terminal.ended().await;
    assert_eq!(status, "130");
    assert!(!out.contains(ENTER), "the shell's own screen");
}

/// What is typed at a question, once it is asked.
async fn type_at(terminal: &Terminal, question: &str, typed: &str) {
    let asked = terminal.0.out.until(|text| text.contains(question)).await;
    assert!(asked, "it ended: {}", terminal.0.out.text());
    terminal.0.tell(typed);
}

#[tokio::test]
async fn a_password_is_asked_for_twice_unseen_and_the_terminal_put_back() {
    const FIRST: &str = "Password of alice, 8 to 1024 bytes, which is not shown:";
    const SECOND: &str = "The same once more:";
    let setup = Forebay::new();
    setup.write_config();
    let asked = Terminal::run(&setup, "user add alice");
    type_at(&asked, FIRST, "correct horse battery").await;
    type_at(&asked, SECOND, "correct horse stapler").await;
    let (status, differ) = asked.ended().await;
    assert_ne!(status, "0", "{differ}");
    assert!(differ.contains("are not the same"), "{differ}");

    // What is too short is not asked for once more.
    let asked = Terminal::run(&setup, "user add alice");
    type_at(&asked, FIRST, "horse").await;
    let (status, short) = asked.ended().await;
    assert_ne!(status, "0", "{short}");
    assert!(short.contains("a password has 8 to 1024 bytes"), "{short}");
    assert!(!short.contains(SECOND), "{short}");

    let asked = Terminal::run(&setup, "user add alice");
    type_at(&asked, FIRST, CTRL_C).await;
    let (status, given_up) = asked.ended().await;
    assert_ne!(status, "0", "{given_up}");

    let asked = Terminal::run(&setup, "user add alice");
    type_at(&asked, FIRST, "correct horse battery").await;
    type_at(&asked, SECOND, "correct horse battery").await;
    let (status, added) = asked.ended().await;
    assert_eq!(status, "0", "{added}");
    assert!(added.contains("done: add user alice"), "{added}");
    for told in [differ, short, given_up, added] {
        assert!(!told.contains("horse"), "{told}");
    }
}
