//! A glob over a name: `*` stands for any characters, `/` too, and `?` for one.
//!
//! Names are short and patterns few, so that the plain backtracking of one star at a time is all that is needed.

/// A glob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// A pattern as it is written.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True if it stands for one text only.
    pub fn is_literal(&self) -> bool {
        !self.0.contains(['*', '?'])
    }

    /// True if it matches the whole of `text`.
    pub fn matches(&self, text: &str) -> bool {
        let (pattern, text) = (self.0.as_bytes(), text.as_bytes());
        let (mut at, mut with) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        while at < text.len() {
            match pattern.get(with) {
                Some(b'*') => {
                    star = Some((with + 1, at));
                    with += 1;
                }
                Some(byte) if *byte == b'?' || *byte == text[at] => {
                    at += 1;
                    with += 1;
                }
                _ => match star {
                    Some((after, from)) => {
                        star = Some((after, from + 1));
                        at = from + 1;
                        with = after;
                    }
                    None => return false,
                },
            }
        }
        pattern[with..].iter().all(|byte| *byte == b'*')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything_and_question_marks_for_one_character() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a*c", "abbc", true),
            ("a*c", "abb", false),
            ("*-alpine", "3.12-alpine", true),
            ("1.?", "1.2", true),
            ("1.?", "1.22", false),
            ("*a*b*", "xxaxxbxx", true),
            ("org/*", "org/a/b", true),
        ] {
            assert_eq!(
                Pattern::new(pattern).matches(text),
                expected,
                "{pattern} {text}"
            );
        }
    }
}
