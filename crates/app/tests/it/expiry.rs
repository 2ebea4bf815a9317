//! Rules that let go of what lies there for long, by a clock that is moved: what was pulled lately stays, and what has a tag.

use std::time::Duration;

use crate::clocked::{advance, clocked};
use crate::program::{Forebay, Program};
use crate::repositories::{audited, by_socket, digest, is_pushed, run};

const DAY: Duration = Duration::from_hours(24);

/// A program that applies one rule to team/*, every hour of a clock that is moved.
async fn under(rule: &str) -> Program {
    let setup = Forebay::new().with(&format!(
        "local = [\"team/*\"]\n[clients]\nloopback_push = true\n\
         [[lifecycle]]\nrepositories = [\"team/*\"]\n{rule}"
    ));
    clocked(setup).start().await
}

/// Lets so many days pass, and has the rules applied then: by themselves they are within the hour, which would be told late.
async fn days_pass(program: &Program, days: u32) {
    advance(program, DAY * days).await;
    run(&program.setup, &["repo", "expire"]).await;
}

/// Which manifests have gone by rules until now.
fn gone(program: &Program) -> Vec<String> {
    let mut gone: Vec<String> = audited(&program.setup, "expire-manifest")
        .into_iter()
        .map(|[what, who, outcome]| {
            assert!(who == "lifecycle rules" || who == by_socket(), "{who}");
            assert_eq!(outcome, "done");
            what
        })
        .collect();
    gone.sort();
    gone
}

fn app(names: &[&str]) -> Vec<String> {
    let names = names
        .iter()
        .map(|name| format!("local/team/app@{}", digest(name)));
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[tokio::test]
async fn what_was_pulled_or_only_checked_lately_stays_and_what_nobody_asked_for_goes() {
    let program = under("not_pulled_for = \"90d\"").await;
    for name in ["pulled", "checked", "checked-by-digest", "unused"] {
        is_pushed(&program, &format!("team/app:{name}"), name).await;
    }
    days_pass(&program, 60).await;
    assert_eq!(gone(&program), app(&[]));
    // A node that holds an image, and is told to pull it always, asks by HEAD whether it still is the one.
    let manifest = |reference: &str| format!("/v2/team/app/manifests/{reference}");
    assert_eq!(program.get(&manifest("pulled")).await.status, 200);
    for held in ["checked", &digest("checked-by-digest")] {
        assert_eq!(program.head(&manifest(held)).await.status, 200, "{held}");
    }
    days_pass(&program, 31).await;
    assert_eq!(gone(&program), app(&["unused"]));
    let tags = program.get("/v2/team/app/tags/list").await.text();
    assert!(
        tags.contains("[\"checked\",\"checked-by-digest\",\"pulled\"]"),
        "{tags}"
    );
    // From the last pull on.
    days_pass(&program, 58).await;
    assert_eq!(gone(&program), app(&["unused"]));
    days_pass(&program, 2).await;
    let all = ["pulled", "checked", "checked-by-digest", "unused"];
    assert_eq!(gone(&program), app(&all));
}

#[tokio::test]
async fn what_lost_its_tag_goes_after_its_time_and_what_has_one_stays() {
    let program = under("untagged_after = \"14d\"").await;
    is_pushed(&program, "team/app:1", "moved").await;
    is_pushed(&program, "team/app:old", "tagged").await;
    is_pushed(&program, "team/app:1", "successor").await;
    let untagged = format!("/v2/team/app/manifests/{}", digest("moved"));
    days_pass(&program, 13).await;
    assert_eq!(gone(&program), app(&[]));
    assert_eq!(program.get(&untagged).await.status, 200);
    days_pass(&program, 2).await;
    assert_eq!(gone(&program), app(&["moved"]));
    assert_eq!(program.get(&untagged).await.status, 404);
    for (tag, name) in [("1", "successor"), ("old", "tagged")] {
        let path = format!("/v2/team/app/manifests/{tag}");
        let found = program.get(&path).await;
        let is_of = found.header("docker-content-digest");
        assert_eq!((found.status, is_of), (200, Some(&*digest(name))));
    }
}
