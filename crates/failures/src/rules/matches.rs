//! What the patterns of the tables say of one text.
//!
//! By the words that stand in it first: a pattern is tried where it is asked for and one of its words is there.

use std::cell::Cell;
use std::ops::Range;
use std::sync::{LazyLock, OnceLock};

use regex::{Regex, RegexBuilder};

use super::contexts::CONTEXTS;
use super::words::{Hits, Words};
use super::{Context, EARLY, LATE, Rule, Stage};

/// The most memory that the automaton of one pattern may take while it runs, in bytes.
const MAX_AUTOMATON_BYTES: usize = 1 << 20;

/// What the patterns say of one text.
#[derive(Debug)]
pub(crate) struct Matches<'a> {
    tight: &'a str,
    hits: Hits,
    /// Of which contexts it is known whether the text tells of them.
    known: [Cell<Option<bool>>; CONTEXTS.len()],
}

impl<'a> Matches<'a> {
    /// Looks for the patterns' words in a text in the tight view.
    pub(crate) fn of(tight: &'a str) -> Self {
        Self {
            tight,
            hits: TABLE.words.find(tight),
            known: [const { Cell::new(None) }; CONTEXTS.len()],
        }
    }

    /// Whether the text tells of this.
    pub(crate) fn has(&self, context: Context) -> bool {
        let table = &*TABLE;
        let of_table = table.contexts.iter().zip(&self.known);
        let found = of_table.into_iter().find(|((of, _), _)| *of == context);
        found.is_some_and(|((_, patterns), known)| {
            let is_told = known
                .get()
                .unwrap_or_else(|| patterns.clone().any(|at| self.is_match(table, at)));
            known.set(Some(is_told));
            is_told
        })
    }

    /// The first rule of a stage whose needs are met.
    pub(crate) fn first(&self, stage: Stage) -> Option<&'static Rule> {
        let table = &*TABLE;
        let patterns = match stage {
            Stage::Early => 0..table.late,
            Stage::Late => table.late..table.rules.len(),
        };
        let mut matching = patterns.filter(|at| self.is_match(table, *at));
        let is_told = |contexts: &[Context]| contexts.iter().any(|context| self.has(*context));
        let found = matching.find(|at| {
            let rule = table.rules[*at];
            rule.needs.iter().all(|need| self.has(*need)) && !is_told(rule.unless)
        });
        found.map(|at| table.rules[at])
    }

    fn is_match(&self, table: &Table, at: usize) -> bool {
        self.hits.possible.has(at)
            && (self.hits.certain.has(at) || table.patterns[at].is_match(self.tight))
    }
}

struct Table {
    words: Words,
    /// In the order in which they are tried: those of the early rules, of the late ones, of the contexts.
    patterns: Vec<Pattern>,
    /// By their patterns.
    rules: Vec<&'static Rule>,
    /// Where the patterns of the late rules begin.
    late: usize,
    contexts: Vec<(Context, Range<usize>)>,
}

/// A pattern, whose automaton is built when it is tried first: few are in one log.
struct Pattern {
    text: &'static str,
    automaton: OnceLock<Regex>,
}

impl Pattern {
    #[expect(
        clippy::expect_used,
        reason = "the tables are constants, and a test builds them"
    )]
    fn is_match(&self, text: &str) -> bool {
        let automaton = self.automaton.get_or_init(|| {
            RegexBuilder::new(self.text)
                .dfa_size_limit(MAX_AUTOMATON_BYTES)
                .build()
                .expect("the patterns of the tables are regular expressions")
        });
        automaton.is_match(text)
    }
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let of_rules = |tables: &[&'static [Rule]]| {
        let rules = tables.iter().copied().flatten();
        let patterns = rules.flat_map(|rule| rule.patterns.iter().map(move |text| (*text, rule)));
        patterns.collect::<Vec<_>>()
    };
    let mut rules = of_rules(&EARLY);
    let late = rules.len();
    rules.extend(of_rules(&LATE));
    let (mut texts, rules): (Vec<&str>, Vec<_>) = rules.into_iter().unzip();
    let contexts = CONTEXTS.iter().map(|(context, patterns)| {
        let from = texts.len();
        texts.extend(*patterns);
        (*context, from..texts.len())
    });
    let contexts = contexts.collect();
    let patterns = texts.iter().map(|text| Pattern {
        text,
        automaton: OnceLock::new(),
    });
    Table {
        words: Words::of(texts.iter().copied()),
        patterns: patterns.collect(),
        rules,
        late,
        contexts,
    }
});

#[cfg(test)]
mod tests {
    use proptest::strategy::{Strategy as _, ValueTree as _};
    use proptest::string::string_regex;
    use proptest::test_runner::TestRunner;

    use super::*;

    /// How many texts are made of each pattern.
    const TEXTS: usize = 8;

    #[test]
    fn whatever_a_pattern_matches_has_one_of_its_words() {
        let table = &*TABLE;
        let mut runner = TestRunner::deterministic();
        let mut tried = 0;
        for (at, pattern) in table.patterns.iter().enumerate() {
            // What stands before and behind it is not of what is made.
            let plain = pattern.text.replace("(?:^|", "(?:").replace("|$)", ")");
            let Ok(texts) = string_regex(plain.trim_start_matches('^').trim_end_matches('$'))
            else {
                continue;
            };
            for _ in 0..TEXTS {
                let text = texts.new_tree(&mut runner).unwrap().current();
                let hits = table.words.find(&text);
                let is_match = pattern.is_match(&text);
                assert!(
                    hits.possible.has(at) || !is_match,
                    "{} {text}",
                    pattern.text
                );
                assert!(is_match || !hits.certain.has(at), "{} {text}", pattern.text);
                tried += usize::from(is_match);
            }
        }
        assert!(tried > table.patterns.len(), "{tried}");
    }

    #[test]
    fn few_patterns_are_tried_whatever_a_text_says() {
        let hits = TABLE.words.find("");
        let wordless = (0..TABLE.patterns.len()).filter(|at| hits.possible.has(*at));
        let wordless: Vec<_> = wordless.map(|at| TABLE.patterns[at].text).collect();
        assert!(wordless.len() < 10, "{wordless:?}");
    }
}
