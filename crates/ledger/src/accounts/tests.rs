use forebay_oci::Digest;
use proptest::prelude::*;

use super::*;

const HOUR: i64 = 3_600_000;
const NOON: i64 = 498_636 * HOUR;

/// A platform's manifest right after its index.
const CHARGED: PullCounts = PullCounts {
    requests: 0,
    pulls: 0,
    metered: 1,
    after_index: 1,
    bytes_cache: 0,
    bytes_upstream: 0,
    stale: 0,
    errors: 0,
};

fn at(milliseconds: i64) -> Moment {
    Moment {
        wall: Timestamp(NOON + milliseconds),
        monotonic: Duration::from_millis(milliseconds.cast_unsigned()),
    }
}

fn client(number: u32) -> Client {
    Client {
        address: Some(number.into_address()),
        agent: "containerd".into(),
        ..Client::default()
    }
}

trait IntoAddress {
    fn into_address(self) -> std::net::IpAddr;
}

impl IntoAddress for u32 {
    fn into_address(self) -> std::net::IpAddr {
        std::net::Ipv4Addr::from_bits(0x0a00_0000 + self).into()
    }
}

fn image(number: u32) -> Target {
    Target {
        upstream: "docker.io".into(),
        repository: format!("team/app{number}").parse().unwrap(),
    }
}

fn tag() -> Reference {
    Reference::Tag("1.27".parse().unwrap())
}

fn manifest(reference: &Reference) -> What<'_> {
    What::Manifest(Asked {
        reference,
        is_head: false,
    })
}

fn note(accounts: &mut Accounts, what: What<'_>, outcome: Outcome, now: Moment) {
    let (client, target) = (client(1), image(1));
    let _ = accounts.note(
        &Answered {
            client: &client,
            target: &target,
            what,
            outcome,
            bytes: 100,
        },
        now,
    );
}

fn one(accounts: &mut Accounts) -> PullRow {
    let mut rows = accounts.drain(Duration::ZERO);
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.remove(0)
}

#[test]
fn what_is_answered_is_counted_by_what_it_was() {
    let fetched = Outcome::Served(Provenance::Fetched);
    let kept = Outcome::Served(Provenance::Kept);
    let child = Reference::Digest(Digest::sha256(b"child"));
    let tag = tag();
    let mut accounts = Accounts::default();
    note(
        &mut accounts,
        manifest(&tag),
        Outcome::Served(Provenance::Stale),
        at(5),
    );
    note(&mut accounts, manifest(&child), fetched, at(6));
    note(&mut accounts, What::Other, kept, at(7));
    note(
        &mut accounts,
        What::Other,
        Outcome::Served(Provenance::PassedOn),
        at(8),
    );
    note(
        &mut accounts,
        manifest(&tag),
        Outcome::Failed("limited"),
        at(9),
    );
    accounts.note_charged(&client(1), &image(1), CHARGED, at(10));
    let row = one(&mut accounts);
    let expected = PullCounts {
        requests: 5,
        pulls: 1,
        metered: 1,
        after_index: 1,
        bytes_cache: 200,
        bytes_upstream: 200,
        stale: 1,
        errors: 1,
    };
    assert_eq!(row.spent.counts, expected);
    assert_eq!(row.start, Timestamp(NOON));
    assert_eq!(row.spent.first_at, at(5).wall);
    assert_eq!(row.spent.last_at, at(10).wall);
    assert_eq!(row.spent.reference.as_deref(), Some("1.27"));
    assert!(accounts.drain(Duration::ZERO).is_empty());
}

#[test]
fn each_hour_of_the_wall_clock_has_its_row_however_it_jumps() {
    let mut accounts = Accounts::default();
    let tag = tag();
    let served = Outcome::Served(Provenance::Kept);
    for hour in [0, 0, 1, -5, 1, 1_000_000, 0] {
        let now = Moment {
            wall: Timestamp(NOON + hour * HOUR),
            monotonic: Duration::from_secs(1),
        };
        note(&mut accounts, manifest(&tag), served, now);
    }
    let rows = accounts.drain(Duration::from_secs(1));
    let of_hour = |hour: i64| {
        let rows = rows.iter().filter(|row| row.start.0 == NOON + hour * HOUR);
        rows.map(|row| row.spent.counts.requests).sum::<u64>()
    };
    assert_eq!([-5, 0, 1, 1_000_000].map(of_hour), [1, 3, 2, 1]);
}

#[test]
fn a_pull_that_spans_a_writing_is_one() {
    let mut accounts = Accounts::default();
    let (tag, child) = (tag(), Reference::Digest(Digest::sha256(b"child")));
    let served = Outcome::Served(Provenance::Kept);
    note(&mut accounts, manifest(&tag), served, at(0));
    assert_eq!(one(&mut accounts).spent.counts.pulls, 1);
    note(&mut accounts, manifest(&child), served, at(10_000));
    let row = one(&mut accounts);
    assert_eq!((row.spent.counts.pulls, row.spent.counts.requests), (0, 1));
}

#[test]
fn who_is_quiet_for_long_is_forgotten() {
    let mut accounts = Accounts::default();
    note(
        &mut accounts,
        What::Other,
        Outcome::Failed("not_found"),
        at(0),
    );
    assert_eq!(accounts.drain(FORGET_ENTRY_AFTER / 2).len(), 1);
    assert_eq!(accounts.entries, 1);
    assert!(accounts.drain(FORGET_ENTRY_AFTER).is_empty());
    assert_eq!(accounts.entries, 0);
}

#[test]
fn who_comes_when_it_is_full_counts_as_one_of_others() {
    let mut accounts = Accounts::default();
    let served = Outcome::Served(Provenance::Kept);
    let (target, tag) = (image(1), tag());
    let many = u32::try_from(MAX_ENTRIES).unwrap() + 100;
    for number in 0..many {
        let client = client(number);
        let answered = Answered {
            client: &client,
            target: &target,
            what: manifest(&tag),
            outcome: served,
            bytes: 1,
        };
        accounts.note(&answered, at(0));
        accounts.note_charged(&client, &target, CHARGED, at(0));
    }
    assert_eq!(accounts.entries, MAX_ENTRIES);
    let rows = accounts.drain(Duration::ZERO);
    assert_eq!(rows.len(), MAX_ENTRIES + 1);
    let others = rows.iter().find(|row| row.spent.spender.client().is_none());
    let counts = others.unwrap().spent.counts;
    assert_eq!(
        (counts.requests, counts.pulls, counts.metered),
        (100, 100, 100)
    );
}

#[test]
fn a_clock_that_jumps_at_each_request_is_bounded_too() {
    let mut accounts = Accounts::default();
    let many = MAX_FINISHED + 500;
    for hour in 0..many {
        let now = Moment {
            wall: Timestamp(NOON + i64::try_from(hour).unwrap() * HOUR),
            monotonic: Duration::ZERO,
        };
        note(&mut accounts, What::Other, Outcome::Failed("denied"), now);
    }
    let rows = accounts.drain(Duration::ZERO);
    assert!(rows.len() <= MAX_FINISHED + 2);
    let requests: u64 = rows.iter().map(|row| row.spent.counts.requests).sum();
    assert_eq!(requests, many as u64);
}

proptest! {
    /// Whatever comes in comes out, once, and of an hour's row all lies in that hour.
    #[test]
    fn nothing_is_lost_and_nothing_is_told_twice(
        steps in prop::collection::vec((0_u32..4, 0_u32..3, -3 * HOUR..3 * HOUR, any::<bool>()), 0..200),
    ) {
        let mut accounts = Accounts::default();
        let mut rows = Vec::new();
        for (who, what, wall, drains) in &steps {
            let (client, target) = (client(*who), image(*what));
            let answered = Answered {
                client: &client,
                target: &target,
                what: What::Other,
                outcome: Outcome::Served(Provenance::Kept),
                bytes: 7,
            };
            let now = Moment { wall: Timestamp(NOON + wall), monotonic: Duration::from_secs(1) };
            accounts.note(&answered, now);
            if *drains {
                rows.extend(accounts.drain(Duration::from_secs(1)));
            }
        }
        rows.extend(accounts.drain(Duration::from_secs(1)));
        let requests: u64 = rows.iter().map(|row| row.spent.counts.requests).sum();
        let bytes: u64 = rows.iter().map(|row| row.spent.counts.bytes()).sum();
        prop_assert_eq!((requests, bytes), (steps.len() as u64, 7 * steps.len() as u64));
        for row in rows {
            prop_assert_eq!(Period::Hour.start_of(row.spent.first_at), row.start);
            prop_assert_eq!(Period::Hour.start_of(row.spent.last_at), row.start);
        }
    }
}
