//! In which form a program prints what there is to tell: what came in another one is a page of a proxy's, or a refusal, and no
//! answer.
//!
//! Pure. Judged by the beginning alone.

use super::answer;
use super::program::Trouble;

/// A form of what programs print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Any, or nothing at all.
    Any,
    /// An object of JSON, whatever there is to tell.
    Object,
    /// A list in JSON.
    List,
    /// Objects of JSON, each in its line, or nothing.
    Lines,
    /// A table, whose first line begins with these words and has all others of them.
    Table(&'static [&'static str]),
}

impl Form {
    /// Whether what a program printed can be the answer, by its beginning; a refusal is no longer than that.
    ///
    /// # Errors
    /// It cannot.
    pub(super) fn judge(self, head: &[u8]) -> Result<(), Trouble> {
        let head = head.trim_ascii_start();
        let is_json = |first: &[u8]| {
            head.starts_with(first)
                .then_some(())
                .ok_or(Trouble::Rubbish)
        };
        match self {
            Self::Any => Ok(()),
            Self::Object => {
                is_json(b"{")?;
                answer::find_refusal(head).map_or(Ok(()), |said| Err(Trouble::Refused(said)))
            }
            Self::List => is_json(b"["),
            Self::Lines => is_json(if head.is_empty() { b"" } else { b"{" }),
            Self::Table(names) => is_heading(head, names)
                .then_some(())
                .ok_or(Trouble::NoTable),
        }
    }
}

fn is_heading(head: &[u8], names: &[&str]) -> bool {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or(head);
    let line = String::from_utf8_lossy(line);
    let mut names = names.iter();
    let is_first = names.next().is_none_or(|first| line.starts_with(first));
    is_first && names.all(|name| line.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: Form = Form::Table(&["ID ", " NAME"]);

    #[test]
    fn a_page_and_a_sentence_are_no_answer_in_any_form() {
        for page in [
            "<!DOCTYPE html>\n<html><h1>502 Bad Gateway</h1></html>",
            "Bad Gateway",
        ] {
            for form in [Form::Object, Form::List, Form::Lines] {
                let judged = form.judge(page.as_bytes());
                assert!(matches!(judged, Err(Trouble::Rubbish)), "{form:?}: {page}");
            }
            let judged = TABLE.judge(page.as_bytes());
            assert!(matches!(judged, Err(Trouble::NoTable)), "{page}");
            assert!(Form::Any.judge(page.as_bytes()).is_ok());
        }
    }

    #[test]
    fn each_form_is_known_by_how_it_begins() {
        for (form, text, is_good) in [
            (Form::Object, "\n {\"items\": []}", true),
            (Form::Object, "", false),
            (Form::List, "[]\n", true),
            (Form::List, "", false),
            (Form::Lines, "", true),
            (Form::Lines, "{\"status\": \"pull\"}\n{", true),
            (TABLE, "ID             NAME      MODE\n", true),
            (TABLE, "", false),
            (TABLE, "web 1/1\nID  NAME\n", false),
        ] {
            assert_eq!(
                form.judge(text.as_bytes()).is_ok(),
                is_good,
                "{form:?}: {text}"
            );
        }
    }
}
