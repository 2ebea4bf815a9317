//! Which patterns may match a text: by words of which one stands in whatever a pattern matches.
//!
//! Words are found out from the patterns. One pass over a text finds all that stand in it, at the same pace whatever it says.

use aho_corasick::AhoCorasick;
use regex_syntax::hir::literal::{Extractor, Seq};
use regex_syntax::hir::{Hir, HirKind};

/// Words that are longer than this are no rarer.
const LONG_BYTES: usize = 6;

/// How many patterns one number of a [`PatternSet`] tells of.
const BITS: usize = u64::BITS as usize;

/// Some of the patterns, by their places in the tables.
#[derive(Clone, Debug)]
pub(super) struct PatternSet(Vec<u64>);

/// The words of all patterns, ready to be looked for.
pub(super) struct Words {
    automaton: AhoCorasick,
    /// By word, whose it is.
    owners: Vec<Vec<Owner>>,
    /// Those that may match whatever words a text has.
    wordless: PatternSet,
}

#[derive(Clone, Copy)]
struct Owner {
    pattern: usize,
    /// Whether the pattern says nothing but this word.
    is_all: bool,
}

/// What the words of a text say of the patterns.
#[derive(Debug)]
pub(super) struct Hits {
    /// The patterns that may match.
    pub(super) possible: PatternSet,
    /// Those of them that do.
    pub(super) certain: PatternSet,
}

impl Words {
    /// # Panics
    /// If one is no regular expression: patterns are constants.
    #[expect(
        clippy::expect_used,
        reason = "the tables are constants, and a test builds them"
    )]
    pub(super) fn of<'a>(patterns: impl ExactSizeIterator<Item = &'a str>) -> Self {
        let mut wordless = PatternSet::none_of(patterns.len());
        let mut owned: Vec<(Vec<u8>, Owner)> = Vec::new();
        for (pattern, text) in patterns.enumerate() {
            let hir = regex_syntax::parse(text).expect("a regular expression");
            let Some(words) = words_of(&hir) else {
                wordless.add(pattern);
                continue;
            };
            let is_plain = hir.properties().look_set().is_empty();
            let whole = is_plain.then(|| prefixes(&hir)).flatten();
            let is_all = whole.is_some_and(|whole| whole.is_exact() && whole == words);
            let literals = words.literals().unwrap_or_default();
            owned.extend(
                literals
                    .iter()
                    .map(|word| (word.as_bytes().to_owned(), Owner { pattern, is_all })),
            );
        }
        owned.sort_by(|(one, _), (other, _)| one.cmp(other));
        let same = owned.chunk_by(|(one, _), (other, _)| one == other);
        let (words, owners): (Vec<&[u8]>, Vec<Vec<Owner>>) = same
            .map(|same| {
                let owners = same.iter().map(|(_, owner)| *owner);
                (same[0].0.as_slice(), owners.collect())
            })
            .unzip();
        Self {
            automaton: AhoCorasick::new(words).expect("fewer words than it has numbers for"),
            owners,
            wordless,
        }
    }

    /// What the words that stand in a text say of the patterns.
    pub(super) fn find(&self, text: &str) -> Hits {
        let mut hits = Hits {
            possible: self.wordless.clone(),
            certain: PatternSet(vec![0; self.wordless.0.len()]),
        };
        for word in self.automaton.find_overlapping_iter(text) {
            for owner in &self.owners[word.pattern()] {
                hits.possible.add(owner.pattern);
                if owner.is_all {
                    hits.certain.add(owner.pattern);
                }
            }
        }
        hits
    }
}

impl PatternSet {
    fn none_of(patterns: usize) -> Self {
        Self(vec![0; patterns.div_ceil(BITS)])
    }

    fn add(&mut self, pattern: usize) {
        self.0[pattern / BITS] |= 1 << (pattern % BITS);
    }

    /// Whether this is one of them.
    pub(super) fn has(&self, pattern: usize) -> bool {
        self.0[pattern / BITS] >> (pattern % BITS) & 1 == 1
    }
}

/// Words of which one stands in each match; `None` if there is no telling which.
fn words_of(hir: &Hir) -> Option<Seq> {
    let of_parts = match hir.kind() {
        HirKind::Capture(capture) => words_of(&capture.sub),
        HirKind::Repetition(repeated) if repeated.min > 0 => words_of(&repeated.sub),
        HirKind::Concat(parts) => {
            let behind =
                (1..parts.len()).map(|from| prefixes(&Hir::concat(parts[from..].to_vec())));
            let inside = parts.iter().map(words_of);
            behind.chain(inside).flatten().max_by_key(rarity)
        }
        HirKind::Alternation(ways) => {
            let mut all = Seq::empty();
            let mut ways = ways.iter().map(words_of);
            let is_told = ways.all(|words| words.map(|mut words| all.union(&mut words)).is_some());
            is_told.then_some(all)
        }
        _ => None,
    };
    [prefixes(hir), of_parts]
        .into_iter()
        .flatten()
        .max_by_key(rarity)
}

/// The words with which each match begins; `None` if some begin with none.
fn prefixes(hir: &Hir) -> Option<Seq> {
    let words = Extractor::new().extract(hir);
    let is_told = words.min_literal_len().is_some_and(|length| length > 0);
    is_told.then_some(words)
}

/// How seldom one of these words stands in a text by chance: by the length of the shortest, and then by how few they are.
fn rarity(words: &Seq) -> (usize, std::cmp::Reverse<Option<usize>>) {
    let length = words.min_literal_len().unwrap_or_default();
    (length.min(LONG_BYTES), std::cmp::Reverse(words.len()))
}
