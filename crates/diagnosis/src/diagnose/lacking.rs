//! Services of a swarm that run fewer tasks than they should, where nothing that was read says why.
//!
//! `docker service ls` tells no more of them than two numbers: who reads it wants to know which, and where to look.

use std::collections::BTreeMap;

use forebay_evidence::{Class, Evidence, Lines, OwnerKind, SettingKind};

use super::cause::Cause;
use super::missing::{Missing, WHY_IT_WAITS};
use super::quotes::{MAX_QUOTES, Quote};
use crate::facts::{MAX_NAMES, safe};

/// What is told of them.
pub(crate) struct Lacking {
    pub(crate) cause: Cause,
    pub(crate) evidence: Vec<Quote>,
    pub(crate) missing: Vec<Missing>,
}

/// What is told of such services; none where each runs as many as it should.
pub(crate) fn find(evidence: &Evidence) -> Option<Lacking> {
    let mut services: BTreeMap<&str, (u64, u64, Lines)> = BTreeMap::new();
    for setting in &evidence.settings {
        let owner = setting.place.owner.as_ref();
        if let Some(owner) = owner.filter(|owner| owner.kind == OwnerKind::SwarmService)
            && let SettingKind::Replicas {
                desired,
                running: Some(running),
            } = setting.kind
        {
            // The list that was read last is the newest.
            services.insert(&owner.name, (running, desired, setting.lines));
        }
    }
    services.retain(|_, (running, desired, _)| running < desired);
    let (first, (running, desired, _)) = services.first_key_value()?;
    let others = match services.len() - 1 {
        0 => String::new(),
        1 => ", and one more too few".to_owned(),
        others => format!(", and {others} more too few"),
    };
    let summary = format!(
        "Swarm service {first} runs {running} of {desired} tasks{others}: what was read does not say why"
    );
    let names: Vec<String> = services.keys().filter_map(|name| safe(name)).collect();
    let names = match names.len().min(MAX_NAMES) {
        0 => "<service>".to_owned(),
        few => names[..few].join(" "),
    };
    let quote = |(name, (running, desired, lines)): (&&str, &(u64, u64, Lines))| Quote {
        lines: *lines,
        at: None,
        count: 1,
        class: Some(Class::SymptomOnly),
        text: format!("{name}: {running}/{desired} replicas"),
    };
    Some(Lacking {
        cause: Cause::untold(summary),
        evidence: services.iter().take(MAX_QUOTES).map(quote).collect(),
        missing: vec![Missing {
            question: WHY_IT_WAITS,
            command: format!("docker service ps --no-trunc {names} | forebay doctor -"),
        }],
    })
}
