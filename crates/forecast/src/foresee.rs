//! The forecast: what all images need at each registry, whether it is there, and which of them fail.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{Budget, Egress, Fact, Fleet, ImageUse, Interval, Metering, Presence, Wanted};

/// What a deploy comes to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Forecast {
    /// By registry.
    pub registries: Vec<RegistryForecast>,
    /// By image, in the order of the files.
    pub images: Vec<ImageForecast>,
}

/// What a deploy comes to at one registry.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RegistryForecast {
    /// What is left there.
    pub budget: Budget,
    /// If the machines ask it themselves, all of them together.
    pub direct: Way,
    /// The same of the machine that pulls most, where each has a budget of its own, of which it has spent nothing yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_node: Option<Way>,
    /// If they ask Forebay.
    pub through: Way,
}

/// One way of pulling, and what it comes to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Way {
    /// Pulls needed.
    pub needed: Interval,
    /// Whether they are there.
    pub fit: Fit,
    /// Pulls left afterwards, the least first; `None` if that is not known.
    pub left: Option<Interval>,
    /// How long what is left then lasts at the rate of now, at the least, in seconds; `None` if there is no rate, or nobody can tell.
    pub lasts_seconds: Option<u64>,
}

/// Whether what is needed is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// Whatever it costs.
    Fits,
    /// It depends on what is not known to the last pull.
    MayNot,
    /// Whatever it costs.
    DoesNot,
    /// Too little is known to tell.
    Unknown,
}

/// What becomes of one image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ImageForecast {
    /// Its full name.
    pub image: String,
    /// What was found out of it.
    pub fact: Fact,
    /// How often machines fetch it.
    pub fetches: Interval,
    /// Its pulls if they ask the registry themselves.
    pub direct: Interval,
    /// Its pulls if they ask Forebay.
    pub through: Interval,
    /// Whether it fails without Forebay.
    pub fails_direct: Failing,
    /// Whether it fails with Forebay in front.
    pub fails_through: Failing,
    /// Who starts it.
    pub uses: Vec<ImageUse>,
}

/// Whether an image fails to be pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failing {
    /// It does not, for all that is known.
    No,
    /// It may: the budget may be used up before all machines have it.
    Maybe,
    /// It does: the budget is used up before all machines have it, or it is not there.
    Yes,
}

/// Foresees what `images` come to. Registries of which no budget is given are not metered as far as is known.
pub fn foresee(images: Vec<(Wanted, Fact)>, budgets: &[Budget], fleet: &Fleet) -> Forecast {
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let mut told = Vec::new();
    for (wanted, fact) in images {
        let registry = &wanted.image.registry;
        let budget = budgets.iter().find(|budget| budget.registry == *registry);
        let pulls = Pulls::of((&wanted, &fact), budget, fleet);
        let (mut fails_direct, mut fails_through) = (Failing::No, Failing::No);
        if let Some(budget) = budget {
            let tally = tallies
                .entry(registry.clone())
                .or_insert_with(|| Tally::new(budget, fleet));
            (fails_direct, fails_through) = tally.add(pulls);
        }
        let Pulls {
            direct, through, ..
        } = pulls;
        if wanted.is_pulled() && matches!(fact.presence, Presence::Missing | Presence::Refused) {
            fails_direct = Failing::Yes;
            fails_through = Failing::Yes;
        }
        told.push(ImageForecast {
            image: wanted.image.to_string(),
            fetches: wanted.fetches(fleet),
            fact,
            direct,
            through,
            fails_direct,
            fails_through,
            uses: wanted.uses,
        });
    }
    Forecast {
        registries: tallies.into_values().map(Tally::finish).collect(),
        images: told,
    }
}

/// What an image costs.
#[derive(Clone, Copy)]
struct Pulls {
    direct: Interval,
    on_one: Interval,
    /// The least of it that some machine pays.
    somewhere: u64,
    through: Interval,
}

impl Pulls {
    const NONE: Self = Self {
        direct: Interval::ZERO,
        on_one: Interval::ZERO,
        somewhere: 0,
        through: Interval::ZERO,
    };

    /// By all ways. What is not there is not counted, either.
    fn of((wanted, fact): (&Wanted, &Fact), budget: Option<&Budget>, fleet: &Fleet) -> Self {
        let is_counted = |budget: &&Budget| budget.metering != Metering::Unmetered;
        match budget.filter(is_counted) {
            Some(budget) if fact.presence != Presence::Missing => {
                let direct = wanted.direct(fleet, fact, budget.pull_cost);
                let fetches = wanted.fetches(fleet).least;
                Self {
                    direct,
                    on_one: wanted.on_one(fleet, fact, budget.pull_cost),
                    somewhere: direct.least.checked_div(fetches).unwrap_or(0),
                    through: wanted.through(fact, budget.pull_cost),
                }
            }
            _ => Self::NONE,
        }
    }
}

/// What is needed so far at one registry.
struct Tally {
    budget: Budget,
    direct: Interval,
    through: Interval,
    /// What one machine needs, and the least that some machine needs; only where each has a budget of its own.
    on_one: Option<(Interval, u64)>,
}

impl Tally {
    fn new(budget: &Budget, fleet: &Fleet) -> Self {
        let has_own = fleet.egress == Egress::PerNode && !budget.is_of_account;
        Self {
            budget: budget.clone(),
            direct: Interval::ZERO,
            through: Interval::ZERO,
            on_one: has_own.then_some((Interval::ZERO, 0)),
        }
    }

    /// Takes an image's pulls after those of the images before it: whether it then fails, asked for directly and through us.
    fn add(&mut self, pulls: Pulls) -> (Failing, Failing) {
        let remaining = self.budget.remaining;
        let direct = take_up(&mut self.direct, pulls.direct, remaining);
        let through = take_up(&mut self.through, pulls.through, remaining);
        let on_one = self.on_one.as_mut().map(|(sum, somewhere)| {
            *somewhere = pulls.somewhere.max(*somewhere);
            take_up(sum, pulls.on_one, self.budget.limit)
        });
        (on_one.unwrap_or(direct), through)
    }

    fn finish(self) -> RegistryForecast {
        let per_node = self.on_one.map(|(each, somewhere)| {
            let needed = Interval {
                least: each.least.max(somewhere),
                ..each
            };
            Way::of(needed, &untouched(&self.budget))
        });
        RegistryForecast {
            direct: Way::of(self.direct, &self.budget),
            through: Way::of(self.through, &self.budget),
            per_node,
            budget: self.budget,
        }
    }
}

/// The budget of an address that has spent nothing: what is left of another's says nothing of it.
fn untouched(budget: &Budget) -> Budget {
    Budget {
        remaining: budget.limit,
        per_hour: None,
        ..budget.clone()
    }
}

/// Takes an image's pulls after those of the images before it.
fn take_up(sum: &mut Interval, pulls: Interval, remaining: Option<u64>) -> Failing {
    *sum = sum.plus(pulls);
    let Some(remaining) = remaining.filter(|_| pulls != Interval::ZERO) else {
        return Failing::No;
    };
    if sum.least > remaining {
        Failing::Yes
    } else if sum.most.is_none_or(|most| most > remaining) {
        Failing::Maybe
    } else {
        Failing::No
    }
}

impl Way {
    fn of(needed: Interval, budget: &Budget) -> Self {
        let left = budget.remaining.map(|remaining| Interval {
            least: needed.most.map_or(0, |most| remaining.saturating_sub(most)),
            most: Some(remaining.saturating_sub(needed.least)),
        });
        Self {
            needed,
            fit: fit(needed, budget),
            left,
            lasts_seconds: left.and_then(|left| lasts(left.least, budget.per_hour)),
        }
    }
}

fn fit(needed: Interval, budget: &Budget) -> Fit {
    if needed == Interval::ZERO || budget.metering == Metering::Unmetered {
        return Fit::Fits;
    }
    match (budget.remaining, needed.most) {
        (Some(remaining), _) if needed.least > remaining => Fit::DoesNot,
        (None, _) | (_, None) => Fit::Unknown,
        (Some(remaining), Some(most)) if most > remaining => Fit::MayNot,
        _ => Fit::Fits,
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate; a cast of a float saturates"
)]
fn lasts(left: u64, per_hour: Option<f64>) -> Option<u64> {
    let rate = per_hour.filter(|rate| *rate > 0.0)?;
    Some((left as f64 * 3_600.0 / rate) as u64)
}

impl ImageForecast {
    /// Whether it is wanted and its registry does not have it, or does not give it without credentials.
    pub fn is_missing(&self) -> bool {
        matches!(self.fact.presence, Presence::Missing | Presence::Refused)
            && self.fails_direct == Failing::Yes
    }
}

impl RegistryForecast {
    /// The way that decides whether machines that ask it themselves get what they need.
    pub fn by_machines(&self) -> &Way {
        self.per_node.as_ref().unwrap_or(&self.direct)
    }
}

impl Forecast {
    /// The worst of all registries, by one way.
    pub fn fit(&self, is_through: bool) -> Fit {
        let ways = self.registries.iter().map(|registry| {
            if is_through {
                registry.through.fit
            } else {
                registry.by_machines().fit
            }
        });
        let rank = |fit: &Fit| match fit {
            Fit::Fits => 0,
            Fit::Unknown => 1,
            Fit::MayNot => 2,
            Fit::DoesNot => 3,
        };
        ways.max_by_key(rank).unwrap_or(Fit::Fits)
    }

    /// The images that are not there, as far as anybody was asked and answered.
    pub fn missing(&self) -> impl Iterator<Item = &ImageForecast> {
        self.images.iter().filter(|image| image.is_missing())
    }

    /// The images that could not be asked after.
    pub fn unknown(&self) -> impl Iterator<Item = &ImageForecast> {
        self.images
            .iter()
            .filter(|image| image.fact.presence == Presence::Unknown)
    }
}
