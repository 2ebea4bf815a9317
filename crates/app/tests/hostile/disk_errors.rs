//! Whatever fails at whichever change of the disk: the pull goes on, nothing is left over, and keeping resumes.

use std::path::Path;
use std::time::Duration;

use hub_sim::{Hub, HubSim, Image};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::crash::comes_back;
use crate::disks::keeps;
use crate::faulty;
use crate::program::Program;
use crate::pull::{Pulled, pull};

const IMAGE: &str = "library/image:1";

/// More changes than a pull makes.
const MAX_CHANGES: u64 = 200;

/// How often it is looked whether the program is as it should be, and how many times.
const LOOK_EVERY: Duration = Duration::from_millis(10);
const MAX_LOOKS: usize = 1000;

/// So many looks without a change, and there is none to come.
const QUIET_LOOKS: usize = 100;

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_of_any_one_change_breaks_no_pull() {
    for effect in ["EIO", "ENOSPC", "EROFS", "EMFILE"] {
        fail_at_every_change(effect, "once").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_stays_broken_from_any_change_on_breaks_no_pull_and_is_told() {
    for effect in ["EIO", "ENOSPC", "EROFS"] {
        fail_at_every_change(effect, "stays").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_cannot_be_read_breaks_no_pull_and_is_used_again_later() {
    for broken in ["EIO reads", "EIO opens", "EMFILE opens"] {
        let hub = HubSim::new().image(IMAGE, Image::with_layers(&[200_001]));
        let hub = hub.start().await;
        let folder = TempDir::new().unwrap();
        let setup = faulty::setup(&hub, folder.path(), None);
        let program = setup.start();
        keeps(&program, &hub, IMAGE).await;
        assert!(program.stop().0.success());
        let mut program = setup.start();
        program.tell(&format!("break {broken}"));
        for _ in 0..3 {
            let pulled = pull(program.address, &hub, IMAGE).await;
            assert_eq!(pulled, Pulled::Whole, "{broken}: {}", program.log());
        }
        program.tell("lift");
        keeps(&program, &hub, IMAGE).await;
        assert!(program.stop().0.success());
        // A row may have lost its blob, which costs a fetch when it is next asked for; none has another's bytes.
        let (_, said) = setup.run(&["fsck"]);
        assert!(
            !said.out.text().contains("damaged"),
            "{broken}: {}",
            said.out.text()
        );
        comes_back(folder.path(), broken).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_disk_holds_no_pull_up() {
    let hub = HubSim::new().image(IMAGE, Image::small());
    let hub = hub.image("library/cold:1", Image::small()).start().await;
    let folder = TempDir::new().unwrap();
    let mut program = faulty::setup(&hub, folder.path(), None).start();
    keeps(&program, &hub, IMAGE).await;
    program.tell("break slow syncs");
    for image in ["library/cold:1", IMAGE] {
        let pulled = timeout(faulty::SLOW, pull(program.address, &hub, image)).await;
        assert_eq!(pulled.expect("nobody waits for a sync"), Pulled::Whole);
    }
    program.tell("lift");
    assert!(program.stop().0.success());
    comes_back(folder.path(), "a slow disk").await;
}

/// One program, an image and a fault at another change each time.
async fn fail_at_every_change(effect: &str, stays: &str) {
    let hub = HubSim::new().start().await;
    let folder = TempDir::new().unwrap();
    let mut program = faulty::setup(&hub, folder.path(), None).start();
    let mut struck = 0;
    for at in 1..MAX_CHANGES {
        let image = format!("library/odd:{effect}-{at}");
        let layers = Image::with_layers(&[3, 131_072, 70_001]).platforms(&["linux/amd64"]);
        hub.push(&image, layers);
        let before = changes(&mut program);
        program.tell(&format!("fault {effect} {at} {stays}"));
        let what = format!("{effect} at {at} {stays}");
        let pulled = pull(program.address, &hub, &image).await;
        assert_eq!(pulled, Pulled::Whole, "{what}: {}", tail(&program));
        let is_struck = strikes(&mut program, before + at).await;
        if is_struck && stays == "stays" {
            is_told(&program, &hub, &what).await;
        } else if stays == "once" {
            // What could not be removed is removed at the next start; all else is, at once.
            is_tidied(folder.path(), &what).await;
        }
        program.tell("lift");
        if !is_struck {
            break;
        }
        struck += 1;
        recovers(&program, &hub, &what).await;
    }
    assert!(
        (20..MAX_CHANGES - 2).contains(&struck),
        "{effect}: {struck} changes"
    );
    assert!(program.stop().0.success());
    comes_back(folder.path(), effect).await;
}

/// Waits until the fault has struck: `false` if the disk is left alone for long without.
async fn strikes(program: &mut Program, at: u64) -> bool {
    let (mut before, mut quiet_looks) = (0, 0);
    while quiet_looks < QUIET_LOOKS {
        let now = changes(program);
        if now >= at {
            return true;
        }
        quiet_looks = if now == before { quiet_looks + 1 } else { 0 };
        before = now;
        tokio::time::sleep(LOOK_EVERY).await;
    }
    false
}

/// Waits until nothing is left of what was begun.
async fn is_tidied(folder: &Path, what: &str) {
    let staging = folder.join("data/staging");
    for _ in 0..MAX_LOOKS {
        if std::fs::read_dir(&staging).unwrap().next().is_none() {
            return;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    panic!("{what}: left in staging");
}

/// While nothing can be kept, a cold pull is whole all the same, and the program says what is wrong.
async fn is_told(program: &Program, hub: &Hub, what: &str) {
    let image = format!("library/passed:{}", what.replace(' ', "-"));
    hub.push(&image, Image::with_layers(&[10]));
    assert_eq!(
        pull(program.address, hub, &image).await,
        Pulled::Whole,
        "{what}"
    );
    becomes(program, "degraded", what).await;
    let writable = program.metric("forebay_cache_writable").await;
    assert_eq!(writable, Some(0.0), "{what}");
}

/// A small image is pulled, and is kept: a second pull asks nothing.
async fn recovers(program: &Program, hub: &Hub, what: &str) {
    let image = format!("library/small:{}", what.replace(' ', "-"));
    hub.push(&image, Image::with_layers(&[10]));
    assert_eq!(
        pull(program.address, hub, &image).await,
        Pulled::Whole,
        "{what}"
    );
    becomes(program, "\"ready\"", what).await;
    hub.clear_requests();
    assert_eq!(
        pull(program.address, hub, &image).await,
        Pulled::Whole,
        "{what}"
    );
    assert_eq!(hub.requests().to_string(), "", "{what}");
}

async fn becomes(program: &Program, status: &str, what: &str) {
    for _ in 0..MAX_LOOKS {
        if program.readiness().await.contains(status) {
            return;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    panic!("{what}: {} {}", program.readiness().await, program.log())
}

/// The end of what it said, and of what it answered.
fn tail(program: &Program) -> String {
    let last = |text: String| {
        let lines: Vec<_> = text.lines().rev().take(12).map(str::to_owned).collect();
        lines.join("\n")
    };
    format!("{}\n{}", last(program.out()), last(program.log()))
}

fn changes(program: &mut Program) -> u64 {
    let answer = program.tell("count");
    answer.strip_prefix("answer ").unwrap().parse().unwrap()
}
