//! Services and workloads that run less than they should, where nothing that was read says why.
//!
//! What lists them tells no more than two numbers: who reads it wants to know which, and where to look.

use std::collections::BTreeMap;

use forebay_evidence::{Class, Evidence, Lines, Owner, OwnerKind, Place, SettingKind};

use super::cause::Cause;
use super::missing::{Missing, WHY_IT_WAITS, command_for_tasks};
use super::platform::{Platform, platform_of_owner};
use super::quotes::{MAX_QUOTES, Quote};
use crate::facts::{MAX_NAMES, in_namespace, safe};

/// What is told of them.
pub(crate) struct Lacking {
    pub(crate) cause: Cause,
    pub(crate) evidence: Vec<Quote>,
    pub(crate) missing: Vec<Missing>,
    pub(crate) platforms: Vec<Platform>,
}

/// How many tasks or pods run, how many should, and where that is told.
#[derive(Clone, Copy)]
struct Told {
    running: u64,
    desired: u64,
    lines: Lines,
}

/// What is told of such services; none where each runs as many as it should.
pub(crate) fn find(evidence: &Evidence) -> Option<Lacking> {
    let mut all: BTreeMap<(&Owner, &Place), Told> = BTreeMap::new();
    for setting in &evidence.settings {
        let lines = setting.lines;
        if let Some(owner) = &setting.place.owner
            && let SettingKind::Replicas {
                desired,
                running: Some(running),
            } = setting.kind
        {
            let told = Told {
                running,
                desired,
                lines,
            };
            // The list that was read last is the newest.
            all.insert((owner, &setting.place), told);
        }
    }
    all.retain(|(owner, _), told| is_lacking(owner, *told));
    let (&(first, place), told) = all.first_key_value()?;
    let others = match all.len() - 1 {
        0 => String::new(),
        1 => ", and one more too few".to_owned(),
        others => format!(", and {others} more too few"),
    };
    let platform = platform_of_owner(first)?;
    let parts = match platform {
        Platform::Kubernetes => "pods",
        _ => "tasks",
    };
    let summary = format!(
        "{first} runs {} of {} {parts}{others}: what was read does not say why",
        told.running, told.desired
    );
    let names = all.keys().filter(|(owner, _)| owner.kind == first.kind);
    let names: Vec<String> = names.filter_map(|(owner, _)| safe(&owner.name)).collect();
    let command = match platform {
        Platform::Kubernetes => format!(
            "kubectl get events{} --sort-by=.lastTimestamp | forebay doctor -",
            in_namespace(place.namespace.as_deref())
        ),
        Platform::Ecs => command_for_tasks(place, Some(first), None),
        _ => {
            let names = match names.len().min(MAX_NAMES) {
                0 => "<service>".to_owned(),
                few => names[..few].join(" "),
            };
            format!("docker service ps --no-trunc {names} | forebay doctor -")
        }
    };
    Some(Lacking {
        cause: Cause::untold(summary),
        evidence: all.iter().take(MAX_QUOTES).map(quote).collect(),
        missing: vec![Missing {
            question: WHY_IT_WAITS,
            command,
        }],
        platforms: vec![platform],
    })
}

/// Whether it runs too few. ECS and Kubernetes run fewer for a while whenever they roll out: of theirs, only who runs nothing.
fn is_lacking(owner: &Owner, told: Told) -> bool {
    let is_swarm = owner.kind == OwnerKind::SwarmService;
    told.running < told.desired && (is_swarm || told.running == 0)
}

fn quote((&(owner, _), told): (&(&Owner, &Place), &Told)) -> Quote {
    Quote {
        lines: told.lines,
        at: None,
        count: 1,
        class: Some(Class::SymptomOnly),
        text: format!("{}: {}/{} replicas", owner.name, told.running, told.desired),
    }
}
