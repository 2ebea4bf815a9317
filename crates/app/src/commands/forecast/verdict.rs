//! The last line of a forecast: whether it fits, and what is in its way.
//!
//! Pure. It says of nothing that it fits which was not read, or not found out.

use forebay_forecast::preflight::State;
use forebay_forecast::{Failing, Fit, ImageForecast, Interval, Presence};

use super::{Through, Told};

/// The most images that the line names.
const MAX_NAMED: usize = 8;

/// In one line.
pub(super) fn verdict(told: &Told, is_offline: bool) -> String {
    let missing: Vec<&ImageForecast> = told.forecast.missing().collect();
    let is_refused = |image: &&&ImageForecast| image.fact.presence == Presence::Refused;
    let refused: Vec<_> = missing.iter().filter(is_refused).collect();
    let gone: Vec<_> = missing.iter().filter(|one| !is_refused(one)).collect();
    let count = |state: State| {
        let found = told.preflight.iter();
        found.filter(|finding| finding.state == state).count()
    };
    let bad = match count(State::Bad) {
        0 => "",
        1 => "; one thing is in its way",
        _ => "; several things are in its way",
    };
    let failed = match count(State::Failed) {
        0 => "",
        _ => "; not all of the preflight could be looked at",
    };
    format!(
        "{}{}{}{}{bad}{failed}",
        fit(told, is_offline),
        first_to_fail(told),
        list("not there", &gone),
        list("not there, or not with these credentials", &refused)
    )
}

fn fit(told: &Told, is_offline: bool) -> String {
    let by = match told.judged {
        Through::Registry => "if the nodes ask the registries themselves",
        Through::Forebay => "if all nodes ask Forebay",
    };
    let is_pulled = |image: &ImageForecast| image.fetches != Interval::ZERO;
    let is_any_pulled = told.forecast.images.iter().any(is_pulled);
    match told.fit {
        Fit::Fits if !is_any_pulled && told.is_known() => "nothing is pulled".to_owned(),
        Fit::Fits if !is_any_pulled => {
            "what could be read pulls nothing, and not all of it could be".to_owned()
        }
        // What cannot be pulled does not deploy, however few pulls it takes.
        Fit::Fits if told.forecast.missing().next().is_some() => {
            format!("what is there fits {by}")
        }
        Fit::Fits if told.is_known() => format!("it fits {by}"),
        Fit::Fits => format!("what is known fits {by}"),
        Fit::MayNot => format!("it may not fit {by}"),
        Fit::DoesNot => format!("it does not fit {by}"),
        Fit::Unknown => format!(
            "too little is known to tell whether it fits {by}{}",
            missing_facts(told, is_offline)
        ),
    }
}

fn first_to_fail(told: &Told) -> String {
    let is_first = |image: &&ImageForecast| {
        let fails = match told.judged {
            Through::Registry => image.fails_direct,
            Through::Forebay => image.fails_through,
        };
        fails != Failing::No && !image.is_missing()
    };
    let first = told.forecast.images.iter().find(is_first);
    match (told.fit, first) {
        (Fit::MayNot | Fit::DoesNot, Some(image)) => {
            format!("; the first to fail is {}", image.image)
        }
        _ => String::new(),
    }
}

fn list(what: &str, images: &[&&ImageForecast]) -> String {
    if images.is_empty() {
        return String::new();
    }
    let named = images.iter().take(MAX_NAMED);
    let named: Vec<&str> = named.map(|image| image.image.as_str()).collect();
    let more = match images.len().saturating_sub(MAX_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("; {what}: {}{more}", named.join(", "))
}

/// What to say to know more.
fn missing_facts(told: &Told, is_offline: bool) -> &'static str {
    let is_open = |image: &ImageForecast| image.fetches.most.is_none();
    if !told.forecast.images.iter().any(is_open) {
        return if is_offline {
            ": without --offline registries are asked what is left"
        } else {
            ""
        };
    }
    match (told.fleet.nodes, told.fleet.replicas) {
        (None, None) => ": say how many there are with --nodes and --replicas",
        (None, Some(_)) => ": say how many there are with --nodes",
        (Some(_), None) => ": say how many there are with --replicas",
        (Some(_), Some(_)) => "",
    }
}
