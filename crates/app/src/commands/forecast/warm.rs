//! `--warm`: has the images fetched, and says what came of each.

use std::collections::{BTreeMap, BTreeSet};

use forebay_api_admin::WarmRequest;
use forebay_config::{Config, Sources};
use forebay_forecast::Wanted;
use forebay_limits::counted;
use forebay_oci::ImageName;
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
    for note in not_ours(&others) {
        printer.note(note);
    }
    let wanted: Vec<WarmRequest> = wanted.into_iter().map(request).collect();
    let names: Vec<String> = wanted.iter().map(|one| one.image.clone()).collect();
    let mut is_all = true;
    let warmed = server::warm(sources, config, wanted).await?;
    for (image, warmed) in names.iter().zip(warmed) {
        match warmed {
            Ok(warmed) => {
                printer.note(format_args!(
                    "{image} is in the cache: {}, {}, {}",
                    counted(warmed.manifests, "manifest"),
                    counted(warmed.blobs, "blob"),
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

/// What is not fetched, in a line for each registry: a fleet has many images of one.
fn not_ours(others: &[&Wanted]) -> Vec<String> {
    let mut by_registry: BTreeMap<&str, (&ImageName, u64)> = BTreeMap::new();
    for Wanted { image, .. } in others {
        let entry = by_registry.entry(&image.registry).or_insert((image, 0));
        entry.1 += 1;
    }
    let line = |(registry, (first, count)): (&str, (&ImageName, u64))| {
        let more = match count - 1 {
            0 => "is".to_owned(),
            more => format!("and {more} more are"),
        };
        format!("{first} {more} not fetched: no upstream is configured for {registry}")
    };
    by_registry.into_iter().map(line).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_fetched_is_a_line_for_each_registry() {
        let names = ["quay.io/a:1", "ghcr.io/b:1", "quay.io/c:1", "quay.io/d:1"];
        let wanted = names.map(|name| Wanted {
            image: name.parse().expect("an image"),
            uses: Vec::new(),
        });
        let told = not_ours(&wanted.iter().collect::<Vec<_>>());
        let expected = [
            "ghcr.io/b:1 is not fetched: no upstream is configured for ghcr.io",
            "quay.io/a:1 and 2 more are not fetched: no upstream is configured for quay.io",
        ];
        assert_eq!(told, expected);
    }
}
