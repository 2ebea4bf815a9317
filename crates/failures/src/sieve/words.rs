//! The words of which one stands in whatever a pattern matches, and the pieces by which they are found.
//!
//! Words are found out from the patterns, so that nobody has to keep two lists.

use std::collections::HashSet;

use regex_syntax::ParserBuilder;
use regex_syntax::hir::literal::{ExtractKind, Extractor, Seq};

use super::{FOLD, Piece, STEP_BYTES, TABLE_BITS, hash};

/// What stands in logs of every day. Words are looked for by pieces that are not of these, where they have others.
const EVERYDAY: &[u8] = b"http https service services container containers docker dockerd kubelet kubernetes systemd volume volumes \
info level error warning message messages starting started stopping stopped connection connections timeout timed read reading \
write writing user users session process processing request requests response status state update updated create created \
delete deleted running ready empty config configuration config.yaml network interface memory module namespace topic task tasks \
path paths type time timestamp duration method address attempts attempting application failed failing after before retry \
retrying with from that this have been auth authentication session client server host hosts port ports controller event events \
handler handling operation operator node nodes pod pods cluster stream stdout stderr debug trace version internal external \
organization authorization listening completed complete finished received sending content count counter metric metrics \
transaction database queue worker thread order orders product products account customer static assets index.html mozilla \
chrome safari applewebkit gecko linux x86_64 java.lang exception org.springframework.web com. localhost caller source \
termination waiting restarting executing unable invalid unexpected expected contact context control console found bound \
runc runtime pods/ volumes/ mount mounts mounted orphaned cleaned removed removing access accessed simple multiple complete example \
place places placed replace replaced because become becomes before warn warning returns returned successfully second seconds served \
reserved change changed ranges active inactive activity deactivated until kernel orders by the user for each on the of and for the \
name names and names\" msg\" method\" status\" ident identifier identifiers priority facility command comm commit log logger logging \
log.level realtime monotonic cursor transport hostname there other another images/ index";

/// Bytes by how often they stand in logs, the most frequent first; those that are not named are the rarest.
const FREQUENT: &[u8] = b" eotainrscdlu0m1pg2:\"/f-=h.34v5b678w9k_y,j";

/// The shortest word.
const MIN_WORD_BYTES: usize = 3;

/// So many bytes of a text are held against the beginning of a word at once.
const LANE_BYTES: usize = size_of::<u64>();

/// Parts are looked up by the upper bits of their hash, so many.
const BUCKET_BITS: u32 = 12;

/// Words, and the pieces by which they are found.
#[derive(Debug)]
pub(super) struct Words {
    /// The words, in small letters.
    folded: Vec<Vec<u8>>,
    /// By their buckets.
    parts: Vec<Part>,
    /// Where the parts of each bucket begin, and at the end how many there are.
    starts: Vec<usize>,
}

/// A piece that is of a word.
#[derive(Clone, Copy, Debug)]
struct Part {
    piece: Piece,
    word: usize,
    /// How far the word begins before the piece; if it has but three bytes in it, it may begin in it.
    before: isize,
    /// How the word begins, and which bits of so many bytes of a text are of it.
    beginning: u64,
    mask: u64,
}

impl Part {
    fn of(piece: Piece, before: isize, index: usize, word: &[u8]) -> Self {
        let mut beginning = [0; LANE_BYTES];
        let mut mask = [0; LANE_BYTES];
        for ((byte, of_mask), known) in beginning.iter_mut().zip(&mut mask).zip(word) {
            (*byte, *of_mask) = (*known, u8::MAX);
        }
        Self {
            piece,
            word: index,
            before,
            beginning: u64::from_le_bytes(beginning),
            mask: u64::from_le_bytes(mask),
        }
    }

    /// Whether the text has the word where it has the piece.
    fn stands(&self, text: &[u8], at: usize, words: &[Vec<u8>]) -> bool {
        const FOLDS: u64 = u64::from_ne_bytes([FOLD; LANE_BYTES]);
        let Some(begin) = at.checked_add_signed(-self.before) else {
            return false;
        };
        let lane = text.get(begin..).and_then(<[u8]>::first_chunk);
        let may_begin = lane
            .is_none_or(|lane| (u64::from_le_bytes(*lane) | FOLDS) & self.mask == self.beginning);
        may_begin && begins(text, begin, &words[self.word])
    }
}

impl Words {
    pub(super) fn of<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Self {
        let words = shortest(patterns.into_iter().flat_map(words_of).collect());
        let everyday = Everyday::new();
        let mut parts = Vec::new();
        for (index, word) in words.iter().enumerate() {
            let parts_of = parts_of(word, &everyday).into_iter();
            parts.extend(parts_of.map(|(piece, before)| Part::of(piece, before, index, word)));
        }
        parts.sort_by_key(|part| bucket(part.piece));
        let begins = |at| parts.partition_point(|part: &Part| bucket(part.piece) < at);
        let starts = (0..=1 << BUCKET_BITS).map(begins).collect();
        Self {
            folded: words,
            parts,
            starts,
        }
    }

    /// Whether a word stands where this piece does.
    pub(super) fn stand(&self, text: &[u8], at: usize, piece: Piece) -> bool {
        let bucket = bucket(piece);
        let parts = &self.parts[self.starts[bucket]..self.starts[bucket + 1]];
        parts
            .iter()
            .any(|part| part.piece == piece && part.stands(text, at, &self.folded))
    }

    /// Tells of all pieces that may be of a word.
    pub(super) fn for_each_piece(&self, tell: impl FnMut(Piece)) {
        self.parts.iter().map(|part| part.piece).for_each(tell);
    }
}

fn bucket(piece: Piece) -> usize {
    (hash(piece) >> (TABLE_BITS - BUCKET_BITS)) as usize
}

/// The pieces of which one is looked up wherever the word stands, and how far it begins before them.
fn parts_of(word: &[u8], everyday: &Everyday) -> Vec<(Piece, isize)> {
    let piece = Piece::from_le_bytes;
    let any = || (0..=u8::MAX).filter(|byte| byte & FOLD != 0);
    match *word {
        [a, b, c] => any()
            .flat_map(|any| [(piece([any, a, b, c]), -1), (piece([a, b, c, any]), 0)])
            .collect(),
        [a, b, c, d] => {
            let whole = (piece([a, b, c, d]), 0);
            let is_front_rarer = everyday.frequency(&word[..3]) < everyday.frequency(&word[1..]);
            let odd = any().map(|any| {
                if is_front_rarer {
                    (piece([any, a, b, c]), -1)
                } else {
                    (piece([b, c, d, any]), 1)
                }
            });
            odd.chain([whole]).collect()
        }
        _ => {
            let rarest = |parity| {
                let pieces = word.array_windows::<4>().zip(0..).skip(parity);
                pieces
                    .step_by(STEP_BYTES)
                    .min_by_key(|(piece, _)| everyday.frequency(*piece))
            };
            // Wherever the word stands, either its even pieces are looked up or its odd ones.
            let parts = [rarest(0), rarest(1)].into_iter().flatten();
            parts.map(|(part, at)| (piece(*part), at)).collect()
        }
    }
}

/// Whether the text has the word there.
fn begins(text: &[u8], at: usize, word: &[u8]) -> bool {
    let there = text.get(at..at + word.len());
    there.is_some_and(|there| {
        there
            .iter()
            .zip(word)
            .all(|(byte, known)| byte | FOLD == *known)
    })
}

/// The pieces of [`EVERYDAY`], sorted.
struct Everyday(Vec<[u8; 4]>);

impl Everyday {
    fn new() -> Self {
        let mut pieces: Vec<_> = EVERYDAY.array_windows::<4>().copied().collect();
        pieces.sort_unstable();
        Self(pieces)
    }

    /// How frequent up to four bytes are: by everyday words that have them, then by each of them.
    fn frequency(&self, bytes: &[u8]) -> (usize, usize) {
        let before = self.0.partition_point(|it| it[..bytes.len()] < *bytes);
        let behind = self.0.partition_point(|it| it[..bytes.len()] <= *bytes);
        let rank = |byte: &u8| FREQUENT.iter().position(|frequent| frequent == byte);
        let of_byte = |byte| rank(byte).map_or(0, |rank| FREQUENT.len() - rank);
        (behind - before, bytes.iter().map(of_byte).sum())
    }
}

/// Words of which one stands in each match of the pattern, folded.
fn words_of(pattern: &str) -> Vec<Vec<u8>> {
    let parsed = ParserBuilder::new()
        .utf8(false)
        .unicode(false)
        .multi_line(true)
        .build()
        .parse(pattern);
    let found = parsed.ok().and_then(|hir| {
        let of = |kind| Extractor::new().kind(kind).extract(&hir);
        let sides = [ExtractKind::Prefix, ExtractKind::Suffix].map(of);
        sides.into_iter().max_by_key(Seq::min_literal_len)
    });
    let literals = found.and_then(|seq| seq.literals().map(<[_]>::to_vec));
    let words = literals.unwrap_or_default().into_iter();
    let words: Vec<Vec<u8>> = words
        .map(|word| word.as_bytes().iter().map(|byte| byte | FOLD).collect())
        .collect();
    let is_known = !words.is_empty() && words.iter().all(|word| word.len() >= MIN_WORD_BYTES);
    assert!(is_known, "a pattern without words: {pattern}");
    words
}

/// Those that have no other in them: where they stand, the other does.
fn shortest(mut words: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    words.sort_unstable_by_key(Vec::len);
    let mut known: HashSet<Vec<u8>> = HashSet::new();
    words.retain(|word| {
        let mut lengths = MIN_WORD_BYTES..=word.len();
        let has_other = lengths.any(|length| word.windows(length).any(|part| known.contains(part)));
        !has_other && known.insert(word.clone())
    });
    words
}
