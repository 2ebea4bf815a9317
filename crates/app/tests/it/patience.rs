//! The time-outs that clients have themselves: the only test that waits for real ones, for two of them at once.

use std::time::Duration;

use hub_sim::{Fault, HubSim, Image, On, Role};

use crate::image::Pull;
use crate::program::Forebay;

/// Longer than each time-out that there is, and than clients wait for a head.
const OUTLASTS_ALL: Duration = Duration::from_secs(31);

#[tokio::test]
async fn no_head_takes_longer_than_clients_wait_and_a_body_may_take_as_long_as_it_takes() {
    tokio::join!(
        a_cold_pull_from_an_upstream_that_hangs_is_answered_before_clients_give_up(),
        a_blob_that_keeps_coming_has_no_total_time_out()
    );
}

/// containerd gives up after 30 s without a head.
async fn a_cold_pull_from_an_upstream_that_hangs_is_answered_before_clients_give_up() {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .start()
        .await;
    let program = Forebay::before(&hub).start().await;
    hub.fault(Fault::Hang).on(On::Any).always();
    let answer = program.get("/v2/library/nginx/manifests/1").await;
    assert_eq!(answer.refusal(), (504, "UNAVAILABLE".to_owned()));
    assert!(answer.took < Duration::from_secs(29), "{:?}", answer.took);
}

/// "Total request time-out on blobs" (drayage).
async fn a_blob_that_keeps_coming_has_no_total_time_out() {
    const SLOW_BYTES: u64 = 66 * 1024;
    let hub = HubSim::new()
        .image("library/slow:1", Image::with_layers(&[SLOW_BYTES]))
        .start()
        .await;
    let program = Forebay::before(&hub).start().await;
    let blob = Pull::of(&hub, "library/slow:1").blobs.remove(1);
    // Twice the slowest rate that is borne.
    hub.fault(Fault::Drip(2 * 1024)).always();
    let answer = blob.get(&program).await;
    assert!(answer.took > OUTLASTS_ALL, "{:?}", answer.took);
    let downloads = hub.count(|request| request.role == Role::Blob && request.is_get());
    assert_eq!(downloads, 1);
}
