//! The four ways to say which upstream is meant.

use hub_sim::{HubSim, Image};

use crate::image::Pull;
use crate::program::Forebay;

#[tokio::test]
async fn a_pull_works() {
    let hub = HubSim::new()
        .image("library/nginx:1.27", Image::small())
        .start()
        .await;
    let program = Forebay::before(&hub).start().await;
    let pull = Pull::of(&hub, "library/nginx:1.27");
    pull.succeeds(&program).await;
    insta::assert_snapshot!(hub.requests());
    program.stop().await;
}
