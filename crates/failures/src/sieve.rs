//! Finds the places of a text where one of many patterns may match, many times faster than their automaton.
//!
//! Each pattern has words of which one stands in whatever it matches. Four bytes at every second place are looked up in a
//! small table of pieces of those words, and nearly all of a log is passed over so. The patterns confirm what is found.

mod words;

use words::Words;

/// The bytes of a text that are looked at together.
const LANE_BYTES: usize = 8;

/// How far apart the pieces are that are looked up.
const STEP_BYTES: usize = 2;

/// The table has two to this many bits, 64 KiB: of one that fits what is nearest to a CPU so many are set that the words are
/// looked at too often.
const TABLE_BITS: u32 = 19;

/// The table's bits come in so many numbers.
const TABLE_LENGTH: usize = 1 << (TABLE_BITS - u64::BITS.ilog2());

/// Makes small letters of capitals, in each byte; what else it makes one of two bytes is for the patterns to tell apart.
const FOLD: u8 = 0x20;

/// Spreads pieces over the table: two to the 32 by the golden ratio.
const SPREAD: u32 = 0x9e37_79b1;

/// How far in its line a place stands for what follows, in bytes.
const SPAN_BYTES: usize = 512;

/// How far before a place a match begins at most, in bytes, and how far behind it one ends.
pub(crate) const REACH_BYTES: usize = 64;

/// Four bytes in the order of the text, from the lowest on.
type Piece = u32;

/// The words of patterns, ready to be looked for.
#[derive(Debug)]
pub struct Sieve {
    table: Box<[u64; TABLE_LENGTH]>,
    words: Words,
}

impl Sieve {
    /// One for patterns in small letters of which each match has three bytes at least that the pattern names.
    ///
    /// # Panics
    /// If a pattern has no such words: patterns are constants.
    pub(crate) fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Self {
        let words = Words::of(patterns);
        #[expect(clippy::expect_used, reason = "it has that length")]
        let mut table: Box<[u64; TABLE_LENGTH]> = vec![0; TABLE_LENGTH]
            .try_into()
            .expect("a list of that length is such an array");
        words.for_each_piece(|piece| {
            let (index, bit) = cell(piece);
            table[index] |= 1 << bit;
        });
        Self { table, words }
    }

    /// Adds the places of a text to `places`, in order: one at least in each line that has a word.
    ///
    /// A place stands for what follows in its line, half a KiB far at most.
    pub fn find_all(&self, text: &[u8], places: &mut Vec<usize>) {
        let mut at = 0;
        while let Some(place) = self.find(text, at) {
            places.push(place);
            at = line_end(text, place);
        }
    }

    /// The first place from `from` on.
    fn find(&self, text: &[u8], from: usize) -> Option<usize> {
        let mut start = from;
        let (lanes, _) = text.get(from..)?.as_chunks::<LANE_BYTES>();
        if let Some((first, others)) = lanes.split_first() {
            let mut lane = folded(*first);
            for next in others {
                let next = folded(*next);
                if self.may_have(pieces(lane, next))
                    && let Some(place) = self.place(text, start, lane, next)
                {
                    return Some(place);
                }
                lane = next;
                start += LANE_BYTES;
            }
        }
        self.find_in_end(text, start)
    }

    /// The same in the last bytes, fewer than two lanes.
    fn find_in_end(&self, text: &[u8], start: usize) -> Option<usize> {
        let end = &text[start..];
        let mut lanes = [[0; LANE_BYTES]; 3];
        lanes.as_flattened_mut()[..end.len()].copy_from_slice(end);
        let [one, two, three] = lanes.map(folded);
        self.place(text, start, one, two)
            .or_else(|| self.place(text, start + LANE_BYTES, two, three))
    }

    /// Whether one of the pieces may be of a word.
    fn may_have(&self, [one, two, three, four]: [Piece; 4]) -> bool {
        // All are looked up before anything is decided, so that none waits for another.
        (self.hit(one) | self.hit(two) | self.hit(three) | self.hit(four)) & 1 != 0
    }

    /// The lowest bit tells whether the piece may be of a word; the others tell nothing.
    fn hit(&self, piece: Piece) -> u64 {
        let (index, bit) = cell(piece);
        self.table[index] >> bit
    }

    /// Where the first of the pieces is that begin in `lane` and are of a word.
    // Called seldom: inlined, it would have all pieces of all lanes kept in memory.
    #[inline(never)]
    fn place(&self, text: &[u8], start: usize, lane: u64, next: u64) -> Option<usize> {
        let places = (start..).step_by(STEP_BYTES);
        let mut places = places.zip(pieces(lane, next));
        let is_of_word = |(at, piece): &(usize, Piece)| {
            self.hit(*piece) & 1 != 0 && self.words.stand(text, *at, *piece)
        };
        places.find(is_of_word).map(|(at, _)| at)
    }
}

/// Where the line of a place ends, or what the place stands for of it.
///
/// The byte at the place may itself be the end of the line before.
pub(crate) fn line_end(text: &[u8], place: usize) -> usize {
    let from = text.len().min(place + 1);
    let behind = &text[from..text.len().min(place + SPAN_BYTES)];
    from + memchr::memchr(b'\n', behind).unwrap_or(behind.len())
}

/// A lane in small letters.
const fn folded(lane: [u8; LANE_BYTES]) -> u64 {
    u64::from_le_bytes(lane) | u64::from_ne_bytes([FOLD; LANE_BYTES])
}

/// The pieces that begin in the first of two folded lanes.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a piece is the lower half of what is shifted down"
)]
const fn pieces(lane: u64, next: u64) -> [Piece; 4] {
    [
        lane as Piece,
        (lane >> 16) as Piece,
        (lane >> 32) as Piece,
        (lane >> 48 | next << 16) as Piece,
    ]
}

/// Where in the table a piece is, of its bits.
const fn hash(piece: Piece) -> u32 {
    piece.wrapping_mul(SPREAD) >> (Piece::BITS - TABLE_BITS)
}

/// A piece's number in the table, and which bit of that it is.
const fn cell(piece: Piece) -> (usize, u32) {
    let hash = hash(piece);
    ((hash / u64::BITS) as usize % TABLE_LENGTH, hash % u64::BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(sieve: &Sieve, text: &str) -> Vec<usize> {
        let mut places = Vec::new();
        sieve.find_all(text.as_bytes(), &mut places);
        places
    }

    #[test]
    fn a_word_is_found_wherever_it_stands_and_in_any_case() {
        let words = ["qps", "pull", "layer", "rate.?limit", "manifest"];
        let sieve = Sieve::new(words);
        for word in ["qps", "QPS", "Pull", "LAYER", "rate_limit", "manifest"] {
            for before in 0..40 {
                for behind in 0..20 {
                    let text = format!("{}{word}{}", "-".repeat(before), "-".repeat(behind));
                    let found = places(&sieve, &text);
                    let near = before.saturating_sub(1)..before + word.len();
                    assert!(found.iter().any(|at| near.contains(at)), "{text} {found:?}");
                }
            }
        }
    }

    #[test]
    fn a_line_with_words_is_one_place_unless_it_is_long() {
        let sieve = Sieve::new(["pull"]);
        assert_eq!(places(&sieve, "a pull, a pull\nnone\npull\n").len(), 2);
        let long = format!("pull{}pull", "-".repeat(2 * SPAN_BYTES));
        assert_eq!(places(&sieve, &long).len(), 2);
        assert!(places(&sieve, "").is_empty());
        assert!(places(&sieve, "push and push again").is_empty());
    }
}
