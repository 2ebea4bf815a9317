//! `rewrite --pin`: digests come from the registry, by HEADs that cost no pull, with no server and no data directory.

use std::fs;

use hub_sim::{HubSim, Image, hours};

use crate::image::Pull;
use crate::program::Forebay;

const IMAGE: &str = "library/nginx:1.27";
const DOCKERFILE: &str = "FROM nginx:1.27\nFROM nginx:gone\nFROM quay.example/a/b:1\n";

#[tokio::test]
async fn tags_are_pinned_by_heads_and_those_that_are_not_known_are_told() {
    let hub = HubSim::new()
        .image(IMAGE, Image::small())
        .anonymous_limit(100, hours(6));
    let hub = hub.start().await;
    let forebay = Forebay::before(&hub);
    fs::write(forebay.file("Dockerfile"), DOCKERFILE).expect("a file");
    let arguments = [
        "rewrite",
        "Dockerfile",
        "--to",
        "mirror.gcr.io",
        "--pin",
        "--write",
    ];
    let ended = forebay.run(&arguments).await;
    assert!(ended.status.success(), "{}", ended.log);

    // The mirror's digest is Docker Hub's, which is the one that was asked.
    let digest = Pull::of(&hub, IMAGE).by_tag.digest;
    let written = fs::read_to_string(forebay.file("Dockerfile")).expect("a file");
    let expected = format!(
        "FROM mirror.gcr.io/library/nginx:1.27@{digest}\nFROM mirror.gcr.io/library/nginx:gone\nFROM quay.example/a/b:1\n"
    );
    assert_eq!(written, expected);
    assert_eq!(hub.charged(), 0);
    assert!(
        ended.log.contains("its digest is not known"),
        "{}",
        ended.log
    );
    assert!(
        ended
            .log
            .contains("no upstream is configured for quay.example"),
        "{}",
        ended.log
    );
    assert!(!forebay.data().exists());
}
