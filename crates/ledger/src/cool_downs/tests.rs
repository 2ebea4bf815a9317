use super::*;

fn rests(scope: &str, until: i64) -> KeptCoolDown {
    KeptCoolDown {
        upstream: "docker.io".into(),
        scope: scope.into(),
        limiter: Limiter::PullLimit,
        until: Timestamp(until),
        noted_at: Timestamp(0),
    }
}

#[test]
fn what_is_over_is_not_restored() {
    let kept = vec![rests("pulls", 10), rests("everything", 20)];
    let now = Moment {
        wall: Timestamp(10),
        monotonic: Duration::ZERO,
    };
    let cool_downs = CoolDowns::restored(kept, now);
    assert_eq!(cool_downs.list(Timestamp(10)), [rests("everything", 20)]);
    assert_eq!(cool_downs.list(Timestamp(20)), []);
}

#[test]
fn what_rests_is_told_by_upstream_what_ends_last_first() {
    let now = Timestamp(0);
    let mut cool_downs = CoolDowns::default();
    cool_downs.note(rests("pulls:ci", 10_000));
    cool_downs.note(rests("everything", 60_000));
    cool_downs.note(KeptCoolDown {
        upstream: "ghcr.io".into(),
        ..rests("registry", 5_000)
    });
    let (hub, minute) = (UpstreamName::from("docker.io"), Duration::from_mins(1));
    cool_downs.note_refused_login((&hub, Some("ci")), (now, minute));
    cool_downs.note_refused_login((&hub, None), (now, minute * 2));
    let told = |cool_downs: &CoolDowns, now| {
        let told = cool_downs.told(now).into_iter();
        told.map(|(upstream, rests)| {
            let rests: Vec<_> = rests.iter().map(|rest| (rest.what, rest.why)).collect();
            (upstream.to_string(), rests)
        })
        .collect::<Vec<_>>()
    };
    let refused = (Rested::Login, RestWhy::LoginRefused);
    let everything = (Rested::Everything, RestWhy::PullLimit);
    let pulls = (Rested::Pulls, RestWhy::PullLimit);
    let expected = [
        (
            "docker.io".to_owned(),
            vec![refused, everything, refused, pulls],
        ),
        (
            "ghcr.io".to_owned(),
            vec![(Rested::Registry, RestWhy::PullLimit)],
        ),
    ];
    assert_eq!(told(&cool_downs, now), expected);
    cool_downs.note_taken_login(&hub, "ci");
    let expected = [("docker.io".to_owned(), vec![refused, everything])];
    assert_eq!(told(&cool_downs, Timestamp(10_000)), expected);
    assert_eq!(told(&cool_downs, Timestamp(120_000)), []);
}

#[test]
fn what_ended_and_began_again_is_written_in_that_order() {
    let mut cool_downs = CoolDowns::default();
    let upstream = "docker.io".into();
    cool_downs.end(&upstream, "pulls");
    assert!(cool_downs.take_unwritten().is_empty(), "nothing was there");
    cool_downs.note(rests("pulls", 10));
    cool_downs.end(&upstream, "pulls");
    cool_downs.note(rests("pulls", 30));
    let unwritten = cool_downs.take_unwritten();
    assert_eq!(unwritten.ended, [(upstream, "pulls".into())]);
    assert_eq!(unwritten.resting, [rests("pulls", 30)]);
    assert!(cool_downs.take_unwritten().is_empty());
    cool_downs.put_back(unwritten);
    assert!(!cool_downs.take_unwritten().is_empty());
}

/// Where the clock is set to, and after how many of the cool-down's 30 minutes.
#[test]
fn a_clock_that_is_set_either_way_makes_none_longer_or_shorter() {
    const YEAR: i64 = 365 * 86_400_000;
    let at = |wall: i64, minutes: u64| Moment {
        wall: Timestamp(wall).after(Duration::from_mins(minutes)),
        monotonic: Duration::from_mins(minutes),
    };
    let half_an_hour = 30 * 60_000;
    for set_to in [
        YEAR,
        -YEAR,
        10 * YEAR,
        3_600_000,
        -3_600_000,
        i64::MAX / 2,
        i64::MIN / 2,
    ] {
        let (mut cool_downs, hub) = (CoolDowns::default(), "docker.io".into());
        cool_downs.follow(at(0, 0));
        cool_downs.note(rests("pulls", half_an_hour));
        cool_downs.note_refused_login((&hub, None), (Timestamp(0), Duration::from_mins(30)));
        cool_downs.take_unwritten();
        cool_downs.follow(at(set_to, 10));
        let written = cool_downs.take_unwritten().resting;
        assert_eq!(written.len(), 1, "it is written by the new clock");
        let now = at(set_to, 10).wall;
        assert_eq!(
            written[0].until,
            now.after(Duration::from_mins(20)),
            "{set_to}"
        );
        let told = cool_downs.told(now).remove(&hub).unwrap();
        let left = told
            .iter()
            .map(|rest| rest.left_seconds)
            .collect::<Vec<_>>();
        assert_eq!(left, [20 * 60, 20 * 60]);
        cool_downs.follow(at(0, 30));
        assert_eq!(cool_downs.list(at(0, 30).wall), [], "on time");
        assert!(cool_downs.told(at(0, 30).wall).is_empty());

        let restored = CoolDowns::restored(written, at(0, 20));
        for kept in restored.list(at(0, 20).wall) {
            assert!(kept.until <= at(0, 50).wall, "{set_to}");
        }
    }
}
