//! `--warm`: has the images fetched, and says what came of each.

use std::collections::BTreeSet;

use forebay_api_admin::WarmRequest;
use forebay_config::{Config, Sources};
use forebay_forecast::Wanted;
use forebay_server as server;
use forebay_terminal::amounts::bytes;
use forebay_terminal::{Failure, Printer, report};

/// Fetches all that anybody pulls and an upstream has; true if all of it is here.
///
/// # Errors
/// Nothing could be begun.
pub(super) async fn warm(
    images: &[Wanted],
    (sources, config): (&Sources, &Config),
    printer: &Printer,
) -> Result<bool, Failure> {
    let is_ours = |one: &&Wanted| config.upstreams.contains_key(&one.image.registry);
    let pulled = images.iter().filter(|one| one.is_pulled());
    let (wanted, others): (Vec<&Wanted>, Vec<&Wanted>) = pulled.partition(is_ours);
    for Wanted { image, .. } in others {
        let registry = &image.registry;
        printer.note(format_args!(
            "{image} is not fetched: no upstream is configured for {registry}"
        ));
    }
    let wanted: Vec<WarmRequest> = wanted.into_iter().map(request).collect();
    let names: Vec<String> = wanted.iter().map(|one| one.image.clone()).collect();
    let mut is_all = true;
    let warmed = server::warm(sources, config, wanted).await?;
    for (image, warmed) in names.iter().zip(warmed) {
        match warmed {
            Ok(warmed) => {
                printer.note(format_args!(
                    "{image} is in the cache: {} manifests, {} blobs, {}",
                    warmed.manifests,
                    warmed.blobs,
                    bytes(warmed.bytes)
                ));
                for platform in warmed.missing {
                    is_all = false;
                    printer.note(format_args!("{image} is not there for {platform}"));
                }
            }
            Err(failure) => {
                is_all = false;
                report(&failure, printer);
            }
        }
    }
    Ok(is_all)
}

fn request(wanted: &Wanted) -> WarmRequest {
    let named: BTreeSet<String> = wanted
        .uses
        .iter()
        .filter_map(|one| one.platform.clone())
        .collect();
    // Where one does not say, any may be meant.
    let is_all_named = wanted.uses.iter().all(|one| one.platform.is_some());
    WarmRequest {
        image: wanted.image.to_string(),
        platforms: if is_all_named {
            named.into_iter().collect()
        } else {
            Vec::new()
        },
    }
}
