//! Accounts where no server runs: `forebay user` and `forebay token` on the data directory itself.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::program::Program;

/// What stands on a program's standard output.
fn output(told: &str) -> &str {
    let (_, rest) = told.split_once("----- stdout -----\n").expect("an output");
    rest.split_once("----- stderr -----")
        .map_or(rest, |(output, _)| output)
}

#[test]
fn there_is_a_user_before_the_first_start() {
    let program = Program::new();
    let password = "correct horse battery\n";
    let added = program.run_with_input(&["user", "add", "alice"], password);
    assert!(added.starts_with("exit: 0"), "{added}");
    assert!(added.contains("done: add user alice"), "{added}");
    let data = program.path("forebay-data");
    let mode = |path| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    assert_eq!(mode(data.clone()), 0o700);
    assert_eq!(mode(data.join("registry.sqlite")), 0o600);
    let again = program.run_with_input(&["user", "add", "alice"], password);
    assert!(again.starts_with("exit: 3"), "{again}");
    assert!(again.contains("there is a user alice already"), "{again}");
    let disabled = program.run(&["user", "disable", "alice"]);
    assert!(disabled.starts_with("exit: 0"), "{disabled}");
    let listed = program.run(&["user", "list"]);
    assert!(
        output(&listed).starts_with("alice  disabled  made 20"),
        "{listed}"
    );
    let json = program.run(&["user", "list", "--json"]);
    assert!(output(&json).contains("\"disabled\": true"), "{json}");
    for told in [&added, &again, &disabled, &listed, &json] {
        assert!(
            !told.contains("horse") && !told.contains("argon2"),
            "{told}"
        );
    }
    let enabled = program.run(&["user", "enable", "alice"]);
    assert!(enabled.starts_with("exit: 0"), "{enabled}");
    let removed = program.run(&["user", "remove", "alice"]);
    assert!(removed.starts_with("exit: 0"), "{removed}");
    let gone = program.run(&["user", "password", "alice", "--generate"]);
    assert!(gone.contains("there is no user alice"), "{gone}");
    // Each of it is written down, though no server runs.
    let lines = fs::read_to_string(data.join("audit.jsonl")).expect("an audit log");
    let lines: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let told = lines.iter().map(|line| {
        assert_eq!(line["who"], "command line");
        assert_eq!(line["act"], "change-account");
        format!("{} {}", line["object"], line["outcome"])
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            r#""add user alice" "done""#,
            r#""add user alice" "exists""#,
            r#""disable user alice" "done""#,
            r#""enable user alice" "done""#,
            r#""remove user alice" "done""#,
            r#""set the password of user alice" "not_found""#,
        ]
    );
}

#[test]
fn a_data_directory_is_made_for_a_first_account_alone_and_it_is_said_where() {
    let program = Program::new();
    for change in [
        &["user", "disable", "alice"][..],
        &["user", "remove", "alice"],
        &["token", "revoke", "ci"],
    ] {
        let refused = program.run(change);
        assert!(refused.starts_with("exit: 3"), "{refused}");
        assert!(refused.contains("there is no data directory"), "{refused}");
        assert!(!program.path("forebay-data").exists());
    }
    let added = program.run(&["user", "add", "alice", "--generate"]);
    assert!(
        added.contains("made the data directory [DIR]/forebay-data"),
        "{added}"
    );
    assert!(added.contains("--data"), "{added}");
    let next = program.run(&["user", "add", "bob", "--generate"]);
    assert!(!next.contains("made the data directory"), "{next}");
}

#[test]
fn a_first_repository_says_where_it_is_and_nothing_is_made_among_other_files() {
    let program = Program::new().file("photos/holiday.jpg", "mine");
    for first in [
        &["repo", "create", "app"][..],
        &["user", "add", "alice", "--generate"],
    ] {
        let refused = program.run(&[first, &["--data", "photos"]].concat());
        assert!(refused.starts_with("exit: 3"), "{refused}");
        assert!(
            refused.contains("there is no data directory at photos"),
            "{refused}"
        );
        let left = fs::read_dir(program.path("photos")).expect("a folder");
        assert_eq!(left.count(), 1);
    }
    let made = program.run(&["repo", "create", "app"]);
    assert!(
        made.contains("made the data directory [DIR]/forebay-data: the repository is in it"),
        "{made}"
    );
    let next = program.run(&["repo", "create", "web"]);
    assert!(!next.contains("made the data directory"), "{next}");
}

#[test]
fn a_password_is_read_or_made_up_and_never_an_argument() {
    let program = Program::new();
    let made_up = program.run(&["user", "add", "bob", "--generate"]);
    let password = output(&made_up).trim();
    assert_eq!(password.len(), 32, "{made_up}");
    assert!(password.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let next = program.run(&["user", "password", "bob", "--generate"]);
    assert_ne!(output(&next).trim(), password);
    for (input, expected) in [
        ("", "there is no password on standard input"),
        ("\n", "there is no password on standard input"),
        ("two\nlines\n", "more than one line"),
        ("short\n", "a password has 8 to 1024 bytes"),
    ] {
        let refused = program.run_with_input(&["user", "add", "carol"], input);
        assert!(refused.starts_with("exit: 3"), "{refused}");
        assert!(refused.contains(expected), "{refused}");
    }
    let wrong = program.run_with_input(&["user", "add", "a b"], "correct horse\n");
    assert!(wrong.starts_with("exit: 2"), "{wrong}");
    assert!(wrong.contains("is no name of an account"), "{wrong}");
}

#[test]
fn a_token_is_shown_once_and_told_by_its_name_and_id_then() {
    let program = Program::new();
    let create = [
        "token",
        "create",
        "--name",
        "ci",
        "--repo",
        "team/*",
        "--actions",
        "pull,push",
    ];
    let made = program.run(&[&create[..], &["--expires", "90d"]].concat());
    assert!(made.starts_with("exit: 0"), "{made}");
    let token = output(&made).trim();
    assert!(token.starts_with("fbt_") && token.len() == 89, "{made}");
    let id = &token[4..16];
    assert!(made.contains("shown this once"), "{made}");
    let lasting = program.run(&[&create[..], &["--expires", "never", "--json"]].concat());
    let (_, other) = output(&lasting)
        .split_once("\"token\": \"fbt_")
        .expect("a token");
    let other = &other[..12];
    let listed = program.run(&["token", "list"]);
    assert_eq!(output(&listed).lines().count(), 2, "{listed}");
    assert!(listed.contains(&format!("{id}  ci  pull,push team/*  expires 20")));
    assert!(listed.contains("does not expire"), "{listed}");
    assert!(!listed.contains(&token[17..]), "{listed}");
    let revoked = program.run(&["token", "revoke", id]);
    assert_eq!(output(&revoked), format!("{id}  ci  revoked\n"));
    let again = program.run(&["token", "revoke", id]);
    let already = format!("{id}  ci  was revoked already, 20");
    assert!(output(&again).starts_with(&already), "{again}");
    let listed = program.run(&["token", "list", "--json"]);
    assert_eq!(
        listed.matches("\"revoked_unix_ms\": null").count(),
        1,
        "{listed}"
    );
    let nobody = program.run(&["token", "revoke", "nobody"]);
    assert!(nobody.starts_with("exit: 3"), "{nobody}");
    assert!(nobody.contains("there is no token nobody"), "{nobody}");
    let lines = fs::read_to_string(program.path("forebay-data/audit.jsonl")).expect("an audit log");
    let line = |number: usize| {
        let line = lines.lines().nth(number).expect("a line");
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        format!("{} {} {}", line["object"], line["detail"], line["outcome"])
    };
    let created = |id: &str, rest: &str| {
        format!(r#""create a token for ci" "{id}; pull,push team/*; {rest}" "done""#)
    };
    assert_eq!(line(0), created(id, "expires in 90 d"));
    assert_eq!(line(1), created(other, "does not expire"));
    assert_eq!(line(4), r#""revoke token nobody" null "not_found""#);
    for (args, expected) in [
        (
            vec!["token", "create", "--repo", "docker.io"],
            "write docker.io/** for all of that registry",
        ),
        (
            vec!["token", "create", "--repo", "Team/*"],
            "repositories are lower case",
        ),
        (
            vec!["token", "create", "--repo", "a/*", "--actions", "read"],
            "an action is one of",
        ),
    ] {
        let refused = program.run(&args);
        assert!(refused.starts_with("exit: 2"), "{refused}");
        assert!(refused.contains(expected), "{refused}");
    }
    for (expires, why) in [
        ("0s", "a token that is worth nothing is not made"),
        ("999ms", "a token that is worth nothing is not made"),
        (
            "3650d1ms",
            "at most 3650d; of one that is to last longer say never",
        ),
        (
            "3000000d",
            "at most 3650d; of one that is to last longer say never",
        ),
        ("soon", "a span of time"),
        ("-1d", ""),
        ("", ""),
    ] {
        let wrong = program.run(&["token", "create", "--repo", "a/*", "--expires", expires]);
        assert!(wrong.starts_with("exit: 2"), "{wrong}");
        assert!(wrong.contains(why), "{wrong}");
    }
    let longest = program.run(&["token", "create", "--repo", "a/*", "--expires", "3650d"]);
    assert!(longest.starts_with("exit: 0"), "{longest}");
    assert!(longest.contains(" expires 20"), "{longest}");
}

#[test]
fn where_nothing_is_a_list_says_so_and_makes_nothing() {
    for command in [["user", "list"], ["token", "list"]] {
        let program = Program::new();
        let told = program.run(&command);
        assert!(told.starts_with("exit: 3"), "{told}");
        assert!(told.contains("there is no data directory"), "{told}");
        assert!(!program.path("forebay-data").exists());
    }
}

#[test]
fn a_token_that_gives_less_than_it_seems_to_is_made_with_a_note() {
    let program = Program::new();
    let create = |more: &[&str]| program.run(&[&["token", "create"], more].concat());
    let plain = create(&["--repo", "app", "--actions", "pull,push"]);
    assert!(!plain.contains("gives no right"), "{plain}");
    let nowhere = create(&["--name", "ci", "--repo", "team/*", "--actions", "push"]);
    assert!(nowhere.starts_with("exit: 0"), "{nowhere}");
    assert!(output(&nowhere).starts_with("fbt_"), "{nowhere}");
    for note in [
        "the token gives no right to push by team/*: `local` reserves no such names",
        "the token lets robot:ci push and no rule lets them pull there",
        "write --actions pull,push",
    ] {
        assert!(nowhere.contains(note), "{nowhere}");
    }
    assert!(!nowhere.contains("goes on being good"), "{nowhere}");
    let id = &output(&nowhere)[4..16];
    let second = create(&["--name", "ci", "--repo", "app"]);
    let told = format!("what was called ci before goes on being good, too: {id};");
    assert!(second.contains(&told), "{second}");
    let gone = program.run(&["token", "revoke", "ci"]);
    assert!(gone.starts_with("exit: 0"), "{gone}");
    let third = create(&["--name", "ci", "--repo", "app"]);
    assert!(!third.contains("goes on being good"), "{third}");
    let listed = program.run(&["token", "list"]);
    let words: Vec<&str> = listed.split_whitespace().collect();
    assert!(
        words.join(" ").contains(" ci pull app revoked 20"),
        "{listed}"
    );
}
