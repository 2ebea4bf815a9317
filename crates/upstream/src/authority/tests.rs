use forebay_content::{Ignore, ManualClock};
use forebay_http_kit::{Client, ClientPolicy};
use futures::FutureExt;
use http::HeaderValue;
use url::Url;

use super::*;
use crate::exchange::Askers;
use crate::pacers::{Pacers, Terms};
use crate::wire::WireParts;

fn authority() -> Authority {
    let policy = ClientPolicy::new(HeaderValue::from_static("forebay-test"));
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
    let url = Url::parse("https://registry.example").unwrap();
    let name: UpstreamName = "example".into();
    let origin = Origin::of(&url);
    let terms = Terms {
        requests_per_minute: 60,
        burst: 1,
    };
    let wire = Wire::new(WireParts {
        name: Arc::clone(&name),
        account: None,
        askers: Askers::Ourselves,
        client: Client::new(policy).unwrap(),
        clock: Arc::clone(&clock),
        observe: Arc::new(Ignore),
        share: Pacers::default().join(origin.as_ref(), terms),
        origin,
    });
    Authority::new(AuthorityParts {
        name,
        wire: Arc::new(wire),
        registry: Origin::of(&url),
        hosts: TokenHosts::new(&url, Vec::new(), false),
        broker: Broker::Nobody,
        clock,
        supervisor: Supervisor::new(),
    })
}

#[tokio::test]
async fn one_goes_first_and_nobody_waits_once_it_is_back() {
    let authority = authority();
    let turn = authority.wait_for_the_first().await;
    assert!(turn.is_some());
    assert!(authority.wait_for_the_first().now_or_never().is_none());
    authority.note_asked();
    assert!(matches!(
        authority.wait_for_the_first().now_or_never(),
        Some(None)
    ));
}

#[tokio::test]
async fn if_the_first_leaves_the_next_one_goes_first() {
    let authority = authority();
    drop(authority.wait_for_the_first().await);
    assert!(matches!(
        authority.wait_for_the_first().now_or_never(),
        Some(Some(_))
    ));
}
