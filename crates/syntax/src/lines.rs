//! Where lines begin in a text: which line a byte is in, for many bytes of one text.

/// A text's lines.
#[derive(Debug)]
pub struct Lines {
    /// Where the line ends are, in bytes.
    ends: Vec<usize>,
}

impl Lines {
    /// Looks through the text, once.
    pub fn of(text: &str) -> Self {
        Self {
            ends: text.match_indices('\n').map(|(at, _)| at).collect(),
        }
    }

    /// The line that a byte is in, from 1. Halves and halves again: files of a whole fleet have an image every few lines.
    pub fn number(&self, at: usize) -> usize {
        self.number_by(at, |end, at| end < at)
    }

    fn number_by(&self, at: usize, is_before: impl Fn(usize, usize) -> bool) -> usize {
        self.ends.partition_point(|end| is_before(*end, at)) + 1
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_byte_is_in_the_line_whose_end_it_is_or_comes_before() {
        let text = "a\n\nbc\n";
        let lines = Lines::of(text);
        let found: Vec<usize> = (0..=text.len()).map(|at| lines.number(at)).collect();
        assert_eq!(found, [1, 1, 2, 3, 3, 3, 4]);
        assert_eq!(Lines::of("").number(0), 1);
    }

    #[test]
    fn a_line_is_found_by_a_few_looks_however_many_there_are() {
        let text = "a\n".repeat(1 << 16);
        let lines = Lines::of(&text);
        let looks = Cell::new(0);
        for at in 0..text.len() {
            looks.set(0);
            let number = lines.number_by(at, |end, at| {
                looks.set(looks.get() + 1);
                end < at
            });
            assert_eq!(number, at / 2 + 1);
            assert!(looks.get() <= 18, "{} looks at {at}", looks.get());
        }
    }
}
