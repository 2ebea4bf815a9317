//! Requests as no library sends them, byte by byte.

use crate::ask::Ask;
use crate::content::Content;
use crate::digest::Algorithm;
use crate::document::MANIFEST;
use crate::repository::Repository;
use crate::suite::Suite;
use crate::verdict::{Verdict, ensure};
use crate::way::Way;

pub(super) async fn run(suite: &Suite) {
    let repo = suite.repository("wire");
    let mut content = Content::new(Algorithm::Sha256);
    content.image("image", "amd64");
    let check = async {
        for (_, blob) in &content.blobs {
            Way::PostPut.push(&repo, blob).await?;
        }
        repo.push_manifest("latest", &content.documents[0], &[])
            .await
    };
    suite.case("wire/pushed", check).await;
    let blob = &content.blobs[0].1;
    for (name, target) in [
        ("manifest", repo.manifest("latest")),
        ("blob", repo.blob(&blob.digest)),
        ("absent", repo.manifest("nobody")),
        ("tags", repo.path("tags/list")),
    ] {
        let check = head_then_get(suite, &target);
        suite
            .case(format!("wire/head-has-no-body/{name}"), check)
            .await;
    }
    suite
        .case(
            "wire/several-on-one-connection",
            several(suite, &repo, &content),
        )
        .await;
    suite
        .case("wire/one-byte-chunks", one_byte_chunks(suite, &repo))
        .await;
    suite
        .case("wire/expect-100-continue", expects(suite, &repo))
        .await;
    suite
        .case(
            "wire/header-names-in-any-case",
            any_case(suite, &repo, &content),
        )
        .await;
    suite
        .case("wire/absolute-target", absolute(suite, &repo, &content))
        .await;
    suite
        .case("wire/http-1.0", old(suite, &repo, &content))
        .await;
    suite
        .case("wire/get-with-a-body", with_body(suite, &repo, &content))
        .await;
    suite
        .case("wire/cut-upload-stores-nothing", cut(suite, &repo))
        .await;
    suite
        .case("wire/broken-chunk-stores-nothing", broken(suite, &repo))
        .await;
}

/// A HEAD, and on the same connection a GET: had the first a body, the second would not begin where it does.
async fn head_then_get(suite: &Suite, target: &str) -> Verdict {
    let head = Ask::head(target).header("accept", MANIFEST);
    let got = Ask::get(target)
        .header("accept", MANIFEST)
        .header("connection", "close");
    let texts = [&head, &got].map(|ask| suite.registry.text_of(ask));
    let [head_text, get_text] = texts;
    let asks = [(head, head_text), (got, get_text)];
    let (answers, rest) = suite.registry.ask_raw(&asks).await?;
    ensure!(
        rest.is_empty(),
        "HEAD {target} and GET are followed by {} bytes more",
        rest.len()
    );
    if answers[0].status != 405 {
        answers[0].is(answers[1].status)?;
    }
    Ok(())
}

/// One after the other, an error among them, each answered in its turn.
async fn several(suite: &Suite, repo: &Repository, content: &Content) -> Verdict {
    let document = &content.documents[0];
    let targets = [
        repo.manifest("nobody"),
        repo.manifest("latest"),
        repo.path("tags/list"),
        repo.manifest("latest"),
    ];
    let mut asks = Vec::new();
    for (index, target) in targets.iter().enumerate() {
        let mut ask = Ask::get(target).header("accept", MANIFEST);
        if index + 1 == targets.len() {
            ask = ask.header("connection", "close");
        }
        let text = suite.registry.text_of(&ask);
        asks.push((ask, text));
    }
    let (answers, _) = suite.registry.ask_raw(&asks).await?;
    answers[0].is(404)?;
    answers[1].is(200)?.bytes_are(&document.bytes)?;
    answers[2].is(200)?;
    answers[3].is(200)?.bytes_are(&document.bytes)?;
    Ok(())
}

async fn one_byte_chunks(suite: &Suite, repo: &Repository) -> Verdict {
    let blob = crate::noise::Blob::new(Algorithm::Sha256, word(suite, 200));
    let mut session = repo.begin("").await?;
    let ask = Ask::patch(&session.location)
        .header("content-type", "application/octet-stream")
        .header("transfer-encoding", "chunked")
        .header("connection", "close");
    let mut text = suite.registry.text_of(&ask);
    for byte in &blob.bytes {
        text.extend(["1\r\n", char::from(*byte).encode_utf8(&mut [0; 4]), "\r\n"]);
    }
    text.push_str("0\r\n\r\n");
    let (answers, _) = suite.registry.ask_raw(&[(ask, text)]).await?;
    session.took(&answers[0], blob.bytes.len())?;
    session.close(&blob).await
}

/// curl and Go's client may wait for a word before they send a large body.
async fn expects(suite: &Suite, repo: &Repository) -> Verdict {
    let blob = crate::noise::Blob::new(Algorithm::Sha256, word(suite, 64));
    let session = repo.begin("").await?;
    let ask = Ask::put(session.closing(blob.digest.as_str()))
        .octets(blob.bytes.clone())
        .header("expect", "100-continue")
        .header("connection", "close");
    let text = suite.registry.text_of(&ask);
    let (answers, mut rest) = suite.registry.ask_raw(&[(ask.clone(), text)]).await?;
    let mut last = answers[0].clone();
    if last.status == 100 {
        let next = crate::wire::take_answer(&mut rest, &ask, true);
        last = next.unwrap_or(last);
    }
    last.is(201)?;
    repo.get_blob(&blob).await
}

async fn any_case(suite: &Suite, repo: &Repository, content: &Content) -> Verdict {
    let ask = Ask::get(repo.manifest("latest"))
        .header("ACCEPT", MANIFEST)
        .header("cOnNeCtIoN", "close");
    let text = suite.registry.text_of(&ask);
    let (answers, _) = suite.registry.ask_raw(&[(ask, text)]).await?;
    answers[0].is(200)?.bytes_are(&content.documents[0].bytes)?;
    Ok(())
}

async fn absolute(suite: &Suite, repo: &Repository, content: &Content) -> Verdict {
    let path = repo.manifest("latest");
    let ask = Ask::get(format!("http://{}{path}", suite.registry.host()))
        .header("accept", MANIFEST)
        .header("connection", "close");
    let text = suite.registry.text_of(&ask);
    let (answers, _) = suite.registry.ask_raw(&[(ask, text)]).await?;
    answers[0].is(200)?.bytes_are(&content.documents[0].bytes)?;
    Ok(())
}

async fn old(suite: &Suite, repo: &Repository, content: &Content) -> Verdict {
    let ask = Ask::get(repo.manifest("latest")).header("accept", MANIFEST);
    let text = suite
        .registry
        .text_of(&ask)
        .replacen("HTTP/1.1", "HTTP/1.0", 1);
    let (answers, _) = suite.registry.ask_raw(&[(ask, text)]).await?;
    answers[0].is(200)?.bytes_are(&content.documents[0].bytes)?;
    answers[0].without("transfer-encoding")?;
    Ok(())
}

/// A body that nobody asked for is not taken for the next request.
async fn with_body(suite: &Suite, repo: &Repository, content: &Content) -> Verdict {
    let smuggled = format!(
        "GET {} HTTP/1.1\r\nhost: x\r\n\r\n",
        repo.manifest("smuggled")
    );
    let first = Ask::get(repo.manifest("latest"))
        .header("accept", MANIFEST)
        .sending("text/plain", smuggled);
    let second = Ask::get(repo.path("tags/list")).header("connection", "close");
    let texts = [&first, &second].map(|ask| suite.registry.text_of(ask));
    let came = crate::wire::raw(suite.registry.host(), texts.concat().as_bytes()).await?;
    let mut rest = bytes::BytesMut::from(came.as_slice());
    let answer = crate::wire::take_answer(&mut rest, &first, true);
    let answer = answer.ok_or_else(|| crate::verdict::Stop::failed("no answer at all"))?;
    if answer.status == 400 {
        return Ok(());
    }
    answer.is(200)?.bytes_are(&content.documents[0].bytes)?;
    // Closed, or the second in its turn; but never an answer to what was in the body.
    if let Some(next) = crate::wire::take_answer(&mut rest, &second, true) {
        next.is(200)?;
        repo.tags_of(&next)?;
    }
    Ok(())
}

/// A client that goes away in the middle has pushed nothing.
async fn cut(suite: &Suite, repo: &Repository) -> Verdict {
    let blob = crate::noise::Blob::new(Algorithm::Sha256, word(suite, 500));
    let session = repo.begin("").await?;
    let ask = Ask::put(session.closing(blob.digest.as_str())).octets(blob.bytes.clone());
    let text = suite.registry.text_of(&ask);
    let half = &text.as_bytes()[..text.len() - 250];
    crate::wire::cut(suite.registry.host(), half).await?;
    repo.has_no_blob(&blob.digest).await?;
    Way::PostPut.push(repo, &blob).await
}

async fn broken(suite: &Suite, repo: &Repository) -> Verdict {
    let blob = crate::noise::Blob::new(Algorithm::Sha256, word(suite, 100));
    let session = repo.begin("").await?;
    let ask = Ask::put(session.closing(blob.digest.as_str()))
        .header("content-type", "application/octet-stream")
        .header("transfer-encoding", "chunked");
    let text = suite.registry.text_of(&ask);
    let body = String::from_utf8_lossy(&blob.bytes).into_owned();
    let text = format!("{text}64\r\n{body}\r\nnot a size\r\n\r\n");
    // Refused, or the connection closed: what matters is what is stored.
    let _ = crate::wire::raw(suite.registry.host(), text.as_bytes()).await;
    repo.has_no_blob(&blob.digest).await
}

/// Letters that were never there before, which go through a text.
fn word(suite: &Suite, len: usize) -> Vec<u8> {
    let bytes = suite.registry.noise().bytes(len);
    bytes.iter().map(|byte| b'a' + byte % 26).collect()
}
