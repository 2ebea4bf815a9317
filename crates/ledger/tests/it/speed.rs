//! What it costs a pull to be counted. Run by hand, in a release build; see the README.

use std::sync::Arc;
use std::time::Duration;

use forebay_content::memory::MemoryLedger;
use forebay_content::{Clock, Provenance, SystemClock, TellNobody};
use forebay_ledger::{Answered, Asked, Ledger, LedgerConfig, LedgerSeams, Outcome, What};

use crate::world::{image, node, tag};

const REQUESTS: u32 = 2_000_000;

#[tokio::test]
#[ignore = "takes the time that it measures"]
async fn speed_of_a_note_is_well_under_a_microsecond() {
    let clock = Arc::new(SystemClock::new());
    let seams = LedgerSeams {
        clock: Arc::clone(&clock) as _,
        rows: Arc::new(MemoryLedger::new()),
        notify: Arc::new(TellNobody),
    };
    let ledger = Ledger::open(LedgerConfig::default(), seams).await;
    let clients: Vec<_> = (0..50).map(node).collect();
    let images: Vec<_> = (0..20).map(image).collect();
    let tag = tag();
    let began = clock.monotonic();
    let mut pairs = clients
        .iter()
        .flat_map(|client| images.iter().map(move |image| (client, image)))
        .cycle();
    for number in 0..REQUESTS {
        let Some((client, target)) = pairs.next() else {
            break;
        };
        let asked = Asked {
            reference: &tag,
            is_head: number % 2 == 0,
        };
        ledger.note_answered(&Answered {
            client,
            target,
            what: if number % 3 == 0 {
                What::Manifest(asked)
            } else {
                What::Other
            },
            outcome: Outcome::Served(Provenance::Kept),
            bytes: 1_000,
        });
    }
    let each = clock.monotonic().saturating_sub(began) / REQUESTS;
    println!("{each:?} for each of {REQUESTS} requests");
    assert!(each < Duration::from_micros(1), "{each:?}");
}
