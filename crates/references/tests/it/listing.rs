//! What was found, as lines to compare.

use std::fmt::Write as _;

use forebay_references::{Found, Owner, Settings, find, splice};

/// Settings with `--set`.
pub(crate) fn set(pairs: &[(&str, &str)]) -> Settings {
    Settings {
        set: pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..Settings::default()
    }
}

/// A line for each place: its bytes, its image, its owner; then the ambiguous, then the notes.
pub(crate) fn listing(path: &str, text: &str, settings: &Settings) -> String {
    let found = find(path, text.as_bytes(), settings);
    assert_sound(text, &found);
    let mut out = String::new();
    for place in &found.places {
        let written = &text[place.span.clone()];
        let written = written.lines().next().unwrap_or_default().trim_end();
        _ = writeln!(out, "{} <{written}> {}", place.image, owner(&place.owner));
    }
    for ambiguous in &found.ambiguous {
        let first = ambiguous.text.lines().next().unwrap_or_default();
        _ = writeln!(
            out,
            "? <{first}> {} {}",
            ambiguous.why,
            owner(&ambiguous.owner)
        );
    }
    for note in &found.notes {
        _ = writeln!(out, "! {}", note.text);
    }
    out
}

fn owner(owner: &Owner) -> String {
    let mut out = owner.kind.clone();
    let mut say = |word: &str, value: Option<String>| {
        if let Some(value) = value {
            _ = write!(out, " {word}={value}");
        }
    };
    say("name", owner.name.clone());
    say("in", owner.namespace.clone());
    say("container", owner.container.clone());
    say("replicas", owner.replicas.map(|n| n.to_string()));
    say("parallel", owner.parallelism.map(|n| n.to_string()));
    say("per-node", owner.per_node.then(String::new));
    say(
        "pull",
        owner.pull_policy.map(|policy| format!("{policy:?}")),
    );
    say("platform", owner.platform.clone());
    say(
        "restart",
        owner.restart.as_ref().map(|restart| {
            format!(
                "{}/{:?}/{:?}",
                restart.condition, restart.delay, restart.max_attempts
            )
        }),
    );
    out
}

/// What holds of whatever was found: it is in the text, and a rewrite leaves every other byte.
fn assert_sound(text: &str, found: &Found) {
    for place in &found.places {
        assert!(text.get(place.span.clone()).is_some());
        let (before, after) = (&text[..place.span.start], &text[place.span.end..]);
        if let Ok(new) = splice(text, &[(place, "example.com/planted/image:v0")]) {
            assert!(new.starts_with(before), "{new}");
            assert!(new.ends_with(after), "{new}");
        }
    }
}
