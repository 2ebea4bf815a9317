use forebay_content::Provenance;
use forebay_oci::Digest;
use proptest::prelude::*;

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
    storms.young.len() + storms.old.len()
}

#[test]
fn thirty_pulls_a_minute_kept_up_for_four_begin_a_storm_that_is_told_once() {
    let mut storms = storms();
    let (client, image, tag) = (node(1), image(1), tag());
    for number in 0..200_u64 {
        let began = storms.note((&client, &image), &tag, LIMITED, at(number * 2_000));
        assert_eq!(began.is_some(), number == 119, "pull {number}");
    }
    let found = storms.list(at(399_000).monotonic);
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
        assert_eq!(began, None);
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
    assert_eq!(storms.list(at(260_000).monotonic).len(), 30);
}

#[test]
fn a_fleet_that_pulls_in_rounds_is_none() {
    let mut storms = storms();
    for round in 0..10_u64 {
        for node_number in 0..50 {
            for image_number in 0..20 {
                let now = at(round * 660_000 + u64::from(node_number) * 10);
                let (client, image) = (node(node_number), image(image_number));
                assert_eq!(storms.note((&client, &image), &tag(), SERVED, now), None);
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
    let ended = storms.take_ended(last_hot + 2 * quiet);
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
    let rate = |now| storms.list(at(now).monotonic)[0].per_minute;
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
    let gets = |storms: &Storms| storms.list(at(200).monotonic)[0].gets.clone();
    storms.note(who, &tag, SERVED, at(121));
    storms.note_part(who, &tag, LIMITED);
    assert_eq!(gets(&storms), "limited");
    storms.note_part(who, &tag, SERVED);
    assert_eq!(gets(&storms), "hit");
    storms.note_same(who, &tag, LIMITED);
    assert_eq!(gets(&storms), "limited", "the GET after its HEAD");
}

#[test]
fn a_flood_of_different_references_hides_no_storm_that_is_known_and_stays_bounded() {
    let mut storms = storms();
    let (client, image, tag) = (node(1), image(1), tag());
    let who = (&client, &image);
    for number in 0..120_u64 {
        storms.note(who, &tag, SERVED, at(number));
    }
    for number in 0..20_000_u64 {
        let reference = Reference::Digest(Digest::sha256(&number.to_be_bytes()));
        storms.note(who, &reference, SERVED, at(100));
    }
    assert!(candidates(&storms) <= MAX_CANDIDATES);
    assert_eq!(storms.list(at(200).monotonic).len(), 1);
}

#[test]
fn there_are_only_so_many_storms_at_once() {
    let mut storms = storms();
    let (client, tag) = (node(1), tag());
    for number in 0..MAX_STORMS + 10 {
        let image = image(number);
        for pull in 0..120_u64 {
            storms.note((&client, &image), &tag, SERVED, at(pull));
        }
    }
    assert_eq!(storms.list(at(200).monotonic).len(), MAX_STORMS);
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
