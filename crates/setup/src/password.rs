//! A password: never shown, and taken out of what a program says that was given it.
//!
//! A program says it in forms of its own: a patch holds a manifest that holds a file, JSON within JSON, or in base64.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Stands in the place of a password.
const MARK: &str = "***";

/// How often a text may be put into JSON: a login in a manifest in an annotation in a patch.
const MAX_JSON_DEPTH: usize = 4;

/// How often a text may be put into base64: a login's in a secret's.
const MAX_BASE64_DEPTH: usize = 2;

/// The letters of a group in base64.
const GROUP: usize = 4;

/// Reads base64 that has lost its end.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A password, which is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// What was read from standard input, without the line end.
    pub fn new(text: &str) -> Self {
        Self(text.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// What a program said, with a mark in the place of the password: as it is, in JSON, and within base64.
    #[must_use]
    pub fn hide(&self, said: &str) -> String {
        if self.0.is_empty() {
            return said.to_owned();
        }
        let forms = self.forms();
        let mut shown = String::with_capacity(said.len());
        let mut rest = said;
        while let Some(start) = rest.find(is_of_base64) {
            let length = rest[start..].find(|c| !is_of_base64(c));
            let end = length.map_or(rest.len(), |length| start + length);
            shown.push_str(&rest[..start]);
            let run = &rest[start..end];
            let is_told = holds_within(run, &forms, MAX_BASE64_DEPTH);
            shown.push_str(if is_told { MARK } else { run });
            rest = &rest[end..];
        }
        shown.push_str(rest);
        for form in forms {
            shown = shown.replace(&form, MARK);
        }
        shown
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// How it is written in JSON, and in JSON within that; the longest first.
    fn forms(&self) -> Vec<String> {
        let mut forms = vec![self.0.clone()];
        let mut first = 0;
        for _ in 0..MAX_JSON_DEPTH {
            let end = forms.len();
            for at in first..end {
                let plain = in_json(&forms[at]);
                // Go writes these so in what a browser might read.
                let escaped = [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026")]
                    .into_iter()
                    .fold(plain.clone(), |text, (c, code)| text.replace(c, code));
                for form in [plain, escaped] {
                    if !forms.contains(&form) {
                        forms.push(form);
                    }
                }
            }
            first = end;
        }
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        forms
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The inside of a string of JSON.
fn in_json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn is_of_base64(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_')
}

/// Whether letters of base64 hold one of these texts, wherever in them its groups begin.
fn holds_within(run: &str, forms: &[String], depth: usize) -> bool {
    let run = run.replace('-', "+").replace('_', "/");
    (0..GROUP.min(run.len())).any(|start| {
        let letters = &run[start..];
        // One letter alone is no byte.
        let end = letters.len() - usize::from(letters.len() % GROUP == 1);
        let Ok(bytes) = LENIENT.decode(&letters[..end]) else {
            return false;
        };
        let text = String::from_utf8_lossy(&bytes);
        let mut runs = text.split(|c| !is_of_base64(c));
        forms.iter().any(|form| text.contains(form))
            || depth > 1 && runs.any(|run| holds_within(run, forms, depth - 1))
    })
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

    use super::*;

    #[test]
    fn a_password_is_hidden_in_every_form_that_a_program_may_say_it_in() {
        for text in ["dckr_pat_4x", "a\"b\\c<&>é", "p"] {
            let password = Password::new(text);
            let mut form = text.to_owned();
            for _ in 0..MAX_JSON_DEPTH {
                form = in_json(&form);
                let said = format!("error when applying patch: {{\"password\":\"{form}\"}} at");
                let hidden = password.hide(&said);
                assert!(hidden.contains("\":\"***\"}"), "{text}: {hidden}");
                assert!(!hidden.contains(&form), "{text}: {hidden}");
            }
            for before in ["", "b", "bo", "bob"] {
                let login = format!("{{\"auths\":{before}:{text}}}");
                for coded in [
                    BASE64_STANDARD.encode(&login),
                    BASE64_URL_SAFE_NO_PAD.encode(&login),
                    BASE64_STANDARD.encode(BASE64_STANDARD.encode(&login)),
                ] {
                    let hidden = password.hide(&format!("map[x:{coded}]"));
                    assert!(!hidden.contains(coded.trim_end_matches('=')), "{hidden}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_password_stays() {
        let said = "error: secrets \"dockerhub-credentials\" is forbidden: é aGVsbG8gd29ybGQ=";
        assert_eq!(Password::new("dckr_pat_4x\n").hide(said), said);
        assert_eq!(Password::new("").hide(said), said);
    }

    #[test]
    fn it_is_not_in_its_debug_text() {
        assert_eq!(format!("{:?}", Password::new("x")), "***");
    }
}
