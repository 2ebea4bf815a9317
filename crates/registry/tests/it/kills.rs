//! Killed at any moment, in a life of many, the registry comes back with all that it acknowledged.

use std::fmt::{self, Display};
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;

use forebay_content::SystemClock;
use forebay_disk_faults::{FaultyDisk, Target};
use futures::future::join_all;
use tempfile::TempDir;

use crate::child;
use crate::history::Client;
use crate::promises::{Promises, Told};
use crate::scene::Scene;
use crate::seed::{Chance, Long, seed};
use crate::sound::comes_back;

const ROLE: &str = "kills::a_child_that_may_die";

/// How many clients there are at once.
const CLIENTS: usize = 3;

/// How often each of them acts in a life, if it lives so long.
const ACTS: usize = 8;

/// How many lives there are over one directory: what it holds, and so what is looked at after each of them, grows with every life.
const LIVES: u64 = 16;

/// What became of lives.
#[derive(Default)]
struct Tally {
    lives: u64,
    killed: u64,
    acknowledged: usize,
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_change_of_the_disk_nothing_acknowledged_is_lost() {
    let mut tally = Tally::default();
    live_and_die(seed(), &mut tally).await;
    tally.check();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: as long as FOREBAY_LONG_SECONDS says"]
async fn long_killed_again_and_again_nothing_acknowledged_is_lost() {
    let (first, mut long, mut tally) = (seed(), Long::begin(), Tally::default());
    // The first directory is the one that the seed alone gives again.
    let mut next = Chance::of(first);
    let mut seed = first;
    while !long.is_over() {
        live_and_die(seed, &mut tally).await;
        long.tell(|| tally.to_string());
        seed = next.below(1 << 30) as u64;
    }
    tally.check();
}

/// Lives one after the other over a directory of their own, half of them killed at a change of blobs or journals, half somewhere
/// between two words to their clients, most likely in a change of the database.
async fn live_and_die(seed: u64, tally: &mut Tally) {
    let mut chance = Chance::of(seed);
    let dir = TempDir::new().unwrap();
    let (mut promises, mut journaled) = (Promises::default(), Promises::default());
    for life in 0..LIVES {
        let (kill_at, word) = if life % 2 == 0 {
            (1 + chance.below(200), usize::MAX)
        } else {
            (0, 1 + chance.below(CLIENTS * ACTS))
        };
        let what = format!("seed {seed}, life {life}, killed at change {kill_at} or word {word}");
        let (told, signal) = live(dir.path(), (seed + life * 100, kill_at), word);
        tally.lives += 1;
        tally.killed += u64::from(signal == Some(9));
        tally.acknowledged += told.iter().filter(|told| told.is_done).count();
        for told in &told {
            promises.note(told);
            journaled.note(told);
        }
        promises = comes_back(dir.path(), &promises, &journaled, &what).await;
    }
}

impl Tally {
    /// They were what they are meant to be.
    fn check(&self) {
        eprintln!("{self}");
        assert!(self.killed * 2 > self.lives, "{self}");
        assert!(self.acknowledged as u64 > self.lives, "{self}");
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            lives,
            killed,
            acknowledged,
        } = self;
        write!(
            f,
            "{killed} of {lives} lives were killed, {acknowledged} acts acknowledged"
        )
    }
}

/// What it told, and by which signal it died.
fn live(dir: &Path, (seed, change): (u64, usize), words: usize) -> (Vec<Told>, Option<i32>) {
    let argument = format!("{seed} {change} {}", dir.display());
    let mut child: Child = child::command(ROLE, &argument)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told: Vec<Told> = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        told.extend(line.unwrap().parse::<Told>());
        if told.len() == words {
            child.kill().unwrap();
        }
    }
    let status = child.wait().unwrap();
    assert!(status.success() || status.signal() == Some(9), "{status}");
    (told, status.signal())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a role that other tests have children play"]
async fn a_child_that_may_die() {
    let Some(argument) = child::find_argument() else {
        return;
    };
    let words: Vec<&str> = argument.splitn(3, ' ').collect();
    let (seed, change): (u64, u64) = (words[0].parse().unwrap(), words[1].parse().unwrap());
    let disk = FaultyDisk::new((change > 0).then_some(change));
    let clock = Arc::new(SystemClock::new());
    let scene = Scene::on(Path::new(words[2]), Arc::new(disk.clone()), clock).await;
    let tell = |told: &Told| println!("{told}");
    let clients = (0..CLIENTS).map(async |number| {
        let mut client = Client::new(&scene, (seed, number), &tell);
        for _ in 0..ACTS {
            client.act().await;
        }
    });
    join_all(clients).await;
    println!("{} changes", disk.count(Target::Changes));
}
