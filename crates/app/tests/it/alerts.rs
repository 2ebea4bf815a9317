//! Alerts of the whole program: to a receiver on loopback, by the configuration that was read last.

use std::time::Duration;

use hub_sim::{HubSim, Image, hours};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::client::PATIENCE;
use crate::clocked::{advance, clocked};
use crate::image::Pull;
use crate::program::Forebay;

const NGINX: &str = "library/nginx:1.27";
const SECRET: &str = "T0/B0/s3cret";

/// A receiver that hands out what was posted to it, and answers so; nothing at all if that is empty.
async fn receiver(answer: &'static str) -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (note, posted) = mpsc::channel(16);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let note = note.clone();
            tokio::spawn(async move {
                let mut text = String::new();
                let mut buffer = [0; 4_096];
                while !text.ends_with('}') {
                    let read = stream.read(&mut buffer).await.unwrap_or(0);
                    if read == 0 {
                        return;
                    }
                    text.push_str(&String::from_utf8_lossy(&buffer[..read]));
                }
                let _ = note.send(text).await;
                if answer.is_empty() {
                    std::future::pending::<()>().await;
                }
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    (format!("http://{address}/{SECRET}"), posted)
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

fn webhook(url: &str, form: &str) -> String {
    format!(
        "[[alerts.webhooks]]\nurl = \"{url}\"\nform = \"{form}\"\n[ledger]\nstorm_threshold = 3\n"
    )
}

#[tokio::test]
async fn a_storm_is_told_to_the_webhook_of_the_last_reload_once_and_nobody_is_told_where_that_is() {
    let hub = HubSim::new().image(NGINX, Image::small()).start().await;
    let (url, mut posted) = receiver(OK).await;
    let program = Forebay::before(&hub).start().await;
    let setup = program.setup.clone().with(&webhook(&url, "slack"));
    setup.write_config();
    assert!(program.reload().await);
    for _ in 0..15 {
        program.get("/v2/library/nginx/manifests/2").await;
    }
    let told = timeout(PATIENCE, posted.recv())
        .await
        .expect("in time")
        .expect("an alert");
    assert!(told.contains("{\"text\":\"Forebay on "), "{told}");
    assert!(told.contains("docker.io/library/nginx:2"), "{told}");
    program
        .until_metric("forebay_alerts_delivered_total", 1.0)
        .await;
    let tried = setup.run(&["alerts", "test"]).await;
    assert!(
        tried.out.contains("webhook 1 (slack): delivered"),
        "{}",
        tried.transcript()
    );
    let test = timeout(PATIENCE, posted.recv())
        .await
        .expect("in time")
        .expect("an alert");
    assert!(test.contains("a test"), "{test}");
    assert!(posted.try_recv().is_err(), "each once");
    let ended = program.stop().await;
    for secret in ["s3cret", "B0"] {
        assert!(
            !ended.log.contains(secret) && !ended.out.contains(secret),
            "{}",
            ended.log
        );
        assert!(!tried.transcript().contains(secret));
    }
}

#[tokio::test]
async fn a_webhook_that_hangs_delays_no_pull_and_no_stop() {
    let hub = HubSim::new()
        .image(NGINX, Image::small())
        .anonymous_limit(100, hours(6));
    let hub = hub.start().await;
    let (url, mut posted) = receiver("").await;
    let program = Forebay::before(&hub)
        .with(&webhook(&url, "json"))
        .start()
        .await;
    for _ in 0..12 {
        program.get("/v2/library/nginx/manifests/2").await;
    }
    timeout(PATIENCE, posted.recv())
        .await
        .expect("in time")
        .expect("an alert");
    let pull = Pull::of(&hub, NGINX).by_tag;
    let answer = program.get(&pull.path).await;
    pull.expect(&answer);
    assert!(answer.took < Duration::from_secs(5), "{:?}", answer.took);
    program.stop().await;
}

/// Every disk is under a floor of all of it.
#[tokio::test]
async fn a_disk_that_is_nearly_full_is_told_once_in_a_quiet_time() {
    let hub = HubSim::new().image(NGINX, Image::small()).start().await;
    let (url, mut posted) = receiver(OK).await;
    let setup = Forebay::before(&hub)
        .with(&webhook(&url, "json"))
        .with("[alerts]\ndisk_floor = \"100%\"\nquiet = \"1h\"");
    let program = clocked(setup).start().await;
    let mut told_at = Vec::new();
    for _ in 0..2 {
        let told = async {
            loop {
                match posted.try_recv() {
                    Ok(told) => return told,
                    // Until the look at the disk sleeps, moving the clock wakes nobody.
                    Err(_) => advance(&program, Duration::from_mins(1)).await,
                }
            }
        };
        let told = timeout(PATIENCE, told).await.expect("in time");
        let (_, body) = told.split_once("\r\n\r\n").expect("a body");
        let alert: serde_json::Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(alert["kind"], "disk_near_full", "{alert}");
        told_at.push(alert["at_unix_ms"].as_i64().expect("a time"));
    }
    let apart = told_at[1] - told_at[0];
    assert!((3_600_000..4 * 3_600_000).contains(&apart), "{apart} ms");
}
