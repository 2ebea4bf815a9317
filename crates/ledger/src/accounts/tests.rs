use forebay_oci::Digest;
use proptest::prelude::*;

use super::*;
use crate::pending::MAX_PENDING_WITH_OTHERS;

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

/// A client pulls by tag, and is charged for it.
fn pulls(accounts: &mut Accounts, client: &Client, target: &Target) {
    let tag = tag();
    let answered = Answered {
        client,
        target,
        what: manifest(&tag),
        outcome: Outcome::Served(Provenance::Kept),
        bytes: 1,
    };
    accounts.note_charged(client, target, CHARGED, at(0));
    accounts.note(&answered, at(0));
}

/// A client that asks from that address and has a name of its own for it each time.
fn made_up(address: &str, number: usize) -> Client {
    let name = |what: &str| Some(format!("{what}-{number}").into());
    Client {
        address: Some(address.parse().unwrap()),
        user: name("user").filter(|_| number.is_multiple_of(3)),
        agent: name("agent").unwrap_or_default(),
        workload: name("pod").filter(|_| number.is_multiple_of(2)),
    }
}

fn sum(rows: &[PullRow]) -> PullCounts {
    let mut sum = PullCounts::default();
    for row in rows {
        sum.add(row.spent.counts);
    }
    sum
}

#[test]
fn who_comes_when_it_is_full_is_told_by_its_address() {
    let mut accounts = Accounts::default();
    let many = u32::try_from(MAX_ENTRIES).unwrap() + 100;
    for number in 0..many {
        pulls(&mut accounts, &client(number), &image(1));
    }
    assert_eq!(accounts.entries, MAX_ENTRIES);
    let rows = accounts.drain(Duration::ZERO);
    assert_eq!(rows.len(), MAX_ENTRIES + 100);
    let rest: Vec<_> = rows
        .into_iter()
        .filter(|row| matches!(row.spent.spender, Spender::Address { .. }))
        .collect();
    assert_eq!(rest.len(), 100);
    for row in &rest {
        let counts = row.spent.counts;
        assert_eq!((counts.requests, counts.pulls, counts.metered), (1, 1, 1));
        assert!(row.spent.spender.address().is_some(), "{row:?}");
    }
}

#[test]
fn who_calls_itself_by_another_name_each_time_is_told_by_its_address_and_image() {
    let mut accounts = Accounts::default();
    for number in 0..10_000 {
        pulls(&mut accounts, &made_up("10.0.0.9", number), &image(1));
    }
    let rows = accounts.drain(Duration::ZERO);
    assert_eq!(rows.len(), MAX_ENTRIES_OF_ORIGIN + 1);
    let rest = rows.iter().max_by_key(|row| row.spent.counts.metered);
    let rest = &rest.unwrap().spent;
    let nameless = Client {
        address: Some("10.0.0.9".parse().unwrap()),
        ..Client::default()
    };
    let expected = Spender::Client {
        client: Arc::new(nameless),
        image: image(1),
    };
    assert_eq!(rest.spender, expected);
    assert_eq!(rest.counts.metered, 10_000 - MAX_ENTRIES_OF_ORIGIN as u64);
    assert_eq!(sum(&rows).requests, 10_000);
}

#[test]
fn one_address_takes_no_room_from_others_whatever_it_calls_itself_and_asks_for() {
    let mut accounts = Accounts::default();
    let many = 2 * MAX_ENTRIES;
    for number in 0..many {
        let target = image(u32::try_from(number).unwrap());
        pulls(&mut accounts, &made_up("10.0.0.9", number), &target);
    }
    assert_eq!(accounts.entries, 2 * MAX_ENTRIES_OF_ORIGIN);
    pulls(&mut accounts, &client(1), &image(1));
    let rows = accounts.drain(Duration::ZERO);
    assert_eq!(rows.len(), 2 * MAX_ENTRIES_OF_ORIGIN + 2);
    assert!(rows.iter().all(|row| row.spent.spender.address().is_some()));
    let culprit = Spender::Client {
        client: Arc::new(client(1)),
        image: image(1),
    };
    assert!(rows.iter().any(|row| row.spent.spender == culprit));
    let all = sum(&rows);
    let expected = many as u64 + 1;
    assert_eq!((all.requests, all.metered), (expected, expected));
    // Once it is quiet, it has its room again.
    assert!(accounts.drain(FORGET_ENTRY_AFTER).is_empty());
    assert!(accounts.held.is_empty());
    pulls(&mut accounts, &made_up("10.0.0.9", 0), &image(1));
    let spender = one(&mut accounts).spent.spender;
    assert_eq!(**spender.client().unwrap(), made_up("10.0.0.9", 0));
}

#[test]
fn all_addresses_of_a_network_of_64_bits_have_one_room() {
    let mut accounts = Accounts::default();
    for number in 0..10_000 {
        let address = format!("2001:db8::{:x}:{number:x}", number % 7);
        pulls(&mut accounts, &made_up(&address, number), &image(1));
    }
    pulls(&mut accounts, &made_up("2001:db8:0:1::1", 1), &image(1));
    let rows = accounts.drain(Duration::ZERO);
    assert_eq!(rows.len(), MAX_ENTRIES_OF_ORIGIN + 2);
    let rest = rows.iter().max_by_key(|row| row.spent.counts.requests);
    let network: std::net::IpAddr = "2001:db8::".parse().unwrap();
    assert_eq!(rest.unwrap().spent.spender.address(), Some(network));
}

#[test]
fn our_own_work_is_told_by_image_however_many_there_are() {
    let mut accounts = Accounts::default();
    for number in 0..1_000 {
        let target = image(number);
        accounts.note_charged(&Client::default(), &target, CHARGED, at(0));
    }
    assert_eq!(accounts.drain(Duration::ZERO).len(), 1_000);
}

#[test]
fn a_clock_that_jumps_at_each_request_is_bounded_too() {
    let mut accounts = Accounts::default();
    let many = MAX_PENDING_WITH_OTHERS + 500;
    for hour in 0..many {
        let now = Moment {
            wall: Timestamp(NOON + i64::try_from(hour).unwrap() * HOUR),
            monotonic: Duration::ZERO,
        };
        note(&mut accounts, What::Other, Outcome::Failed("denied"), now);
    }
    let rows = accounts.drain(Duration::ZERO);
    assert!(rows.len() <= MAX_PENDING_WITH_OTHERS + 1);
    let requests: u64 = rows.iter().map(|row| row.spent.counts.requests).sum();
    assert_eq!(requests, many as u64);
}

/// Who asks, for what, how far the wall clock jumps before, how far the monotonic one goes on, and whether what was counted is
/// then taken.
type Step = (usize, u32, i64, u64, bool);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let jump = prop_oneof![-3 * HOUR..3 * HOUR, -1_000_i64..1_000, any::<i64>()];
    let step = (0_usize..600, 0_u32..3, jump, 0_u64..400_000, any::<bool>());
    prop::collection::vec(step, 0..400)
}

proptest! {
    /// Whatever comes in comes out, once; of an hour's row all lies in that hour, and it ends after it begins: however the wall
    /// clock jumps, and whoever asks.
    #[test]
    fn nothing_is_lost_and_nothing_is_told_twice(steps in steps()) {
        let mut accounts = Accounts::default();
        let mut rows = Vec::new();
        let mut now = at(0);
        for (who, what, jump, passed, drains) in &steps {
            let passed = Duration::from_millis(*passed);
            now.monotonic += passed;
            now.wall = Timestamp(now.wall.after(passed).0.saturating_add(*jump));
            let (client, target) = (made_up("10.0.0.9", *who), image(*what));
            let answered = Answered {
                client: &client,
                target: &target,
                what: What::Other,
                outcome: Outcome::Served(Provenance::Kept),
                bytes: 7,
            };
            accounts.note(&answered, now);
            accounts.note_charged(&client, &target, CHARGED, now);
            if *drains {
                rows.extend(accounts.drain(now.monotonic));
            }
        }
        rows.extend(accounts.drain(now.monotonic));
        let all = sum(&rows);
        let count = steps.len() as u64;
        prop_assert_eq!((all.requests, all.metered, all.bytes()), (count, count, 7 * count));
        for row in rows {
            prop_assert!(row.spent.first_at <= row.spent.last_at);
            prop_assert_eq!(Period::Hour.start_of(row.spent.first_at), row.start);
            prop_assert_eq!(Period::Hour.start_of(row.spent.last_at), row.start);
        }
    }
}
