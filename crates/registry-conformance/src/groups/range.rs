//! Parts of blobs: RFC 9110, "Range Requests".

use crate::answer::Answer;
use crate::ask::Ask;
use crate::digest::Algorithm;
use crate::noise::Blob;
use crate::suite::Suite;
use crate::verdict::{Verdict, ensure};
use crate::way::Way;

const SIZE: usize = 2048;

/// Ranges, and the first and last byte that they mean of a blob of `SIZE` bytes.
const PARTS: [(&str, usize, usize); 11] = [
    ("500-1499", 500, 1499),
    ("500-", 500, SIZE - 1),
    ("-500", SIZE - 500, SIZE - 1),
    ("2000-5000", 2000, SIZE - 1),
    ("0-0", 0, 0),
    ("0-", 0, SIZE - 1),
    ("-1", SIZE - 1, SIZE - 1),
    ("-9999", 0, SIZE - 1),
    ("2047-2047", SIZE - 1, SIZE - 1),
    ("0-2047", 0, SIZE - 1),
    ("0-18446744073709551615", 0, SIZE - 1),
];

/// Ranges that mean nothing of a blob of `SIZE` bytes.
const NOTHING: [&str; 4] = ["500-0", "5000-10000", "2048-", "-0"];

/// What a registry need not understand, and then answers as if it had not been sent; or refuses.
const ODD: [(&str, &str); 6] = [
    ("other-unit", "items=0-1"),
    ("words", "bytes=a-b"),
    ("nothing", "bytes="),
    ("several", "bytes=0-1,5-6"),
    ("no-unit", "0-99"),
    ("huge", "bytes=99999999999999999999999-"),
];

pub(super) async fn run(suite: &Suite) {
    for algorithm in Algorithm::ALL {
        let repo = suite.repository(&format!("range-{algorithm}"));
        let blob = suite.registry.noise().blob(algorithm, SIZE);
        let case = |what: &str| format!("range/{algorithm}/{what}");
        suite
            .case(case("push"), Way::PostPut.push(&repo, &blob))
            .await;
        let ask = |range: &str| {
            let ask = Ask::get(repo.blob(&blob.digest)).header("range", range);
            async { repo.ask(ask).await }
        };
        for (range, first, last) in PARTS {
            let check = async {
                let answer = ask(&format!("bytes={range}")).await?;
                is_part(&answer, &blob, first, last)
            };
            suite.case(case(range), check).await;
        }
        for range in NOTHING {
            let check = async {
                let answer = ask(&format!("bytes={range}")).await?;
                answer.is(416)?;
                if let Some(of) = answer.find_header("content-range") {
                    ensure!(of == "bytes */2048", "{answer} with Content-Range: {of}");
                }
                Ok(())
            };
            suite.case(case(&format!("{range}-is-416")), check).await;
        }
        for (name, range) in ODD {
            let check = async {
                let answer = ask(range).await?;
                match answer.status {
                    200 => drop(answer.bytes_are(&blob.bytes)?),
                    206 if name == "several" => {}
                    _ => drop(answer.is_one_of(&[200, 400, 416])?),
                }
                Ok(())
            };
            suite.case(case(&format!("odd/{name}")), check).await;
        }
        let check = async {
            let head = Ask::head(repo.blob(&blob.digest)).header("range", "bytes=0-9");
            let answer = repo.ask(head).await?;
            // RFC 9110, 14.2: a range is for GET, and ignored by other methods.
            answer
                .is(200)?
                .header_is("content-length", &SIZE.to_string())?;
            Ok(())
        };
        suite.case(case("head-ignores-it"), check).await;
    }
    let check = async {
        let repo = suite.repository("range-empty");
        let blob = Blob::new(Algorithm::Sha256, "");
        Way::PostPut.push(&repo, &blob).await?;
        let ask = Ask::get(repo.blob(&blob.digest)).header("range", "bytes=0-");
        // Nothing of it can be meant; to leave the range alone is allowed as well.
        repo.ask(ask).await?.is_one_of(&[200, 416])?;
        Ok(())
    };
    suite.case("range/of-an-empty-blob", check).await;
}

fn is_part(answer: &Answer, blob: &Blob, first: usize, last: usize) -> Verdict {
    answer.is(206)?.bytes_are(&blob.bytes[first..=last])?;
    let length = (last + 1 - first).to_string();
    answer.header_is("content-length", &length)?;
    answer.header_is("content-range", &format!("bytes {first}-{last}/{SIZE}"))?;
    // Of the whole, as everywhere: a part has no digest of its own.
    answer.header_is("docker-content-digest", blob.digest.as_str())?;
    Ok(())
}
