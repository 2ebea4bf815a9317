//! Upload sessions: what they tell, whose they are, and that they end.

use bytes::Bytes;

use crate::ask::Ask;
use crate::digest::Algorithm;
use crate::repository::Repository;
use crate::suite::Suite;
use crate::verdict::{Verdict, ensure};
use crate::way::algorithm_query;

/// The least characters of a session's name: 128 bits in hex are 32, in the densest text that goes into a path 22.
const LEAST_ID: usize = 22;

pub(super) async fn run(suite: &Suite) {
    let repo = suite.repository("session");
    suite
        .case("session/begins-with-nothing", begins(&repo))
        .await;
    suite
        .case(
            "session/has-a-name-that-nobody-guesses",
            is_unguessable(&repo),
        )
        .await;
    suite
        .case("session/knows-how-far-it-is", knows(suite, &repo))
        .await;
    suite
        .case("session/unknown-is-404", unknown(suite, &repo))
        .await;
    suite
        .case(
            "session/of-another-repository-is-404",
            of_another(suite, &repo),
        )
        .await;
    suite
        .case("session/ended-is-404", ended(suite, &repo))
        .await;
    for algorithm in Algorithm::ALL {
        let blob = suite.registry.noise().blob(algorithm, 2048);
        let check = async {
            let mut session = repo.begin(algorithm_query(blob.digest.as_str())).await?;
            session.patch(blob.bytes.slice(..1024)).await?;
            session.cancel().await?;
            session
                .is_unknown_at(&session.location, &blob.digest)
                .await?;
            repo.has_no_blob(&blob.digest).await
        };
        suite
            .case(format!("session/cancelled/{algorithm}"), check)
            .await;
    }
    let check = async {
        let session = repo.begin("").await?;
        session.cancel().await?;
        let blob = suite.registry.noise().blob(Algorithm::Sha256, 1);
        session.is_unknown_at(&session.location, &blob.digest).await
    };
    suite
        .case("session/cancelled/before-the-first-byte", check)
        .await;
    content_ranges(suite, &repo).await;
    suite
        .case("session/two-go-on-beside-each-other", beside(suite, &repo))
        .await;
    suite
        .case("session/the-same-blob-twice", twice(suite, &repo))
        .await;
}

async fn begins(repo: &Repository) -> Verdict {
    let answer = repo.ask(Ask::post(repo.uploads(""))).await?;
    answer.is(202)?;
    let mut session = crate::session::Session::of(repo, &answer)?;
    let path = repo.uploads("");
    ensure!(
        session.location.starts_with(&path) && session.location.len() > path.len(),
        "{answer} with a Location that is not within {path}: {}",
        session.location
    );
    session.check_status().await
}

async fn is_unguessable(repo: &Repository) -> Verdict {
    let mut names = Vec::new();
    for _ in 0..3 {
        let session = repo.begin("").await?;
        let path = session.location.split('?').next().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        ensure!(
            name.len() >= LEAST_ID && !names.contains(&name),
            "a session is called {name} after {names:?}: fewer than 128 bits"
        );
        names.push(name);
    }
    Ok(())
}

async fn knows(suite: &Suite, repo: &Repository) -> Verdict {
    let blob = suite.registry.noise().blob(Algorithm::Sha256, 5000);
    let mut session = repo.begin("").await?;
    for to in [1, 1000, 4096] {
        session.patch(blob.bytes.slice(session.offset..to)).await?;
        session.check_status().await?;
    }
    session.close(&blob).await
}

async fn unknown(suite: &Suite, repo: &Repository) -> Verdict {
    let session = repo.begin("").await?;
    let absent = suite.registry.noise().absent(Algorithm::Sha256);
    for name in [
        "00000000-0000-0000-0000-000000000000",
        "0123456789abcdef0123456789abcdef",
        "nobody",
    ] {
        let location = repo.uploads(name);
        session.is_unknown_at(&location, &absent).await?;
    }
    Ok(())
}

/// A session is its repository's: elsewhere its name is worth nothing, and it goes on where it belongs.
async fn of_another(suite: &Suite, repo: &Repository) -> Verdict {
    let other = suite.repository("session-other");
    let known = suite.registry.noise().blob(Algorithm::Sha256, 10);
    crate::way::Way::PostPut.push(&other, &known).await?;
    let blob = suite.registry.noise().blob(Algorithm::Sha256, 2048);
    let mut session = repo.begin("").await?;
    session.patch(blob.bytes.slice(..1024)).await?;
    let elsewhere = session.location.replace(&repo.name, &other.name);
    session.is_unknown_at(&elsewhere, &blob.digest).await?;
    session.close(&blob).await?;
    other.has_no_blob(&blob.digest).await
}

async fn ended(suite: &Suite, repo: &Repository) -> Verdict {
    let blob = suite.registry.noise().blob(Algorithm::Sha256, 2048);
    let mut session = repo.begin("").await?;
    session.patch(blob.bytes.clone()).await?;
    session.close(&blob).await?;
    session
        .is_unknown_at(&session.location, &blob.digest)
        .await?;
    repo.get_blob(&blob).await
}

/// How clients write `Content-Range`, and what is none. The spec has `a-b`; some write HTTP's form.
async fn content_ranges(suite: &Suite, repo: &Repository) {
    for (name, range) in [
        ("spec", "0-1023"),
        ("http", "bytes 0-1023/*"),
        ("http-with-size", "bytes 0-1023/2048"),
        ("bytes-equals", "bytes=0-1023"),
    ] {
        let blob = suite.registry.noise().blob(Algorithm::Sha256, 2048);
        let check = async {
            let mut session = repo.begin("").await?;
            let answer = session.send_range(range, blob.bytes.slice(..1024)).await?;
            let is_form_of_spec = name == "spec";
            if is_form_of_spec || answer.status == 202 {
                session.took(&answer, 1024)?;
                return session.close(&blob).await;
            }
            // Not the spec's form: it may be refused, but not be taken for something else.
            answer.is_one_of(&[400, 416])?;
            session.check_status().await
        };
        suite
            .case(format!("session/content-range/{name}"), check)
            .await;
    }
    for (name, range) in [
        ("words", "first-last"),
        ("backwards", "1023-0"),
        ("negative", "-1-1022"),
        ("huge", "99999999999999999999-99999999999999999999"),
        ("shorter-than-the-body", "0-9"),
        ("longer-than-the-body", "0-4095"),
    ] {
        let blob = suite.registry.noise().blob(Algorithm::Sha256, 1024);
        let check = async {
            let mut session = repo.begin("").await?;
            let answer = session.send_range(range, blob.bytes.clone()).await?;
            answer.is_one_of(&[400, 416])?;
            session.check_status().await?;
            session.close(&blob).await
        };
        suite
            .case(format!("session/content-range/{name}-is-refused"), check)
            .await;
    }
}

async fn beside(suite: &Suite, repo: &Repository) -> Verdict {
    let blobs = [2048, 3000].map(|len| suite.registry.noise().blob(Algorithm::Sha256, len));
    let mut sessions = [repo.begin("").await?, repo.begin("").await?];
    for end in [500, 1000, 2000] {
        for (session, blob) in sessions.iter_mut().zip(&blobs) {
            session.patch(blob.bytes.slice(session.offset..end)).await?;
        }
    }
    for (session, blob) in sessions.iter().zip(&blobs) {
        session.close(blob).await?;
    }
    Ok(())
}

/// A blob that is there may be pushed again: clients that did not look first do.
async fn twice(suite: &Suite, repo: &Repository) -> Verdict {
    let blob = suite.registry.noise().blob(Algorithm::Sha256, 2048);
    for _ in 0..2 {
        let mut session = repo.begin("").await?;
        session.stream(vec![Bytes::clone(&blob.bytes)]).await?;
        session.close(&blob).await?;
    }
    repo.get_blob(&blob).await
}
