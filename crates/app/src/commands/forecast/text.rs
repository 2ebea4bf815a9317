//! A forecast in words.
//!
//! Pure. What is not known is said to be so.

use std::collections::HashMap;

use forebay_forecast::preflight::State;
use forebay_forecast::{
    Failing, Fit, ImageForecast, Interval, Kept, Metering, Presence, RegistryForecast, Way,
};
use forebay_limits::printable;
use forebay_terminal::amounts::span;

use super::Told;

/// The most users of an image that are told of.
const MAX_USES: usize = 8;

/// The most of what is not counted that is told, a line each.
const MAX_UNSURE: usize = 100;

/// From what age on that of a budget is told, in seconds.
const OLD_SECONDS: u64 = 60;

/// The longest text of others in a line, in bytes: paths are up to 4 KiB.
const MAX_SHOWN_BYTES: usize = 8 * 1024;

/// What files and registries say, without what a terminal would obey.
pub(super) fn plain(text: &(impl ToString + ?Sized)) -> String {
    printable(&text.to_string(), MAX_SHOWN_BYTES)
}

/// All of it.
pub(super) fn told(told: &Told, is_offline: bool) -> String {
    let mut lines = Vec::new();
    let registries = &told.forecast.registries;
    let meterings: HashMap<&str, Metering> = registries
        .iter()
        .map(|one| (one.budget.registry.as_str(), one.budget.metering))
        .collect();
    for image in &told.forecast.images {
        lines.extend(image_lines(image, &meterings));
    }
    if told.forecast.images.is_empty() {
        lines.push("no image is named there".to_owned());
    }
    for one in told.unsure.iter().take(MAX_UNSURE) {
        lines.push(format!("not counted: {}", plain(one)));
    }
    if told.unsure.len() > MAX_UNSURE {
        let more = told.unsure.len() - MAX_UNSURE;
        lines.push(format!("not counted: {more} more, which --json lists"));
    }
    for registry in registries {
        lines.push(String::new());
        lines.extend(registry_lines(registry, is_offline));
    }
    if !told.preflight.is_empty() {
        lines.push(String::new());
        lines.extend(preflight_lines(told));
    }
    lines.push(String::new());
    lines.push(super::verdict::verdict(told, is_offline));
    lines.join("\n")
}

fn image_lines(image: &ImageForecast, meterings: &HashMap<&str, Metering>) -> Vec<String> {
    let mut lines = vec![format!("{}{}", image.image, state(image))];
    for one in image.uses.iter().take(MAX_USES) {
        let place = if one.is_on_nodes { "nodes" } else { "machines" };
        let platform = one.platform.as_ref();
        let platform =
            platform.map_or_else(String::new, |platform| format!(", {}", plain(platform)));
        let condition = one.condition.map(|condition| format!(", {condition}"));
        let condition = condition.unwrap_or_default();
        lines.push(format!(
            "  {}: {}: starts: {}, {place}: {}{platform}{condition}",
            plain(&one.at),
            plain(&one.owner),
            one.starts,
            one.machines
        ));
    }
    if image.uses.len() > MAX_USES {
        lines.push(format!("  and {} more", image.uses.len() - MAX_USES));
    }
    let metering = meterings.get(registry_of(image)).copied();
    lines.push(format!("  pulls: {}", pulls(image, metering)));
    lines
}

/// The registry that an image's full name begins with.
fn registry_of(image: &ImageForecast) -> &str {
    let name = image.image.split_once('/');
    name.map_or("", |(registry, _)| registry)
}

/// What pulls an image takes. Of those that nobody counts it is said that there are some.
fn pulls(image: &ImageForecast, metering: Option<Metering>) -> String {
    let fetches = image.fetches;
    let is_there = image.fails_direct != Failing::Yes;
    if fetches == Interval::ZERO {
        let is_run = image.uses.iter().any(|one| one.starts != Interval::ZERO);
        let why = if is_run {
            "it is built where it runs, or never pulled"
        } else {
            "none of it runs"
        };
        return format!("none: {why}");
    }
    let is_counted = image.fact.is_metered != Some(false) && metering != Some(Metering::Unmetered);
    match metering {
        None if is_there => format!(
            "{fetches} from the registry, which is no upstream: whether it counts them is not known"
        ),
        Some(_) if is_there && !is_counted => {
            format!("{fetches} from the registry, which counts none of them, as far as it says")
        }
        _ => format!(
            "{} from the registry{}, {} through Forebay{}",
            image.direct,
            failing(image.fails_direct),
            image.through,
            failing(image.fails_through)
        ),
    }
}

fn state(image: &ImageForecast) -> String {
    let why = || plain(image.fact.why.as_deref().unwrap_or_default());
    let mut told = match image.fact.presence {
        Presence::There => String::new(),
        Presence::Missing => "  IS NOT THERE".to_owned(),
        Presence::Refused => {
            "  IS NOT THERE, or needs other credentials than are configured here".to_owned()
        }
        Presence::NotAsked if image.fact.why.is_none() => String::new(),
        Presence::NotAsked => format!("  not asked: {}", why()),
        Presence::Unknown => format!("  not known: {}", why()),
    };
    if image.fact.is_metered == Some(false) {
        told.push_str("  not metered");
    }
    match image.fact.kept {
        Kept::Nothing => {}
        Kept::All => told.push_str("  its manifest is in the cache"),
        Kept::Index if image.fact.kept_manifests == 0 => {
            told.push_str("  its index is in the cache");
        }
        Kept::Index => {
            let count = image.fact.kept_manifests;
            let platforms = if count == 1 { "platform" } else { "platforms" };
            told = format!("{told}  its manifests for {count} {platforms} are in the cache");
        }
    }
    told
}

fn failing(failing: Failing) -> &'static str {
    match failing {
        Failing::No => "",
        Failing::Maybe => " (may fail)",
        Failing::Yes => " (FAILS)",
    }
}

fn registry_lines(registry: &RegistryForecast, is_offline: bool) -> Vec<String> {
    let budget = &registry.budget;
    let name = &budget.registry;
    let payer = budget.payer.as_ref();
    let payer = payer.map_or_else(String::new, |payer| {
        format!(", charged to {}", plain(payer))
    });
    let mut lines = Vec::new();
    lines.push(match (budget.metering, budget.remaining) {
        (Metering::Unmetered, _) => format!("{name}: counts no pulls, as far as it says"),
        (_, Some(remaining)) => {
            let of = budget
                .limit
                .map_or_else(String::new, |limit| format!(" of {limit}"));
            let age = budget
                .age_seconds
                .filter(|age| is_offline && *age >= OLD_SECONDS);
            let age = age.map_or_else(String::new, |age| format!(", as of {} ago", span(age)));
            format!("{name}: {remaining}{of} pulls left{payer}{age}")
        }
        _ => format!("{name}: how many pulls are left is not known"),
    });
    if budget.metering == Metering::Unmetered {
        return lines;
    }
    lines.push(match &registry.per_node {
        Some(per_node) => way("from the registry, the node that pulls most", per_node),
        None => way("from the registry", &registry.direct),
    });
    if let (Some(_), Some(limit)) = (&registry.per_node, budget.limit) {
        lines.push(format!(
            "  each node has an address of its own, of which {limit} are counted, if it has pulled nothing yet"
        ));
    }
    lines.push(way("through Forebay", &registry.through));
    if budget.credentials_not_applied {
        lines.push("  our credentials are not being applied: it charges an address".to_owned());
    }
    if let Some(opens) = budget.opens_in_seconds {
        lines.push(format!(
            "  used up; the next pull is possible in about {}",
            span(opens)
        ));
    }
    if let Some(full) = budget
        .is_full_in_seconds
        .filter(|_| registry.by_machines().fit != Fit::Fits)
    {
        lines.push(format!("  all of the limit is back within {}", span(full)));
    }
    lines
}

fn way(name: &str, way: &Way) -> String {
    let fit = match way.fit {
        Fit::Fits => "fits",
        Fit::MayNot => "MAY NOT FIT",
        Fit::DoesNot => "DOES NOT FIT",
        Fit::Unknown => "not known whether it fits",
    };
    let left = match (way.fit, way.left) {
        (Fit::Fits, Some(left)) => format!(", {left} left then"),
        _ => String::new(),
    };
    let lasts = way.lasts_seconds.filter(|_| way.fit == Fit::Fits);
    let lasts = lasts.map_or_else(String::new, |lasts| {
        format!(", which last {} at the rate of now", span(lasts))
    });
    format!("  {name}: needs {}: {fit}{left}{lasts}", way.needed)
}

fn preflight_lines(told: &Told) -> Vec<String> {
    let mut lines = Vec::new();
    for finding in &told.preflight {
        let state = match finding.state {
            State::Good => "ok     ",
            State::Bad => "BAD    ",
            State::Unknown => "unknown",
            State::Failed => "FAILED ",
        };
        lines.push(format!(
            "{state} {}: {}",
            plain(&finding.what),
            plain(&finding.told)
        ));
        let cure = finding.cure.as_ref();
        lines.extend(cure.map(|cure| format!("        {}", plain(cure))));
    }
    lines
}
