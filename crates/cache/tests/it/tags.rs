//! A tag costs at most a HEAD; a changed one a GET more; a stale one is better than none.

use std::time::Duration;

use forebay_cache::{OnGone, Policy};
use forebay_content::{ContentSource, Missing, Provenance, SourceError};
use forebay_limits::{Limited, Limiter};
use forebay_oci::Digest;
use tokio::task::JoinSet;

use crate::bench::{Bench, Setup, manifest_over, until};
use crate::scripted::short;

const TTL: Duration = Duration::from_mins(5);

fn trouble() -> SourceError {
    SourceError::Unavailable {
        why: "down".to_owned(),
        retry_after: None,
    }
}

fn limited() -> SourceError {
    SourceError::Limited {
        limited: Limited::by(Limiter::PullLimit),
        retry_after: TTL,
    }
}

#[tokio::test]
async fn a_cold_tag_costs_a_head_and_a_get_and_nothing_while_it_is_fresh() {
    let bench = Bench::new().await;
    let digest = bench
        .hub
        .push("library/nginx", "latest", manifest_over(&[]));
    let cold = bench.manifest("library/nginx", "latest").await.unwrap();
    assert_eq!(
        (cold.provenance, &cold.digest),
        (Provenance::Fetched, &digest)
    );
    let get = format!("GET library/nginx@{}", short(&digest));
    assert_eq!(bench.hub.asked(), ["HEAD library/nginx:latest", &get]);

    bench
        .clock
        .advance(TTL.checked_sub(Duration::from_millis(1)).unwrap());
    let warm = bench.manifest("library/nginx", "latest").await.unwrap();
    assert_eq!(
        (warm.provenance, warm.bytes),
        (Provenance::Kept, cold.bytes)
    );
    assert!(bench.hub.asked().is_empty());
}

#[tokio::test]
async fn an_unchanged_tag_costs_one_head_after_its_time_also_after_a_restart() {
    let bench = Bench::new().await;
    bench.hub.push("a/b", "latest", manifest_over(&[]));
    bench.manifest("a/b", "latest").await.unwrap();
    let bench = bench.restart().await;
    bench.hub.asked();
    assert_eq!(
        bench.manifest("a/b", "latest").await.unwrap().provenance,
        Provenance::Kept
    );
    assert!(bench.hub.asked().is_empty());

    bench.clock.advance(TTL);
    assert_eq!(
        bench.manifest("a/b", "latest").await.unwrap().provenance,
        Provenance::Confirmed
    );
    assert_eq!(bench.hub.asked(), ["HEAD a/b:latest"]);
    assert_eq!(
        bench.manifest("a/b", "latest").await.unwrap().provenance,
        Provenance::Kept
    );
    assert!(bench.hub.asked().is_empty());
}

#[tokio::test]
async fn a_changed_tag_costs_a_head_and_a_get_by_digest() {
    let bench = Bench::new().await;
    bench.hub.push("a/b", "latest", "old");
    bench.manifest("a/b", "latest").await.unwrap();
    bench.clock.advance(TTL);
    let new = bench.hub.push("a/b", "latest", "new");
    bench.hub.asked();
    let changed = bench.manifest("a/b", "latest").await.unwrap();
    assert_eq!(
        (changed.provenance, changed.digest.clone()),
        (Provenance::Fetched, new.clone())
    );
    assert_eq!(
        bench.hub.asked(),
        ["HEAD a/b:latest", &format!("GET a/b@{}", short(&new))]
    );

    let bench = bench.restart().await;
    assert_eq!(bench.manifest("a/b", "latest").await.unwrap().digest, new);
    assert!(bench.hub.asked().is_empty(), "the change was kept");
}

#[tokio::test]
async fn a_second_tag_of_a_kept_manifest_costs_no_get() {
    let bench = Bench::new().await;
    bench.hub.push("a/b", "1", "same");
    bench.hub.push("a/b", "1.0", "same");
    bench.manifest("a/b", "1").await.unwrap();
    bench.hub.asked();
    bench.manifest("a/b", "1.0").await.unwrap();
    assert_eq!(bench.hub.asked(), ["HEAD a/b:1.0"]);
}

#[tokio::test]
async fn a_hundred_who_ask_at_once_cost_one_head_and_one_get() {
    let bench = std::sync::Arc::new(Bench::new().await);
    bench.hub.push("a/b", "latest", "manifest");
    bench.hub.hold();
    let mut pulls = JoinSet::new();
    for _ in 0..100 {
        let bench = std::sync::Arc::clone(&bench);
        pulls.spawn(async move { bench.manifest("a/b", "latest").await.unwrap().bytes });
    }
    tokio::task::yield_now().await;
    bench.hub.release();
    for bytes in pulls.join_all().await {
        assert_eq!(bytes, "manifest");
    }
    assert_eq!(bench.hub.asked().len(), 2);
}

#[tokio::test]
async fn whatever_ails_the_upstream_a_kept_tag_is_served_stale() {
    for error in [
        trouble(),
        limited(),
        SourceError::TimedOut {
            why: "slow".to_owned(),
        },
        SourceError::Invalid {
            why: "nonsense".to_owned(),
        },
        SourceError::Unauthorized,
        SourceError::Denied,
        SourceError::NotFound(Missing::Manifest),
    ] {
        let bench = Bench::new().await;
        let digest = bench.hub.push("a/b", "latest", "manifest");
        bench.manifest("a/b", "latest").await.unwrap();
        bench.clock.advance(TTL);
        bench.hub.fail(error.clone());
        let stale = bench.manifest("a/b", "latest").await.unwrap();
        assert_eq!(
            (stale.provenance, &stale.bytes[..]),
            (Provenance::Stale, &b"manifest"[..]),
            "{error}"
        );
        let head = bench
            .cache
            .resolve(&Bench::request("a/b"), &"latest".parse().unwrap())
            .await
            .unwrap();
        assert_eq!(
            (head.provenance, head.digest),
            (Provenance::Stale, digest.clone()),
            "{error}"
        );
        let by_digest = bench.manifest("a/b", &digest.to_string()).await.unwrap();
        assert_eq!(by_digest.provenance, Provenance::Kept, "{error}");
    }
}

#[tokio::test]
async fn a_check_that_takes_too_long_goes_on_behind_the_stale_answer() {
    let bench = std::sync::Arc::new(Bench::new().await);
    bench.hub.push("a/b", "latest", "old");
    bench.manifest("a/b", "latest").await.unwrap();
    bench.clock.advance(TTL);
    let new = bench.hub.push("a/b", "latest", "new");
    bench.hub.asked();
    bench.hub.hold();
    let pull = tokio::spawn({
        let bench = std::sync::Arc::clone(&bench);
        async move { bench.manifest("a/b", "latest").await.unwrap() }
    });
    let asked = std::sync::Mutex::new(Vec::new());
    until(|| {
        asked.lock().unwrap().extend(bench.hub.asked());
        !asked.lock().unwrap().is_empty()
    })
    .await;
    bench.clock.advance(Policy::default().revalidate_budget);
    let stale = pull.await.unwrap();
    assert_eq!(
        (stale.provenance, &stale.bytes[..]),
        (Provenance::Stale, &b"old"[..])
    );

    bench.hub.release();
    bench.settle().await;
    assert_eq!(bench.manifest("a/b", "latest").await.unwrap().digest, new);
    assert_eq!(
        bench.hub.asked(),
        [format!("GET a/b@{}", short(&new))],
        "the check behind was the only one"
    );
}

#[tokio::test]
async fn a_check_that_takes_too_long_already_is_waited_for_by_nobody_else() {
    let bench = std::sync::Arc::new(Bench::new().await);
    bench.hub.push("a/b", "latest", "old");
    bench.manifest("a/b", "latest").await.unwrap();
    bench.clock.advance(TTL);
    bench.hub.asked();
    bench.hub.hold();
    let pull = || {
        let bench = std::sync::Arc::clone(&bench);
        tokio::spawn(async move { bench.manifest("a/b", "latest").await.unwrap().provenance })
    };
    let budget = Policy::default().revalidate_budget;
    let (first, asked) = (pull(), || bench.hub.asked_so_far() == 1);
    until(asked).await;
    bench.clock.advance(budget / 2);
    let second = pull();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!first.is_finished() && !second.is_finished());
    // The second has waited for half of the time only, but the check has taken all of it.
    bench.clock.advance(budget / 2);
    assert_eq!(first.await.unwrap(), Provenance::Stale);
    assert_eq!(second.await.unwrap(), Provenance::Stale);
    assert_eq!(pull().await.unwrap(), Provenance::Stale);
    assert!(asked(), "one check for all of them");
    bench.hub.release();
}

#[tokio::test]
async fn a_tag_that_moved_to_what_cannot_be_fetched_falls_back_on_what_is_kept() {
    let bench = Bench::new().await;
    bench.hub.push("a/b", "latest", "old");
    bench.manifest("a/b", "latest").await.unwrap();
    bench.clock.advance(TTL);
    let new = bench.hub.push("a/b", "latest", "new");
    bench
        .cache
        .resolve(&Bench::request("a/b"), &"latest".parse().unwrap())
        .await
        .unwrap();
    bench.hub.fail(limited());
    let stale = bench.manifest("a/b", "latest").await.unwrap();
    assert_eq!(
        (stale.provenance, &stale.bytes[..]),
        (Provenance::Stale, &b"old"[..])
    );
    bench.hub.heal();
    assert_eq!(bench.manifest("a/b", "latest").await.unwrap().digest, new);
}

/// What a HEAD of `a/b:latest` is answered.
async fn head(bench: &Bench) -> (Provenance, Digest) {
    let latest = "latest".parse().unwrap();
    let head = bench.cache.resolve(&Bench::request("a/b"), &latest).await;
    let head = head.unwrap();
    (head.provenance, head.digest)
}

#[tokio::test]
async fn while_pulls_are_stopped_a_tag_that_moved_is_what_is_kept() {
    let bench = Bench::new().await;
    let old = bench.hub.push("a/b", "latest", "old");
    bench.manifest("a/b", "latest").await.unwrap();
    bench.clock.advance(TTL);
    let new = bench.hub.push("a/b", "latest", "new");
    bench.hub.asked();
    bench.hub.stop_pulls(Some(TTL));
    assert_eq!(head(&bench).await, (Provenance::Stale, old.clone()));
    assert_eq!(bench.hub.asked(), ["HEAD a/b:latest"]);
    // Also while what the upstream named is fresh.
    assert_eq!(head(&bench).await, (Provenance::Stale, old.clone()));
    let stale = bench.manifest("a/b", "latest").await.unwrap();
    assert_eq!((stale.provenance, stale.digest), (Provenance::Stale, old));
    assert!(bench.hub.asked().is_empty());

    bench.hub.stop_pulls(None);
    assert_eq!(head(&bench).await, (Provenance::Kept, new.clone()));
    assert_eq!(bench.manifest("a/b", "latest").await.unwrap().digest, new);
}

#[tokio::test]
async fn a_limit_that_is_met_after_the_head_turns_the_next_head_back_to_what_is_kept() {
    let bench = Bench::new().await;
    let old = bench.hub.push("a/b", "latest", "old");
    bench.manifest("a/b", "latest").await.unwrap();
    bench.clock.advance(TTL);
    let new = bench.hub.push("a/b", "latest", "new");
    assert_eq!(head(&bench).await, (Provenance::Confirmed, new.clone()));
    bench.hub.stop_pulls(Some(TTL));
    let refused = bench.manifest("a/b", &new.to_string()).await;
    assert!(
        matches!(refused, Err(SourceError::Limited { .. })),
        "{refused:?}"
    );
    assert_eq!(head(&bench).await, (Provenance::Stale, old));
}

/// A list of platforms, of whatever they are.
fn list_of(platforms: &[&Digest]) -> String {
    let entry =
        |digest: &&Digest| format!(r#"{{"mediaType":"a/b","digest":"{digest}","size":10}}"#);
    let entries: Vec<_> = platforms.iter().map(entry).collect();
    let entries = entries.join(",");
    format!(r#"{{"schemaVersion":2,"manifests":[{entries}]}}"#)
}

#[tokio::test]
async fn a_list_of_platforms_that_is_refreshed_is_what_the_tag_is_at_once() {
    let bench = Bench::new().await;
    bench.hub.push("a/b", "latest", "old");
    bench.manifest("a/b", "latest").await.unwrap();
    let list = list_of(&[&Digest::sha256(b"a platform")]);
    let new = bench.hub.push("a/b", "latest", list);
    let latest = "latest".parse().unwrap();
    let refreshed = bench.cache.refresh(&Bench::request("a/b"), &latest).await;
    assert_eq!(refreshed.unwrap().now, new);
    let bench = bench.restart().await;
    assert_eq!(head(&bench).await, (Provenance::Kept, new));
}

#[tokio::test]
async fn a_list_of_platforms_is_what_a_tag_is_as_soon_as_one_of_them_is_here() {
    let bench = Bench::new().await;
    let put = |content: &'static str| bench.hub.put("a/b", content);
    let old_platform = put("old platform");
    let old = bench.hub.push("a/b", "latest", list_of(&[&old_platform]));
    assert_eq!(head(&bench).await.1, old);
    for digest in [&old, &old_platform] {
        bench.manifest("a/b", &digest.to_string()).await.unwrap();
    }
    bench.clock.advance(TTL);
    let (one, other) = (put("new platform"), put("another"));
    let new = bench.hub.push("a/b", "latest", list_of(&[&one, &other]));
    assert_eq!(head(&bench).await.1, new);
    bench.manifest("a/b", &new.to_string()).await.unwrap();
    // The list was the last that the limit let through.
    bench.hub.stop_pulls(Some(TTL));
    assert_eq!(head(&bench).await, (Provenance::Stale, old.clone()));
    let by_tag = bench.manifest("a/b", "latest").await.unwrap();
    assert_eq!((by_tag.provenance, by_tag.digest), (Provenance::Stale, old));

    bench.hub.stop_pulls(None);
    assert_eq!(head(&bench).await, (Provenance::Kept, new.clone()));
    bench.manifest("a/b", &other.to_string()).await.unwrap();
    bench.hub.stop_pulls(Some(TTL));
    assert_eq!(head(&bench).await, (Provenance::Kept, new.clone()));
    let bench = bench.restart().await;
    assert_eq!(head(&bench).await, (Provenance::Kept, new));
}

#[tokio::test]
async fn while_pulls_are_stopped_a_tag_is_named_that_moved_to_what_is_here_or_from_what_is_gone() {
    let bench = Bench::new().await;
    let old = bench.hub.push("a/b", "latest", "old");
    bench.manifest("a/b", "latest").await.unwrap();
    bench.settle().await;
    bench.clock.advance(TTL);
    let new = bench.hub.push("a/b", "latest", "new");
    bench.hub.push("other/name", "latest", "new");
    assert_eq!(head(&bench).await.1, new);
    bench.manifest("other/name", "latest").await.unwrap();
    bench.hub.stop_pulls(Some(TTL));
    assert_eq!(head(&bench).await, (Provenance::Kept, new));

    let bench = bench.restart().await;
    bench.hub.stop_pulls(None);
    let new = bench.hub.push("a/b", "latest", "newer");
    bench.clock.advance(TTL);
    bench.catalog.evict(&[old]).await.unwrap();
    bench.hub.stop_pulls(Some(TTL));
    assert_eq!(head(&bench).await.1, new, "there is nothing else to name");
}

#[tokio::test]
async fn a_tag_that_was_only_asked_about_is_kept_once_its_manifest_came_by_digest() {
    // containerd's way: HEAD by tag, GET by digest, and never a GET by tag.
    let bench = Bench::new().await;
    let old = bench.hub.push("a/b", "latest", "old");
    let request = Bench::request("a/b");
    let latest = "latest".parse().unwrap();
    bench.cache.resolve(&request, &latest).await.unwrap();
    bench.manifest("a/b", &old.to_string()).await.unwrap();
    let bench = bench.restart().await;
    bench.clock.advance(TTL);
    bench.hub.fail(trouble());
    let head = bench.cache.resolve(&request, &latest).await.unwrap();
    assert_eq!((head.provenance, head.digest), (Provenance::Stale, old));

    bench.hub.heal();
    let new = bench.hub.push("a/b", "latest", "new");
    assert_eq!(
        bench.cache.resolve(&request, &latest).await.unwrap().digest,
        new
    );
    bench.manifest("a/b", &new.to_string()).await.unwrap();
    let bench = bench.restart().await;
    bench.clock.advance(TTL);
    bench.hub.fail(trouble());
    let head = bench.cache.resolve(&request, &latest).await.unwrap();
    assert_eq!((head.provenance, head.digest), (Provenance::Stale, new));
}

#[tokio::test]
async fn a_tag_without_a_copy_at_rest_gets_the_honest_answer() {
    let bench = Bench::new().await;
    bench.hub.push("a/b", "latest", "never fetched");
    let request = Bench::request("a/b");
    let latest = "latest".parse().unwrap();
    bench.cache.resolve(&request, &latest).await.unwrap();
    bench.clock.advance(TTL);
    bench.hub.fail(trouble());
    let head = bench.cache.resolve(&request, &latest).await;
    assert!(
        matches!(head, Err(SourceError::Unavailable { .. })),
        "{head:?}"
    );
    bench.hub.fail(SourceError::NotFound(Missing::Manifest));
    let get = bench.manifest("a/b", "latest").await;
    assert!(
        matches!(get, Err(SourceError::NotFound(Missing::Manifest))),
        "{get:?}"
    );
}

#[tokio::test]
async fn a_gone_tag_is_refused_where_the_operator_says_so() {
    let setup = Setup {
        policy: Policy {
            on_gone: OnGone::Refuse,
            ..Policy::default()
        },
        ..Setup::default()
    };
    let bench = Bench::with(setup).await;
    bench.hub.push("a/b", "latest", "manifest");
    bench.manifest("a/b", "latest").await.unwrap();
    bench.clock.advance(TTL);
    bench.hub.fail(trouble());
    assert_eq!(
        bench.manifest("a/b", "latest").await.unwrap().provenance,
        Provenance::Stale,
        "trouble is not absence"
    );
    bench.hub.heal();
    bench.hub.remove_tag("a/b", "latest");
    let gone = bench.manifest("a/b", "latest").await;
    assert!(
        matches!(gone, Err(SourceError::NotFound(Missing::Manifest))),
        "{gone:?}"
    );
    let bench = bench.restart().await;
    assert!(
        bench.manifest("a/b", "latest").await.is_err(),
        "the tag was forgotten"
    );
}

/// How long a tag that is asked for without end stays unseen after its first push, in times to live of an absence.
async fn unseen(tokens_each: u64, failure: Option<SourceError>) -> u32 {
    let bench = Bench::new().await;
    let ttl = Policy::default().negative_ttl;
    bench.hub.want_tokens(tokens_each);
    if let Some(failure) = failure {
        bench.hub.fail(failure);
    }
    // It is known to be asked for again and again, and was looked for just now.
    for asked in 1.. {
        bench.hub.asked();
        bench.manifest("a/b", "new").await.unwrap_err();
        if asked > 5 && !bench.hub.asked().is_empty() {
            break;
        }
        bench.clock.advance(ttl);
    }
    bench.hub.push("a/b", "new", "here now");
    bench.hub.heal();
    let mut times = 0;
    while bench.manifest("a/b", "new").await.is_err() {
        bench.clock.advance(ttl);
        times += 1;
    }
    times
}

#[tokio::test]
async fn a_first_push_is_seen_after_one_time_unless_each_look_costs_a_token_as_well() {
    for failure in [
        None,
        Some(SourceError::Unauthorized),
        Some(SourceError::Denied),
    ] {
        assert_eq!(unseen(0, failure.clone()).await, 1, "{failure:?}");
        assert_eq!(unseen(1, failure.clone()).await, 2, "{failure:?}");
    }
}

#[tokio::test]
async fn an_absence_is_asked_about_once_in_its_time_and_a_limit_each_time() {
    let bench = Bench::new().await;
    for _ in 0..3 {
        assert!(matches!(
            bench.manifest("a/b", "gone").await,
            Err(SourceError::NotFound(Missing::Manifest))
        ));
    }
    assert_eq!(bench.hub.asked(), ["HEAD a/b:gone"]);
    bench.clock.advance(Policy::default().negative_ttl);
    bench.hub.push("a/b", "gone", "here now");
    assert_eq!(
        bench.manifest("a/b", "gone").await.unwrap().bytes,
        "here now"
    );

    bench.hub.asked();
    bench.hub.fail(limited());
    for _ in 0..3 {
        assert!(matches!(
            bench.manifest("a/b", "cold").await,
            Err(SourceError::Limited { .. })
        ));
    }
    assert_eq!(
        bench.hub.asked().len(),
        3,
        "the upstream's own gate answers for its limits"
    );
}

#[tokio::test]
async fn a_clock_that_is_set_back_costs_nothing_and_one_that_leaps_ahead_a_head() {
    const YEARS: i64 = 315_360_000;
    let bench = Bench::new().await;
    bench.hub.push("a/b", "latest", "manifest");
    bench.manifest("a/b", "latest").await.unwrap();
    let leap = |seconds: i64| {
        let wall = forebay_content::Clock::now(&bench.clock).0 + seconds * 1000;
        bench.clock.jump_to(forebay_content::Timestamp(wall));
    };
    bench.hub.asked();
    for (jump, heads) in [
        (-3600, 0),
        (3600, 0),
        (3600, 1),
        (-YEARS, 0),
        (YEARS, 0),
        (YEARS, 1),
    ] {
        leap(jump);
        assert_eq!(
            bench.manifest("a/b", "latest").await.unwrap().bytes,
            "manifest"
        );
        assert_eq!(bench.hub.asked().len(), heads, "after a jump of {jump} s");
        assert_eq!(bench.at_rest().await.len(), 1);
    }
    // Nor does one that is set back have a tag live longer.
    for _ in 0..10 {
        bench.clock.advance(Duration::from_mins(1));
        leap(-60);
        bench.manifest("a/b", "latest").await.unwrap();
    }
    assert_eq!(bench.hub.asked(), ["HEAD a/b:latest", "HEAD a/b:latest"]);
    bench.settle().await;
    // What a process before has heard is known by the wall clock alone: one that lies ahead is asked about.
    leap(-3600);
    let bench = bench.restart().await;
    bench.manifest("a/b", "latest").await.unwrap();
    assert_eq!(bench.hub.asked(), ["HEAD a/b:latest"]);
}

#[tokio::test]
async fn a_refresh_asks_however_fresh_the_tag_is() {
    let bench = Bench::new().await;
    bench.hub.push("a/b", "latest", "old");
    let old = bench.manifest("a/b", "latest").await.unwrap().digest;
    let (request, tag) = (Bench::request("a/b"), "latest".parse().unwrap());
    let refresh = || bench.cache.refresh(&request, &tag);
    let unchanged = refresh().await.unwrap();
    assert_eq!(
        (unchanged.before.as_ref(), unchanged.fetched),
        (Some(&old), false)
    );
    let new = bench.hub.push("a/b", "latest", "new");
    let moved = refresh().await.unwrap();
    assert_eq!(
        (moved.before, moved.now, moved.fetched),
        (Some(old.clone()), new.clone(), true)
    );
    bench.hub.point("a/b", "latest", &old);
    let back = refresh().await.unwrap();
    assert_eq!(
        (back.before, back.now, back.fetched),
        (Some(new.clone()), old, false)
    );
    bench.hub.point("a/b", "latest", &new);
    refresh().await.unwrap();
    bench.hub.asked();
    assert_eq!(bench.manifest("a/b", "latest").await.unwrap().digest, new);
    assert!(bench.hub.asked().is_empty());
}

#[tokio::test]
async fn each_of_several_tags_that_moved_to_one_manifest_is_what_it_moved_to() {
    let bench = Bench::new().await;
    for tag in ["1", "1.2", "latest"] {
        bench.hub.push("a/b", tag, "old");
        bench.manifest("a/b", tag).await.unwrap();
    }
    bench.clock.advance(Duration::from_hours(7));
    let mut new = None;
    for tag in ["1", "1.2", "latest"] {
        new = Some(bench.hub.push("a/b", tag, "new"));
        let reference = tag.parse().unwrap();
        let request = Bench::request("a/b");
        bench.cache.resolve(&request, &reference).await.unwrap();
    }
    let new = new.unwrap();
    bench.manifest("a/b", &new.to_string()).await.unwrap();
    let bench = bench.restart().await;
    bench.clock.advance(Duration::from_hours(7));
    bench.hub.fail(SourceError::Unavailable {
        why: "down".to_owned(),
        retry_after: None,
    });
    for tag in ["1", "1.2", "latest"] {
        let stale = bench.manifest("a/b", tag).await.unwrap();
        assert_eq!(
            (stale.provenance, stale.digest),
            (Provenance::Stale, new.clone()),
            "{tag}"
        );
    }
}

#[tokio::test]
async fn a_tag_never_goes_back_from_what_it_moved_to_and_is_here() {
    let bench = Bench::new().await;
    bench.hub.push("a/b", "latest", "old");
    bench.manifest("a/b", "latest").await.unwrap();
    bench.clock.advance(TTL);
    let new = bench.hub.push("a/b", "latest", "new");
    bench.hub.put("c/d", "new");
    let request = Bench::request("a/b");
    let latest = "latest".parse().unwrap();
    bench.cache.resolve(&request, &latest).await.unwrap();
    // It comes through another repository, which keeps no promise of this one.
    bench.manifest("c/d", &new.to_string()).await.unwrap();
    bench.clock.advance(TTL);
    bench.hub.fail(SourceError::Denied);
    let stale = bench.manifest("a/b", "latest").await.unwrap();
    assert_eq!((stale.provenance, stale.digest), (Provenance::Stale, new));
}
