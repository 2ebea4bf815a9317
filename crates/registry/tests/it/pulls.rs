//! Pulls are noted, and written down in time: no rule lets go of what was pulled meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use forebay_blobs_fs::RealDisk;
use forebay_content::{ContentSource as _, ManualClock, Request, Timestamp};
use forebay_lifecycle_rules::{Expiry, Policy, Rule, Selection};
use forebay_oci::Reference;
use futures::future::{FutureExt as _, join, ready};
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio::task::yield_now;

use crate::hooked_rows::{HookedRows, Moment};
use crate::scene::{Image, Scene, name};

const DAY: Duration = Duration::from_hours(24);

/// Longer than a plan takes that waits for nothing.
const TURNS: usize = 10_000;

fn unused() -> Policy {
    Policy::new(vec![Rule {
        name: "unused".to_owned(),
        priority: 1,
        repositories: vec!["**".parse().unwrap()],
        selection: Selection::Everything,
        expiry: Expiry::NotPulledFor(DAY * 90),
    }])
}

#[tokio::test]
async fn a_rule_waits_for_the_pulls_that_are_just_being_written_down() {
    let dir = TempDir::new().unwrap();
    let clock = ManualClock::at(Timestamp(1_700_000_000_000));
    let (is_slow, gate) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
    let hook = {
        let (is_slow, gate) = (Arc::clone(&is_slow), Arc::clone(&gate));
        move |moment| {
            if moment == Moment::Writing && is_slow.swap(false, Ordering::Relaxed) {
                let gate = Arc::clone(&gate);
                async move { gate.notified().await }.boxed()
            } else {
                ready(()).boxed()
            }
        }
    };
    let by = (Arc::new(RealDisk) as _, Arc::new(clock.clone()) as _);
    let scene = Scene::hooked(dir.path(), by, |rows| {
        let hook = Arc::new(hook);
        Arc::new(HookedRows { rows, hook })
    })
    .await;
    let (app, image, rules) = (name("app"), Image::numbered(0), unused());
    scene.push_image(&app, Some("1"), &image).await.unwrap();
    clock.advance(DAY * 91);

    // The first write from now on is of the notes.
    let pull = Request::in_background(app.clone());
    let tag = Reference::Tag("1".parse().unwrap());
    scene.registry.manifest(&pull, &tag).await.unwrap();
    is_slow.store(true, Ordering::Relaxed);
    let registry = Arc::clone(&scene.registry);
    scene
        .supervisor
        .spawn("upkeep", async move { registry.keep_up().await });
    while is_slow.load(Ordering::Relaxed) {
        yield_now().await;
    }
    let expire = || scene.registry.expire(&app, &rules, Arc::new(|_| {}));
    let opens = async {
        for _ in 0..TURNS {
            yield_now().await;
        }
        gate.notify_one();
    };
    let (expired, ()) = join(expire(), opens).await;
    assert_eq!(expired.unwrap().dropped, 0, "it was pulled a moment ago");
    scene.registry.resolve(&pull, &tag).await.unwrap();

    // To be asked about it was a pull, too.
    for (days, dropped) in [(89, 0), (2, 1)] {
        clock.advance(DAY * days);
        assert_eq!(expire().await.unwrap().dropped, dropped, "{days}");
    }
    scene.close().await;
}
