//! The list of repositories. It is not the OCI spec's but Docker's, and many clients go by it.

use crate::answer::Answer;
use crate::ask::Ask;
use crate::content::Content;
use crate::digest::Algorithm;
use crate::repository::next_page;
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict, ensure};
use crate::way::Way;

const CATALOG: &str = "/v2/_catalog";
/// More pages than any registry under test has: a list that goes round would go on for ever.
const MAX_PAGES: usize = 100_000;

pub(super) async fn run(suite: &Suite) {
    let mut ours = Vec::new();
    let check = async {
        for name in ["catalog-b", "catalog-a", "catalog-c"] {
            let repo = suite.repository(name);
            let mut content = Content::new(Algorithm::Sha256);
            content.image("image", "amd64");
            for (_, blob) in &content.blobs {
                Way::PostPut.push(&repo, blob).await?;
            }
            repo.push_manifest("latest", &content.documents[0], &[])
                .await?;
            ours.push(repo.name);
        }
        Ok(())
    };
    suite.case("catalog/pushed", check).await;
    ours.sort();
    let ours = &ours;
    for n in [1, 2, 50, 1000] {
        let check = async {
            let all = pages(suite, &format!("{CATALOG}?n={n}")).await?;
            let found: Vec<&String> = all.iter().filter(|name| ours.contains(name)).collect();
            ensure!(
                found.iter().copied().eq(ours),
                "the pages of {n} name {found:?}, not {ours:?}"
            );
            ensure!(
                all.is_sorted(),
                "the pages of {n} are not in order: {all:?}"
            );
            Ok(())
        };
        suite.case(format!("catalog/pages-of-{n}"), check).await;
    }
    let check = async {
        let answer = ask(suite, &format!("{CATALOG}?last={}&n=1", ours[0])).await?;
        let names = names(&answer)?;
        ensure!(
            names == ours[1..2],
            "after {} comes {names:?}, not {}",
            ours[0],
            ours[1]
        );
        Ok(())
    };
    suite.case("catalog/last", check).await;
    let check = async {
        let answer = ask(suite, &format!("{CATALOG}?n=1")).await?;
        ensure!(
            names(&answer)?.len() == 1,
            "{answer} with other than 1 name"
        );
        ensure!(
            next_page(&answer)?.is_some(),
            "{answer} without Link, though there are more"
        );
        Ok(())
    };
    suite.case("catalog/link", check).await;
    odd_numbers(suite).await;
}

/// Numbers and names that are none are refused or answered, and break nothing.
async fn odd_numbers(suite: &Suite) {
    for n in [
        "-1",
        "abc",
        "1000000000000000000",
        "18446744073709551616",
        "0",
    ] {
        let check = async {
            let answer = ask(suite, &format!("{CATALOG}?n={n}")).await?;
            answer.is_one_of(&[200, 400])?;
            Ok(())
        };
        suite.case(format!("catalog/n-{n}"), check).await;
    }
    for last in ["zzzz", "%2e%2e%2f", "UPPER"] {
        let check = async {
            let answer = ask(suite, &format!("{CATALOG}?last={last}")).await?;
            answer.is_one_of(&[200, 400])?;
            Ok(())
        };
        suite.case(format!("catalog/last-{last}"), check).await;
    }
}

async fn ask(suite: &Suite, target: &str) -> Verdict<Answer> {
    let answer = suite.registry.ask(Ask::get(target)).await?;
    if [401, 404, 405].contains(&answer.status) {
        return Err(Stop::skipped(format!("there is no catalog: {answer}")));
    }
    Ok(answer)
}

fn names(answer: &Answer) -> Verdict<Vec<String>> {
    let list = answer.is(200)?.json()?;
    let Some(names) = list["repositories"].as_array() else {
        return Err(Stop::failed(format!("{answer} without repositories")));
    };
    let names = names.iter().filter_map(|name| name.as_str());
    Ok(names.map(str::to_owned).collect())
}

async fn pages(suite: &Suite, first: &str) -> Verdict<Vec<String>> {
    let mut target = first.to_owned();
    let mut all = Vec::new();
    for _ in 0..MAX_PAGES {
        let answer = ask(suite, &target).await?;
        all.extend(names(&answer)?);
        match next_page(&answer)? {
            Some(next) => target = next,
            None => return Ok(all),
        }
    }
    Err(Stop::failed("the pages of the catalog have no end"))
}
