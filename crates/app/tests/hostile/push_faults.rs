//! Whatever fails at whichever change of the disk: who pushes is told 507 or 503, nothing is half there, and the next try succeeds.

use rustix::process::Signal;
use tempfile::TempDir;

use crate::faulty;
use crate::program::{Program, Setup};
use crate::pusher::{Asked, Pushed, write_users};
use crate::wire::{Answer, exchange};

/// More changes than a push makes.
const MAX_CHANGES: u64 = 200;

/// What a client is told where the change was made, and not written down.
const MADE: &str = "the change was made";

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fails_at_any_change_of_a_push_is_told_and_leaves_nothing_half_there() {
    for (effect, status) in [
        ("ENOSPC", 507),
        ("EIO", 503),
        ("EROFS", 503),
        ("EMFILE", 503),
    ] {
        fail_at_every_change(effect, status).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_says_that_pushes_are_refused_for_as_long_as_they_are() {
    let folder = TempDir::new().unwrap();
    let setup = Setup::new(folder.path()).with("[clients]\nloopback_push = true");
    let mut program = faulty::on(setup, None).start();
    Pushed::new("before").push(&program, "", "app", "1").await;
    assert!(program.readiness().await.contains("\"ready\""));
    program.tell("fault ENOSPC 1 stays");
    for image in ["one", "two", "three"] {
        let image = Pushed::new(image);
        let answer = image.try_push(&program, "", "app", "1").await;
        assert_eq!(answer.status, 507, "{}", answer.text());
        let readiness: serde_json::Value =
            serde_json::from_str(&program.readiness().await).unwrap();
        assert_eq!(readiness["status"], "degraded", "{readiness}");
        let problems = readiness["problems"].as_array().unwrap();
        assert_eq!(problems.len(), 1, "{readiness}");
        let told = problems[0].as_str().unwrap();
        assert!(
            told.contains("pushes to local repositories are refused"),
            "{told}"
        );
        assert!(told.contains("used up"), "{told}");
    }
    program.tell("lift");
    Pushed::new("after").push(&program, "", "app", "1").await;
    let readiness = program.readiness().await;
    assert!(readiness.contains("\"ready\""), "{readiness}");
    let log = program.log();
    for line in [
        "local repositories are refused",
        "local repositories are kept again",
    ] {
        assert_eq!(log.matches(line).count(), 1, "{line}: {log}");
    }
    assert!(program.stop().0.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_access_is_configured_only_administrators_hear_why_pushes_are_refused() {
    const RULES: &str = "[access]
htpasswd_file = \"users\"
[[access.allow]]
who = [\"user:alice\"]
repositories = [\"**\"]
actions = [\"pull\", \"push\"]
[[access.allow]]
who = [\"user:root\"]
repositories = [\"**\"]
actions = [\"admin\"]
";
    let folder = TempDir::new().unwrap();
    write_users(folder.path(), &["alice", "root"]);
    let mut program = faulty::on(Setup::new(folder.path()).with(RULES), None).start();
    program.tell("fault ENOSPC 1 stays");
    let answer = Pushed::new("one")
        .try_push(&program, "alice", "app", "1")
        .await;
    assert_eq!(answer.status, 507, "{}", answer.text());
    for (who, is_told) in [("", false), ("alice", false), ("root", true)] {
        let answer = Asked::new(who, "GET", "/readyz").of(&program).await;
        let told = answer.text();
        assert_eq!(answer.status, 200, "{who}: {told}");
        assert!(told.contains("\"status\":\"degraded\""), "{who}: {told}");
        assert_eq!(told.contains("used up"), is_told, "{who}: {told}");
    }
}

/// SIGTERM while a reload waits for a push that is just being recorded: the reload is given up, and what is under way finished.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_a_reload_that_waits_for_the_disk() {
    let folder = TempDir::new().unwrap();
    let setup = Setup::new(folder.path()).with("[clients]\nloopback_push = true");
    let mut program = faulty::on(setup.clone(), None).start();
    let first = Pushed::new("first");
    first.push(&program, "", "app", "1").await;
    let before = changes(&mut program);
    first.put(&program, "", "app", "2").await;
    let each = changes(&mut program) - before;
    // The last change of a push is the journal's.
    program.tell(&format!("fault slow {each} once"));
    let struck = changes(&mut program) + each;
    let request = format!(
        "PUT /v2/app/manifests/3 HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        program.address,
        first.manifest.len()
    );
    let request = [request.as_bytes(), &first.manifest].concat();
    let address = program.address;
    let pushing = tokio::spawn(async move { exchange(address, &request).await });
    while changes(&mut program) < struck {
        tokio::task::yield_now().await;
    }
    program.signal(Signal::HUP);
    program.wait_for_log("the configuration is read again");
    let (status, said) = program.stop();
    assert!(status.success());
    let log = said.log.text();
    assert!(!log.contains("taken over"), "{log}");
    let pushed = Answer::parse(&pushing.await.unwrap(), false);
    assert_eq!(pushed.status, 201, "{}", pushed.head);
    let audited = std::fs::read_to_string(setup.data().join("audit.jsonl")).unwrap();
    let reload = audited
        .lines()
        .find(|line| line.contains("reload-configuration"));
    let reload = reload.unwrap();
    assert!(reload.contains("\"outcome\":\"broken_off\""), "{reload}");
    let again = setup.start();
    assert!(first.is_under(&again, "app", "3").await);
}

async fn fail_at_every_change(effect: &str, status: u16) {
    let folder = TempDir::new().unwrap();
    let setup = Setup::new(folder.path()).with("[clients]\nloopback_push = true");
    let mut program = faulty::on(setup.clone(), None).start();
    let mut before = Pushed::new(&format!("{effect} before"));
    before.push(&program, "", "app", "1").await;
    let (mut struck, mut unharmed, mut made) = (0, 0, 0);
    for at in 1..MAX_CHANGES {
        let image = Pushed::new(&format!("{effect} {at}"));
        // Once, and as a disk that stays broken until somebody looks after it.
        let stays = if at % 2 == 0 { "stays" } else { "once" };
        let what = format!("{effect} at {at}, {stays}");
        let first = changes(&mut program);
        program.tell(&format!("fault {effect} {at} {stays}"));
        let answer = image.try_push(&program, "", "app", "1").await;
        let last = changes(&mut program);
        program.tell("lift");
        if answer.status == 201 {
            // It struck nothing, or what nobody needs: a directory that was to be made is there.
            assert!(image.is_under(&program, "app", "1").await, "{what}");
            before = image;
            if last < first + at {
                break;
            }
            unharmed += 1;
            continue;
        }
        struck += 1;
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        let told: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(told["errors"][0]["code"], "UNAVAILABLE", "{what}: {told}");
        // Made is what is said to be made, and of the rest nothing.
        let is_made = answer.text().contains(MADE);
        made += u32::from(is_made);
        let there = if is_made { &image } else { &before };
        assert!(there.is_under(&program, "app", "1").await, "{what}");
        image.push(&program, "", "app", "1").await;
        assert!(image.is_under(&program, "app", "1").await, "{what}");
        before = image;
    }
    assert!(
        (15..MAX_CHANGES - 2).contains(&struck),
        "{effect}: {struck} changes"
    );
    assert!(unharmed < 5, "{effect}: {unharmed} made no difference");
    assert!(
        made > 0,
        "{effect}: it never struck between row and journal"
    );
    assert!(program.stop().0.success());
    let (checked, said) = setup.run(&["fsck"]);
    assert!(checked.success(), "{effect}: {}", said.out.text());
    let staged = std::fs::read_dir(setup.data().join("registry/staging")).unwrap();
    assert_eq!(staged.count(), 0, "{effect}: left in staging");
    let again = setup.start();
    assert!(before.is_under(&again, "app", "1").await, "{effect}");
    assert!(again.stop().0.success());
}

fn changes(program: &mut Program) -> u64 {
    let answer = program.tell("count");
    answer.strip_prefix("answer ").unwrap().parse().unwrap()
}
