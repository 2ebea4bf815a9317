//! What registries are asked: of the images that are pulled, and no faster than they are asked for anything.
//!
//! Of what is built here, or never pulled, nobody needs to know whether a registry has it.

use std::collections::BTreeMap;

use forebay_config::{Config, Sources};
use forebay_forecast::{Fact, Survey, SurveyRequest, Wanted};
use forebay_server::survey;
use forebay_terminal::amounts::span;
use forebay_terminal::{Failure, Printer};

/// From how long on it is told that asking takes its time, in seconds.
const LONG_SECONDS: u64 = 60;

/// What is known of these images, a fact for each, and of the budgets.
///
/// # Errors
/// The upstreams cannot be set up, or what was written down cannot be read.
pub(super) async fn ask(
    images: &[Wanted],
    (sources, config): (&Sources, &Config),
    is_asked: bool,
    printer: &Printer,
) -> Result<Survey, Failure> {
    let pulled = images.iter().filter(|one| one.is_pulled());
    if is_asked {
        tell_pace(pulled.clone(), config, printer);
    }
    let request = SurveyRequest {
        images: pulled.map(|one| one.image.to_string()).collect(),
        ask: is_asked,
    };
    let mut found = survey(sources, config, request).await?;
    let mut facts = found.facts.into_iter();
    let of_all = images.iter().map(|one| {
        let fact = one.is_pulled().then(|| facts.next()).flatten();
        fact.unwrap_or_else(|| Fact::not_asked(None))
    });
    found.facts = of_all.collect();
    Ok(found)
}

/// A fleet of images takes minutes at the pace that is set for their registry: who waits ought to know.
fn tell_pace<'a>(images: impl Iterator<Item = &'a Wanted>, config: &Config, printer: &Printer) {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for one in images {
        *counts.entry(&one.image.registry).or_default() += 1;
    }
    for (registry, count) in counts {
        let Some(upstream) = config.upstreams.get(registry) else {
            continue;
        };
        let pace = u64::from(upstream.requests_per_minute.max(1));
        let seconds = count.saturating_sub(upstream.burst.into()) * 60 / pace;
        if seconds >= LONG_SECONDS {
            let takes = span(seconds);
            printer.note(format_args!(
                "asking {registry} for {count} images takes about {takes}, by its requests_per_minute; --offline asks nobody"
            ));
        }
    }
}
