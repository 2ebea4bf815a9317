//! What is remembered of a message: it says what the message itself would say.

use forebay_failures::{Classifier, classify};

use crate::lines::{heldout, none, reported, unseen, written};

/// The text with other digits where five and more stand in a row, and in other times of the day.
fn with_other_numbers(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut other = text.to_owned().into_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let run = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit());
        let end = at + run.count();
        if end - at >= 5 {
            for byte in &mut other[at..end] {
                *byte = b'0' + (*byte - b'0' + 3) % 10;
            }
        }
        at = end + 1;
    }
    String::from_utf8_lossy(&other).replace("12:44", "09:31")
}

#[test]
fn what_differs_in_long_numbers_and_times_is_told_as_if_nothing_was_remembered() {
    let corpora = [heldout(), none(), reported(), unseen(), written()];
    let mut differ = 0;
    for line in corpora.iter().flatten() {
        let other = with_other_numbers(&line.text);
        differ += usize::from(other != line.text);
        let mut classifier = Classifier::default();
        classifier.classify(&line.text);
        assert_eq!(
            classifier.classify(&other).map(|verdict| verdict.class),
            classify(&other).map(|verdict| verdict.class),
            "{}\n{other}",
            line.text
        );
    }
    assert!(differ > 100, "{differ} texts have such numbers");
}

#[test]
fn a_message_with_another_image_is_another_message() {
    let mut classifier = Classifier::default();
    let message = |tag: u32| {
        format!(
            "Failed to pull image \"acme/web:{tag}\": rpc error: code = NotFound desc = docker.io/acme/web:{tag}: not found"
        )
    };
    for tag in [10_001, 10_002] {
        let verdict = classifier.classify(&message(tag)).unwrap();
        assert_eq!(verdict.image, Some(format!("acme/web:{tag}")));
    }
}
