//! Which texts of a reference's alphabet a YAML plain scalar can hold as a string.
//!
//! Source: YAML 1.2.2 core schema, and 1.1's words and numbers, which Go's readers still know.

/// Words that are no strings.
const WORDS: [&str; 8] = ["true", "false", "yes", "no", "on", "off", "null", "y"];

/// Whether `text`, unquoted, is read as the string that it is.
pub fn is_string(text: &str) -> bool {
    let safe_ends = text
        .bytes()
        .next()
        .is_some_and(|first| first.is_ascii_alphanumeric() || b"._/".contains(&first))
        && !text.ends_with(':');
    safe_ends && !is_other(text)
}

/// Whether `text`, unquoted, is a number or a word with a meaning, such as `true`.
pub fn is_other(text: &str) -> bool {
    WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
        || text.eq_ignore_ascii_case("n")
        || is_number(text)
}

/// Integers, floats, `1e3`, `0x1f`, `0b1`, `.inf`, `12:30:45`, dates, with 1.1's underscores: all too much rather than
/// too little, since a quote more does no harm.
fn is_number(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let body = lower.trim_start_matches(['+', '-']);
    if matches!(body, ".inf" | ".nan") {
        return true;
    }
    let digits = |text: &str, radix: u32| {
        !text.is_empty() && text.chars().all(|c| c.is_digit(radix) || c == '_')
    };
    if let Some(hex) = body.strip_prefix("0x") {
        return digits(hex, 16);
    }
    if let Some(bits) = body.strip_prefix("0b").or_else(|| body.strip_prefix("0o")) {
        return digits(bits, 10);
    }
    body.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && body
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | '_' | ':' | '-' | '+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_that_look_like_numbers_or_words_are_no_plain_strings() {
        for text in [
            "1.30",
            "1",
            "1e3",
            "0x1f",
            "null",
            "True",
            "on",
            "2024-01-01",
            "12:30",
            "1_000",
            "-x",
        ] {
            assert!(!is_string(text), "{text}");
        }
        for text in [
            "1.30-alpine",
            "v1.30",
            "1.2.3a",
            "nginx:1.27",
            "docker.io/library/nginx",
            "latest",
        ] {
            assert!(is_string(text), "{text}");
        }
    }
}
