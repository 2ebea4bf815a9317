//! The whole program on a disk that fails: this test binary again, as a process of its own.

use std::io::BufRead as _;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use forebay_config::{Environment, Flags, Sources};
use forebay_content::{Clock, SystemClock, Timestamp};
use forebay_disk_faults::{Effect, Fault, FaultyDisk, Target};
use forebay_server::serve_on;
use hub_sim::Hub;

use crate::program::Setup;
use crate::{crammed, recorded};

const ROLE: &str = "faulty::a_program_on_a_faulty_disk";

/// Tells the child at which change it dies; 0 is never.
const KILL_AT: &str = "TEST_KILL_AT";

/// Tells the child for how many bytes the cache finds room on its disk; without it, for all.
const CACHE_ROOM: &str = "TEST_CACHE_ROOM";

/// Tells the child how many days its clock is ahead.
const DAYS_AHEAD: &str = "TEST_DAYS_AHEAD";

/// What a slow disk takes for each thing.
pub(crate) const SLOW: Duration = Duration::from_secs(5);

/// The program before `hub`, which dies at change number `kill_at` of the disk, or never.
pub(crate) fn setup(hub: &Hub, folder: &Path, kill_at: Option<u64>) -> Setup {
    on(Setup::before(hub, folder), kill_at)
}

/// The program as it is set up, which dies at change number `kill_at` of the disk, or never.
pub(crate) fn on(setup: Setup, kill_at: Option<u64>) -> Setup {
    let binary = std::env::current_exe().unwrap();
    let words = [
        binary.to_str().unwrap(),
        "--exact",
        ROLE,
        "--ignored",
        "--nocapture",
    ];
    setup
        .played_by(&words)
        .env(KILL_AT, &kill_at.unwrap_or(0).to_string())
}

/// The same with a cache that finds no room for more than so many bytes, and days later.
pub(crate) fn crammed(setup: Setup, room_bytes: u64, days: u64) -> Setup {
    let setup = setup.env(CACHE_ROOM, &room_bytes.to_string());
    setup.env(DAYS_AHEAD, &days.to_string())
}

/// Serves until SIGTERM, and does meanwhile what it is told on standard input: `count` tells the changes so far,
/// `fault EFFECT AT once|stays` sets a fault at the AT-th change from now, `break EFFECT reads|syncs|opens` breaks all of
/// those from now on, `lift` ends it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a role that other tests have children play"]
async fn a_program_on_a_faulty_disk() {
    let Ok(kill_at) = std::env::var(KILL_AT) else {
        return;
    };
    let kill_at = Some(kill_at.parse().unwrap()).filter(|at| *at > 0);
    let disk = FaultyDisk::new(kill_at);
    let told = disk.clone();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            obey(&told, &line);
        }
    });
    let data = std::env::current_dir().unwrap().join("data");
    let disk = match number(CACHE_ROOM) {
        Some(bytes) => crammed::crammed(disk, &data, bytes),
        None => disk,
    };
    let stacked = recorded::if_asked(Arc::new(disk), &data);
    let variables: Vec<_> = std::env::vars()
        .filter(|(name, _)| name.starts_with("FOREBAY_"))
        .collect();
    let variables = variables.iter().map(|(name, value)| (&**name, &**value));
    let sources = Sources::new(None, Environment::of(variables), Flags::default());
    let clock = Ahead {
        clock: SystemClock::new(),
        days: number(DAYS_AHEAD).unwrap_or(0),
    };
    serve_on(sources, stacked, Arc::new(clock)).await.unwrap();
}

fn number(variable: &str) -> Option<u64> {
    Some(std::env::var(variable).ok()?.parse().unwrap())
}

/// The machine's clock, set ahead.
#[derive(Debug)]
struct Ahead {
    clock: SystemClock,
    days: u64,
}

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        self.clock.now().after(Duration::from_hours(24 * self.days))
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }

    fn sleep(&self, wait: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.clock.sleep(wait)
    }
}

fn obey(disk: &FaultyDisk, line: &str) {
    let words: Vec<_> = line.split(' ').collect();
    match words[..] {
        ["count"] => {}
        ["lift"] => disk.set(None),
        ["fault", effect, at, stays] => disk.set(Some(Fault {
            target: Target::Changes,
            at: disk.count(Target::Changes) + at.parse::<u64>().unwrap(),
            stays: stays == "stays",
            effect: effect_of(effect),
        })),
        ["break", effect, "reads"] => disk.break_now(Target::Reads, effect_of(effect)),
        ["break", effect, "opens"] => disk.break_now(Target::Opens, effect_of(effect)),
        ["break", effect, "syncs"] => disk.break_now(Target::Syncs, effect_of(effect)),
        _ => panic!("what is {line:?}?"),
    }
    println!("answer {}", disk.count(Target::Changes));
}

fn effect_of(name: &str) -> Effect {
    match name {
        "EIO" => Effect::Broken,
        "ENOSPC" => Effect::Full,
        "EROFS" => Effect::ReadOnly,
        "EMFILE" => Effect::OutOfFiles,
        "slow" => Effect::Slow(SLOW),
        _ => panic!("what is {name:?}?"),
    }
}
