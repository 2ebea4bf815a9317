//! Lines in which another service than a registry answered: an index of packages, somebody's API.
//!
//! Such a line is complete: an image that is named beside it, or in a field of it, was not what was refused.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use crate::classify::classify_views;
use crate::clean::clean;
use crate::prefix::is_open;
use crate::registry::{addresses, pattern};
use crate::rules::{Context, Matches};
use crate::views::Views;

/// A status with which a request is refused, or not served.
static STATUS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?:^|[^0-9A-Za-z./_-])(?:40[134]|429|50[0-9])(?:[^0-9A-Za-z_/-]|$)")
});

/// An address of which only a part of the host may stand in the line.
static CUT_HOST: LazyLock<Regex> = LazyLock::new(|| pattern(r"://[^\s/]*$"));

/// How a manager of packages begins its lines: it asks no registry of images.
static PACKAGES: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?:^|[ \t])npm (?:ERR!|error|WARN|warn) "));

/// An image in a field that is called so and holds nothing else, in JSON and as `key=value`.
static FIELD: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r#"(?i)([a-z0-9_.-]*image[a-z0-9_.-]*(?:": ?"|="?)){IMAGE}"#
    ))
});

/// An image with its registry, as a word.
static WORD: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r#"(?i)(^|[ \t"'=(]){IMAGE}"#)));

const IMAGE: &str = r#"(?:[a-z0-9-]+\.)+[a-z]{2,24}(?::[0-9]{1,5})?/[a-z0-9][a-z0-9._/-]*(?::[a-z0-9_][a-z0-9._-]*)?(?:@sha256:[0-9a-f]*)?([\s"',;)}]|$)"#;

/// Whether a line is another service's answer, whatever stands beside it.
pub(crate) fn is_anothers(line: &str) -> bool {
    if PACKAGES.is_match(line) {
        return true;
    }
    let line = line.trim_end();
    if !line.contains("://") || !STATUS.is_match(line) || is_open(line) || CUT_HOST.is_match(line) {
        return false;
    }
    let views = Views::of(&clean(line));
    is_refused_elsewhere(&views)
        && !Matches::of(&views.tight).has(Context::Pull)
        && classify_views(&views).is_none()
}

/// The text in which patterns are looked for: in the tight view, without images that say nothing of a pull.
pub(crate) fn without_bare_images(views: &Views) -> Cow<'_, str> {
    if !views.spaced.contains('/') {
        return Cow::Borrowed(&views.tight);
    }
    let bare = if is_refused_elsewhere(views) {
        WORD.replace_all(&views.spaced, "${1}_${2}")
    } else {
        FIELD.replace_all(&views.spaced, "${1}_${2}")
    };
    match bare {
        Cow::Borrowed(_) => Cow::Borrowed(&views.tight),
        Cow::Owned(bare) => Cow::Owned(Views::of(&bare).tight),
    }
}

/// Whether a status was answered, and by no registry.
fn is_refused_elsewhere(views: &Views) -> bool {
    if !views.spaced.contains("://") || !STATUS.is_match(&views.spaced) {
        return false;
    }
    let folded = views.spaced.to_ascii_lowercase();
    let mut asked = addresses(&folded).peekable();
    asked.peek().is_some() && asked.all(|address| address.is_anothers())
}
