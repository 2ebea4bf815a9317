//! Changes of a text at places that are known, all else byte for byte the same; and line ends.

/// Changes of one text, in any order; two at one place come in the order in which they were made.
#[derive(Debug, Default)]
pub struct Edits(Vec<Edit>);

#[derive(Debug)]
struct Edit {
    from: usize,
    to: usize,
    text: String,
}

impl Edits {
    /// Puts `text` at this byte.
    pub fn insert(&mut self, at: usize, text: impl Into<String>) {
        self.replace(at, at, text);
    }

    /// Puts `text` in the place of these bytes.
    pub fn replace(&mut self, from: usize, to: usize, text: impl Into<String>) {
        let text = text.into();
        self.0.push(Edit { from, to, text });
    }

    /// The text with all changes.
    pub fn apply(mut self, text: &str) -> String {
        self.0.sort_by_key(|edit| edit.from);
        let mut changed = String::with_capacity(text.len());
        let mut done = 0;
        for edit in &self.0 {
            changed.push_str(text.get(done..edit.from).unwrap_or_default());
            changed.push_str(&edit.text);
            done = edit.to;
        }
        changed.push_str(text.get(done..).unwrap_or_default());
        changed
    }
}

/// Changes a text whose lines end with LF, and gives the result the line ends of the original.
///
/// # Errors
/// What `change` says.
pub fn with_line_ends<E>(
    text: &str,
    change: impl FnOnce(&str) -> Result<String, E>,
) -> Result<String, E> {
    if !text.contains("\r\n") {
        return change(text);
    }
    let plain = text.replace("\r\n", "\n");
    let changed = change(&plain)?;
    if changed == plain {
        return Ok(text.to_owned());
    }
    Ok(restore_line_ends(text, &changed))
}

/// Lines that are as before keep their end; new ones end as the most of the old ones do.
fn restore_line_ends(original: &str, changed: &str) -> String {
    let with_cr = original.matches("\r\n").count();
    let without = original.matches('\n').count() - with_cr;
    let usual = if with_cr > without { "\r\n" } else { "\n" };
    let mut old = original.split_inclusive('\n');
    let mut restored = String::with_capacity(changed.len() + with_cr);
    for line in changed.split_inclusive('\n') {
        let bare = line.trim_end_matches('\n');
        let rest = old.clone();
        // The old line of this text that comes next, if there is one: a changed file keeps the order of its lines.
        let same = rest.enumerate().find(|(_, old)| {
            old.ends_with('\n') && old.trim_end_matches(['\r', '\n']) == bare.trim_end_matches('\r')
        });
        restored.push_str(bare);
        if let Some((skipped, end)) = same {
            old.nth(skipped);
            restored.push_str(if end.ends_with("\r\n") { "\r\n" } else { "\n" });
        } else if line.ends_with('\n') {
            restored.push_str(usual);
        }
    }
    restored
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_made_at_their_places() {
        let mut edits = Edits::default();
        edits.replace(4, 5, "E");
        edits.insert(0, "<");
        edits.insert(2, "1");
        edits.insert(2, "2");
        assert_eq!(edits.apply("abcdef"), "<ab12cdEf");
    }

    #[test]
    fn lines_keep_their_ends() {
        let add = |text: &str| Ok::<_, ()>(text.replace("b\n", "b\nnew\n"));
        assert_eq!(
            with_line_ends("a\r\nb\r\nc", add),
            Ok("a\r\nb\r\nnew\r\nc".to_owned())
        );
        assert_eq!(
            with_line_ends("a\nb\r\nc\nd\n", add),
            Ok("a\nb\r\nnew\nc\nd\n".to_owned())
        );
        let keep = |text: &str| Ok::<_, ()>(text.to_owned());
        assert_eq!(with_line_ends("a\r\nb\n", keep), Ok("a\r\nb\n".to_owned()));
    }
}
