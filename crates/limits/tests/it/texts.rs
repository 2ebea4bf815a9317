//! Texts of any content: nothing secret is left, nothing that a terminal obeys, and nothing too long.

use forebay_limits::{printable, without_secrets};
use proptest::prelude::*;

/// A secret that no other piece of a text contains by chance.
const SECRET: &str = "S3cr3tS3cr3tS3cr3t";

/// Ways in which a secret stands in a text.
const SHAPES: [&str; 14] = [
    "You have reached your pull rate limit as 'SECRET': x",
    "dckr_jti_SECRET=.",
    "Authorization: Bearer SECRET",
    "bearer SECRET,",
    "Basic SECRET==",
    "{\"token\": \"SECRET\"}",
    "{\"access_token\":\"x\\\"SECRET\"}",
    "password=SECRET&",
    "http://SECRET:SECRET@r.example/v2/",
    "https://b.example/x?Signature=SECRET&n=1",
    "/x?n=1&sig=SECRET",
    "/x?a=b\\u0026sig=SECRET",
    "eyJSECRETSECRET.eyJSECRET",
    "ghp_SECRET",
];

/// Words, secrets in their shapes, and junk, in any order.
fn text_with_secrets() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => prop::sample::select(&SHAPES[..]).prop_map(|shape| shape.replace("SECRET", SECRET)),
        1 => "[ -~é\n]{0,12}",
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.join(" \n"))
}

/// Pieces that the scanner looks at twice.
fn text_of_triggers() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "://",
        "@",
        "?",
        "&",
        "=",
        "a",
        "***",
        "'",
        "\"",
        "\\",
        " ",
        ":",
        "/",
        "token",
        "Bearer",
        "basic ",
        "rate limit as ",
        "eyJabcdefghijklmnopqrst",
        "dckr_",
        "n=",
        "scope=",
        "password",
        "é",
        ";",
    ]);
    prop_oneof![
        any::<String>(),
        prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat()),
    ]
}

proptest! {
    #[test]
    fn no_secret_is_left(text in text_with_secrets()) {
        let clean = without_secrets(&text);
        prop_assert!(!clean.contains(SECRET), "{}\nbecame\n{}", text, clean);
    }

    #[test]
    fn redacting_twice_changes_nothing(text in text_with_secrets()) {
        let once = without_secrets(&text);
        prop_assert_eq!(without_secrets(&once), once);
    }

    #[test]
    fn whatever_begins_like_a_secret_harms_nothing(text in text_of_triggers()) {
        let clean = without_secrets(&text);
        // Each find is at least one byte, and what stands for it is at most a mark for each byte.
        prop_assert!(clean.len() <= text.len() * "***".len());
        prop_assert!(!clean.contains("eyJabcdefghijklmnopqrst"));
    }

    #[test]
    fn a_line_is_one_line_and_bounded(text in any::<String>(), max_bytes in 0..200_usize) {
        let line = printable(&text, max_bytes);
        prop_assert!(line.len() <= max_bytes);
        prop_assert!(!line.chars().any(char::is_control));
        let reordering = ['\u{2028}', '\u{2029}', '\u{202e}', '\u{2066}'];
        prop_assert!(!line.contains(reordering));
        prop_assert_eq!(printable(&line, max_bytes), line);
    }

    #[test]
    fn visible_ascii_is_kept_word_for_word(words in prop::collection::vec("[!-~]{1,8}", 0..10)) {
        let line = words.join(" ");
        prop_assert_eq!(printable(&line, line.len()), line);
    }
}
