//! Every way to upload a blob, under every algorithm, with every size that is a corner; and chunks out of order.

use bytes::Bytes;

use crate::digest::Algorithm;
use crate::noise::Blob;
use crate::suite::Suite;
use crate::verdict::{Verdict, ensure};
use crate::way::{Way, algorithm_query};

/// What is uploaded: a name and bytes that are the same each time, or so many that nobody has seen.
const DATA: [(&str, Data); 5] = [
    ("empty", Data::Fixed(b"")),
    ("empty-json", Data::Fixed(b"{}")),
    ("one-byte", Data::Fixed(b"\0")),
    ("512-bytes", Data::Fresh(512)),
    ("300-kib", Data::Fresh(300 * 1024)),
];

/// A blob that three chunks of a usual least size make, less a few bytes.
const CHUNKED_BYTES: usize = 3 * 1024 - 5;

#[derive(Clone, Copy)]
enum Data {
    Fixed(&'static [u8]),
    Fresh(usize),
}

pub(super) async fn run(suite: &Suite) {
    for algorithm in Algorithm::ALL {
        for way in Way::ALL {
            for (name, data) in DATA {
                let bytes = match data {
                    Data::Fixed(bytes) => Bytes::from_static(bytes),
                    Data::Fresh(len) => suite.registry.noise().bytes(len),
                };
                let case = format!("push/{}/{algorithm}/{name}", way.as_str());
                life(suite, way, &case, &Blob::new(algorithm, bytes)).await;
            }
        }
        out_of_order(suite, algorithm).await;
        in_many_chunks(suite, algorithm).await;
        algorithm_said_late(suite, algorithm).await;
    }
    unknown_algorithm(suite).await;
}

async fn life(suite: &Suite, way: Way, case: &str, blob: &Blob) {
    // One repository for all: each blob is deleted before the next of the same bytes comes.
    let repo = suite.repository("push");
    suite
        .case(format!("{case}/push"), way.push(&repo, blob))
        .await;
    suite
        .case(format!("{case}/head"), repo.head_blob(blob))
        .await;
    suite.case(format!("{case}/get"), repo.get_blob(blob)).await;
    let digest = &blob.digest;
    suite
        .case(format!("{case}/delete"), repo.delete_blob(digest))
        .await;
    suite
        .case(format!("{case}/gone"), repo.has_no_blob(digest))
        .await;
}

/// A chunk from elsewhere than where the session stands is refused, changes nothing, and the upload can go on.
async fn out_of_order(suite: &Suite, algorithm: Algorithm) {
    let repo = suite.repository("out-of-order");
    for (name, taken, from, in_put) in [
        ("first-chunk-late", 0, 1024, false),
        ("gap", 1024, 2048, false),
        ("one-byte-late", 1024, 1025, false),
        ("one-byte-early", 1024, 1023, false),
        ("repeated", 1024, 0, false),
        ("gap-in-put", 1024, 2048, true),
        ("repeated-in-put", 1024, 0, true),
    ] {
        let blob = suite.registry.noise().blob(algorithm, CHUNKED_BYTES);
        let case = format!("push/chunked/{algorithm}/{name}");
        let check = async {
            let mut session = repo.begin(algorithm_query(blob.digest.as_str())).await?;
            if taken > 0 {
                session.patch(blob.bytes.slice(..taken)).await?;
            }
            let to = if in_put { CHUNKED_BYTES } else { from + 1000 };
            let wrong = blob.bytes.slice(from..to);
            let range = format!("{from}-{}", to - 1);
            let answer = if in_put {
                let target = session.closing(blob.digest.as_str());
                let ask = crate::ask::Ask::put(target).octets(wrong);
                repo.ask(ask.header("content-range", range)).await?
            } else {
                session.send_range(&range, wrong).await?
            };
            answer.is(416)?;
            // Where it may go on is said where the session's state is asked for.
            session.check_status().await?;
            session.close(&blob).await
        };
        suite
            .case(format!("{case}-is-416-and-goes-on"), check)
            .await;
    }
}

/// Small chunks, as long as the registry has no least size; and its state known after each.
async fn in_many_chunks(suite: &Suite, algorithm: Algorithm) {
    let repo = suite.repository("many-chunks");
    for (name, size) in [("of-1-byte", 1), ("of-7-bytes", 7)] {
        let blob = suite.registry.noise().blob(algorithm, 64);
        let check = async {
            let mut session = repo.begin(algorithm_query(blob.digest.as_str())).await?;
            let size = size.max(session.min_chunk);
            while session.offset < blob.bytes.len() {
                let rest = session.rest(&blob);
                session.patch(rest.slice(..size.min(rest.len()))).await?;
                session.check_status().await?;
            }
            session.close(&blob).await
        };
        suite
            .case(format!("push/chunked/{algorithm}/{name}"), check)
            .await;
    }
    // A stream that broke off is gone on with by chunks, and the other way round.
    let blob = suite.registry.noise().blob(algorithm, 4096);
    let check = async {
        let mut session = repo.begin(algorithm_query(blob.digest.as_str())).await?;
        session.stream(vec![blob.bytes.slice(..1000)]).await?;
        session.patch(blob.bytes.slice(1000..2000)).await?;
        session.stream(vec![blob.bytes.slice(2000..3000)]).await?;
        session.close(&blob).await
    };
    let case = format!("push/chunked/{algorithm}/mixed-with-streams");
    suite.case(case, check).await;
}

/// The algorithm should be said at the beginning; that it is said at the end only must store nothing wrong.
async fn algorithm_said_late(suite: &Suite, algorithm: Algorithm) {
    let repo = suite.repository("algorithm");
    for (said, query) in [
        ("said-as-sha256", "?digest-algorithm=sha256"),
        ("said-as-sha512", "?digest-algorithm=sha512"),
        ("not-said", ""),
    ] {
        let blob = suite.registry.noise().blob(algorithm, CHUNKED_BYTES);
        let is_right = query.ends_with(algorithm.as_str()) || query.is_empty();
        let check = async {
            let mut session = repo.begin(query).await?;
            session.patch(blob.bytes.slice(..2048)).await?;
            if is_right {
                return session.close(&blob).await;
            }
            let rest = session.rest(&blob);
            let answer = session.try_close(blob.digest.as_str(), rest).await?;
            if answer.status == 201 {
                return repo.get_blob(&blob).await;
            }
            answer.refused(&[400], &["DIGEST_INVALID"])?;
            repo.has_no_blob(&blob.digest).await
        };
        suite
            .case(format!("push/algorithm/{algorithm}-{said}"), check)
            .await;
    }
}

async fn unknown_algorithm(suite: &Suite) {
    let repo = suite.repository("algorithm");
    for name in ["md5", "sha1", "sha256%20", "..%2f"] {
        let check: Verdict = async {
            let target = repo.uploads(&format!("?digest-algorithm={name}"));
            let answer = repo.ask(crate::ask::Ask::post(target)).await?;
            ensure!(
                answer.status == 400,
                "{answer}, not 400: what it cannot compute it should say before all is sent"
            );
            Ok(())
        }
        .await;
        suite
            .case(format!("push/algorithm/unknown-{name}"), async { check })
            .await;
    }
}
