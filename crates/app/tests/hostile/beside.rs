//! Local repositories beside a cache that evicts, the same blobs in both: whenever the program is killed, and whatever a loss of power
//! then takes with it, what was acknowledged is there byte for byte.
//!
//! A life is a cache with room for one image and a half, through which three are pulled, while two of the same are pushed, one of
//! them is deleted, garbage is collected and a rule lets go of an older image.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use forebay_blobs_fs::RealDisk;
use forebay_content::{Objects as _, Timestamp};
use forebay_disk_faults::power_loss::{SURVIVALS, Survival};
use forebay_server::DataDir;
use hub_sim::{Hub, HubSim, Image};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::crash::comes_back;
use crate::program::{Program, Setup};
use crate::pull::pull;
use crate::pusher::{Asked, Pushed};
use crate::seed::{Chance, Long, seed};
use crate::{faulty, recorded};

const CONFIG: &str = "[clients]\nloopback_push = true\n\
    [[lifecycle]]\nrepositories = [\"passing\"]\ntags = [\"v*\"]\nkeep_newest = 1\n";

const IMAGES: [&str; 3] = ["library/old:1", "library/new:1", "library/late:1"];

/// The cache's disk has room for the first image and half of another one.
const ROOM_BYTES: u64 = 700_000;

/// Between what is pushed before a life and the life, so that what nobody holds is old enough to be cleared away.
const DAYS: u64 = 2;

/// More changes than a life has.
const MAX_CHANGES: usize = 150;

/// More acts than are acknowledged in a life.
const MAX_ACTS: usize = 9;

/// How many lives there are unless they are to be many.
const LIVES: u64 = 12;

/// Where each image was to be, and whether it may be and may not be found there.
#[derive(Default)]
struct Promises(Mutex<BTreeMap<(&'static str, &'static str), Promise>>);

#[derive(Clone)]
struct Promise {
    image: Arc<Pushed>,
    may_be: bool,
    may_not_be: bool,
}

/// What all lives begin with.
struct Scene {
    hub: Hub,
    kept: TempDir,
    images: BTreeMap<&'static str, Arc<Pushed>>,
}

#[derive(Debug, Default)]
struct Tally {
    lives: u64,
    killed: u64,
    acknowledged: u64,
    evicted: u64,
    cleared: u64,
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_or_without_power_while_the_cache_evicts_what_was_pushed_stays() {
    let (mut chance, scene) = (Chance::of(seed()), Scene::new().await);
    let mut tally = Tally::default();
    for life in 0..LIVES {
        let left = SURVIVALS[usize::try_from(life).unwrap() % SURVIVALS.len()];
        scene.live_and_die(&mut chance, &[left], &mut tally).await;
    }
    tally.check();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: as long as FOREBAY_LONG_SECONDS says"]
async fn long_killed_or_without_power_while_the_cache_evicts_what_was_pushed_stays() {
    let (mut chance, scene) = (Chance::of(seed()), Scene::new().await);
    let (mut long, mut tally) = (Long::begin(), Tally::default());
    while !long.is_over() {
        scene
            .live_and_die(&mut chance, &SURVIVALS, &mut tally)
            .await;
        long.tell(|| format!("{tally:?}"));
    }
    tally.check();
}

/// One of 1 to `most`.
fn up_to(chance: &mut Chance, most: usize) -> u64 {
    1 + chance.below(most) as u64
}

// === impl Scene ===

impl Scene {
    /// The first image is kept by the cache, unused for long, and pushed; of a repository in which older images pass there are two,
    /// and of one nothing is left but bytes that nobody holds.
    async fn new() -> Self {
        let [old, new, late] = IMAGES;
        let hub = HubSim::new()
            .image(old, Image::with_layers(&[300_001, 200_001, 7]))
            .image(new, Image::with_layers(&[250_001, 11]))
            .image(late, Image::with_layers(&[70_001, 150_001]));
        let hub = hub.start().await;
        let images = IMAGES.map(|image| (image, Arc::new(Pushed::of(&hub, image))));
        let mut images = BTreeMap::from(images);
        for name in ["v1", "v2", "gone"] {
            images.insert(name, Arc::new(Pushed::new(name)));
        }
        let kept = TempDir::new().unwrap();
        let program = setup(&hub, kept.path()).start();
        crate::disks::keeps(&program, &hub, old).await;
        images[old].push(&program, "", "app", "old").await;
        for name in ["v1", "v2"] {
            images[name].push(&program, "", "passing", name).await;
        }
        images["gone"].push(&program, "", "gone", "1").await;
        let path = format!("/v2/gone/manifests/{}", images["gone"].digest());
        let deleted = Asked::new("", "DELETE", &path).of(&program).await;
        assert_eq!(deleted.status, 202, "{}", deleted.head);
        assert!(program.stop().0.success());
        let data = kept.path().join("data");
        let data = DataDir::open(&data, Arc::new(RealDisk), Duration::ZERO).await;
        let data = data.unwrap();
        let objects = data.catalog.objects_after(None, 100).await.unwrap();
        assert_eq!(objects.len(), 5);
        let digests = objects.into_iter().map(|object| object.digest);
        let long_ago: Vec<_> = digests.map(|digest| (digest, Timestamp(1))).collect();
        data.catalog.touch(&long_ago).await.unwrap();
        data.close().await.unwrap();
        Self { hub, kept, images }
    }

    /// What is there when a life begins.
    fn promises(&self) -> Promises {
        let promises = Promises::default();
        for (repository, tag, name) in [
            ("app", "old", IMAGES[0]),
            ("passing", "v1", "v1"),
            ("passing", "v2", "v2"),
        ] {
            promises.note(repository, tag, &self.images[name], true);
        }
        promises
    }

    /// One life, killed at a change of the disk or at an acknowledgement; looked at as it was left, and as it would have been left
    /// without power, in these ways.
    async fn live_and_die(&self, chance: &mut Chance, ways: &[Survival], tally: &mut Tally) {
        let folder = TempDir::new().unwrap();
        let life = folder.path().join("life");
        copy(self.kept.path(), &life);
        let (kill_at, word) = if chance.below(2) == 0 {
            (Some(up_to(chance, MAX_CHANGES)), u64::MAX)
        } else {
            (None, up_to(chance, MAX_ACTS))
        };
        let what = format!("killed at change {kill_at:?} or word {word}");
        let setup = faulty::on(setup(&self.hub, &life), kill_at);
        let setup = recorded::recorded(faulty::crammed(setup, ROOM_BYTES, DAYS));
        let mut model = recorded::before(&life);
        let promises = self.promises();
        let status = match setup.try_start() {
            Err((status, _)) => status,
            Ok(program) => {
                let acts = Acts {
                    scene: self,
                    program: &program,
                    folder: &life,
                    promises: &promises,
                    words: Mutex::new(word),
                    cleared: AtomicBool::new(false),
                };
                acts.live().await;
                let log = program.log();
                tally.evicted += u64::from(log.contains("evicted what was not used"));
                tally.cleared += u64::from(acts.cleared.into_inner());
                let left = *acts.words.lock().unwrap();
                tally.acknowledged += word - left;
                program.stop().0
            }
        };
        let died = status.signal() == Some(9);
        assert!(died || status.success(), "{what}: {status}");
        tally.lives += 1;
        tally.killed += u64::from(died);
        recorded::take(&mut model, &life);
        for left in ways {
            let without = folder.path().join("without-power");
            recorded::lose_power(&model, *left, &life, &without);
            let what = format!("{what}, power lost, of the unsynced left: {left:?}");
            self.all_is_there(&without, &promises, &what).await;
            std::fs::remove_dir_all(&without).unwrap();
        }
        self.all_is_there(&life, &promises, &what).await;
    }

    async fn all_is_there(&self, folder: &Path, promises: &Promises, what: &str) {
        comes_back(folder, what).await;
        let setup = setup(&self.hub, folder);
        let (_, said) = setup.run(&["fsck", "--json"]);
        let found: serde_json::Value = serde_json::from_str(&said.out.text()).unwrap();
        let registry = &found["registry"];
        for lost in ["damaged", "missing", "unreadable"] {
            assert_eq!(registry[lost], serde_json::json!([]), "{what}: {found}");
        }
        assert_eq!(registry["unreadable_lines"], 0, "{what}: {found}");
        let (status, said) = setup.run(&["fsck"]);
        assert!(status.success(), "{what}: {}", said.out.text());
        let program = setup.start();
        let all = promises.0.lock().unwrap().clone();
        for ((repository, tag), promise) in &all {
            let Promise {
                image,
                may_be,
                may_not_be,
            } = promise;
            let is_there = image.is_under(&program, repository, tag).await;
            let is_right = if is_there { *may_be } else { *may_not_be };
            assert!(is_right, "{what}: {repository}:{tag} is there: {is_there}");
        }
        assert!(program.stop().0.success(), "{what}");
    }
}

fn setup(hub: &Hub, folder: &Path) -> Setup {
    Setup::before(hub, folder).with(CONFIG)
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(copied.unwrap().success());
}

// === impl Promises ===

impl Promises {
    /// It is there now, or it is gone.
    fn note(&self, at: &'static str, tag: &'static str, image: &Arc<Pushed>, is_there: bool) {
        let promise = Promise {
            image: Arc::clone(image),
            may_be: is_there,
            may_not_be: !is_there,
        };
        self.0.lock().unwrap().insert((at, tag), promise);
    }

    /// It was asked to become something else.
    fn ask(&self, at: &'static str, tag: &'static str, image: &Arc<Pushed>) {
        let promise = Promise {
            image: Arc::clone(image),
            may_be: true,
            may_not_be: true,
        };
        self.0.lock().unwrap().insert((at, tag), promise);
    }
}

// === impl Tally ===

impl Tally {
    fn check(&self) {
        eprintln!("{self:?}");
        // What chance leaves certain in a dozen lives.
        assert!(self.killed > 0, "{self:?}");
        assert!(self.acknowledged > 0, "{self:?}");
        assert!(self.evicted + self.cleared > 0, "{self:?}");
    }
}

/// What is done in a life.
struct Acts<'a> {
    scene: &'a Scene,
    program: &'a Program,
    /// Where it runs.
    folder: &'a Path,
    promises: &'a Promises,
    /// After so many acknowledgements more it is killed.
    words: Mutex<u64>,
    /// Whether garbage was collected where there was some.
    cleared: AtomicBool,
}

impl Acts<'_> {
    async fn live(&self) {
        let [old, new, late] = IMAGES;
        let hub = &self.scene.hub;
        let pulls = async {
            for image in [new, late, old, new] {
                // Whole, broken by its death, or none: wrong bytes would have failed.
                pull(self.program.address, hub, image).await;
            }
        };
        let pushes = async {
            self.push("app", "new", new).await;
            self.push("app", "late", late).await;
            self.push("gone", "again", "gone").await;
            self.delete("app", "late", late).await;
            self.push("other", "old", old).await;
        };
        let upkeep = async {
            self.collect().await;
            self.expire().await;
            self.collect().await;
        };
        tokio::join!(pulls, pushes, upkeep);
    }

    async fn push(&self, repository: &'static str, tag: &'static str, name: &'static str) {
        let image = &self.scene.images[name];
        self.promises.ask(repository, tag, image);
        let answer = image.try_push(self.program, "", repository, tag).await;
        assert!(
            matches!(answer.status, 0 | 201) || self.is_over(),
            "{}",
            answer.head
        );
        if answer.status == 201 {
            self.promises.note(repository, tag, image, true);
            self.say();
        }
    }

    async fn delete(&self, repository: &'static str, tag: &'static str, name: &'static str) {
        let image = &self.scene.images[name];
        let path = format!("/v2/{repository}/manifests/{}", image.digest());
        self.promises.ask(repository, tag, image);
        let answer = Asked::new("", "DELETE", &path).of(self.program).await;
        if matches!(answer.status, 202 | 404) {
            self.promises.note(repository, tag, image, false);
            self.say();
        }
    }

    async fn expire(&self) {
        let image = &self.scene.images["v1"];
        self.promises.ask("passing", "v1", image);
        let order = r#"{"expire":{"name":"passing","rules":null,"dry_run":false}}"#;
        if self.order(order).await.is_some() {
            self.promises.note("passing", "v1", image, false);
            self.say();
        }
    }

    async fn collect(&self) {
        let order = r#"{"collect-garbage":{"grace_seconds":3600}}"#;
        if let Some(answer) = self.order(order).await {
            let is_something = !answer.contains(r#""objects":0"#);
            self.cleared.fetch_or(is_something, Ordering::Relaxed);
            self.say();
        }
    }

    /// Has the server that runs carry out an order, and no other: what it answers if that is done.
    async fn order(&self, order: &str) -> Option<String> {
        let socket = self.folder.join("data/control.sock");
        let asked = async {
            let mut stream = UnixStream::connect(socket).await?;
            let head = format!(
                "POST /repositories HTTP/1.1\r\nHost: forebay\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
                order.len()
            );
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(order.as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        };
        let answer = asked.await.unwrap_or_default();
        let is_done = answer.starts_with("HTTP/1.1 200");
        assert!(is_done || answer.is_empty() || self.is_over(), "{answer}");
        is_done.then_some(answer)
    }

    /// Something was acknowledged.
    fn say(&self) {
        let mut words = self.words.lock().unwrap();
        *words = words.saturating_sub(1);
        if *words == 0 {
            self.program.signal(rustix::process::Signal::KILL);
        }
    }

    fn is_over(&self) -> bool {
        *self.words.lock().unwrap() == 0
    }
}
