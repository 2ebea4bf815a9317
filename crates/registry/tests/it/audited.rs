//! What an operator has done is in the audit log, though the command that asked for it is cut, and with what was said.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use forebay_content::{Audit, AuditEntry, HostedContent as _, Ignore};
use forebay_lifecycle_rules::Policy;
use forebay_oci::RepositoryName;
use forebay_registry::{Operator, Quota, RepositoryOrder, RepositoryOutcome};
use futures::poll;
use tempfile::TempDir;

use crate::scene::{Image, Scene, name};

/// How often a command is looked after before it is cut, at most.
const MAX_POLLS: usize = 6;

/// Who has it done.
const WHO: &str = "a test";

/// What was written down: the act, its object, what was said, and what came of it.
#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl Audit for Lines {
    fn record(&self, entry: &AuditEntry<'_>) {
        assert_eq!(entry.who, WHO);
        let said = entry
            .detail
            .map_or_else(String::new, |said| format!(" ({said})"));
        let digest = entry
            .digest
            .map_or_else(String::new, |digest| format!(" {digest}"));
        let line = format!(
            "{} {}{said}{digest}: {}",
            entry.act, entry.object, entry.outcome
        );
        self.0.lock().unwrap().push(line);
    }
}

impl Lines {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// How many end so.
    fn count(&self, act: &str, outcome: &str) -> usize {
        let lines = self.all();
        let found = lines
            .iter()
            .filter(|line| line.starts_with(act) && line.ends_with(outcome));
        found.count()
    }
}

fn operator(scene: &Scene) -> (Arc<Operator>, Arc<Lines>) {
    let lines = Arc::new(Lines::default());
    let told = (Arc::clone(&lines) as _, Arc::new(Ignore) as _);
    let registry = Arc::clone(&scene.registry);
    (
        Arc::new(Operator::new(registry, Policy::default(), told)),
        lines,
    )
}

fn create(repository: &RepositoryName) -> RepositoryOrder {
    RepositoryOrder::CreateRepository {
        name: repository.to_string(),
        immutable_tags: vec!["v*".to_owned(), "r-*".to_owned()],
        quota_bytes: Some(1000),
    }
}

fn set(
    repository: &RepositoryName,
    tags: Option<&[&str]>,
    quota: Option<Quota>,
) -> RepositoryOrder {
    let owned = |tags: &[&str]| tags.iter().map(ToString::to_string).collect();
    RepositoryOrder::SetRepository {
        name: repository.to_string(),
        immutable_tags: tags.map(owned),
        quota,
    }
}

/// Looks after the command some times, and cuts it.
async fn cut<T>(command: impl Future<Output = T>, polls: usize) {
    let mut command = pin!(command);
    for _ in 0..polls {
        if poll!(&mut command).is_ready() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_order_is_written_down_with_what_was_said() {
    let dir = TempDir::new().unwrap();
    let scene = Scene::open(dir.path()).await;
    let (operator, lines) = operator(&scene);
    let app = name("team/app");
    operator.carry_out(create(&app), WHO).await.unwrap();
    operator.carry_out(create(&app), WHO).await.unwrap_err();
    for order in [
        set(&app, Some(&["v*"]), Some(Quota::Bytes(5))),
        set(&app, Some(&[]), Some(Quota::Unbounded)),
        set(&app, None, Some(Quota::Bytes(7))),
        RepositoryOrder::CollectGarbage {
            grace_seconds: Some(3600),
        },
        RepositoryOrder::DeleteRepository {
            name: app.to_string(),
            with_content: true,
        },
    ] {
        operator.carry_out(order, WHO).await.unwrap();
    }
    // Who only looks leaves no line.
    let list = RepositoryOrder::ListRepositories {
        pattern: None,
        after: None,
    };
    let listed = operator.carry_out(list, WHO).await.unwrap();
    assert!(
        matches!(listed, RepositoryOutcome::Repositories { repositories, .. } if repositories.is_empty())
    );
    assert_eq!(
        lines.all(),
        [
            "create-repository local/team/app (immutable tags v* r-*, quota 1000 bytes): done",
            "create-repository local/team/app (immutable tags v* r-*, quota 1000 bytes): exists",
            "set-repository local/team/app (immutable tags v*, quota 5 bytes): done",
            "set-repository local/team/app (no immutable tags, no quota): done",
            "set-repository local/team/app (quota 7 bytes): done",
            "collect-garbage local (grace 3600 s): done",
            "delete-repository local/team/app (with all that it holds): done",
        ]
    );
    scene.close().await;
}

#[tokio::test]
async fn a_pin_is_written_down_by_its_digest_and_what_goes_by_its_tags_and_its_rule() {
    let dir = TempDir::new().unwrap();
    let scene = Scene::open(dir.path()).await;
    let (operator, lines) = operator(&scene);
    let app = name("app");
    let (first, second) = (Image::numbered(1), Image::numbered(2));
    for (tag, image) in [("1", &first), ("2", &second)] {
        scene.push_image(&app, Some(tag), image).await.unwrap();
    }
    let pin = |reference: &str| RepositoryOrder::Pin {
        name: app.to_string(),
        reference: reference.to_owned(),
        is_pinned: true,
    };
    let (pinned, gone) = (first.digest().to_string(), second.digest().to_string());
    operator.carry_out(pin("1"), WHO).await.unwrap();
    operator.carry_out(pin(&pinned), WHO).await.unwrap();
    operator.carry_out(pin("3"), WHO).await.unwrap_err();
    let rule = forebay_registry::RuleText {
        repositories: vec!["**".to_owned()],
        keep_newest: Some(0),
        ..Default::default()
    };
    let expire = RepositoryOrder::Expire {
        name: app.to_string(),
        rules: Some(vec![rule]),
        dry_run: false,
    };
    operator.carry_out(expire, WHO).await.unwrap();
    let held = RepositoryOrder::DeleteRepository {
        name: app.to_string(),
        with_content: false,
    };
    operator.carry_out(held, WHO).await.unwrap_err();
    assert_eq!(
        lines.all(),
        [
            format!("pin-manifest local/app:1 {pinned}: done"),
            format!("pin-manifest local/app@{pinned}: done"),
            "pin-manifest local/app:3: not_found".to_owned(),
            format!(
                "expire-manifest local/app@{gone} (tagged 2; lifecycle rule 1: not among the newest 0): done"
            ),
            "delete-repository local/app: not_empty".to_owned(),
        ]
    );
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_cut_leaves_no_change_without_its_line() {
    for polls in 0..MAX_POLLS {
        let dir = TempDir::new().unwrap();
        let scene = Scene::open(dir.path()).await;
        let (operator, lines) = operator(&scene);
        let (made, app) = (name("made"), name("app"));
        cut(operator.carry_out(create(&made), WHO), polls).await;
        let image = Image::numbered(1);
        scene.push_image(&app, Some("1"), &image).await.unwrap();
        let pin = RepositoryOrder::Pin {
            name: app.to_string(),
            reference: "1".to_owned(),
            is_pinned: true,
        };
        cut(operator.carry_out(pin, WHO), polls).await;
        let registry = Arc::clone(&scene.registry);
        // What is under way ends before the stores are closed.
        scene.supervisor.stop();
        assert!(scene.supervisor.drain(Duration::from_secs(30)).await);
        let is_made = registry.find_repository(&made).await.unwrap().is_some();
        assert_eq!(
            lines.count("create-repository", ": done"),
            usize::from(is_made)
        );
        let entry = scene.rows.find_hosted_entry(&app, &image.digest()).await;
        let is_pinned = entry.unwrap().unwrap().is_pinned;
        assert_eq!(
            lines.count("pin-manifest", ": done"),
            usize::from(is_pinned)
        );
        let begun = usize::from(polls > 0);
        assert_eq!(lines.all().len(), 2 * begun, "{polls}: {:?}", lines.all());
        scene.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_manifest_that_a_cut_command_let_go_is_written_down() {
    for polls in 1..MAX_POLLS {
        let dir = TempDir::new().unwrap();
        let scene = Scene::open(dir.path()).await;
        let (operator, lines) = operator(&scene);
        let app = name("app");
        let images: Vec<Image> = (0..6).map(Image::numbered).collect();
        for image in &images {
            scene.push_image(&app, None, image).await.unwrap();
        }
        let rule = forebay_registry::RuleText {
            repositories: vec!["**".to_owned()],
            keep_newest: Some(0),
            ..Default::default()
        };
        let expire = RepositoryOrder::Expire {
            name: app.to_string(),
            rules: Some(vec![rule]),
            dry_run: false,
        };
        cut(operator.carry_out(expire, WHO), polls * 40).await;
        scene.supervisor.stop();
        assert!(scene.supervisor.drain(Duration::from_secs(30)).await);
        let found = scene.registry.find_repository(&app).await.unwrap().unwrap();
        let gone = images.len() - usize::try_from(found.manifests).unwrap();
        assert_eq!(lines.count("expire-manifest", ": done"), gone, "{polls}");
        scene.close().await;
    }
}
