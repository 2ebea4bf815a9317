//! A forecast in words.
//!
//! Pure. What is not known is said to be so.

use forebay_forecast::preflight::{Finding, State};
use forebay_forecast::{
    Failing, Fit, ImageForecast, Kept, Metering, Presence, RegistryForecast, Way,
};
use forebay_limits::printable;
use forebay_terminal::amounts::span;

use super::{Through, Told};

/// The most users of an image that are told of.
const MAX_USES: usize = 8;

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
    for image in &told.forecast.images {
        lines.extend(image_lines(image));
    }
    if told.forecast.images.is_empty() {
        lines.push("no image is named there".to_owned());
    }
    for one in &told.unsure {
        lines.push(format!("not counted: {}", plain(one)));
    }
    for registry in &told.forecast.registries {
        lines.push(String::new());
        lines.extend(registry_lines(registry, is_offline));
    }
    if !told.preflight.is_empty() {
        lines.push(String::new());
        lines.extend(preflight_lines(told));
    }
    lines.push(String::new());
    lines.push(verdict(told));
    lines.join("\n")
}

fn image_lines(image: &ImageForecast) -> Vec<String> {
    let mut lines = vec![format!("{}{}", image.image, state(image))];
    for one in image.uses.iter().take(MAX_USES) {
        let place = if one.is_on_nodes { "nodes" } else { "machines" };
        let platform = one.platform.as_ref();
        let platform =
            platform.map_or_else(String::new, |platform| format!(", {}", plain(platform)));
        lines.push(format!(
            "  {}: {}: starts: {}, {place}: {}{platform}",
            plain(&one.at),
            plain(&one.owner),
            one.starts,
            one.machines
        ));
    }
    if image.uses.len() > MAX_USES {
        lines.push(format!("  and {} more", image.uses.len() - MAX_USES));
    }
    lines.push(format!(
        "  pulls: {} from the registry{}, {} through Forebay{}",
        image.direct,
        failing(image.fails_direct),
        image.through,
        failing(image.fails_through)
    ));
    lines
}

fn state(image: &ImageForecast) -> String {
    let why = || plain(image.fact.why.as_deref().unwrap_or_default());
    let mut told = match image.fact.presence {
        Presence::There => String::new(),
        Presence::Missing => "  IS NOT THERE".to_owned(),
        Presence::Refused => "  IS NOT THERE, or other credentials are needed".to_owned(),
        Presence::NotAsked if image.fact.why.is_none() => String::new(),
        Presence::NotAsked => format!("  not asked: {}", why()),
        Presence::Unknown => format!("  not known: {}", why()),
    };
    if image.fact.is_metered == Some(false) {
        told.push_str("  not metered");
    }
    match image.fact.kept {
        Kept::Nothing => {}
        Kept::All => told.push_str("  in the cache"),
        Kept::Index if image.fact.kept_manifests == 0 => {
            told.push_str("  its index is in the cache");
        }
        Kept::Index => {
            let count = image.fact.kept_manifests;
            let platforms = if count == 1 { "platform" } else { "platforms" };
            told = format!("{told}  in the cache for {count} {platforms}");
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
            "  a pull is available again in about {}",
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

fn verdict(told: &Told) -> String {
    let by = match told.judged {
        Through::Registry => "if the nodes ask the registries themselves",
        Through::Forebay => "if all nodes ask Forebay",
    };
    let missing: Vec<&str> = told
        .forecast
        .missing()
        .map(|image| image.image.as_str())
        .collect();
    let fit = match told.fit {
        Fit::Fits if told.is_known() => format!("it fits {by}"),
        Fit::Fits => format!("what is known fits {by}"),
        Fit::MayNot => format!("it may not fit {by}"),
        Fit::DoesNot => format!("it does not fit {by}"),
        Fit::Unknown => format!(
            "too little is known to tell whether it fits {by}{}",
            missing_facts(told)
        ),
    };
    let first = told.forecast.images.iter().find(|image| {
        let fails = match told.judged {
            Through::Registry => image.fails_direct,
            Through::Forebay => image.fails_through,
        };
        fails != Failing::No && !missing.contains(&image.image.as_str())
    });
    let first = match (told.fit, first) {
        (Fit::MayNot | Fit::DoesNot, Some(image)) => {
            format!("; the first to fail is {}", image.image)
        }
        _ => String::new(),
    };
    let missing = if missing.is_empty() {
        String::new()
    } else {
        format!("; not there: {}", missing.join(", "))
    };
    let is_bad = |finding: &&Finding| finding.state == State::Bad;
    let bad = match told.preflight.iter().filter(is_bad).count() {
        0 => "",
        1 => "; one thing is in its way",
        _ => "; several things are in its way",
    };
    format!("{fit}{first}{missing}{bad}")
}

/// What to say to know more.
fn missing_facts(told: &Told) -> &'static str {
    let is_open = |image: &ImageForecast| image.fetches.most.is_none();
    if !told.forecast.images.iter().any(is_open) {
        return "";
    }
    match (told.fleet.nodes, told.fleet.replicas) {
        (None, None) => ": say how many there are with --nodes and --replicas",
        (None, Some(_)) => ": say how many there are with --nodes",
        (Some(_), None) => ": say how many there are with --replicas",
        (Some(_), Some(_)) => "",
    }
}
