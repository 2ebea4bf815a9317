//! Killed at any moment, in a life of many, the registry comes back with all that it acknowledged.

use std::collections::HashSet;
use std::fmt::{self, Display};
use std::io::{BufRead as _, BufReader};
use std::mem::discriminant;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use forebay_content::{Hosted, SystemClock};
use forebay_disk_faults::{FaultyDisk, Target};
use futures::future::{FutureExt as _, join_all, ready};
use rustix::process::{Signal, getpid, kill_process};
use tempfile::TempDir;

use crate::child;
use crate::history::Client;
use crate::hooked_rows::{HookedRows, Moment};
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

/// Push, untag, drop, pin, settle, clear.
const ACTS_THERE_ARE: usize = 6;

/// More moments, before and after commits of the database, than one of each act has.
const MAX_MOMENTS: u64 = 200;

/// What a life is, and how it is to end.
#[derive(Clone, Copy, Debug, Default)]
struct Plan {
    seed: u64,
    /// Clients that act by chance; without one, [each act](Client::do_everything) is done once.
    clients: usize,
    /// Killed at this change of blobs or journals; 0 for none.
    change: u64,
    /// Killed at this moment before or after a commit of the database, two of each; 0 for none.
    moment: u64,
    /// Killed from outside after so many words to clients; 0 for none.
    words: usize,
}

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

/// Each commit of a life in which everything that can be done is done: uploads, mounts, pushes, drops, pins, quotas, rules that let go,
/// a repository's end, collections of garbage.
#[tokio::test(flavor = "multi_thread")]
async fn killed_before_and_after_each_commit_nothing_acknowledged_is_lost() {
    let seed = seed();
    let mut tally = Tally::default();
    for moment in 1..MAX_MOMENTS {
        let dir = TempDir::new().unwrap();
        let plan = Plan {
            seed,
            moment,
            ..Plan::default()
        };
        let (told, signal) = live(dir.path(), plan);
        let mut promises = Promises::default();
        for told in &told {
            promises.note(told);
        }
        tally.lives += 1;
        tally.killed += u64::from(signal == Some(9));
        tally.acknowledged += told.iter().filter(|told| told.is_done).count();
        comes_back(dir.path(), &promises, &promises, &format!("{plan:?}")).await;
        if signal.is_none() {
            let done = told.iter().filter(|told| told.is_done);
            let done: HashSet<_> = done.map(|told| discriminant(&told.act)).collect();
            assert_eq!(done.len(), ACTS_THERE_ARE, "{told:?}");
            break;
        }
    }
    eprintln!("seed {seed}: {tally}");
    assert!((10..MAX_MOMENTS - 1).contains(&tally.killed), "{tally}");
    assert_eq!(tally.lives, tally.killed + 1, "the last one lived");
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

/// Lives one after the other over a directory of their own: killed at a change of blobs or journals, before or after a commit of the
/// database, and anywhere between two words to their clients.
async fn live_and_die(seed: u64, tally: &mut Tally) {
    let mut chance = Chance::of(seed);
    let dir = TempDir::new().unwrap();
    let (mut promises, mut journaled) = (Promises::default(), Promises::default());
    for life in 0..LIVES {
        let mut plan = Plan {
            seed: seed + life * 100,
            clients: CLIENTS,
            ..Plan::default()
        };
        match life % 3 {
            0 => plan.change = 1 + chance.below(200) as u64,
            1 => plan.moment = 1 + chance.below(60) as u64,
            _ => plan.words = 1 + chance.below(CLIENTS * ACTS),
        }
        let what = format!("seed {seed}, life {life}: {plan:?}");
        let (told, signal) = live(dir.path(), plan);
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
fn live(dir: &Path, plan: Plan) -> (Vec<Told>, Option<i32>) {
    let Plan {
        seed,
        clients,
        change,
        moment,
        words,
    } = plan;
    let argument = format!("{seed} {clients} {change} {moment} {}", dir.display());
    let mut child: Child = child::command(ROLE, &argument)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told: Vec<Told> = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        told.extend(line.unwrap().parse::<Told>());
        if words > 0 && told.len() == words {
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
    let words: Vec<&str> = argument.splitn(5, ' ').collect();
    let numbers: Vec<u64> = words[..4]
        .iter()
        .map(|word| word.parse().unwrap())
        .collect();
    let &[seed, clients, change, moment] = &numbers[..] else {
        unreachable!("four numbers")
    };
    let disk = FaultyDisk::new((change > 0).then_some(change));
    let clock = Arc::new(SystemClock::new());
    let by = (Arc::new(disk.clone()) as _, clock as _);
    let scene = Scene::hooked(Path::new(words[4]), by, |rows| mortal(rows, moment)).await;
    let tell = |told: &Told| println!("{told}");
    let number_of_clients = usize::try_from(clients).unwrap();
    let clients = (0..number_of_clients).map(async |number| {
        let mut client = Client::new(&scene, (seed, number), &tell);
        for _ in 0..ACTS {
            client.act().await;
        }
    });
    join_all(clients).await;
    if number_of_clients == 0 {
        Client::new(&scene, (seed, 0), &tell).do_everything().await;
    }
    println!("{} changes", disk.count(Target::Changes));
}

/// Rows with which the process dies at a moment before or after one of their commits; never at 0.
fn mortal(rows: Arc<dyn Hosted>, last: u64) -> Arc<dyn Hosted> {
    let moments = AtomicU64::new(0);
    let hook = move |moment| {
        let is_commit = moment != Moment::Listing;
        if is_commit && moments.fetch_add(1, Ordering::Relaxed) + 1 == last {
            kill_process(getpid(), Signal::KILL).unwrap();
        }
        ready(()).boxed()
    };
    let hook = Arc::new(hook);
    Arc::new(HookedRows { rows, hook })
}
