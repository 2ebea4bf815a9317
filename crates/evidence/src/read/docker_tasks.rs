//! A row of `docker service ps` by what stands in it, with or without its heading, its columns kept or not.
//!
//! `ID NAME IMAGE [NODE] DESIRED-STATE CURRENT-STATE… ago ["ERROR"] [PORTS]`: the two states and the age tell where the others are.

/// What a task should be.
const DESIRED: [&str; 5] = ["Running", "Shutdown", "Ready", "Complete", "Remove"];

/// What a task is.
const STATES: [&str; 14] = [
    "New",
    "Allocated",
    "Pending",
    "Assigned",
    "Accepted",
    "Preparing",
    "Ready",
    "Starting",
    "Running",
    "Complete",
    "Shutdown",
    "Failed",
    "Rejected",
    "Orphaned",
];

/// The most words of a row before its states: id, mark of an older task, name, image, node.
const MAX_WORDS_BEFORE: usize = 5;

/// The most words of an age: `Rejected less than a second ago`.
const MAX_WORDS_OF_AGE: usize = 6;

/// The most words of a row that are looked at.
const MAX_WORDS: usize = 32;

/// How long the ids of tasks are, cut off and whole.
const ID_LENGTHS: [usize; 2] = [12, 25];

/// A row, in its cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row<'a> {
    id: &'a str,
    name: &'a str,
    image: Option<&'a str>,
    node: Option<&'a str>,
    desired: &'a str,
    state: &'a str,
    error: Option<&'a str>,
}

impl<'a> Row<'a> {
    /// Reads a row; `None` if the line is none.
    pub(crate) fn of(line: &'a str) -> Option<Self> {
        // Most lines of a log are none: they are not cut into words.
        if !line.contains(" ago") || !DESIRED.iter().any(|desired| line.contains(desired)) {
            return None;
        }
        let words: Vec<&str> = line.split_ascii_whitespace().take(MAX_WORDS).collect();
        let at = words
            .iter()
            .take(MAX_WORDS_BEFORE + 1)
            .position(|word| DESIRED.contains(word))?;
        let state = words.get(at + 1).filter(|state| STATES.contains(state))?;
        let ago = words[at + 1..].iter().take(MAX_WORDS_OF_AGE + 1);
        let ago = ago.into_iter().position(|word| *word == "ago")?;
        let front: Vec<&str> = words[..at]
            .iter()
            .copied()
            .filter(|word| *word != "\\_")
            .collect();
        let [id, name, rest @ ..] = front.as_slice() else {
            return None;
        };
        if !is_id(id) || !name.contains('.') {
            return None;
        }
        let (start, end) = (place(line, state), place(line, words[at + 1 + ago]));
        Some(Self {
            id,
            name,
            image: rest.first().copied(),
            node: rest.get(1).copied(),
            desired: words[at],
            state: &line[start..end + "ago".len()],
            error: quoted(&line[end + "ago".len()..]),
        })
    }

    /// What stands under a heading.
    pub(crate) fn cell(&self, heading: &str) -> Option<&'a str> {
        match heading {
            "ID" => Some(self.id),
            "NAME" => Some(self.name),
            "IMAGE" => self.image,
            "NODE" => self.node,
            "DESIRED STATE" => Some(self.desired),
            "CURRENT STATE" => Some(self.state),
            "ERROR" => self.error,
            _ => None,
        }
    }
}

/// Where in the line a word of it begins.
fn place(line: &str, word: &str) -> usize {
    word.as_ptr() as usize - line.as_ptr() as usize
}

fn is_id(word: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_lowercase();
    ID_LENGTHS.contains(&word.len()) && word.bytes().all(is_plain)
}

/// What stands in quotes; where the second was cut off, up to the end.
fn quoted(text: &str) -> Option<&str> {
    let (_, error) = text.split_once('"')?;
    let error = error.rsplit_once('"').map_or(error, |(error, _)| error);
    (!error.is_empty()).then_some(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_with_its_columns_and_squeezed_into_one_gap_each() {
        let table = [
            (
                "x1y2z3a4b5c6   shop_web.1   acme/web:2.4   node-1   Ready   Rejected 3 seconds ago   \"No such image: acme/we…\"   *:80->80/tcp",
                (
                    "x1y2z3a4b5c6",
                    Some("acme/web:2.4"),
                    Some("node-1"),
                    "Rejected 3 seconds ago",
                    Some("No such image: acme/we…"),
                ),
            ),
            (
                "x1y2z3a4b5c6    \\_ shop_web.1   acme/web:2.4   node-1   Shutdown   Failed about an hour ago   \"task: non-zero exit (1)\"",
                (
                    "x1y2z3a4b5c6",
                    Some("acme/web:2.4"),
                    Some("node-1"),
                    "Failed about an hour ago",
                    Some("task: non-zero exit (1)"),
                ),
            ),
            (
                "x1y2z3a4b5c6 shop_web.1 acme/web:2.4 Running Pending less than a second ago",
                (
                    "x1y2z3a4b5c6",
                    Some("acme/web:2.4"),
                    None,
                    "Pending less than a second ago",
                    None,
                ),
            ),
            (
                "x1y2z3a4b5c6 shop_web.1 acme/web:2.4 node-1 Shutdown Rejected 8 seconds ago \"No such im…",
                (
                    "x1y2z3a4b5c6",
                    Some("acme/web:2.4"),
                    Some("node-1"),
                    "Rejected 8 seconds ago",
                    Some("No such im…"),
                ),
            ),
        ];
        for (line, expected) in table {
            let row = Row::of(line).expect(line);
            assert_eq!(
                (row.id, row.image, row.node, row.state, row.error),
                expected
            );
            assert_eq!(row.name, "shop_web.1");
        }
    }

    #[test]
    fn a_line_of_a_log_is_no_row() {
        for line in [
            "web is Running Rejected 3 seconds ago",
            "container abc.def started and Running Shutdown long ago",
            "x1y2z3a4b5c6 shop_web.1 acme/web node-1 Shutdown Nothing 3 seconds ago",
            "Shutdown Rejected ago",
        ] {
            assert_eq!(Row::of(line), None, "{line}");
        }
    }
}
