//! Forebay's own ledger as evidence: who pulled what through it within the window of the pull limit.
//!
//! Through the running server, or, where none runs, from what was written down; nothing is locked or changed.

use std::time::Duration;

use forebay_api_admin::TopRequest;
use forebay_config::{Sources, load};
use forebay_content::{PullCounts, PullOrder};
use forebay_doctor::{Event, Format, Moment, Owner, OwnerKind, Place, What};
use forebay_ledger::SpentReport;
use forebay_server::LedgerDoor;
use forebay_terminal::Failure;

use crate::gathering::Gathering;

/// How far back to look: the pull limit's window.
const WINDOW: Duration = Duration::from_hours(6);

/// The most spenders that are read.
const MAX_SPENDERS: u32 = 1_000;

/// Reads it.
///
/// # Errors
/// The configuration is wrong, or there is no ledger to read.
pub(crate) async fn read(sources: &Sources, gathering: &mut Gathering) -> Result<(), Failure> {
    let config = load(sources)?;
    let door = LedgerDoor::open(sources, &config).await?;
    gathering.begin("Forebay's ledger");
    let mut told: Vec<SpentReport> = Vec::new();
    // Who got nothing but errors is among the last of those who pulled.
    for order in [PullOrder::Pulls, PullOrder::Errors] {
        let request = TopRequest {
            within_ms: u64::try_from(WINDOW.as_millis()).unwrap_or(u64::MAX),
            order,
            limit: MAX_SPENDERS,
            of: None,
        };
        for spent in door.top(request).await?.spent {
            if !told.iter().any(|earlier| is_same(earlier, &spent)) {
                told.push(spent);
            }
        }
    }
    for event in told.iter().filter_map(event_of) {
        gathering.add(event);
    }
    Ok(())
}

/// Whether both are one spender's.
fn is_same(one: &SpentReport, other: &SpentReport) -> bool {
    one.upstream == other.upstream
        && one.repository == other.repository
        && one.client == other.client
}

/// What a spender did: its own name where it says one, else its address.
fn event_of(spent: &SpentReport) -> Option<Event> {
    let client = spent.client.as_ref()?;
    let address = client.address.as_deref()?;
    let name = client.workload.as_deref().unwrap_or(address);
    let asked = spent.counts.pulls.saturating_add(spent.counts.errors);
    let repository = spent.repository.as_ref()?;
    if asked == 0 {
        return None;
    }
    let image = match spent.reference.as_deref() {
        Some(digest) if digest.contains(':') => {
            format!("{}/{repository}@{digest}", spent.upstream)
        }
        Some(tag) => format!("{}/{repository}:{tag}", spent.upstream),
        None => format!("{}/{repository}", spent.upstream),
    };
    let place = Place {
        owner: Some(Owner::new(OwnerKind::Client, name)),
        node: Some(address.to_owned()),
        ..Place::default()
    };
    let mut event = Event::new(What::PullAttempted, Format::Ledger)
        .of(Some(image))
        .within(place)
        .times(asked);
    event.image_bytes = bytes_of_a_pull(&spent.counts);
    event.first = Some(Moment::from_unix_ms(spent.first_unix_ms));
    event.last = Some(Moment::from_unix_ms(spent.last_unix_ms));
    Some(event)
}

/// The bytes of a pull in the mean: less than the image, where clients had layers of it already.
fn bytes_of_a_pull(counts: &PullCounts) -> Option<u64> {
    let bytes = counts.bytes_cache.saturating_add(counts.bytes_upstream);
    bytes.checked_div(counts.pulls).filter(|bytes| *bytes > 0)
}
