//! Ways out: what to do about a diagnosis, with exact commands for what was found.
//!
//! What stops the flood comes first; what destroys anything is only ever suggested, with a warning.

mod authenticate;
mod ecr_cache;
mod elsewhere;
mod find;
mod forebay;
mod mend;
mod plan;
mod stop;

use serde::Serialize;

use crate::costs::{Basis, Concerned, Cost, Costs, Usage, dollars};
use crate::document::{Code, Section};
use crate::facts::Facts;
use crate::{Class, Diagnosis, Evidence};

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
}

/// What ways are made of.
pub(crate) struct Ground<'a> {
    pub(crate) diagnosis: &'a Diagnosis,
    pub(crate) facts: &'a Facts,
    pub(crate) costs: &'a Costs,
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
    let facts = Facts::of(evidence, diagnosis);
    let images: Vec<Concerned> = facts.hub_images.iter().map(concerned).collect();
    let basis = Basis::of(&images, evidence, diagnosis, usage);
    let costs = Costs::of(&basis);
    let ground = Ground {
        diagnosis,
        facts: &facts,
        costs: &costs,
    };
    let mut ways = Vec::new();
    let stop = stop::way(&ground);
    match cause.class {
        Class::PullLimit => {
            ways.extend(stop);
            ways.extend(off_the_limit(&ground));
        }
        // No account and no plan lifts it; a cache and another registry do, once the flood has stopped.
        Class::AbuseLimit => {
            ways.push(stop.unwrap_or_else(|| find::way(&ground)));
            ways.push(forebay::way(&ground));
            ways.extend(ecr_cache::way(&ground));
            ways.extend(elsewhere::ways(&ground));
        }
        class if class.is_limit() => {
            ways.extend(stop);
            ways.extend(mend::way(class, &ground));
        }
        // Stopping it mends nothing here: at most it keeps a small fault from becoming a flood.
        Class::StartFailure if stop.is_some() => ways.extend(stop),
        class => {
            ways.extend(mend::way(class, &ground));
            ways.extend(stop);
        }
    }
    let is_paid = ways.iter().any(|way| !way.costs.is_empty());
    WaysOut {
        ways,
        cost_basis: is_paid.then_some(basis),
    }
}

fn off_the_limit(ground: &Ground<'_>) -> Vec<WayOut> {
    let mut ways: Vec<WayOut> = elsewhere::cortex(ground).into_iter().collect();
    // Where nobody can set a mirror, another registry is the shorter way.
    if ground.facts.is_fargate == Some(true) {
        ways.extend(elsewhere::ways(ground));
        ways.extend(ecr_cache::way(ground));
        ways.push(authenticate::way(ground));
        ways.push(forebay::way(ground));
    } else {
        ways.push(forebay::way(ground));
        ways.extend(ecr_cache::way(ground));
        ways.push(authenticate::way(ground));
        ways.extend(elsewhere::ways(ground));
    }
    ways.push(plan::way(ground));
    ways
}

/// The names by which sizes are known.
fn concerned(image: &crate::facts::Image) -> Concerned {
    Concerned {
        full: format!("docker.io/{}{}", image.repository, image.suffix()),
        written: image.written.clone(),
    }
}

impl WayOut {
    pub(crate) fn new(kind: WayKind, title: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            kind,
            title: title.into(),
            why: why.into(),
            steps: Vec::new(),
            costs: Vec::new(),
            prices_as_of: None,
        }
    }

    pub(crate) fn step(mut self, text: impl Into<String>, code: Option<Code>) -> Self {
        self.steps.push(Action {
            text: text.into(),
            warning: None,
            code,
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

    pub(crate) fn costing(mut self, costs: Vec<Cost>, as_of: &str) -> Self {
        self.costs = costs;
        self.prices_as_of = Some(as_of.to_owned());
        self
    }

    /// As a section, with its number among the ways.
    pub fn section(&self, number: usize) -> Section {
        let mut section =
            Section::new(format!("Way out {number}: {}", self.title)).paragraph(&self.why);
        for (at, action) in self.steps.iter().enumerate() {
            section = section.numbered(at + 1, &action.text);
            if let Some(warning) = &action.warning {
                section = section.warning(warning);
            }
            if let Some(code) = &action.code {
                section = section.code(code.clone());
            }
        }
        let mut rows = vec![vec!["cost".to_owned(), "US$".to_owned(), "how".to_owned()]];
        rows.extend(self.costs.iter().map(|cost| {
            let amount = cost.micro_usd.map_or_else(|| "?".to_owned(), dollars);
            vec![cost.what.to_owned(), amount, cost.how.clone()]
        }));
        section.table(rows)
    }
}
