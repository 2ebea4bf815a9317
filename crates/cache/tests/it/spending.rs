//! How a manifest that is not here is paid for: with a pull, by the same from elsewhere, by waiting, or not at all.

use std::future::Future;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use forebay_cache::{Equivalent, Renaming};
use forebay_content::{
    Caller, Client, Clock as _, ContentSource as _, ManifestContent, Request, SourceError,
};
use forebay_limits::{Identity, Priority, Purse};
use forebay_oci::{Digest, MediaType, Reference};

use crate::bench::Bench;
use crate::scripted::{Scripted, short};

const MANIFEST: &str = r#"{"schemaVersion":2}"#;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn metered(remaining: u64) -> Purse {
    Purse::Metered {
        remaining,
        limit: 100,
    }
}

fn empty(opens_in: u64) -> Purse {
    Purse::Empty {
        opens_in: Some(seconds(opens_in)),
    }
}

fn client() -> Request {
    Bench::request("library/nginx")
}

fn nobody() -> Request {
    Request {
        priority: Priority::Background,
        ..client()
    }
}

fn asked_by(address: &str, request: Request) -> Request {
    let client = Client {
        address: Some(address.parse().unwrap()),
        ..Client::default()
    };
    let caller = Arc::new(Caller {
        client: Arc::new(client),
        kind: request.caller.kind,
    });
    Request { caller, ..request }
}

async fn pull(
    bench: &Bench,
    request: Request,
    digest: &Digest,
) -> Result<ManifestContent, SourceError> {
    let reference = Reference::Digest(digest.clone());
    bench.cache.manifest(&request, &reference).await
}

/// Lets time pass in steps of a second until `work` is done; how long that took.
async fn pass_time<T>(bench: &Bench, work: impl Future<Output = T>) -> (T, Duration) {
    let began = bench.clock.monotonic();
    let ticking = async {
        for _ in 0..100 {
            // Whoever is about to sleep does so first.
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            bench.clock.advance(seconds(1));
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        biased;
        done = work => (done, bench.clock.monotonic().saturating_sub(began)),
        () = ticking => unreachable!("it pends"),
    }
}

/// The bench's repository also at another registry, under another name.
fn elsewhere(bench: &Bench) -> Scripted {
    let other = Scripted::new();
    bench.cache.set_equivalents(vec![Equivalent {
        renaming: Renaming::new("library/*", "docker/library/*").unwrap(),
        upstream: "public.ecr.aws".into(),
        source: Arc::new(other.clone()),
    }]);
    other
}

#[tokio::test]
async fn what_nobody_waits_for_stops_at_the_reserve_and_a_client_does_not() {
    let bench = Bench::new().await;
    let digest = bench.hub.put("library/nginx", MANIFEST);
    bench.hub.fill_purse(metered(20));
    let refused = pull(&bench, nobody(), &digest).await.unwrap_err();
    assert!(
        matches!(refused, SourceError::Reserved { .. }),
        "{refused:?}"
    );
    assert!(bench.hub.asked().is_empty());
    pull(&bench, client(), &digest).await.unwrap();
    let get = format!("GET library/nginx@{}", short(&digest));
    assert_eq!(bench.hub.asked(), [get]);

    let other = bench.hub.put("library/nginx", "{}");
    bench.hub.fill_purse(metered(21));
    pull(&bench, nobody(), &other).await.unwrap();
}

#[tokio::test]
async fn an_empty_purse_is_spared_by_the_same_image_elsewhere_under_the_digest_that_a_free_head_names()
 {
    let bench = Bench::new().await;
    let other = elsewhere(&bench);
    let digest = bench.hub.put("library/nginx", MANIFEST);
    other.put("docker/library/nginx", MANIFEST);
    bench.hub.stop_pulls(Some(seconds(300)));
    let manifest = pull(&bench, client(), &digest).await.unwrap();
    assert_eq!(manifest.bytes, MANIFEST);
    assert_eq!(manifest.from.as_deref(), Some("public.ecr.aws"));
    let name = short(&digest);
    assert_eq!(bench.hub.asked(), [format!("HEAD library/nginx@{name}")]);
    assert_eq!(other.asked(), [format!("GET docker/library/nginx@{name}")]);

    let kept = pull(&bench, client(), &digest).await.unwrap();
    assert_eq!(kept.from, None);
    assert!(bench.hub.asked().is_empty() && other.asked().is_empty());
}

#[tokio::test]
async fn nothing_is_asked_elsewhere_that_the_upstream_does_not_name_or_while_its_purse_is_full() {
    let bench = Bench::new().await;
    let other = elsewhere(&bench);
    let digest = other.put("docker/library/nginx", MANIFEST);
    bench.hub.stop_pulls(Some(seconds(300)));
    let refused = pull(&bench, client(), &digest).await.unwrap_err();
    assert!(
        matches!(refused, SourceError::Limited { retry_after, .. } if retry_after == seconds(300)),
        "{refused:?}"
    );
    assert!(other.asked().is_empty());

    bench.hub.stop_pulls(None);
    let digest = bench.hub.put("library/nginx", "{}");
    pull(&bench, client(), &digest).await.unwrap();
    assert!(other.asked().is_empty());
}

#[tokio::test]
async fn who_is_turned_away_from_the_line_is_told_whose_limit_it_is() {
    let bench = Bench::new().await;
    let digest = bench.hub.put("library/nginx", MANIFEST);
    bench.hub.fill_purse(empty(300));
    bench
        .hub
        .count_for(Identity::Address(Some(Ipv4Addr::new(192, 0, 2, 1).into())));
    let refused = pull(&bench, client(), &digest).await.unwrap_err();
    let SourceError::Limited { limited, .. } = refused else {
        panic!("no limit: {refused:?}");
    };
    assert_eq!(limited.to_string(), "pull limit of address 192.0.2.1");
}

#[tokio::test]
async fn another_image_elsewhere_is_not_taken() {
    let bench = Bench::new().await;
    let other = elsewhere(&bench);
    let digest = bench.hub.put("library/nginx", MANIFEST);
    other.put_as("docker/library/nginx", &digest, "{\"other\":true}");
    bench.hub.stop_pulls(Some(seconds(300)));
    let refused = pull(&bench, client(), &digest).await.unwrap_err();
    assert!(
        matches!(refused, SourceError::Limited { .. }),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_client_waits_for_a_window_that_opens_within_its_patience() {
    let bench = Bench::new().await;
    let digest = bench.hub.put("library/nginx", MANIFEST);
    bench.hub.fill_purse(empty(10));
    let opening = async {
        bench.clock.sleep(seconds(9)).await;
        assert!(bench.hub.asked().is_empty());
        bench.hub.fill_purse(metered(1));
    };
    let work = async { tokio::join!(pull(&bench, client(), &digest), opening).0 };
    let (pulled, took) = pass_time(&bench, work).await;
    pulled.unwrap();
    assert!(took >= seconds(10), "{took:?}");
    assert_eq!(bench.hub.asked().len(), 1);
}

#[tokio::test]
async fn a_window_that_opens_too_late_is_refused_at_once() {
    let bench = Bench::new().await;
    let digest = bench.hub.put("library/nginx", MANIFEST);
    bench.hub.fill_purse(empty(21));
    let refused = pull(&bench, client(), &digest).await.unwrap_err();
    assert!(
        matches!(refused, SourceError::Limited { retry_after, .. } if retry_after == seconds(21)),
        "{refused:?}"
    );
    assert!(bench.hub.asked().is_empty());
}

#[tokio::test]
async fn those_who_wait_ask_one_after_another_and_stop_when_it_closes_again() {
    let bench = Bench::new().await;
    let digests: Vec<Digest> = (0..3)
        .map(|n| bench.hub.put("library/nginx", format!("{{\"n\":{n}}}")))
        .collect();
    bench.hub.fill_purse(empty(5));
    let opening = async {
        bench.clock.sleep(seconds(4)).await;
        bench.hub.fill_purse(metered(1));
        bench.hub.empty_purse_by_a_pull(empty(600));
    };
    let work = async {
        let pulls = digests.iter().map(|digest| pull(&bench, client(), digest));
        tokio::join!(futures::future::join_all(pulls), opening).0
    };
    let (pulled, _) = pass_time(&bench, work).await;
    let got = pulled.iter().filter(|pulled| pulled.is_ok()).count();
    assert_eq!((got, bench.hub.asked().len()), (1, 1));
}

#[tokio::test]
async fn who_comes_when_the_window_opens_waits_behind_those_who_have_waited() {
    let bench = Bench::new().await;
    let digests: Vec<Digest> = (0..4)
        .map(|n| bench.hub.put("library/nginx", format!("{{\"n\":{n}}}")))
        .collect();
    bench.hub.fill_purse(empty(5));
    let newcomer = async {
        bench.clock.sleep(seconds(4)).await;
        bench.hub.fill_purse(metered(1));
        pull(&bench, client(), &digests[3]).await
    };
    let background = async {
        bench.clock.sleep(seconds(4)).await;
        let digest = bench.hub.put("library/nginx", "{}");
        bench.hub.fill_purse(metered(100));
        pull(&bench, nobody(), &digest).await
    };
    let pulls = digests[..3]
        .iter()
        .map(|digest| pull(&bench, client(), digest));
    let pulls = futures::future::join_all(pulls);
    let work = async { tokio::join!(pulls, newcomer, background) };
    let ((pulled, newcomer, background), _) = pass_time(&bench, work).await;
    assert!(pulled.iter().all(Result::is_ok));
    newcomer.unwrap();
    background.unwrap();
    let asked = bench.hub.asked();
    let expected: Vec<_> = digests.iter().map(short).collect();
    for (asked, digest) in asked.iter().zip(&expected) {
        assert!(asked.ends_with(digest), "{asked} {expected:?}");
    }
    assert_eq!(asked.len(), 5);
}

#[tokio::test]
async fn a_client_that_waits_for_much_keeps_no_other_waiting_longer() {
    let bench = Bench::new().await;
    let digests: Vec<Digest> = (0..7)
        .map(|n| bench.hub.put("library/nginx", format!("{{\"n\":{n}}}")))
        .collect();
    bench.hub.fill_purse(empty(5));
    let opening = async {
        bench.clock.sleep(seconds(4)).await;
        // Two more go through, and then nobody knows.
        bench.hub.fill_purse(metered(2));
    };
    // Two addresses of one /64 are one client.
    let greedy = (0..6).map(|n| {
        let request = asked_by(["2001:db8::1", "2001:db8::2"][n % 2], client());
        pull(&bench, request, &digests[n])
    });
    let greedy = futures::future::join_all(greedy);
    let modest = pull(&bench, asked_by("192.0.2.1", client()), &digests[6]);
    let work = async { tokio::join!(greedy, modest, opening).1 };
    let (modest, _) = pass_time(&bench, work).await;
    modest.unwrap();
    let asked = bench.hub.asked();
    let theirs = asked
        .iter()
        .position(|asked| asked.ends_with(&short(&digests[6])));
    // One of the other's had the turn already, and one was there before.
    assert_eq!(theirs, Some(2), "{asked:?}");
}

#[tokio::test]
async fn what_a_manifest_from_elsewhere_is_called_there_is_not_what_it_is_here() {
    let bench = Bench::new().await;
    let other = elsewhere(&bench);
    // Its bytes do not say what it is.
    let digest = bench.hub.put("library/nginx", "{}");
    other.put("docker/library/nginx", "{}");
    other.call_manifests(MediaType::DOCKER_MANIFEST);
    bench.hub.stop_pulls(Some(seconds(300)));
    for _ in 0..2 {
        let manifest = pull(&bench, client(), &digest).await.unwrap();
        assert_eq!(manifest.media_type, MediaType::OCI_MANIFEST);
    }
    assert_eq!(other.asked().len(), 1);
}

#[tokio::test]
async fn of_those_who_wait_for_the_same_each_waits_as_long_as_it_has_patience() {
    let bench = Bench::new().await;
    let digest = bench.hub.put("library/nginx", MANIFEST);
    bench.hub.fill_purse(empty(5));
    let waits = |patience| Request {
        patience: seconds(patience),
        ..client()
    };
    let timed = async |patience, after| {
        bench.clock.sleep(seconds(after)).await;
        let began = bench.clock.monotonic();
        let pulled = pull(&bench, waits(patience), &digest).await;
        let took = bench.clock.monotonic().saturating_sub(began);
        (pulled, took.as_secs())
    };
    let window = async {
        // It opens later than it was to.
        bench.clock.sleep(seconds(4)).await;
        bench.hub.fill_purse(empty(10));
        bench.clock.sleep(seconds(10)).await;
        bench.hub.fill_purse(metered(1));
    };
    let work = async { tokio::join!(timed(8, 0), timed(20, 1), timed(3, 2), window) };
    let ((first, patient, hasty, ()), _) = pass_time(&bench, work).await;
    patient.0.unwrap();
    for ((refused, took), patience) in [(first, 8), (hasty, 3)] {
        assert!((patience..=patience + 1).contains(&took), "{took}");
        let refused = refused.unwrap_err();
        assert!(
            matches!(refused, SourceError::Limited { retry_after, .. } if retry_after <= seconds(10)),
            "{refused:?}"
        );
    }
    assert_eq!(bench.hub.asked().len(), 1);
}

#[tokio::test]
async fn elsewhere_is_asked_with_the_patience_that_is_left() {
    let bench = Bench::new().await;
    let other = elsewhere(&bench);
    let digest = bench.hub.put("library/nginx", MANIFEST);
    other.put("docker/library/nginx", MANIFEST);
    bench.hub.stop_pulls(Some(seconds(300)));
    bench.hub.hold();
    let release = async {
        bench.clock.sleep(seconds(5)).await;
        bench.hub.release();
    };
    let work = async { tokio::join!(pull(&bench, client(), &digest), release).0 };
    pass_time(&bench, work).await.0.unwrap();
    assert!(other.last_patience().unwrap() <= seconds(15));
}

#[tokio::test]
async fn a_head_that_was_begun_for_nobody_is_not_kept_back_from_a_client() {
    let bench = Bench::new().await;
    let digest = bench.hub.push("library/nginx", "1", MANIFEST);
    bench.hub.keep_back();
    for reference in ["1".parse::<Reference>().unwrap(), digest.clone().into()] {
        let (for_nobody, for_client) = (nobody(), client());
        let work = async {
            tokio::join!(
                bench.cache.resolve(&for_nobody, &reference),
                bench.cache.resolve(&for_client, &reference)
            )
        };
        let ((background, interactive), _) = pass_time(&bench, work).await;
        assert_eq!(background.unwrap().digest, digest);
        assert_eq!(interactive.unwrap().digest, digest);
        assert_eq!(bench.hub.asked().len(), 1);
    }
}

#[tokio::test]
async fn a_pull_that_was_begun_for_nobody_is_not_kept_back_from_a_client_and_is_asked_for_once() {
    let bench = Bench::new().await;
    let digest = bench.hub.put("library/nginx", MANIFEST);
    bench.hub.keep_back();
    let work = async {
        tokio::join!(pull(&bench, nobody(), &digest), async {
            bench.clock.sleep(seconds(3)).await;
            assert!(bench.hub.asked().is_empty());
            pull(&bench, client(), &digest).await
        })
    };
    let ((background, interactive), took) = pass_time(&bench, work).await;
    background.unwrap();
    interactive.unwrap();
    assert!(took <= seconds(5), "{took:?}");
    assert_eq!(bench.hub.asked().len(), 1);
}

#[tokio::test]
async fn an_old_word_is_renewed_by_a_free_head_and_where_that_says_nothing_one_asks() {
    let bench = Bench::new().await;
    let digest = bench.hub.put("library/nginx", MANIFEST);
    let name = short(&digest);
    let (head, get) = (
        format!("HEAD library/nginx@{name}"),
        format!("GET library/nginx@{name}"),
    );
    bench.hub.fill_purse(empty(0));
    bench.hub.fill_purse_after_head(empty(300));
    pull(&bench, client(), &digest).await.unwrap_err();
    assert_eq!(bench.hub.asked(), std::slice::from_ref(&head));

    bench.hub.fill_purse(empty(0));
    pull(&bench, client(), &digest).await.unwrap();
    // When it comes, and when it has its turn.
    assert_eq!(bench.hub.asked(), [head.clone(), head, get]);
}

#[tokio::test]
async fn an_image_that_is_not_counted_is_pulled_whatever_is_left_for_others() {
    for stopped_for in [None, Some(seconds(300))] {
        let bench = Bench::new().await;
        let digest = bench.hub.put("vendor/free", MANIFEST);
        let counted = bench.hub.put("library/nginx", MANIFEST.replace('2', "1"));
        bench.hub.fill_purse(empty(300));
        bench.hub.stop_pulls(stopped_for);
        bench.hub.free("vendor/free");
        for request in [nobody(), client()] {
            let request = Request {
                repository: "vendor/free".parse().unwrap(),
                ..request
            };
            pull(&bench, request, &digest).await.unwrap();
        }
        let name = short(&digest);
        let asked = [
            format!("HEAD vendor/free@{name}"),
            format!("GET vendor/free@{name}"),
        ];
        assert_eq!(bench.hub.asked(), asked);
        // Known to be counted: not even a HEAD.
        pull(&bench, client(), &counted).await.unwrap_err();
        assert!(bench.hub.asked().is_empty());
    }
}

#[tokio::test]
async fn a_client_that_joins_work_for_nobody_is_not_refused_for_its_reserve() {
    let bench = Bench::new().await;
    let digest = bench.hub.put("library/nginx", MANIFEST);
    bench.hub.fill_purse(metered(5));
    let (background, interactive) = tokio::join!(
        pull(&bench, nobody(), &digest),
        pull(&bench, client(), &digest),
    );
    interactive.unwrap();
    background.unwrap();
    assert_eq!(bench.hub.asked().len(), 1, "the client's, for both");
}

#[tokio::test]
async fn where_nobody_knows_when_it_opens_one_asks_for_all() {
    let bench = Bench::new().await;
    let digests: Vec<Digest> = (0..5)
        .map(|n| bench.hub.put("library/nginx", format!("{{\"n\":{n}}}")))
        .collect();
    bench.hub.fill_purse(Purse::Empty { opens_in: None });
    bench.hub.empty_purse_by_a_pull(empty(600));
    bench.hub.fail(SourceError::Limited {
        limited: forebay_limits::Limited::by(forebay_limits::Limiter::PullLimit),
        retry_after: seconds(600),
    });
    let pulls = digests.iter().map(|digest| pull(&bench, client(), digest));
    for refused in futures::future::join_all(pulls).await {
        let refused = refused.unwrap_err();
        assert!(
            matches!(refused, SourceError::Limited { retry_after, .. } if retry_after == seconds(600)),
            "{refused:?}"
        );
    }
    assert_eq!(bench.hub.asked().len(), 1);
}
