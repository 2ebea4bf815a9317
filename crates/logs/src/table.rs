//! Tables as tools print them for people.
//!
//! By the header's offsets where the row keeps to them, else by gaps of two spaces.

/// The most columns.
const MAX_COLUMNS: usize = 16;

/// Splits at gaps of two spaces or more, and at tabs.
pub fn split_cells(line: &str) -> Vec<&str> {
    let mut cells = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let end = rest.find("  ").into_iter().chain(rest.find('\t')).min();
        // The last columns hold free text: what is too much stays in one cell.
        let end = end
            .filter(|_| cells.len() < MAX_COLUMNS * 4)
            .unwrap_or(rest.len());
        cells.push(rest[..end].trim());
        rest = rest[end..].trim_start();
    }
    cells
}

/// A header's columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    names: Vec<String>,
    /// Where each begins, in characters.
    starts: Vec<usize>,
}

impl Columns {
    /// The columns of a header line.
    pub fn of(header: &str) -> Self {
        let mut names = Vec::new();
        let mut starts = Vec::new();
        for name in split_cells(header).into_iter().take(MAX_COLUMNS) {
            let from = starts.last().copied().unwrap_or(0);
            let at = header[from..].find(name).map_or(from, |at| from + at);
            names.push(name.to_owned());
            // A header is ASCII, so that bytes are characters.
            starts.push(at);
        }
        Self { names, starts }
    }

    /// The cell of a row under a name; `None` if it is empty or there is no such column.
    pub fn cell<'a>(&self, row: &'a str, name: &str) -> Option<&'a str> {
        let at = self.names.iter().position(|known| known == name)?;
        let cell = if self.fits(row) {
            slice(row, self.starts[at], self.starts.get(at + 1).copied())
        } else {
            split_cells(row).get(at).copied().unwrap_or("")
        };
        let cell = cell.trim();
        (!cell.is_empty()).then_some(cell)
    }

    /// Whether there is a space before each column's start.
    fn fits(&self, row: &str) -> bool {
        let mut starts = self.starts.iter().skip(1).peekable();
        for (at, c) in row.chars().enumerate() {
            match starts.peek() {
                Some(&&start) if at + 1 == start => {
                    if c != ' ' {
                        return false;
                    }
                    starts.next();
                }
                Some(_) => {}
                None => break,
            }
        }
        true
    }
}

fn slice(row: &str, from: usize, to: Option<usize>) -> &str {
    let byte_of = |at: usize| {
        row.char_indices()
            .nth(at)
            .map_or(row.len(), |(byte, _)| byte)
    };
    &row[byte_of(from)..to.map_or(row.len(), byte_of)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_cell_is_seen_where_the_row_keeps_to_its_columns() {
        let columns = Columns::of("ID        NAME      NODE      ERROR");
        let row = "abc       web.1               \"No such image…\"";
        assert_eq!(columns.cell(row, "NAME"), Some("web.1"));
        assert_eq!(columns.cell(row, "NODE"), None);
        assert_eq!(columns.cell(row, "ERROR"), Some("\"No such image…\""));
        assert_eq!(
            columns.cell("a-much-too-long-id  web.1  node-1  x", "NODE"),
            Some("node-1")
        );
        assert_eq!(columns.cell(row, "PORTS"), None);
    }
}
