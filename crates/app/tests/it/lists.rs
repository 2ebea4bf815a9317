//! Lists longer than any client asks for: whole, or refused with the reason; memory bounded. C4, A15.

use std::fmt::Write as _;

use bytes::Bytes;
use hub_sim::{Fault, Hub, HubSim, Image, On};

use crate::client::Answer;
use crate::program::{Forebay, Program};

/// What an upstream's list may have at most: `MAX_LIST_BYTES` of the crate `upstream`.
const MAX_LIST_BYTES: usize = 8 * 1024 * 1024;

/// What a long list may cost while it is given.
const MAX_GROWTH_KIB: u64 = 96 * 1024;

const TAGS_PATH: &str = "/v2/library/nginx/tags/list";

/// A program before a hub that has answered once.
async fn warm() -> (Hub, Program, u64) {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .start()
        .await;
    let program = Forebay::before(&hub).start().await;
    program.get("/v2/library/nginx/manifests/1").await;
    let (before_kib, _) = program.resident_kib();
    (hub, program, before_kib)
}

fn answer_with(hub: &Hub, on: On, media_type: &str, body: &Bytes) {
    let headers = vec![("content-type".to_owned(), media_type.to_owned())];
    let reply = Fault::Reply(200, headers, body.clone());
    hub.lift_all();
    hub.fault(reply).on(on).always();
}

/// A million tags of this prefix.
fn a_million_tags(prefix: &str) -> Bytes {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz012345";
    let mut json = r#"{"name":"library/nginx","tags":["#.to_owned();
    for number in 0..1_000_000 {
        let separator = if number == 0 { "" } else { "," };
        let letter = |shift: u32| char::from(LETTERS[(number >> shift) % LETTERS.len()]);
        let (a, b, c, d) = (letter(15), letter(10), letter(5), letter(0));
        write!(json, "{separator}\"{prefix}{a}{b}{c}{d}\"").expect("a string takes all");
    }
    json.push_str("]}");
    json.into()
}

fn referrers(count: usize) -> Bytes {
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let mut json =
        r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":["#
            .to_owned();
    for number in 0..count {
        let separator = if number == 0 { "" } else { "," };
        write!(
            json,
            r#"{separator}{{"mediaType":"{media_type}","digest":"sha256:{number:064x}","size":7}}"#
        )
        .expect("a string takes all");
    }
    json.push_str("]}");
    json.into()
}

fn is_refused_as_too_long(answer: &Answer) {
    let (status, _) = answer.refusal();
    assert_eq!(status, 502, "{}", answer.text());
    assert!(answer.text().contains("8388608"), "{}", answer.text());
}

fn expect_bounded(program: &Program, before_kib: u64) {
    let (_, most_kib) = program.resident_kib();
    let grown_kib = most_kib.saturating_sub(before_kib);
    println!("{before_kib} KiB, and {grown_kib} KiB more at most");
    assert!(grown_kib < MAX_GROWTH_KIB, "{grown_kib} KiB more");
}

#[tokio::test]
async fn a_million_tags_come_whole_or_not_at_all() {
    let (hub, program, before_kib) = warm().await;
    let long = a_million_tags("");
    assert!(long.len() < MAX_LIST_BYTES);
    answer_with(&hub, On::Tags, "application/json", &long);
    for _ in ["cold", "warm"] {
        let answer = program.get(TAGS_PATH).await;
        assert!(answer.is(&long), "{}", answer.status);
    }
    let too_long = a_million_tags("build-");
    assert!(too_long.len() > MAX_LIST_BYTES);
    answer_with(&hub, On::Tags, "application/json", &too_long);
    is_refused_as_too_long(&program.get(&format!("{TAGS_PATH}?n=1000000")).await);
    expect_bounded(&program, before_kib);
}

#[tokio::test]
async fn a_hundred_thousand_referrers_come_whole_or_not_at_all() {
    const MEDIA_TYPE: &str = "application/vnd.oci.image.index.v1+json";
    let (hub, program, before_kib) = warm().await;
    let path = |digit: &str| format!("/v2/library/nginx/referrers/sha256:{}", digit.repeat(64));
    let long = referrers(50_000);
    assert!(long.len() < MAX_LIST_BYTES);
    answer_with(&hub, On::Referrers, MEDIA_TYPE, &long);
    for _ in ["cold", "warm"] {
        let answer = program.get(&path("a")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let index: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
        let count = index["manifests"].as_array().map(Vec::len);
        assert!(answer.is_whole && count == Some(50_000), "{count:?}");
    }
    let too_long = referrers(100_000);
    assert!(too_long.len() > MAX_LIST_BYTES);
    answer_with(&hub, On::Referrers, MEDIA_TYPE, &too_long);
    is_refused_as_too_long(&program.get(&path("b")).await);
    expect_bounded(&program, before_kib);
}
