use forebay_limits::read_headers;
use forebay_oci::{Digest, Reference, RepositoryName};

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
    let mut upstreams = budgets.list(now.wall);
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
    let unmetered = &budgets.list(minute(0).wall)[0];
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
    assert_eq!(budgets.list(minute(0).wall)[0].metering, Metering::Metered);
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
        .list(minute(1).wall)
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
    let upstreams = budgets.list(minute(1).wall);
    assert_eq!(upstreams[0].budgets.len(), 2);
    let flags = upstreams[0].budgets.iter();
    assert!(
        flags.clone().all(|budget| !budget.credentials_not_applied),
        "{flags:?}"
    );
}

/// Before a token is sent, a refusal names our address whoever we are.
#[test]
fn a_challenge_says_nothing_of_a_budget() {
    let mut budgets = Budgets::default();
    let asker = Asker::of("docker.io", Some("ci"));
    let said = reading(Some(5), "192.0.2.1");
    let call = UpstreamCall::GetManifest;
    asker.is_answered(&mut budgets, call, (401, Some(&said)), minute(0));
    assert!(budgets.list(minute(0).wall)[0].budgets.is_empty());
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
    assert!(budgets.list(minute(0).wall)[0].budgets.is_empty());
}

#[test]
fn what_was_written_down_is_known_after_a_restart() {
    let mut budgets = Budgets::default();
    let asker = Asker::of("docker.io", Some("ci"));
    asker.gets(&mut budgets, Some(&reading(Some(76), UUID)), minute(0));
    asker.sends(&mut budgets, minute(1));
    let unwritten = budgets.take_unwritten();
    assert!(budgets.take_unwritten().is_empty());
    let kept = KeptLimits {
        budgets: unwritten.budgets.clone(),
        costs: vec![("docker.io".into(), PullCost { once: 3, twice: 0 })],
        ..KeptLimits::default()
    };
    let mut restored = Budgets::restored(kept.clone(), minute(5).wall);
    let report = only(&restored, minute(5));
    assert_eq!((report.remaining, report.spent_since), (75, 1));
    let cost = restored.list(minute(5).wall)[0].pull_cost;
    assert_eq!((cost.least, cost.most, cost.seen), (1, 1, 3));
    assert!(restored.take_unwritten().is_empty());
    let late = Budgets::restored(kept, minute(7 * 24 * 60).wall);
    assert!(late.list(minute(0).wall)[0].budgets.is_empty());
    budgets.put_back(unwritten);
    assert_eq!(budgets.take_unwritten().budgets.len(), 1);
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
    budgets.kept()
}

#[test]
fn a_forecast_goes_on_after_a_restart() {
    let restored = Budgets::restored(spent_for_half_an_hour(), minute(32).wall);
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
    let restored = Budgets::restored(spent_for_half_an_hour(), back);
    let now = only(&restored, at(back, 0));
    assert_eq!((now.remaining, now.age_seconds), (95, 0));
    assert_eq!(
        now.forecast.per_hour, None,
        "nothing is known of this clock's hour"
    );
    assert_eq!(only(&restored, at(back, 360)).remaining, 100);
    // A little back: what lies ahead is left out, the rest stays.
    let restored = Budgets::restored(spent_for_half_an_hour(), minute(20).wall);
    let forecast = only(&restored, minute(20)).forecast;
    assert_eq!(forecast.per_hour, Some(2.0));
    // Forth, within the week and beyond it.
    let restored = Budgets::restored(spent_for_half_an_hour(), minute(1_000).wall);
    assert_eq!(only(&restored, minute(1_000)).remaining, 100);
    let restored = Budgets::restored(spent_for_half_an_hour(), Timestamp(i64::MAX));
    assert!(restored.known.is_empty());
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
            .list(minute(0).wall)
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
    let costs = budgets.take_unwritten().costs;
    assert_eq!(costs, [(upstream, PullCost { once: 0, twice: 4 })]);
}

#[test]
fn only_so_many_budgets_are_known() {
    let mut budgets = Budgets::default();
    let asker = Asker::of("docker.io", None);
    for number in 0..MAX_BUDGETS + 10 {
        let source = format!("source {number}");
        asker.gets(
            &mut budgets,
            Some(&reading(Some(1), &source)),
            minute(number as u64),
        );
    }
    assert_eq!(budgets.known.len(), MAX_BUDGETS);
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
        let upstream = &budgets.list(minute(0).wall)[0];
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
    let restored = Budgets::restored(budgets.kept(), minute(2).wall);
    assert_eq!(metering(&restored), unmetered);

    ghcr.gets(
        &mut budgets,
        Some(&reading(Some(9), "192.0.2.1")),
        minute(3),
    );
    budgets.forget_old(minute(8 * 24 * 60).wall);
    assert_eq!(metering(&budgets).0, Metering::Unknown);
}

#[test]
fn a_silence_is_written_when_it_begins_or_ends_and_each_hour() {
    let mut budgets = Budgets::default();
    let ghcr = Asker::of("ghcr.io", None);
    let mut written = |said: Option<&Reading>, at| {
        ghcr.gets(&mut budgets, said, minute(at));
        budgets.take_unwritten().silences
    };
    let name = UpstreamName::from("ghcr.io");
    let since = |at| vec![(name.clone(), Some(minute(at).wall))];
    let ended = [(name.clone(), None)];
    assert_eq!(written(None, 0), since(0));
    assert_eq!(written(None, 59), []);
    assert_eq!(written(None, 60), since(60));
    let said = reading(Some(9), "192.0.2.1");
    assert_eq!(written(Some(&said), 61), ended);
    assert_eq!(written(None, 62), since(62));
    ghcr.gets(&mut budgets, Some(&said), minute(63));
    for _ in 0..2 {
        let refused = budgets.take_unwritten();
        assert_eq!(refused.silences, ended);
        budgets.put_back(refused);
    }
}
