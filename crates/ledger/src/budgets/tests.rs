use forebay_content::{MAX_BUDGETS, MAX_SOURCES};
use forebay_limits::read_headers;
use forebay_oci::{Digest, Reference, RepositoryName};
use proptest::prelude::*;

use super::*;

const UUID: &str = "6f0a1b2c-0000-4abc-8def-0123456789ab";

fn minute(minutes: u64) -> Moment {
    Moment {
        wall: Timestamp(1_795_000_000_000).after(Duration::from_mins(minutes)),
        monotonic: Duration::from_mins(minutes),
    }
}

fn reading(remaining: Option<u64>, source: &str) -> Reading {
    let remaining = remaining.map(|count| format!("{count};w=21600"));
    let mut headers = vec![("docker-ratelimit-source", source.as_bytes())];
    if let Some(remaining) = &remaining {
        headers.push(("ratelimit-limit", b"100;w=21600"));
        headers.push(("ratelimit-remaining", remaining.as_bytes()));
    }
    read_headers(headers)
}

impl Unwritten {
    fn is_empty(&self) -> bool {
        self.budgets.is_empty() && self.costs.is_empty() && self.silences.is_empty()
    }
}

/// One who asks docker.io by one account.
struct Asker {
    upstream: UpstreamName,
    account: Option<&'static str>,
}

impl Asker {
    fn of(upstream: &str, account: Option<&'static str>) -> Self {
        Self {
            upstream: upstream.into(),
            account,
        }
    }

    fn asked(&self, call: UpstreamCall) -> AskedUpstream<'_> {
        AskedUpstream {
            upstream: &self.upstream,
            account: self.account,
            call,
        }
    }

    fn sends(&self, budgets: &mut Budgets, now: Moment) {
        budgets.note_sent(self.asked(UpstreamCall::GetManifest), now);
    }

    fn is_answered(
        &self,
        budgets: &mut Budgets,
        call: UpstreamCall,
        (status, reading): (u16, Option<&Reading>),
        now: Moment,
    ) -> bool {
        let answered = AnsweredByUpstream {
            asked: self.asked(call),
            client: None,
            repository: None,
            reference: None,
            status: Some(status),
            reading,
            took: Duration::ZERO,
        };
        budgets.note_answered(&answered, now).metered == 1
    }

    /// GETs a manifest and is answered so.
    fn gets(&self, budgets: &mut Budgets, reading: Option<&Reading>, now: Moment) -> bool {
        self.sends(budgets, now);
        self.is_answered(budgets, UpstreamCall::GetManifest, (200, reading), now)
    }
}

fn only(budgets: &Budgets, now: Moment) -> BudgetReport {
    let mut upstreams = budgets.list(now);
    assert_eq!(upstreams.len(), 1);
    assert_eq!(upstreams[0].budgets.len(), 1, "{upstreams:?}");
    upstreams[0].budgets.remove(0)
}

#[test]
fn a_budget_is_what_the_registry_last_said_less_what_was_sent_since() {
    let mut budgets = Budgets::default();
    let anonymous = Asker::of("docker.io", None);
    assert!(anonymous.gets(
        &mut budgets,
        Some(&reading(Some(76), "192.0.2.1")),
        minute(0)
    ));
    anonymous.sends(&mut budgets, minute(1));
    let report = only(&budgets, minute(2));
    assert_eq!(
        (report.limit, report.remaining, report.spent_since),
        (Some(100), 75, 1)
    );
    assert_eq!(report.source.as_deref(), Some("192.0.2.1"));
    assert_eq!((report.window_seconds, report.age_seconds), (21_600, 120));
    assert_eq!(report.seen_unix_ms, minute(0).wall.0);
    assert!(!report.credentials_not_applied);
    let head = (200, Some(&reading(Some(60), "192.0.2.1")));
    let charged = anonymous.is_answered(&mut budgets, UpstreamCall::HeadManifest, head, minute(3));
    assert!(!charged);
    assert_eq!(only(&budgets, minute(3)).remaining, 60);
}

#[test]
fn an_unmetered_answer_creates_nothing_and_resets_nothing() {
    let mut budgets = Budgets::default();
    let anonymous = Asker::of("docker.io", None);
    for nothing in [
        None,
        Some(&Reading::default()),
        Some(&reading(None, "192.0.2.1")),
    ] {
        assert!(!anonymous.gets(&mut budgets, nothing, minute(0)));
    }
    let unmetered = &budgets.list(minute(0))[0];
    assert_eq!(unmetered.metering, Metering::Unmetered);
    assert!(unmetered.budgets.is_empty());
    anonymous.gets(
        &mut budgets,
        Some(&reading(Some(76), "192.0.2.1")),
        minute(0),
    );
    let before = only(&budgets, minute(0));
    for _ in 0..10 {
        anonymous.gets(&mut budgets, None, minute(0));
    }
    assert_eq!(only(&budgets, minute(0)), before);
    assert_eq!(budgets.list(minute(0))[0].metering, Metering::Metered);
}

#[test]
fn upstreams_accounts_and_sources_never_share_one() {
    let mut budgets = Budgets::default();
    for (upstream, account, source, left) in [
        ("docker.io", None, "192.0.2.1", 10),
        ("docker.io", None, "2600:3c00::", 20),
        ("docker.io", Some("ci"), UUID, 30),
        ("docker.io", Some("dev"), UUID, 40),
        ("ghcr.io", None, "192.0.2.1", 50),
    ] {
        let asker = Asker::of(upstream, account);
        asker.gets(&mut budgets, Some(&reading(Some(left), source)), minute(0));
    }
    Asker::of("docker.io", Some("ci")).sends(&mut budgets, minute(1));
    let left: Vec<_> = budgets
        .list(minute(1))
        .iter()
        .flat_map(|upstream| upstream.budgets.iter().map(|budget| budget.remaining))
        .collect();
    assert_eq!(left, [10, 20, 29, 40, 50]);
}

#[test]
fn credentials_that_are_not_applied_are_told_until_they_are() {
    let mut budgets = Budgets::default();
    let asker = Asker::of("docker.io", Some("ci"));
    asker.gets(
        &mut budgets,
        Some(&reading(Some(9), "192.0.2.1")),
        minute(0),
    );
    assert!(only(&budgets, minute(0)).credentials_not_applied);
    asker.gets(&mut budgets, Some(&reading(Some(199), UUID)), minute(1));
    let upstreams = budgets.list(minute(1));
    assert_eq!(upstreams[0].budgets.len(), 2);
    let flags = upstreams[0].budgets.iter();
    assert!(
        flags.clone().all(|budget| !budget.credentials_not_applied),
        "{flags:?}"
    );
}

#[test]
fn a_number_that_the_registry_does_not_go_by_is_told_until_it_refuses_a_pull() {
    let mut budgets = Budgets::default();
    let anonymous = Asker::of("docker.io", None);
    let empty = reading(Some(0), "192.0.2.1");
    let head = (200, Some(&empty));
    anonymous.is_answered(&mut budgets, UpstreamCall::HeadManifest, head, minute(0));
    for (at, contradicted) in [(1, false), (2, true), (3, true)] {
        anonymous.gets(&mut budgets, Some(&empty), minute(at));
        let told = only(&budgets, minute(at)).contradicted;
        assert_eq!(told, contradicted, "after minute {at}");
    }
    let refused = (429, None);
    anonymous.is_answered(&mut budgets, UpstreamCall::GetManifest, refused, minute(4));
    assert!(!only(&budgets, minute(4)).contradicted);
}

/// Before a token is sent, a refusal names our address whoever we are.
#[test]
fn a_challenge_says_nothing_of_a_budget() {
    let mut budgets = Budgets::default();
    let asker = Asker::of("docker.io", Some("ci"));
    let said = reading(Some(5), "192.0.2.1");
    let call = UpstreamCall::GetManifest;
    asker.is_answered(&mut budgets, call, (401, Some(&said)), minute(0));
    assert!(budgets.list(minute(0))[0].budgets.is_empty());
    let charged = asker.is_answered(&mut budgets, call, (429, Some(&said)), minute(0));
    assert!(!charged);
    assert_eq!(only(&budgets, minute(0)).remaining, 5);
}

#[test]
fn requests_to_a_web_api_are_no_pulls() {
    let mut budgets = Budgets::default();
    let headers: [(&str, &[u8]); 2] = [
        ("x-ratelimit-limit", b"180"),
        ("x-ratelimit-remaining", b"3"),
    ];
    let said = read_headers(headers);
    Asker::of("docker.io", None).gets(&mut budgets, Some(&said), minute(0));
    assert!(budgets.list(minute(0))[0].budgets.is_empty());
}

#[test]
fn what_was_written_down_is_known_after_a_restart() {
    let mut budgets = Budgets::default();
    let asker = Asker::of("docker.io", Some("ci"));
    asker.gets(&mut budgets, Some(&reading(Some(76), UUID)), minute(0));
    asker.sends(&mut budgets, minute(1));
    let unwritten = budgets.take_unwritten(minute(1));
    assert!(budgets.take_unwritten(minute(1)).is_empty());
    let kept = KeptLimits {
        budgets: unwritten.budgets.clone(),
        costs: vec![("docker.io".into(), PullCost { once: 3, twice: 0 })],
        ..KeptLimits::default()
    };
    let mut restored = Budgets::restored(kept.clone(), minute(5));
    let report = only(&restored, minute(5));
    assert_eq!((report.remaining, report.spent_since), (75, 1));
    let cost = restored.list(minute(5))[0].pull_cost;
    assert_eq!((cost.least, cost.most, cost.seen), (1, 1, 3));
    assert!(restored.take_unwritten(minute(5)).is_empty());
    let late = Budgets::restored(kept, minute(7 * 24 * 60));
    assert!(late.list(minute(0))[0].budgets.is_empty());
    budgets.put_back(unwritten);
    assert_eq!(budgets.take_unwritten(minute(1)).budgets.len(), 1);
}

/// Spends ten of a hundred an hour for half an hour; what would be written down then.
fn spent_for_half_an_hour() -> KeptLimits {
    let mut budgets = Budgets::default();
    let asker = Asker::of("docker.io", None);
    for (left, at) in [(100, 0), (98, 15), (95, 30)] {
        asker.gets(
            &mut budgets,
            Some(&reading(Some(left), "192.0.2.1")),
            minute(at),
        );
    }
    budgets.kept(minute(30))
}

#[test]
fn a_forecast_goes_on_after_a_restart() {
    let restored = Budgets::restored(spent_for_half_an_hour(), minute(32));
    let forecast = only(&restored, minute(40)).forecast;
    assert_eq!(forecast.per_hour, Some(5.0));
    assert_eq!(forecast.runs_out_in_seconds, None, "not within its window");
    assert_eq!(forecast.is_full_in_seconds, Some(350 * 60));
    // After an hour of rest nothing is being spent.
    let later = only(&restored, minute(120)).forecast;
    assert_eq!(later.per_hour, Some(0.0));
}

#[test]
fn wherever_the_clock_is_set_between_two_runs_a_budget_comes_back_within_its_window() {
    let back = Timestamp(minute(0).wall.0 - 365 * 86_400_000);
    let at = |wall: Timestamp, minutes| Moment {
        wall: wall.after(Duration::from_mins(minutes)),
        monotonic: Duration::from_mins(minutes),
    };
    let restored = Budgets::restored(spent_for_half_an_hour(), at(back, 0));
    let now = only(&restored, at(back, 0));
    assert_eq!((now.remaining, now.age_seconds), (95, 0));
    assert_eq!(
        now.forecast.per_hour, None,
        "nothing is known of this clock's hour"
    );
    assert_eq!(only(&restored, at(back, 360)).remaining, 100);
    // A little back: what lies ahead is left out, the rest stays.
    let restored = Budgets::restored(spent_for_half_an_hour(), minute(20));
    let forecast = only(&restored, minute(20)).forecast;
    assert_eq!(forecast.per_hour, Some(2.0));
    // Forth, within the week and beyond it.
    let restored = Budgets::restored(spent_for_half_an_hour(), minute(1_000));
    assert_eq!(only(&restored, minute(1_000)).remaining, 100);
    let restored = Budgets::restored(spent_for_half_an_hour(), at(Timestamp(i64::MAX), 0));
    assert_eq!(restored.known.len(), 0);
}

#[test]
fn the_cost_of_a_multi_platform_image_is_an_interval_until_pairs_agree() {
    let mut budgets = Budgets::default();
    let upstream: UpstreamName = "docker.io".into();
    let repository: RepositoryName = "library/nginx".parse().unwrap();
    let tag = Reference::Tag("latest".parse().unwrap());
    let digest = Digest::sha256(b"child");
    let child = Reference::Digest(digest.clone());
    let target = Target {
        upstream: upstream.clone(),
        repository: repository.clone(),
    };
    let mut left = 100;
    for pairs in 0..4 {
        let cost = budgets
            .list(minute(0))
            .first()
            .map(|upstream| upstream.pull_cost);
        let expected = if pairs < 3 { (1, 2) } else { (2, 2) };
        let found = cost.map_or(expected, |cost| (cost.least, cost.most));
        assert_eq!(found, expected, "{pairs} pairs");
        for (reference, is_index) in [(&tag, true), (&child, false)] {
            left -= 1;
            let asked = AskedUpstream {
                upstream: &upstream,
                account: None,
                call: UpstreamCall::GetManifest,
            };
            let said = reading(Some(left), "192.0.2.1");
            let answered = AnsweredByUpstream {
                asked,
                client: None,
                repository: Some(&repository),
                reference: Some(reference),
                status: Some(200),
                reading: Some(&said),
                took: Duration::ZERO,
            };
            budgets.note_sent(asked, minute(0));
            let charged = budgets.note_answered(&answered, minute(0));
            assert_eq!(
                (charged.metered, charged.after_index),
                (1, u64::from(!is_index))
            );
            if is_index {
                budgets.note_index(&target, std::slice::from_ref(&digest), minute(0));
            }
        }
    }
    let costs = budgets.take_unwritten(minute(0)).costs;
    assert_eq!(costs, [(upstream, PullCost { once: 0, twice: 4 })]);
}

#[test]
fn a_registry_that_names_ever_new_sources_pushes_out_its_own_budgets_alone() {
    let mut budgets = Budgets::default();
    let hub = Asker::of("docker.io", None);
    hub.gets(
        &mut budgets,
        Some(&reading(Some(76), "192.0.2.1")),
        minute(0),
    );
    let other = Asker::of("mirror.example", None);
    for number in 0..2 * MAX_BUDGETS as u64 {
        let source = format!("source {number}");
        other.gets(&mut budgets, Some(&reading(Some(1), &source)), minute(1));
    }
    assert_eq!(budgets.known.len(), 1 + MAX_SOURCES);
    let told = budgets.list(minute(2));
    assert_eq!(told[0].budgets[0].remaining, 76);
    let latest = budgets.list_latest(minute(2));
    let sources: Vec<_> = latest[1].budgets.iter().map(|one| &one.source).collect();
    assert_eq!(sources, [&Some("source 1999".to_owned())]);
    let kept = budgets.kept(minute(2));
    assert_eq!(kept.budgets.len(), 1 + MAX_SOURCES);
}

#[test]
fn only_so_many_budgets_are_known_and_of_who_has_most_the_oldest_goes() {
    let mut budgets = Budgets::default();
    let registries = MAX_BUDGETS as u64 - 2;
    for (registry, number) in (0..registries).map(|registry| (registry, 0)).chain([
        (0, 1),
        (0, 2),
        // One too many, as is the next.
        (0, 3),
        (registries, 0),
    ]) {
        let asker = Asker::of(&format!("registry{registry}"), None);
        let said = reading(Some(1), &format!("source {number}"));
        asker.gets(&mut budgets, Some(&said), minute(number));
    }
    assert_eq!(budgets.known.len(), MAX_BUDGETS);
    let told = budgets.list(minute(5));
    assert_eq!(told.len() as u64, registries + 1);
    assert!(told.iter().all(|upstream| !upstream.budgets.is_empty()));
    let of_first = told[0].budgets.iter().map(|one| one.source.as_deref());
    let of_first: Vec<_> = of_first.collect();
    assert_eq!(of_first, [Some("source 2"), Some("source 3")]);
}

/// Its silence is about an image that it does not count; a week later it is about all of them.
#[test]
fn a_registry_whose_budget_was_forgotten_is_not_unmetered_before_it_was_silent_for_long() {
    let mut budgets = Budgets::default();
    let hub = Asker::of("docker.io", None);
    let said = reading(Some(76), "192.0.2.1");
    hub.gets(&mut budgets, Some(&said), minute(0));
    for number in 0..MAX_BUDGETS {
        let other = Asker::of(&format!("registry{number}"), None);
        other.gets(&mut budgets, Some(&said), minute(1));
    }
    assert!(
        budgets
            .kept(minute(1))
            .budgets
            .iter()
            .all(|kept| *kept.key.upstream != *"docker.io")
    );
    budgets.take_unwritten(minute(1));
    let metering = |budgets: &Budgets, now| {
        let told = budgets.list(now).into_iter();
        let mut hub = told.filter(|upstream| upstream.upstream == "docker.io");
        hub.next().unwrap().metering
    };
    hub.gets(&mut budgets, None, minute(2));
    assert_eq!(metering(&budgets, minute(2)), Metering::Unknown);
    assert_eq!(budgets.take_unwritten(minute(2)).silences, []);
    let restored = Budgets::restored(budgets.kept(minute(2)), minute(3));
    assert_eq!(metering(&restored, minute(3)), Metering::Unknown);
    let week_later = minute(7 * 24 * 60);
    hub.gets(&mut budgets, None, week_later);
    assert_eq!(metering(&budgets, week_later), Metering::Unmetered);
}

#[test]
fn of_an_upstream_that_is_taken_away_only_its_budgets_are_known_should_it_come_back() {
    let mut budgets = Budgets::default();
    let [hub, ghcr] = ["docker.io", "ghcr.io"].map(|name| Asker::of(name, None));
    hub.gets(
        &mut budgets,
        Some(&reading(Some(76), "192.0.2.1")),
        minute(0),
    );
    ghcr.gets(&mut budgets, None, minute(0));
    let unwritten = budgets.take_unwritten(minute(0));
    budgets.keep_upstreams(|_| false);
    budgets.put_back(unwritten);
    assert!(budgets.upstreams.is_empty(), "{budgets:?}");
    assert_eq!(only(&budgets, minute(0)).remaining, 76);
    assert_eq!(budgets.take_unwritten(minute(0)).budgets.len(), 1);
    // It has spoken of a budget of late: its silence is about an image that it does not count.
    hub.gets(&mut budgets, None, minute(1));
    assert_eq!(budgets.take_unwritten(minute(1)).silences, []);
    budgets.keep_upstreams(|name| name == "docker.io");
    assert_eq!(budgets.upstreams.len(), 1);
}

#[test]
fn a_clock_that_jumps_makes_no_budget_of_nothing() {
    let mut budgets = Budgets::default();
    let asker = Asker::of("docker.io", None);
    for (wall, left) in [
        (1_795_000_000_000, 50),
        (0, 40),
        (i64::MAX, 30),
        (1_795_000_000_000, 20),
    ] {
        let now = Moment {
            wall: Timestamp(wall),
            monotonic: Duration::from_secs(1),
        };
        asker.gets(&mut budgets, Some(&reading(Some(left), "192.0.2.1")), now);
        assert_eq!(only(&budgets, now).remaining, left);
    }
}

/// What makes one unmetered is its silence, not that we know of no budget.
#[test]
fn a_registry_is_unmetered_by_an_answer_that_said_nothing_and_is_so_after_a_restart() {
    let mut budgets = Budgets::default();
    let ghcr = Asker::of("ghcr.io", None);
    let metering = |budgets: &Budgets| {
        let upstream = &budgets.list(minute(0))[0];
        (upstream.metering, upstream.heard_unix_ms)
    };
    let head = UpstreamCall::HeadManifest;
    for (call, status) in [(head, 401), (head, 503), (UpstreamCall::Token, 200)] {
        ghcr.is_answered(&mut budgets, call, (status, None), minute(0));
        let heard_at = Some(minute(0).wall.0);
        assert_eq!(metering(&budgets), (Metering::Unknown, heard_at));
    }
    ghcr.is_answered(&mut budgets, head, (200, None), minute(1));
    let unmetered = (Metering::Unmetered, Some(minute(1).wall.0));
    assert_eq!(metering(&budgets), unmetered);
    let restored = Budgets::restored(budgets.kept(minute(1)), minute(2));
    assert_eq!(metering(&restored), unmetered);

    ghcr.gets(
        &mut budgets,
        Some(&reading(Some(9), "192.0.2.1")),
        minute(3),
    );
    budgets.forget_old(minute(8 * 24 * 60));
    assert_eq!(metering(&budgets).0, Metering::Unknown);
}

#[test]
fn a_silence_is_written_when_it_begins_or_ends_and_each_hour() {
    let mut budgets = Budgets::default();
    let ghcr = Asker::of("ghcr.io", None);
    let mut written = |said: Option<&Reading>, at| {
        ghcr.gets(&mut budgets, said, minute(at));
        budgets.take_unwritten(minute(at)).silences
    };
    let name = UpstreamName::from("ghcr.io");
    let since = |at| vec![(name.clone(), Some(minute(at).wall))];
    let ended = [(name.clone(), None)];
    assert_eq!(written(None, 0), since(0));
    assert_eq!(written(None, 59), []);
    assert_eq!(written(None, 60), since(60));
    let said = reading(Some(9), "192.0.2.1");
    assert_eq!(written(Some(&said), 61), ended);
    assert_eq!(
        written(None, 62),
        [],
        "about an image that it does not count"
    );
    let (later, at) = (minute(61 + 7 * 24 * 60), 62 + 7 * 24 * 60);
    budgets.forget_old(later);
    let mut written = |said: Option<&Reading>, at| {
        ghcr.gets(&mut budgets, said, minute(at));
        budgets.take_unwritten(minute(at)).silences
    };
    assert_eq!(written(None, at), since(at));
    ghcr.gets(&mut budgets, Some(&said), minute(at));
    for _ in 0..2 {
        let refused = budgets.take_unwritten(minute(at));
        assert_eq!(refused.silences, ended);
        budgets.put_back(refused);
    }
}

#[test]
fn what_was_written_by_a_clock_that_is_set_is_written_again_by_the_new_one() {
    let mut budgets = Budgets::default();
    let hub = Asker::of("docker.io", None);
    let said = reading(Some(76), "192.0.2.1");
    hub.gets(&mut budgets, Some(&said), minute(0));
    Asker::of("ghcr.io", None).gets(&mut budgets, None, minute(0));
    budgets.take_unwritten(minute(0));
    let set = |wall: i64, minutes| Moment {
        wall: Timestamp(wall),
        monotonic: Duration::from_mins(minutes),
    };
    // A second is what clocks drift by.
    let drifted = set(minute(10).wall.0 + 1_000, 10);
    assert!(budgets.take_unwritten(drifted).is_empty());
    let year = 365 * 86_400_000;
    for (wall, minutes) in [(year, 10), (3 * year, 20), (0, 30)] {
        let now = set(wall, minutes);
        let unwritten = budgets.take_unwritten(now);
        let seen_at = Timestamp(wall - i64::try_from(minutes).unwrap() * 60_000);
        assert_eq!(unwritten.budgets[0].seen_at, seen_at);
        assert_eq!(unwritten.silences, [("ghcr.io".into(), Some(seen_at))]);
        assert!(budgets.take_unwritten(now).is_empty());
        let restored = Budgets::restored(budgets.kept(now), now);
        assert_eq!(only_hub(&restored, now), only_hub(&budgets, now));
    }
}

fn only_hub(budgets: &Budgets, now: Moment) -> BudgetReport {
    budgets.list(now).remove(0).budgets.remove(0)
}

/// What happens, after so many minutes, and where the clock is set to meanwhile, if it is.
type Step = (u64, u64, Option<i64>);

/// What is told of a budget, but for the time of day.
fn timeless(budgets: &Budgets, now: Moment) -> Vec<UpstreamReport> {
    let mut told = budgets.list(now);
    for upstream in &mut told {
        upstream.heard_unix_ms = None;
        for budget in &mut upstream.budgets {
            budget.seen_unix_ms = 0;
        }
    }
    told
}

fn happens(budgets: &mut Budgets, (what, now): (u64, Moment)) {
    let asker = Asker::of(["docker.io", "ghcr.io"][(what % 2) as usize], None);
    let source = format!("192.0.2.{}", what % 3);
    match what % 5 {
        0 => asker.sends(budgets, now),
        1 => {
            asker.gets(budgets, None, now);
        }
        _ => {
            let said = reading(Some(what % 101), &source);
            asker.gets(budgets, Some(&said), now);
        }
    }
    if what.is_multiple_of(7) {
        budgets.take_unwritten(now);
        budgets.forget_old(now);
    }
}

proptest! {
    #[test]
    fn a_clock_that_is_set_either_way_while_running_changes_nothing_that_is_told(
        steps in prop::collection::vec((0u64..10_000, 0u64..300, prop::option::of(any::<i64>())), 1..60),
    ) {
        let steps: Vec<Step> = steps;
        let (mut steady, mut jumping) = (Budgets::default(), Budgets::default());
        let (mut minutes, mut wall) = (0, minute(0).wall);
        for (what, pause, set_to) in steps {
            minutes += pause;
            wall = set_to.map_or(wall.after(Duration::from_mins(pause)), Timestamp);
            let now = minute(minutes);
            let jumped = Moment { wall, ..now };
            happens(&mut steady, (what, now));
            happens(&mut jumping, (what, jumped));
            prop_assert_eq!(timeless(&steady, now), timeless(&jumping, jumped));
        }
    }

    /// And in between the clock is set to anything.
    #[test]
    fn after_a_restart_no_window_opens_later_than_it_is_long(
        words in prop::collection::vec((0u64..10_000, 0u64..300), 1..60),
        written_by in any::<i64>(),
        read_by in any::<i64>(),
    ) {
        let mut budgets = Budgets::default();
        let mut now = minute(0);
        for (what, pause) in words {
            now.monotonic += Duration::from_mins(pause);
            now.wall = now.wall.after(Duration::from_mins(pause));
            happens(&mut budgets, (what, now));
        }
        let kept = budgets.kept(Moment { wall: Timestamp(written_by), ..now });
        let begun = Moment { wall: Timestamp(read_by), monotonic: Duration::ZERO };
        let restored = Budgets::restored(kept, begun);
        for budget in restored.list(begun).iter().flat_map(|upstream| &upstream.budgets) {
            let forecast = budget.forecast;
            let waits = [forecast.opens_in_seconds, forecast.is_full_in_seconds];
            prop_assert!(waits.iter().flatten().all(|wait| *wait <= budget.window_seconds));
            prop_assert!(budget.remaining <= 100);
        }
    }
}
