//! Lists of tags: their order, their parts, their pages; and tags that move.

use crate::ask::Ask;
use crate::content::Content;
use crate::digest::Algorithm;
use crate::document::Document;
use crate::repository::{Repository, next_page};
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict, ensure};
use crate::way::Way;

/// How many tags there are to page through: more than a few pages of any size here.
const TAGS: usize = 25;

pub(super) async fn run(suite: &Suite) {
    let repo = suite.repository("tags");
    let mut content = Content::new(Algorithm::Sha256);
    content.image("image", "amd64");
    let document = content.documents[0].clone();
    let mut tags = names();
    let check = async {
        for (_, blob) in &content.blobs {
            Way::PostPut.push(&repo, blob).await?;
        }
        // From the last to the first, so that order is not that of their push.
        for tag in tags.iter().rev() {
            repo.push_manifest(tag, &document, &[]).await?;
        }
        Ok(())
    };
    suite.case("tags/pushed", check).await;
    tags.sort();
    suite.case("tags/all-in-order", is(&repo, "", &tags)).await;
    parts(suite, &repo, &tags).await;
    for n in [1, 2, 7, 12, 13, 24, 25, 26] {
        suite
            .case(format!("tags/paging/by-{n}"), pages(&repo, n, &tags))
            .await;
    }
    let check = async {
        let check = async |query: &str| {
            let answer = repo.ask(Ask::get(repo.path("tags/list") + query)).await?;
            answer.refused(&[400], &CODES_OF_BAD_NUMBERS)?;
            Ok(())
        };
        for query in ["?n=-1", "?n=abc", "?n=1.5", "?n=", "?n=0x10"] {
            check(query).await?;
        }
        Ok(())
    };
    suite.case("tags/n-that-is-no-number-is-400", check).await;
    suite
        .case("tags/of-the-most-characters", long_names(&repo, &document))
        .await;
    suite.case("tags/moved", moved(suite)).await;
    suite.case("tags/many-by-query", by_query(suite)).await;
}

/// What a number that is none may be called: the spec has no code of its own for it.
const CODES_OF_BAD_NUMBERS: [&str; 4] = [
    "UNSUPPORTED",
    "NAME_INVALID",
    "SIZE_INVALID",
    "MANIFEST_INVALID",
];

/// Numbers, words, capital letters and punctuation: what sorts differently by bytes and by eye.
fn names() -> Vec<String> {
    let mut names: Vec<String> = (0..TAGS - 7).map(|n| format!("v1.{n}")).collect();
    for odd in ["latest", "_build", "1", "a-b", "a.b", "a_b", "Stable"] {
        names.push(odd.to_owned());
    }
    names
}

async fn is(repo: &Repository, query: &str, expected: &[String]) -> Verdict {
    let tags = repo.tags(query).await?;
    ensure!(
        tags == expected,
        "tags/list{query} has {tags:?}, not {expected:?}"
    );
    Ok(())
}

async fn parts(suite: &Suite, repo: &Repository, tags: &[String]) {
    let middle = &tags[TAGS / 2];
    for (name, query, expected) in [
        ("n-of-some", "?n=3".to_owned(), &tags[..3]),
        ("n-of-all", format!("?n={TAGS}"), tags),
        ("n-of-more", "?n=1000".to_owned(), tags),
        ("n-0-is-empty", "?n=0".to_owned(), &[]),
        ("n-0-with-last-is-empty", format!("?n=0&last={middle}"), &[]),
        ("last", format!("?last={middle}"), &tags[TAGS / 2 + 1..]),
        (
            "last-and-n",
            format!("?last={middle}&n=2"),
            &tags[TAGS / 2 + 1..TAGS / 2 + 3],
        ),
        ("last-of-all", format!("?last={}", tags[TAGS - 1]), &[]),
        // Not among them: what would come after it comes.
        ("last-that-is-no-tag-of-it", "?last=v1.0000".to_owned(), {
            let after = tags.iter().position(|tag| tag.as_str() > "v1.0000");
            &tags[after.unwrap_or(TAGS)..]
        }),
        ("last-beyond", "?last=zzzz".to_owned(), &[]),
        ("last-before", "?last=0".to_owned(), tags),
    ] {
        suite
            .case(format!("tags/{name}"), is(repo, &query, expected))
            .await;
    }
    for n in ["1000000000000000000", "18446744073709551616"] {
        let check = async {
            let answer = repo
                .ask(Ask::get(repo.path(&format!("tags/list?n={n}"))))
                .await?;
            if answer.status == 200 {
                let found = repo.tags_of(&answer)?;
                ensure!(found == tags, "{answer} with {} tags", found.len());
                return Ok(());
            }
            answer.is(400)?;
            Ok(())
        };
        suite
            .case(format!("tags/n-{}-digits", n.len()), check)
            .await;
    }
    for query in ["?n=0", &format!("?n={TAGS}"), "?n=1000", ""] {
        let check = async {
            let answer = repo.ask(Ask::get(repo.path("tags/list") + query)).await?;
            answer.is(200)?.without("link")?;
            answer.header("content-type")?;
            Ok(())
        };
        let shown = query.trim_start_matches("?n=");
        let shown = if shown.is_empty() { "none" } else { shown };
        suite.case(format!("tags/no-link/n-{shown}"), check).await;
    }
    for (name, last) in [
        ("junk", "%00%ff%2e%2e%2f"),
        ("too-long", &"x".repeat(2000)),
        ("digest", "sha256:e3b0c442"),
    ] {
        let check = async {
            let target = repo.path(&format!("tags/list?last={last}"));
            let answer = repo.ask(Ask::get(target)).await?;
            answer.is_one_of(&[200, 400])?;
            Ok(())
        };
        suite.case(format!("tags/last-{name}"), check).await;
    }
}

/// Page after page by the links, each of the size asked for but the last, and all tags once and in order.
async fn pages(repo: &Repository, n: usize, tags: &[String]) -> Verdict {
    let mut target = repo.path(&format!("tags/list?n={n}"));
    let mut found = Vec::new();
    for _ in 0..=tags.len() {
        let answer = repo.ask(Ask::get(&target)).await?;
        let page = repo.tags_of(answer.is(200)?)?;
        let next = next_page(&answer)?;
        ensure!(
            page.len() <= n,
            "{answer} with {} tags, more than {n}",
            page.len()
        );
        let whole = page.len() == n || next.is_some() || found.len() + page.len() == tags.len();
        ensure!(whole, "{answer} with {} tags of {n}", page.len());
        found.extend(page);
        let Some(next) = next else {
            ensure!(found == tags, "the pages have {found:?}, not {tags:?}");
            return Ok(());
        };
        target = next;
    }
    Err(Stop::failed("the pages of tags have no end"))
}

/// 128 characters are a tag, 129 are none.
async fn long_names(repo: &Repository, document: &Document) -> Verdict {
    let longest = format!("_{}", "z".repeat(127));
    repo.push_manifest(&longest, document, &[]).await?;
    repo.get_manifest(&longest, document).await?;
    let answer = repo
        .put_manifest(&format!("{longest}z"), document, &[])
        .await?;
    answer.is_one_of(&[400, 404])?;
    Ok(())
}

/// A tag moves; what it was stays under its digest.
async fn moved(suite: &Suite) -> Verdict {
    let repo = suite.repository("tags-moved");
    let mut content = Content::new(Algorithm::Sha256);
    content.image("old", "amd64");
    content.image("new", "amd64");
    for (_, blob) in &content.blobs {
        Way::PostPut.push(&repo, blob).await?;
    }
    let (old, new) = (&content.documents[0], &content.documents[1]);
    for document in [old, new, old, new] {
        repo.push_manifest("latest", document, &[]).await?;
        repo.head_manifest("latest", document).await?;
        repo.get_manifest("latest", document).await?;
    }
    repo.get_manifest(old.digest.as_str(), old).await?;
    is(&repo, "", &["latest".to_owned()]).await
}

/// Ten tags and more with one manifest.
async fn by_query(suite: &Suite) -> Verdict {
    let repo = suite.repository("tags-by-query");
    let mut content = Content::new(Algorithm::Sha256);
    content.image("image", "amd64");
    for (_, blob) in &content.blobs {
        Way::PostPut.push(&repo, blob).await?;
    }
    let document = &content.documents[0];
    let tags: Vec<String> = (10..22).map(|n| format!("t{n}")).collect();
    let digest = document.digest.as_str();
    repo.push_manifest(digest, document, &tags).await?;
    for tag in &tags {
        repo.head_manifest(tag, document).await?;
    }
    is(&repo, "", &tags).await
}
