//! The whole program with a clock that stands until it is told otherwise: this test binary again, as a process of its own.

use std::io::BufRead as _;
use std::sync::Arc;
use std::time::Duration;

use forebay_blobs_fs::RealDisk;
use forebay_config::{Environment, Flags, Sources};
use forebay_content::{Clock as _, ManualClock, Timestamp};
use forebay_server::serve_on;

use crate::program::{Forebay, Program};

const ROLE: &str = "clocked::a_program_whose_clock_is_moved";

/// What it says when its clock has been moved.
const MOVED: &str = "the clock was moved";

/// The program as `setup` has it, but with a clock that [`advance`] and [`jump`] move and nothing else does.
pub(crate) fn clocked(setup: Forebay) -> Forebay {
    let binary = std::env::current_exe().expect("this test's own file");
    let binary = binary.to_str().expect("a path that is text");
    let words = [binary, "--exact", ROLE, "--ignored", "--nocapture"];
    setup.played_by(words.map(str::to_owned).to_vec())
}

/// Lets time pass for it.
pub(crate) async fn advance(program: &Program, by: Duration) {
    tell(program, &format!("advance {}", by.as_millis())).await;
}

/// Sets its wall clock on or back by so many seconds, as a time server does; no time passes.
pub(crate) async fn jump(program: &Program, seconds: i64) {
    tell(program, &format!("jump {}", seconds * 1000)).await;
}

async fn tell(program: &Program, line: &str) {
    let before = program.out.count(MOVED);
    program.tell(line);
    let heard = program
        .out
        .until(|text| text.matches(MOVED).count() > before);
    assert!(heard.await, "{}", program.log.text());
}

/// Serves until it is killed, and does meanwhile what it is told on standard input, in milliseconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a role that other tests have children play"]
async fn a_program_whose_clock_is_moved() {
    let Ok(config) = std::env::var("FOREBAY_CONFIG") else {
        return;
    };
    let clock = ManualClock::default();
    let told = clock.clone();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            obey(&told, &line);
            println!("{MOVED}");
        }
    });
    let environment = Environment::of([("FOREBAY_CONFIG", &*config)]);
    let sources = Sources::new(None, environment, Flags::default());
    let served = serve_on(sources, Arc::new(RealDisk), Arc::new(clock)).await;
    served.expect("a server that runs");
}

fn obey(clock: &ManualClock, line: &str) {
    let (what, by) = line.split_once(' ').expect("two words");
    let by: i64 = by.parse().expect("milliseconds");
    match what {
        "advance" => clock.advance(Duration::from_millis(by.unsigned_abs())),
        "jump" => clock.jump_to(Timestamp(clock.now().0 + by)),
        _ => panic!("what is {line:?}?"),
    }
}
