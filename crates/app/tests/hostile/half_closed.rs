//! Clients that end their side once they have asked, and still want to hear: netcat, some health checks, HTTP/1.0 libraries.

use std::time::Duration;

use hub_sim::{Fault, HubSim, Image, On};
use tempfile::TempDir;

use crate::program::Setup;
use crate::wire::{Answer, exchange_half_closed};

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_closes_its_side_hears_the_whole_answer() {
    let hub = HubSim::new()
        .image("library/image:1", Image::with_layers(&[3_000_000]))
        .start()
        .await;
    let folder = TempDir::new().unwrap();
    let program = Setup::before(&hub, folder.path()).start();
    // Nothing cold is answered before the end of the client's side has come.
    let late = Duration::from_millis(200);
    hub.fault(Fault::Delay(late)).on(On::Any).always();
    let layer = &hub.blobs("library/image:1")[1];
    for _cold_then_warm in 0..2 {
        for (path, status, body) in [
            ("/v2/".to_owned(), 200, None),
            ("/v2/_catalog".to_owned(), 200, None),
            ("/healthz".to_owned(), 200, Some(b"ok\n".to_vec())),
            (
                "/v2/library/image/manifests/1".to_owned(),
                200,
                Some(hub.manifest("library/image:1").bytes().to_vec()),
            ),
            (
                format!("/v2/library/image/blobs/{}", layer.digest()),
                200,
                Some(layer.bytes().to_vec()),
            ),
            ("/v2/library/image/tags/list".to_owned(), 200, None),
            ("/v2/library/none/manifests/1".to_owned(), 401, None),
        ] {
            let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", program.address);
            let bytes = exchange_half_closed(program.address, request.as_bytes()).await;
            let answer = Answer::parse(&bytes, false);
            assert_eq!((answer.status, answer.whole), (status, true), "{path}");
            assert!(body.is_none_or(|body| body == answer.body), "{path}");
        }
    }
}
