//! Ways out: what to do about a diagnosis, with exact commands for what was found.
//!
//! What stops the flood comes first; what destroys anything is only ever suggested, with a warning.

mod authenticate;
mod ci;
mod commands;
mod ecr_cache;
mod elsewhere;
mod find;
mod forebay;
mod known;
mod login;
mod mend;
mod plan;
mod pull_through;
mod rights;
mod stack;
mod stop;
mod targets;
mod tls;

use std::collections::BTreeSet;

use forebay_diagnosis::facts::Facts;
use serde::Serialize;

use crate::blanks::{Blank, blanks_in, fill_in};
use crate::costs::{Basis, Cost, Costs, Usage, dollars};
use crate::document::{Code, Section};
use crate::{Class, Diagnosis, Evidence, Identity, Platform};

/// A way out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WayOut {
    /// Which one.
    pub kind: WayKind,
    /// What is done, as a heading.
    pub title: String,
    /// Why it helps, and what it does not do.
    pub why: String,
    /// What is to be done, in order.
    pub steps: Vec<Action>,
    /// What stands in the commands for names that nothing told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fill_in: Vec<Blank>,
    /// What it costs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub costs: Vec<Cost>,
    /// When the prices were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prices_as_of: Option<String>,
}

/// The ways out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WayKind {
    /// Stop what floods the registry.
    StopTheCulprit,
    /// Find what floods the registry, where nothing that was read names it.
    FindTheFlood,
    /// Mend what is wrong, where no limit is the cause.
    Mend,
    /// Let a role fill ECR's pull-through cache.
    LetTheCacheFill,
    /// A cache in front: Forebay.
    Forebay,
    /// An ECR pull-through cache rule.
    EcrPullThrough,
    /// Pull with an account.
    Authenticate,
    /// Images of one's own in ECR.
    Ecr,
    /// The same at GitHub.
    Ghcr,
    /// The same at Quay.
    Quay,
    /// A paid plan of Docker's.
    PaidPlan,
}

impl WayKind {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::StopTheCulprit,
        Self::FindTheFlood,
        Self::Mend,
        Self::LetTheCacheFill,
        Self::Forebay,
        Self::EcrPullThrough,
        Self::Authenticate,
        Self::Ecr,
        Self::Ghcr,
        Self::Quay,
        Self::PaidPlan,
    ];

    /// The one of that name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What it is called in commands and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StopTheCulprit => "stop-the-culprit",
            Self::FindTheFlood => "find-the-flood",
            Self::Mend => "mend",
            Self::LetTheCacheFill => "let-the-cache-fill",
            Self::Forebay => "forebay",
            Self::EcrPullThrough => "ecr-pull-through",
            Self::Authenticate => "authenticate",
            Self::Ecr => "ecr",
            Self::Ghcr => "ghcr",
            Self::Quay => "quay",
            Self::PaidPlan => "paid-plan",
        }
    }
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Action {
    /// What, in a sentence.
    pub text: String,
    /// What must be known before it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// What is typed or written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// Whether it can wait: what is told at night leaves it out.
    #[serde(skip)]
    pub can_wait: bool,
}

/// What ways are made of.
pub(crate) struct Ground<'a> {
    pub(crate) diagnosis: &'a Diagnosis,
    pub(crate) facts: &'a Facts,
    pub(crate) costs: &'a Costs,
    /// Images of which only the beginning was read.
    pub(crate) cut: BTreeSet<String>,
    /// How the stack stands that runs it.
    pub(crate) stack: known::Stack,
    /// The right of AWS that was refused, where it is that.
    pub(crate) refusal: Option<rights::Refusal>,
}

/// The ways out, and what their costs are computed from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WaysOut {
    /// The first to be done first.
    pub ways: Vec<WayOut>,
    /// None where nothing costs anything.
    pub cost_basis: Option<Basis>,
}

/// The ways out of a diagnosis.
pub fn ways_out(evidence: &Evidence, diagnosis: &Diagnosis, usage: &Usage) -> WaysOut {
    let Some(cause) = &diagnosis.cause else {
        return WaysOut::default();
    };
    let facts = known::facts(evidence, diagnosis);
    let basis = Basis::of(&facts, evidence, diagnosis, usage);
    let costs = Costs::of(&basis);
    let ground = Ground {
        diagnosis,
        facts: &facts,
        costs: &costs,
        cut: known::cut_images(evidence),
        stack: known::stack(evidence),
        refusal: rights::find_refusal(evidence, cause.class),
    };
    let mut ways = Vec::new();
    let stop = stop::way(&ground);
    match cause.class {
        Class::PullLimit => {
            ways.extend(stop);
            ways.extend(off_the_limit(&ground));
            ways.extend(stop::rest(&ground));
        }
        // No account and no plan lifts it; a cache and another registry do, once the flood has stopped.
        Class::AbuseLimit => {
            ways.push(stop.unwrap_or_else(|| find::way(&ground)));
            ways.extend(stop::rest(&ground));
            ways.push(forebay::way(&ground));
            ways.extend(other_registries(&ground));
        }
        class if class.is_limit() => {
            ways.extend(stop);
            ways.extend(mend::way(class, &ground));
            ways.extend(stop::rest(&ground));
        }
        // Stopping it mends nothing here: at most it keeps a small fault from becoming a flood.
        Class::StartFailure if stop.is_some() => ways.extend(stop),
        class => {
            ways.extend(pull_through::way(&ground));
            ways.extend(mend::way(class, &ground));
            ways.extend(stop);
        }
    }
    for way in &mut ways {
        way.fill_in = blanks_in(way.steps.iter().filter_map(Action::typed));
    }
    let is_paid = ways.iter().any(|way| !way.costs.is_empty());
    WaysOut {
        ways,
        cost_basis: is_paid.then_some(basis),
    }
}

fn off_the_limit(ground: &Ground<'_>) -> Vec<WayOut> {
    let mut ways: Vec<WayOut> = elsewhere::cortex(ground).into_iter().collect();
    if ground.facts.platform == Some(Platform::Ci) {
        // A job logs in by itself: nothing has to be set up beside it.
        ways.push(authenticate::way(ground));
        ways.push(forebay::way(ground));
        ways.extend(other_registries(ground));
    } else if ground.facts.is_fargate == Some(true) {
        // Where nobody can set a mirror, another registry is the shorter way.
        ways.extend(elsewhere::ways(ground));
        ways.extend(ecr_cache::way(ground));
        ways.push(authenticate::way(ground));
        ways.push(forebay::way(ground));
    } else if ground.is_on_aws() {
        ways.push(forebay::way(ground));
        ways.extend(ecr_cache::way(ground));
        ways.push(authenticate::way(ground));
        ways.extend(elsewhere::ways(ground));
    } else {
        ways.push(forebay::way(ground));
        ways.push(authenticate::way(ground));
        ways.extend(other_registries(ground));
    }
    ways.push(plan::way(ground));
    if ground.is_by_account() {
        let is_ci = ground.facts.platform == Some(Platform::Ci);
        ways.sort_by_key(|way| rank_where_logged_in(way.kind, is_ci));
    }
    ways
}

/// Who is logged in already, is helped last by another account. Hosted runners cannot have a cache beside them as easily as a
/// plan.
const fn rank_where_logged_in(kind: WayKind, is_ci: bool) -> u8 {
    match kind {
        WayKind::PaidPlan if is_ci => 0,
        WayKind::Authenticate => 2,
        _ => 1,
    }
}

/// Other registries; where nothing of AWS is seen, a cache of ECR's is still a way, but the last.
fn other_registries(ground: &Ground<'_>) -> Vec<WayOut> {
    let cache = ecr_cache::way(ground);
    let mut ways = elsewhere::ways(ground);
    let at = if ground.is_on_aws() { 0 } else { ways.len() };
    ways.splice(at..at, cache);
    ways
}

impl Ground<'_> {
    /// Whether the registry counts an account: who pulls is logged in.
    pub(crate) fn is_by_account(&self) -> bool {
        let cause = self.diagnosis.cause.as_ref();
        let identity = cause.and_then(|cause| cause.identity.as_ref());
        matches!(identity, Some(Identity::Account(_)))
    }

    /// Whether anything of AWS is seen.
    pub(crate) fn is_on_aws(&self) -> bool {
        self.facts.is_on_aws() || self.facts.region.is_some()
    }
}

impl WayOut {
    pub(crate) fn new(kind: WayKind, title: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            kind,
            title: title.into(),
            why: why.into(),
            steps: Vec::new(),
            fill_in: Vec::new(),
            costs: Vec::new(),
            prices_as_of: None,
        }
    }

    pub(crate) fn step(mut self, text: impl Into<String>, code: Option<Code>) -> Self {
        self.steps.push(Action {
            text: text.into(),
            warning: None,
            code,
            can_wait: false,
        });
        self
    }

    pub(crate) fn run(self, text: impl Into<String>, commands: impl Into<String>) -> Self {
        self.step(text, Some(Code::shell(commands)))
    }

    pub(crate) fn careful(mut self, warning: impl Into<String>) -> Self {
        if let Some(last) = self.steps.last_mut() {
            last.warning = Some(warning.into());
        }
        self
    }

    /// The last step can wait.
    pub(crate) fn can_wait(mut self) -> Self {
        if let Some(last) = self.steps.last_mut() {
            last.can_wait = true;
        }
        self
    }

    pub(crate) fn costing(mut self, costs: Vec<Cost>, as_of: &str) -> Self {
        self.costs = costs;
        self.prices_as_of = Some(as_of.to_owned());
        self
    }

    /// As a section, with its number among the ways.
    pub fn section(&self, number: usize) -> Section {
        let section = Section::new(format!("Way out {number}: {}", self.title));
        let section = section.paragraph(&self.why);
        let steps = self.steps.iter().zip(1..);
        let section = steps.fold(section, |section, (action, at)| action.tell(section, at));
        let section = fill_in(section, &self.fill_in);
        let mut rows = vec![vec!["cost".to_owned(), "US$".to_owned(), "how".to_owned()]];
        rows.extend(self.costs.iter().map(|cost| {
            let amount = cost.micro_usd.map_or_else(|| "?".to_owned(), dollars);
            vec![cost.what.to_owned(), amount, cost.how.clone()]
        }));
        section.table(rows)
    }
}

impl Action {
    /// What is typed or written.
    pub(crate) fn typed(&self) -> Option<&str> {
        self.code.as_ref().map(|code| code.text.as_str())
    }

    /// Tells it as a numbered point of a section.
    pub(crate) fn tell(&self, section: Section, number: usize) -> Section {
        let mut section = section.numbered(number, &self.text);
        if let Some(warning) = &self.warning {
            section = section.warning(warning);
        }
        match &self.code {
            Some(code) => section.code(code.clone()),
            None => section,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_is_found_by_the_name_that_json_has_too() {
        for kind in WayKind::ALL {
            assert_eq!(WayKind::find(kind.name()), Some(kind));
            let json = serde_json::to_value(kind).ok();
            assert_eq!(json, Some(kind.name().into()));
        }
    }
}
