//! A text keeps its meaning whatever is done to it on its way: case, wrapping, prefixes, escapes, colours, other names.

use forebay_failures::{Class, Identity, classify};
use proptest::prelude::*;

use crate::lines::{Line, reported, written};
use crate::scanned::findings;
use crate::ways::{coloured, folded, in_json, typographic, wrapped};

/// What collectors, runners and services put before a line.
const PREFIXES: [&str; 17] = [
    "Nov 03 08:12:44 node-1 dockerd[911]: ",
    "Nov  3 08:12:44 ip-10-0-1-7 kubelet[1911]: E1103 08:12:44.442190    1911 log.go:32] ",
    "10m         Warning   Failed      pod/web-7c9d8   ",
    "  Warning  Failed     50s (x4 over 2m24s)   kubelet            ",
    "web-1  | ",
    "2025-11-03T08:12:44.1203942Z ",
    "2025-11-03T08:12:44.1203942Z ##[error]",
    "[2025-11-03T08:12:44.120Z] ",
    "#12 3.456 ",
    "  > ",
    "time=\"2025-11-03T08:12:44Z\" level=error msg=",
    "2025-11-03T08:12:44.120394812Z stderr F ",
    "ERROR: Job failed: ",
    "[web] \u{1b}[0K",
    "08:12:44 [step 3/7] ",
    "[build-image : push] ",
    "<13>1 2025-11-03T08:12:44Z host app 42 - - ",
];

/// All lines with a class, those of success left out.
fn lines() -> Vec<Line> {
    let mut lines = reported();
    lines.extend(written());
    lines
}

fn any_line() -> impl Strategy<Value = Line> {
    prop::sample::select(lines())
}

fn class_of(text: &str) -> Option<Class> {
    classify(text).map(|verdict| verdict.class)
}

/// The one class that a pasted text is said to have.
fn pasted(text: &str) -> Option<Class> {
    match findings(text).as_slice() {
        [one] => Some(one.class),
        _ => None,
    }
}

/// How many widths each line is broken at.
const WIDTHS_OF_EACH: usize = 8;

/// How many of a thousand broken texts may be told otherwise: those that are broken behind what may end a message, and whose
/// second half tells of something by itself.
const MOST_WRONG_PERMILLE: usize = 3;

/// Breaks each line at widths of its own, and looks at what is said of what comes out.
fn check_broken(broken: impl Fn(&str, usize) -> String) {
    let lines = lines();
    let mut wrong = Vec::new();
    for line in &lines {
        let expected = class_of(&line.text);
        for nth in 0..WIDTHS_OF_EACH {
            // Its own, whatever lines stand beside it.
            let width = 30 + (line.text.len() * 37 + nth * 17) % 130;
            let text = broken(&line.text, width);
            let told = (class_of(&text), pasted(&text));
            if told != (expected, expected) {
                wrong.push(format!("{told:?}, not {expected:?}: {text}"));
            }
        }
    }
    let of = lines.len() * WIDTHS_OF_EACH;
    let is_few = wrong.len() * 1_000 <= of * MOST_WRONG_PERMILLE;
    assert!(is_few, "{} of {of}:\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn wrapping_inside_words_changes_hardly_a_class() {
    check_broken(wrapped);
}

#[test]
fn folding_between_words_changes_hardly_a_class() {
    check_broken(folded);
}

/// How many prefixes each line is tried behind.
const PREFIXES_OF_EACH: usize = 3;

#[test]
fn a_prefix_changes_no_class() {
    for (nth, line) in lines().iter().enumerate() {
        let expected = class_of(&line.text);
        for step in 0..PREFIXES_OF_EACH {
            let prefix = PREFIXES[(nth + step * 5) % PREFIXES.len()];
            let text = format!("{prefix}{}", line.text.trim_start());
            assert_eq!(class_of(&text), expected, "{text}");
        }
    }
}

#[test]
fn json_once_and_twice_changes_no_class() {
    for line in lines() {
        let expected = class_of(&line.text);
        let once = in_json(&line.text);
        let twice = in_json(&once);
        assert_eq!(class_of(&once), expected, "{once}");
        assert_eq!(class_of(&twice), expected, "{twice}");
        assert_eq!(pasted(&twice), expected, "{twice}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn case_changes_no_class(line in any_line()) {
        let expected = class_of(&line.text);
        prop_assert_eq!(class_of(&line.text.to_ascii_lowercase()), expected);
        prop_assert_eq!(class_of(&line.text.to_ascii_uppercase()), expected);
    }

    #[test]
    fn colours_and_typography_change_no_class(line in any_line()) {
        let expected = class_of(&line.text);
        prop_assert_eq!(class_of(&coloured(&line.text)), expected);
        prop_assert_eq!(class_of(&typographic(&line.text)), expected);
    }

    #[test]
    fn other_images_and_registries_change_no_class(
        name in "[a-z]{2,9}/[a-z]{2,9}(-[0-9]{3})?",
        tag in "[0-9]{1,3}\\.[0-9]{1,3}|429|latest",
        host in prop::sample::select(vec!["ghcr.io", "quay.io", "registry.corp.example:5000", "mcr.microsoft.com"]),
    ) {
        let limit = |host: &str, body: &str| format!(
            "Failed to pull image \"{host}/{name}:{tag}\": failed to copy: httpReadSeeker: failed open: unexpected status code https://{host}/v2/{name}/manifests/{tag}: 429 Too Many Requests{body}"
        );
        let other = classify(&limit(host, "")).unwrap();
        prop_assert_eq!((other.class, other.registry.as_deref()), (Class::OtherRegistryLimit, Some(host)));
        let image = format!("{host}/{name}:{tag}");
        prop_assert_eq!(other.image, Some(image));
        let body = " - Server message: toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit";
        let pull = classify(&limit("docker.io", body)).unwrap();
        prop_assert_eq!((pull.class, pull.registry.as_deref()), (Class::PullLimit, Some("docker.io")));
    }

    #[test]
    fn an_account_is_read_and_never_shown(user in "[a-z][a-z0-9]{3,20}", quote in prop::sample::select(vec!["'", "\"", "\\\"", "’"])) {
        let text = format!("Error response from daemon: toomanyrequests: You have reached your pull rate limit as {quote}{user}{quote}: dckr_jti_Zk3xTq9vLmN0pRsTuVwXyZaBcDe=. You may increase the limit by upgrading.");
        let verdict = classify(&text).unwrap();
        let Some(Identity::Account(Some(account))) = &verdict.identity else { panic!("{verdict:?}") };
        prop_assert_eq!(account.expose(), user.as_str());
        let debugged = format!("{verdict:?}");
        prop_assert!(!debugged.contains(&user));
        let found = findings(&text);
        let shown = serde_json::to_string(&found).unwrap();
        prop_assert!(!shown.contains(&format!("as '{user}")) && !shown.contains("Zk3xTq9v"), "{}", shown);
    }

    #[test]
    fn a_text_that_was_cut_is_never_another_limit_for_certain(line in any_line(), percent in 10..100_usize) {
        let whole = classify(&line.text);
        let end = line.text.floor_char_boundary(line.text.len() * percent / 100);
        for tail in ["", "...", "…"] {
            let text = format!("{}{tail}", &line.text[..end]);
            let Some(cut) = classify(&text) else { continue };
            let is_same = whole.as_ref().is_some_and(|whole| whole.class == cut.class);
            prop_assert!(is_same || !cut.class.is_limit() || !cut.is_certain, "{} of {}", cut.class, text);
        }
    }

    #[test]
    fn any_text_is_judged(text in any::<String>()) {
        let _ = classify(&text);
        let _ = findings(&text);
    }
}
