//! What holds for every deploy.

use forebay_forecast::{Fact, Fit, Fleet, Form, Interval, Runtime, Wanted};
use forebay_references::{Owner, PullPolicy};
use proptest::prelude::*;

use crate::deploy::{foreseen, kept, there, wanted};

const IMAGES: [&str; 3] = ["a:1", "b:latest", "ghcr.io/c/d:1"];

fn owner() -> impl Strategy<Value = Owner> {
    let kind = prop::sample::select(vec![
        "Deployment",
        "Job",
        "Compose service",
        "ECS task definition",
        "Helm values",
        "GitHub job",
    ]);
    let policy = prop::sample::select(vec![
        None,
        Some(PullPolicy::Always),
        Some(PullPolicy::IfAbsent),
        Some(PullPolicy::Never),
    ]);
    let platform = prop::sample::select(vec![None, Some("linux/amd64"), Some("linux/arm64")]);
    (
        kind,
        prop::option::of(0_u32..20),
        any::<bool>(),
        policy,
        platform,
    )
        .prop_map(|(kind, replicas, per_node, pull_policy, platform)| Owner {
            replicas,
            per_node: per_node && kind == "Deployment",
            pull_policy,
            platform: platform.map(str::to_owned),
            ..Owner::of_kind(kind)
        })
}

fn fleet() -> impl Strategy<Value = Fleet> {
    let runtime = prop::sample::select(vec![Runtime::Containerd, Runtime::CriO, Runtime::Docker]);
    (
        prop::option::of(0_u64..12),
        prop::option::of(0_u64..6),
        runtime,
    )
        .prop_map(|(nodes, replicas, runtime)| Fleet {
            nodes,
            replicas,
            runtime,
            ..Fleet::default()
        })
}

fn form() -> impl Strategy<Value = Form> {
    prop::sample::select(vec![Form::Index, Form::Single, Form::Unknown])
}

/// No end of `less` lies above that of `more`.
fn is_at_most(less: Interval, more: Interval) -> bool {
    let most = |interval: Interval| interval.most.unwrap_or(u64::MAX);
    less.least <= more.least && most(less) <= most(more)
}

fn direct(owners: &[Owner], fleet: &Fleet, fact: &Fact) -> Interval {
    wanted("a:1", owners, fleet).direct(fleet, fact, (1..=2).into())
}

proptest! {
    #[test]
    fn more_replicas_never_cost_less(owners in prop::collection::vec(owner(), 1..5), fleet in fleet(), form in form(), more in 0_u32..9) {
        let mut grown = owners.clone();
        for owner in &mut grown {
            owner.replicas = owner.replicas.map(|replicas| replicas + more);
        }
        let fact = there(form);
        prop_assert!(is_at_most(direct(&owners, &fleet, &fact), direct(&grown, &fleet, &fact)));
    }

    #[test]
    fn more_nodes_and_more_users_never_cost_less(owners in prop::collection::vec(owner(), 1..5), another in owner(), fleet in fleet(), form in form(), more in 0_u64..9) {
        let fact = there(form);
        let before = direct(&owners, &fleet, &fact);
        let larger = Fleet { nodes: fleet.nodes.map(|nodes| nodes + more), ..fleet };
        prop_assert!(is_at_most(before, direct(&owners, &larger, &fact)));
        let mut joined = owners;
        joined.push(another);
        prop_assert!(is_at_most(before, direct(&joined, &fleet, &fact)));
    }

    #[test]
    fn an_interval_is_none_upside_down(owners in prop::collection::vec(owner(), 1..5), fleet in fleet(), form in form(), manifests in 0_u64..3) {
        let wanted = wanted("a:1", &owners, &fleet);
        for fact in [there(form), kept(form, manifests)] {
            let intervals = [
                wanted.fetches(&fleet),
                wanted.direct(&fleet, &fact, (1..=2).into()),
                wanted.through(&fact, (1..=2).into()),
                wanted.on_one(&fleet, &fact, (1..=2).into()),
            ];
            for interval in intervals {
                prop_assert!(interval.most.is_none_or(|most| interval.least <= most), "{interval:?}");
            }
        }
    }

    #[test]
    fn one_machine_never_pays_more_than_all_together(owners in prop::collection::vec(owner(), 1..5), fleet in fleet(), form in form()) {
        let fact = there(form);
        let on_one = wanted("a:1", &owners, &fleet).on_one(&fleet, &fact, (1..=2).into());
        prop_assert!(is_at_most(on_one, direct(&owners, &fleet, &fact)));
    }

    #[test]
    fn what_is_kept_costs_nothing_through_forebay(owners in prop::collection::vec(owner(), 1..5), fleet in fleet(), form in form()) {
        let wanted = wanted("a:1", &owners, &fleet);
        prop_assert_eq!(wanted.through(&kept(form, 3), (1..=2).into()), Interval::ZERO);
        let partly = wanted.through(&kept(form, 1), (1..=2).into());
        prop_assert!(is_at_most(partly, wanted.through(&there(form), (1..=2).into())));
    }

    #[test]
    fn a_deploy_costs_what_its_images_cost(each in prop::collection::vec((owner(), form(), 0_usize..3), 0..6), fleet in fleet(), remaining in 0_u64..60) {
        let images: Vec<(Wanted, Fact)> = each
            .iter()
            .map(|(owner, form, at)| (wanted(IMAGES[*at], std::slice::from_ref(owner), &fleet), there(*form)))
            .collect();
        let forecast = foreseen(&images, remaining, &fleet);
        let sum = |ways: fn(&forebay_forecast::ImageForecast) -> Interval| {
            forecast.images.iter().map(ways).fold(Interval::ZERO, Interval::plus)
        };
        let zero = Interval::ZERO;
        let registry = forecast.registries.first();
        prop_assert_eq!(registry.map_or(zero, |one| one.direct.needed), sum(|image| image.direct));
        prop_assert_eq!(registry.map_or(zero, |one| one.through.needed), sum(|image| image.through));
        // What fits fails nowhere.
        if forecast.fit(false) == Fit::Fits {
            prop_assert!(forecast.images.iter().all(|image| image.fails_direct == forebay_forecast::Failing::No));
        }
    }
}
