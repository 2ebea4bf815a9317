use forebay_content::{Provenance, Timestamp};
use forebay_oci::Digest;
use proptest::prelude::*;

use super::candidates::MAX_CANDIDATES;
use super::*;

const SERVED: Outcome = Outcome::Served(Provenance::Kept);
const LIMITED: Outcome = Outcome::Failed("limited");

fn at(milliseconds: u64) -> Moment {
    Moment {
        wall: Timestamp(1_795_000_000_000 + milliseconds.cast_signed()),
        monotonic: Duration::from_millis(milliseconds),
    }
}

fn node(number: u8) -> Client {
    Client {
        address: Some([10, 0, 0, number].into()),
        agent: "containerd".into(),
        ..Client::default()
    }
}

fn image(number: usize) -> Target {
    Target {
        upstream: "docker.io".into(),
        repository: format!("team/app{number}").parse().unwrap(),
    }
}

fn tag() -> Reference {
    Reference::Tag("latest".parse().unwrap())
}

fn storms() -> Storms {
    Storms::new(StormRules::default())
}

/// How many are watched without being storms.
fn candidates(storms: &Storms) -> usize {
    storms.candidates.count()
}

/// The storms of now as they are told.
fn list(storms: &Storms, now: u64) -> Vec<StormReport> {
    storm_reports(&storms.list(at(now).monotonic))
}

#[test]
fn thirty_pulls_a_minute_kept_up_for_four_begin_a_storm_that_is_told_once() {
    let mut storms = storms();
    let (client, image, tag) = (node(1), image(1), tag());
    for number in 0..200_u64 {
        let began = storms.note((&client, &image), &tag, LIMITED, at(number * 2_000));
        assert_eq!(began.is_some(), number == 119, "pull {number}");
    }
    let found = list(&storms, 399_000);
    let expected = StormReport {
        client: (&client).into(),
        upstream: "docker.io".to_owned(),
        repository: "team/app1".to_owned(),
        reference: "latest".to_owned(),
        per_minute: found[0].per_minute,
        pulls: 200,
        since_unix_ms: at(238_000).wall.0,
        gets: "limited".into(),
    };
    assert_eq!(found, [expected]);
    assert!((28..=30).contains(&found[0].per_minute));
}

#[test]
fn a_little_slower_than_that_is_none() {
    let mut storms = storms();
    let (client, image, tag) = (node(1), image(1), tag());
    for number in 0..1_000_u64 {
        let began = storms.note((&client, &image), &tag, LIMITED, at(number * 2_100));
        assert!(began.is_none());
    }
}

#[test]
fn thirty_services_behind_one_address_are_thirty_storms() {
    let mut storms = storms();
    let (client, tag) = (node(1), tag());
    let mut began = 0;
    for round in 0..130_u64 {
        for service in 0..30 {
            let now = at(round * 2_000 + service);
            let image = image(usize::try_from(service).unwrap());
            began += usize::from(storms.note((&client, &image), &tag, SERVED, now).is_some());
        }
    }
    assert_eq!(began, 30);
    assert_eq!(list(&storms, 260_000).len(), 30);
}

#[test]
fn a_fleet_that_pulls_in_rounds_is_none() {
    let mut storms = storms();
    for round in 0..10_u64 {
        for node_number in 0..50 {
            for image_number in 0..20 {
                let now = at(round * 660_000 + u64::from(node_number) * 10);
                let (client, image) = (node(node_number), image(image_number));
                let began = storms.note((&client, &image), &tag(), SERVED, now);
                assert!(began.is_none());
            }
        }
    }
    assert!(candidates(&storms) <= MAX_CANDIDATES);
}

#[test]
fn a_storm_ends_after_a_quiet_time_and_may_begin_anew() {
    let mut storms = storms();
    let (client, image, tag) = (node(1), image(1), tag());
    let who = (&client, &image);
    for number in 0..130_u64 {
        storms.note(who, &tag, LIMITED, at(number * 100));
    }
    // Too seldom to keep it up.
    for number in 1..=20_u64 {
        storms.note(who, &tag, SERVED, at(300_000 + number * 10_000));
    }
    let quiet = StormRules::default().quiet;
    let last_hot = at(12_900).monotonic;
    assert!(storms.take_ended(last_hot + quiet / 2).is_empty());
    let ended = storm_reports(&storms.take_ended(last_hot + 2 * quiet));
    assert_eq!(ended.len(), 1);
    assert_eq!((ended[0].pulls, &*ended[0].gets), (150, "hit"));
    assert!(storms.take_ended(last_hot + 3 * quiet).is_empty());
    let again = (0..120_u64).filter(|number| {
        let now = at(2_000_000 + number * 100);
        storms.note(who, &tag, LIMITED, now).is_some()
    });
    assert_eq!(again.count(), 1);
}

#[test]
fn the_rate_is_that_of_now() {
    let mut storms = storms();
    let (client, image, tag) = (node(1), image(1), tag());
    for number in 0..600_u64 {
        storms.note((&client, &image), &tag, LIMITED, at(number * 100));
    }
    let rate = |now| list(&storms, now)[0].per_minute;
    assert!((570..=630).contains(&rate(60_000)), "{}", rate(60_000));
    assert!(rate(300_000) < 30);
}

#[test]
fn what_it_gets_is_the_failure_of_a_part_too() {
    let mut storms = storms();
    let (client, image, tag) = (node(1), image(1), tag());
    let who = (&client, &image);
    for number in 0..120_u64 {
        storms.note(who, &tag, SERVED, at(number));
        storms.note_part(who, &tag, LIMITED);
    }
    let gets = |storms: &Storms| list(storms, 200)[0].gets.clone();
    storms.note(who, &tag, SERVED, at(121));
    storms.note_part(who, &tag, LIMITED);
    assert_eq!(gets(&storms), "limited");
    storms.note_part(who, &tag, SERVED);
    assert_eq!(gets(&storms), "hit");
    storms.note_same(who, &tag, LIMITED);
    assert_eq!(gets(&storms), "limited", "the GET after its HEAD");
}

#[test]
fn a_flood_of_different_references_hides_no_storm_and_stays_bounded() {
    let mut storms = storms();
    let (flooding, slow, image, tag) = (node(1), node(2), image(1), tag());
    let mut began = None;
    let mut number = 0_u64;
    for second in 0..120 {
        for _ in 0..500 {
            number += 1;
            let reference = Reference::Digest(Digest::sha256(&number.to_be_bytes()));
            // Twice each: more than a storm of others has asked at its begin.
            for _ in 0..2 {
                storms.note(
                    (&flooding, &image),
                    &reference,
                    SERVED,
                    at(second * 1_000 + 1),
                );
            }
        }
        assert!(candidates(&storms) <= MAX_CANDIDATES);
        // It pulls as often as makes a storm within the four minutes of which half have passed.
        let seen = storms.note((&slow, &image), &tag, SERVED, at(second * 1_000));
        if seen.is_some() {
            began = Some(second);
        }
    }
    assert_eq!(began, Some(119));
    assert_eq!(list(&storms, 120_000).len(), 1);
}

/// `count` pulls of the same at once.
fn rage(storms: &mut Storms, client: &Client, image: &Target, (count, now): (usize, u64)) {
    for _ in 0..count {
        storms.note((client, image), &tag(), SERVED, at(now));
    }
}

#[test]
fn a_client_that_calls_itself_by_another_name_each_time_is_one_storm() {
    let mut storms = storms();
    let (image, tag) = (image(1), tag());
    let mut began = Vec::new();
    for number in 0..500_u64 {
        let client = Client {
            user: Some(format!("user-{number}").into()),
            agent: format!("agent-{}", number % 5).into(),
            ..node(1)
        };
        began.extend(storms.note((&client, &image), &tag, LIMITED, at(number * 100)));
        storms.note_part((&client, &image), &tag, LIMITED);
    }
    assert_eq!(began.len(), 1);
    let subject = "10.0.0.1 user several-users several-agents docker.io/team/app1:latest";
    assert_eq!(began[0].report().subject(), subject);
    let told = list(&storms, 50_000);
    assert_eq!((told.len(), told[0].pulls), (1, 500));
    assert_eq!(told[0].subject(), subject, "the same from begin to end");
}

#[test]
fn a_client_that_changes_its_address_within_its_network_of_64_bits_is_one_storm() {
    let mut storms = storms();
    for number in 0..200_u16 {
        let client = Client {
            address: Some([0x2001, 0xdb8, 0, 0, number, 1, 2, 3].into()),
            ..node(1)
        };
        rage(&mut storms, &client, &image(1), (1, u64::from(number)));
    }
    let told = list(&storms, 200);
    let subject = "2001:db8::/64 containerd docker.io/team/app1:latest";
    assert_eq!((told.len(), &*told[0].subject()), (1, subject));
}

#[test]
fn one_address_has_only_so_many_storms_and_keeps_no_other_from_being_named() {
    let mut storms = storms();
    for number in 0..2 * MAX_STORMS {
        rage(&mut storms, &node(1), &image(number), (120, 0));
    }
    assert_eq!(list(&storms, 1).len(), MAX_STORMS_OF_ORIGIN);
    rage(&mut storms, &node(2), &image(1), (120, 1));
    let told = list(&storms, 1);
    assert_eq!(told.len(), MAX_STORMS_OF_ORIGIN + 1);
    assert!(told.iter().any(|storm| storm.client == (&node(2)).into()));
}

#[test]
fn where_there_are_too_many_the_weakest_makes_room_for_a_much_stronger_one_and_is_told_as_over() {
    let of = |number: u32| Client {
        address: Some(std::net::Ipv4Addr::from_bits(0x0a00_0000 + number).into()),
        ..node(1)
    };
    let mut storms = storms();
    let steady = |storms: &mut Storms, number: u32, (begin, gap): (u64, u64)| {
        for pull in 0..120 {
            rage(storms, &of(number), &image(1), (1, begin + pull * gap));
        }
    };
    // Of 30 a minute, and all others of 40.
    steady(&mut storms, 0, (0, 2_000));
    for number in 1..u32::try_from(MAX_STORMS).unwrap() {
        steady(&mut storms, number, (60_000, 1_500));
    }
    let now = 240_000;
    assert_eq!(list(&storms, now).len(), MAX_STORMS);
    // As strong as they are: nobody makes room.
    steady(&mut storms, 5_000, (60_000, 1_500));
    assert!(storms.take_ended(at(now).monotonic).is_empty());
    for number in 6_000..6_003 {
        rage(&mut storms, &of(number), &image(1), (120, now));
    }
    let told = list(&storms, now);
    assert_eq!(told.len(), MAX_STORMS);
    for number in 6_000..6_003 {
        let is_told = |storm: &StormReport| storm.client == (&of(number)).into();
        assert!(told.iter().any(is_told), "{number}");
    }
    let ended = storm_reports(&storms.take_ended(at(now).monotonic));
    assert_eq!(ended.len(), 3);
    assert!(ended.iter().any(|storm| storm.client == (&of(0)).into()));
    assert!(storms.take_ended(at(now).monotonic).is_empty());
}

#[test]
fn a_hundred_and_nineteen_nodes_behind_one_address_may_pull_once_at_whatever_pace() {
    for gap in [0, 100, 1_000, 2_000] {
        let mut storms = storms();
        let (client, image, tag) = (node(1), image(1), tag());
        let mut pulls = |number: u64| {
            let began = storms.note((&client, &image), &tag, SERVED, at(number * gap));
            began.is_some()
        };
        assert!(!(0..119).any(&mut pulls), "{gap}");
        assert!(pulls(119), "{gap}");
    }
}

proptest! {
    /// Against counting by hand: a storm begins with the first pull that is the threshold's of four minutes within them.
    #[test]
    fn it_begins_when_the_threshold_is_met_and_not_before(
        gaps in prop::collection::vec(0_u64..5_000, 1..200),
        threshold in 2_usize..40,
    ) {
        let mut storms = Storms::new(StormRules { threshold, ..StormRules::default() });
        let (client, image, tag) = (node(1), image(1), tag());
        let mut times: Vec<u64> = Vec::new();
        let mut now = 0;
        let mut is_storm = false;
        for gap in gaps {
            now += gap;
            times.push(now);
            let within = times.iter().filter(|time| now - **time <= 240_000).count();
            let began = storms.note((&client, &image), &tag, SERVED, at(now)).is_some();
            prop_assert_eq!(began, !is_storm && within >= 4 * threshold);
            is_storm |= began;
        }
    }

    /// Whatever the wall clock does.
    #[test]
    fn the_wall_clock_changes_nothing(walls in prop::collection::vec(any::<i64>(), 120)) {
        let mut storms = storms();
        let (client, image, tag) = (node(1), image(1), tag());
        let mut began = 0;
        for (number, wall) in walls.iter().enumerate() {
            let now = Moment { wall: Timestamp(*wall), ..at(number as u64 * 1_000) };
            began += usize::from(storms.note((&client, &image), &tag, SERVED, now).is_some());
        }
        prop_assert_eq!(began, 1);
    }
}
