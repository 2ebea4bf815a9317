//! Lists that are longer than a page of ours: each page is full, leads to the next, and each entry is told once.

use std::collections::BTreeSet;

use forebay_oci::Digest;
use serde_json::{Value, json};

use crate::edge::Edge;
use crate::wire::Ask;

/// What a page holds at most, whatever a client asks for.
const TAGS_OF_A_PAGE: usize = 10_000;
const REFERRERS_OF_A_PAGE: usize = 1_000;

/// How many tags a push may give at once.
const TAGS_AT_ONCE: usize = 64;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

fn manifest(number: usize, subject: Option<&Digest>) -> Value {
    let mut manifest = json!({
        "schemaVersion": 2, "mediaType": INDEX, "manifests": [],
        "annotations": { "org.example.number": number.to_string() },
    });
    if let Some(digest) = subject {
        manifest["subject"] = json!({ "mediaType": INDEX, "digest": digest, "size": 7 });
    }
    manifest
}

/// Pushes it by its digest, with these tags.
async fn push(edge: &Edge, manifest: &Value, tags: &[String]) -> Digest {
    let body = manifest.to_string();
    let digest = Digest::sha256(body.as_bytes());
    let tags: Vec<String> = tags.iter().map(|tag| format!("tag={tag}")).collect();
    let line = format!("PUT /v2/app/manifests/{digest}?{}", tags.join("&"));
    let pushed = Ask::new(&line).header("content-type", INDEX).body(body);
    let answer = pushed.to(edge.address).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    digest
}

/// The pages from this one to the last, as their links lead on.
async fn pages(edge: &Edge, first: &str) -> Vec<Value> {
    let mut pages = Vec::new();
    let mut next = Some(first.to_owned());
    while let Some(path) = next {
        assert!(pages.len() < 10, "no end is in sight");
        let answer = Ask::new(&format!("GET {path}")).to(edge.address).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        next = answer.header("link").map(|link| {
            let link = link.strip_prefix('<').unwrap();
            link.strip_suffix(">; rel=\"next\"").unwrap().to_owned()
        });
        pages.push(serde_json::from_str(&answer.body).unwrap());
    }
    pages
}

/// How long the pages are, and all that they tell.
fn told<'p>(pages: &'p [Value], key: &str) -> (Vec<usize>, Vec<&'p Value>) {
    let lists = pages.iter().map(|page| page[key].as_array().unwrap());
    (
        lists.clone().map(Vec::len).collect(),
        lists.flatten().collect(),
    )
}

#[tokio::test]
async fn tags_beyond_a_page_are_behind_its_link_whatever_was_asked_for() {
    let edge = Edge::open();
    let count = 2 * TAGS_OF_A_PAGE + 1;
    let tags: Vec<String> = (0..count).map(|number| format!("v{number:05}")).collect();
    for (number, some) in tags.chunks(TAGS_AT_ONCE).enumerate() {
        // One manifest may not have as many tags as that.
        push(&edge, &manifest(number / 100, None), some).await;
    }
    for asked in ["", "?n=50000"] {
        let pages = pages(&edge, &format!("/v2/app/tags/list{asked}")).await;
        let (lengths, told) = told(&pages, "tags");
        assert_eq!(lengths, [TAGS_OF_A_PAGE, TAGS_OF_A_PAGE, 1], "{asked}");
        assert!(
            told.iter().copied().eq(&tags),
            "{asked}: each once, in order"
        );
    }
}

#[tokio::test]
async fn referrers_beyond_a_page_are_behind_its_link() {
    let edge = Edge::open();
    let subject = Digest::sha256(b"subject");
    let mut pushed = BTreeSet::new();
    for number in 0..=REFERRERS_OF_A_PAGE {
        let referrer = manifest(number, Some(&subject));
        pushed.insert(push(&edge, &referrer, &[]).await.to_string());
    }
    let pages = pages(&edge, &format!("/v2/app/referrers/{subject}")).await;
    let (lengths, told) = told(&pages, "manifests");
    assert_eq!(lengths, [REFERRERS_OF_A_PAGE, 1]);
    let told: BTreeSet<String> = told
        .into_iter()
        .map(|found| found["digest"].as_str().unwrap().to_owned())
        .collect();
    assert!(told == pushed, "each once");
}
