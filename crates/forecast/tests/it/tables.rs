//! What some deploys come to, by hand.

use forebay_forecast::{
    Budget, Egress, Fact, Failing, Fit, Fleet, Form, Interval, Metering, Presence, Runtime, foresee,
};
use forebay_references::{Owner, PullPolicy};

use crate::deploy::{HUB, budget, deployment, fleet, foreseen, kept, there, wanted};

#[test]
fn a_node_pulls_an_image_once_whatever_runs_on_it() {
    let index = || there(Form::Index);
    let single = || there(Form::Single);
    let daemons = Owner {
        per_node: true,
        ..Owner::named("DaemonSet", "log")
    };
    for (what, owners, fact, direct, through) in [
        ("one replica", vec![deployment(1)], single(), "1", "1"),
        (
            "of several platforms",
            vec![deployment(1)],
            index(),
            "1 to 2",
            "1 to 2",
        ),
        (
            "spread or not",
            vec![deployment(5)],
            single(),
            "1 to 3",
            "1",
        ),
        (
            "two owners share",
            vec![deployment(1), Owner::of_kind("Pod")],
            single(),
            "1 to 2",
            "1",
        ),
        ("on each node", vec![daemons.clone()], single(), "3", "1"),
        (
            "on each node, and more",
            vec![daemons, deployment(9)],
            single(),
            "3",
            "1",
        ),
        (
            "kept",
            vec![deployment(5)],
            kept(Form::Single, 0),
            "1 to 3",
            "0",
        ),
        (
            "kept for a platform",
            vec![deployment(5)],
            kept(Form::Index, 1),
            "1 to 6",
            "0",
        ),
        (
            "an index alone",
            vec![deployment(5)],
            kept(Form::Index, 0),
            "1 to 6",
            "1",
        ),
        ("scaled to nothing", vec![deployment(0)], single(), "0", "0"),
        (
            "of unknown form",
            vec![deployment(1)],
            there(Form::Unknown),
            "1 to 2",
            "1 to 2",
        ),
    ] {
        let fleet = fleet(3);
        let images = [(wanted("nginx:1", &owners, &fleet), fact)];
        let forecast = foreseen(&images, 100, &fleet);
        assert_eq!(forecast.images[0].direct.to_string(), direct, "{what}");
        assert_eq!(forecast.images[0].through.to_string(), through, "{what}");
    }
}

#[test]
fn containers_of_one_workload_are_on_the_same_machines_and_those_of_two_may_not_be() {
    let web = |container: &str| Owner {
        container: Some(container.to_owned()),
        ..deployment(5)
    };
    let other = Owner {
        name: Some("other".to_owned()),
        ..deployment(5)
    };
    let pod = || Owner::of_kind("Pod");
    let stage = |name: &str| Owner::named("Dockerfile stage", name);
    for (owners, direct) in [
        (vec![web("app"), web("migrate")], "1 to 5"),
        (vec![web("app"), other], "1 to 10"),
        (vec![pod(), pod()], "1 to 2"),
        (vec![stage("build"), stage("test")], "1"),
    ] {
        let fleet = fleet(20);
        let images = [(wanted("nginx:1", &owners, &fleet), there(Form::Single))];
        let forecast = foreseen(&images, 100, &fleet);
        assert_eq!(forecast.images[0].direct.to_string(), direct, "{owners:?}");
    }
}

#[test]
fn always_costs_each_start_where_the_runtime_asks_by_get() {
    let always = Owner {
        pull_policy: Some(PullPolicy::Always),
        ..deployment(10)
    };
    for (runtime, direct) in [
        (Runtime::Containerd, "1 to 3"),
        (Runtime::Docker, "1 to 3"),
        (Runtime::CriO, "10"),
    ] {
        let fleet = Fleet {
            runtime,
            ..fleet(3)
        };
        let images = [(
            wanted("nginx:1", std::slice::from_ref(&always), &fleet),
            there(Form::Single),
        )];
        let forecast = foreseen(&images, 100, &fleet);
        assert_eq!(forecast.images[0].direct.to_string(), direct, "{runtime:?}");
        assert_eq!(forecast.images[0].through, Interval::exactly(1));
    }
}

#[test]
fn what_is_never_pulled_costs_nothing_and_fails_nowhere() {
    let never = Owner {
        pull_policy: Some(PullPolicy::Never),
        ..deployment(10)
    };
    let fleet = fleet(3);
    let missing = Fact {
        presence: Presence::Missing,
        ..there(Form::Single)
    };
    let forecast = foreseen(&[(wanted("built:1", &[never], &fleet), missing)], 0, &fleet);
    assert_eq!(forecast.images[0].direct, Interval::ZERO);
    assert_eq!(forecast.fit(false), Fit::Fits);
    assert_eq!(forecast.missing().count(), 0);
}

#[test]
fn each_platform_is_fetched_once_through_forebay_and_the_index_once_for_all() {
    let on = |platform: &str| Owner {
        platform: Some(platform.to_owned()),
        ..deployment(2)
    };
    let fleet = fleet(4);
    let owners = [on("linux/amd64"), on("linux/arm64")];
    for (fact, cost, expected) in [
        (there(Form::Index), Interval::from(1..=2), "2 to 3"),
        (there(Form::Index), Interval::exactly(1), "2"),
        (there(Form::Index), Interval::exactly(2), "3"),
        (kept(Form::Index, 1), Interval::from(1..=2), "1"),
        (kept(Form::Index, 2), Interval::from(1..=2), "0"),
    ] {
        let through = wanted("nginx:1", &owners, &fleet).through(&fact, cost);
        assert_eq!(through.to_string(), expected, "{fact:?} {cost}");
    }
}

#[test]
fn each_platform_is_pulled_by_itself_and_a_node_that_it_chooses_has_but_one() {
    let on = |kind: &str, platform: Option<&str>| Owner {
        platform: platform.map(str::to_owned),
        ..Owner::named(kind, platform.unwrap_or("any"))
    };
    let (amd, arm) = (Some("linux/amd64"), Some("linux/arm64"));
    for (kind, platforms, direct) in [
        ("Compose service", [amd, arm], "2 to 4"),
        ("Compose service", [amd, None], "1 to 4"),
        ("Compose service", [amd, amd], "1 to 2"),
        ("Pod", [amd, None], "1 to 2"),
    ] {
        let owners = platforms.map(|platform| on(kind, platform));
        let wanted = wanted("nginx:1", &owners, &fleet(1));
        let cost = wanted.direct(&fleet(1), &there(Form::Index), (1..=2).into());
        assert_eq!(cost.to_string(), direct, "{kind} {platforms:?}");
    }
}

#[test]
fn what_may_not_start_at_all_costs_nothing_for_certain() {
    let owner = Owner {
        condition: Some("only with its profile"),
        ..deployment(5)
    };
    let fleet = fleet(3);
    let one = || wanted("nginx:1", std::slice::from_ref(&owner), &fleet);
    let through = one().through(&there(Form::Index), (1..=2).into());
    assert_eq!(through.to_string(), "0 to 2");
    let forecast = foreseen(&[(one(), there(Form::Index))], 0, &fleet);
    assert_eq!(forecast.fit(false), Fit::MayNot);
}

#[test]
fn images_fail_in_the_order_in_which_the_budget_runs_out() {
    let fleet = fleet(10);
    let daemons = Owner {
        per_node: true,
        ..Owner::named("DaemonSet", "log")
    };
    let image = |name: &str, owner: &Owner| {
        (
            wanted(name, std::slice::from_ref(owner), &fleet),
            there(Form::Single),
        )
    };
    let images = [
        image("a:1", &daemons),
        image("b:1", &deployment(5)),
        image("c:1", &daemons),
    ];
    let forecast = foreseen(&images, 14, &fleet);
    let fails: Vec<_> = forecast
        .images
        .iter()
        .map(|image| image.fails_direct)
        .collect();
    assert_eq!(fails, [Failing::No, Failing::Maybe, Failing::Yes]);
    assert_eq!(forecast.fit(false), Fit::DoesNot);
    // Forebay fetches each once.
    assert!(
        forecast
            .images
            .iter()
            .all(|image| image.fails_through == Failing::No)
    );
    let through = &forecast.registries[0].through;
    assert_eq!(
        (through.fit, through.left),
        (Fit::Fits, Some(Interval::exactly(11)))
    );
}

#[test]
fn whether_it_fits_is_told_by_both_ends() {
    let fleet = fleet(3);
    let images = [(
        wanted("nginx:1", &[deployment(9)], &fleet),
        there(Form::Index),
    )];
    for (remaining, fit) in [
        (6, Fit::Fits),
        (5, Fit::MayNot),
        (1, Fit::MayNot),
        (0, Fit::DoesNot),
    ] {
        assert_eq!(
            foreseen(&images, remaining, &fleet).fit(false),
            fit,
            "{remaining}"
        );
    }
}

#[test]
fn what_is_not_known_is_never_said_to_fit() {
    let daemons = Owner {
        per_node: true,
        ..Owner::named("DaemonSet", "log")
    };
    let open = Fleet::default();
    let images = [(wanted("a:1", &[daemons], &open), there(Form::Single))];
    assert_eq!(foreseen(&images, 100, &open).fit(false), Fit::Unknown);
    assert_eq!(foreseen(&images, 0, &open).fit(false), Fit::DoesNot);
    let fleet = fleet(3);
    let images = vec![(wanted("a:1", &[deployment(1)], &fleet), there(Form::Single))];
    let unknown = foresee(images.clone(), &[Budget::unknown(HUB)], &fleet);
    assert_eq!(unknown.fit(false), Fit::Unknown);
    let unmetered = Budget {
        metering: Metering::Unmetered,
        ..Budget::unknown(HUB)
    };
    assert_eq!(foresee(images, &[unmetered], &fleet).fit(false), Fit::Fits);
}

#[test]
fn what_is_missing_fails_and_what_is_not_metered_is_free() {
    let fleet = fleet(3);
    let missing = Fact {
        presence: Presence::Missing,
        ..Fact::not_asked(None)
    };
    let free = Fact {
        is_metered: Some(false),
        ..there(Form::Index)
    };
    let images = [
        (wanted("gone:1", &[deployment(1)], &fleet), missing),
        (wanted("free/app:1", &[deployment(9)], &fleet), free),
    ];
    let forecast = foreseen(&images, 100, &fleet);
    assert_eq!(forecast.images[0].fails_through, Failing::Yes);
    assert_eq!(forecast.images[1].direct, Interval::ZERO);
    let names: Vec<_> = forecast
        .missing()
        .map(|image| image.image.as_str())
        .collect();
    assert_eq!(names, ["docker.io/library/gone:1"]);
}

#[test]
fn how_long_the_rest_lasts_is_told_at_the_rate_of_now() {
    let fleet = fleet(3);
    let images = vec![(wanted("a:1", &[deployment(1)], &fleet), there(Form::Single))];
    let busy = Budget {
        per_hour: Some(10.0),
        ..budget(21)
    };
    let forecast = foresee(images, &[busy], &fleet);
    assert_eq!(forecast.registries[0].direct.lasts_seconds, Some(7_200));
}

/// What the node that pulls most needs, whether that fits, and which images fail.
fn per_node(
    images: &[(&str, Vec<Owner>)],
    limit: u64,
    fleet: &Fleet,
) -> (String, Fit, Vec<Failing>) {
    let images: Vec<_> = images
        .iter()
        .map(|(image, owners)| (wanted(image, owners, fleet), there(Form::Single)))
        .collect();
    let budget = Budget {
        limit: Some(limit),
        ..budget(0)
    };
    let forecast = foresee(images, &[budget], fleet);
    let way = forecast.registries[0]
        .per_node
        .as_ref()
        .expect("each has its own");
    let fails = forecast.images.iter().map(|image| image.fails_direct);
    assert_eq!(forecast.fit(false), way.fit);
    (way.needed.to_string(), way.fit, fails.collect())
}

#[test]
fn where_each_node_has_its_own_address_it_has_its_own_budget_whatever_is_left_here() {
    let daemons = || Owner {
        per_node: true,
        ..Owner::named("DaemonSet", "log")
    };
    let fleet = Fleet {
        egress: Egress::PerNode,
        ..fleet(50)
    };
    let no = Failing::No;
    // Nobody has spent anything there: what is left of another address, nothing at all here, does not matter.
    let both = [("a:1", vec![daemons()]), ("b:1", vec![deployment(200)])];
    assert_eq!(
        per_node(&both, 100, &fleet),
        ("1 to 2".to_owned(), Fit::Fits, vec![no, no])
    );
    assert_eq!(
        per_node(&both, 1, &fleet),
        ("1 to 2".to_owned(), Fit::MayNot, vec![no, Failing::Maybe])
    );
    let all = [
        ("a:1", vec![daemons()]),
        ("b:1", vec![daemons()]),
        ("c:1", vec![daemons()]),
    ];
    assert_eq!(
        per_node(&all, 2, &fleet),
        ("3".to_owned(), Fit::DoesNot, vec![no, no, Failing::Yes])
    );
    // One replica is on some node.
    assert_eq!(
        per_node(&[("a:1", vec![deployment(1)])], 0, &fleet).1,
        Fit::DoesNot
    );
}

#[test]
fn an_account_has_one_budget_however_many_addresses_its_nodes_have() {
    let fleet = Fleet {
        egress: Egress::PerNode,
        ..fleet(50)
    };
    let images = vec![(
        wanted("a:1", &[deployment(50)], &fleet),
        there(Form::Single),
    )];
    let of_account = Budget {
        is_of_account: true,
        ..budget(0)
    };
    let forecast = foresee(images.clone(), &[of_account], &fleet);
    assert_eq!(forecast.registries[0].per_node, None);
    assert_eq!(forecast.fit(false), Fit::DoesNot);
    // What an address may is not known where it was not told.
    let unknown = Budget {
        limit: None,
        ..budget(0)
    };
    let forecast = foresee(images, &[unknown], &fleet);
    assert_eq!(forecast.fit(false), Fit::Unknown);
}
