//! What each class is recognised by: tables of patterns, in the order in which they are tried.
//!
//! Patterns are matched in the tight view: lower case and no white space. A few automata know all of them.

mod connections;
mod containers;
mod content;
mod contexts;
mod limits;
mod refusals;
mod sandboxes;
mod symptoms;
mod untold;
mod waits;

use std::sync::LazyLock;

use regex::{RegexSet, RegexSetBuilder};

use crate::Class;

/// The most memory that one automaton of patterns may take while it runs, in bytes.
const MAX_AUTOMATON_BYTES: usize = 4 << 20;

/// How many patterns are one automaton: of all as one, nearly every character of a new message would make a new state, which
/// has to be put together of thousands.
const AUTOMATON_PATTERNS: usize = 128;

/// What must be told beside a pattern, so that another program's trouble is not taken for a pull's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Context {
    /// A pull, a push, or a registry's address.
    Pull,
    /// A container engine, its storage or its orchestrator.
    Engine,
    /// The status 429, or its name, as somebody's answer.
    TooMany,
    /// hub.docker.com, the web API's host.
    HubApi,
    /// Amazon's private registry.
    Ecr,
    /// Metrics, alerts, code and pages that name a kubelet's reasons: nothing happened.
    Mention,
    /// A program's words on a limit: a pattern that it looks for.
    Code,
    /// A page's: what readers may see one day.
    Page,
    /// A registry says how to ask for a token, as it does to all who come without one.
    Challenge,
    /// An event or a row of Kubernetes, of a pod.
    Event,
    /// A tool's own socket, or a build's own files and commands: nobody was asked for an image.
    Local,
}

/// Where a rule is in the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Before the status 429 with a registry's name is judged.
    Early,
    /// After it.
    Late,
}

/// One line of the tables.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) class: Class,
    /// All of these must be told too.
    pub(crate) needs: &'static [Context],
    /// None of these may be.
    pub(crate) unless: &'static [Context],
    /// Whether the pattern proves the class.
    pub(crate) is_certain: bool,
    /// The registry that has this wording, where the text does not name one.
    pub(crate) registry: Option<&'static str>,
    /// Any of these.
    pub(crate) patterns: &'static [&'static str],
}

impl Rule {
    /// Patterns that prove `class` wherever they stand.
    const fn new(class: Class, patterns: &'static [&'static str]) -> Self {
        Self {
            class,
            needs: &[],
            unless: &[],
            is_certain: true,
            registry: None,
            patterns,
        }
    }

    const fn within(mut self, needs: &'static [Context]) -> Self {
        self.needs = needs;
        self
    }

    /// A connection, a refusal or an absence is a pull's only where a registry was asked.
    const fn asked(mut self) -> Self {
        self.needs = &[Context::Pull];
        self.unless = &[Context::Local];
        self
    }

    const fn unless(mut self, unless: &'static [Context]) -> Self {
        self.unless = unless;
        self
    }

    const fn uncertain(mut self) -> Self {
        self.is_certain = false;
        self
    }

    const fn of(mut self, registry: &'static str) -> Self {
        self.registry = Some(registry);
        self
    }
}

/// Everything before the status 429 is judged, in order.
const EARLY: [&[Rule]; 7] = [
    limits::RULES,
    refusals::CREDENTIAL_HELPERS,
    containers::DISKS,
    containers::STARTING,
    content::UNPACKING,
    containers::RULES,
    sandboxes::RULES,
];

/// Everything after it, in order.
const LATE: [&[Rule]; 13] = [
    content::RULES,
    connections::RULES,
    refusals::TOLD,
    connections::BROKEN,
    limits::KUBELETS,
    untold::ADMISSION,
    refusals::RULES,
    untold::NEVER_ASKED,
    containers::LATE_RULES,
    untold::UNTOLD_CAUSES,
    symptoms::RULES,
    waits::RULES,
    untold::RULES,
];

/// What the patterns say of one text.
#[derive(Debug)]
pub(crate) struct Matches {
    rules: Vec<(Stage, &'static Rule)>,
    contexts: Vec<Context>,
}

impl Matches {
    /// Passes the automata over a text in the tight view.
    pub(crate) fn of(tight: &str) -> Self {
        let table = &*TABLE;
        let mut matches = Self {
            rules: Vec::new(),
            contexts: Vec::new(),
        };
        let automata = table
            .automata
            .iter()
            .zip(table.meanings.chunks(AUTOMATON_PATTERNS));
        for (automaton, meanings) in automata {
            for index in automaton.matches(tight) {
                match meanings[index] {
                    Meaning::Rule(stage, rule) => matches.rules.push((stage, rule)),
                    Meaning::Context(context) => matches.contexts.push(context),
                }
            }
        }
        matches
    }

    /// Whether the text tells of this.
    pub(crate) fn has(&self, context: Context) -> bool {
        self.contexts.contains(&context)
    }

    /// The first rule of a stage whose needs are met.
    pub(crate) fn first(&self, stage: Stage) -> Option<&'static Rule> {
        let mut rules = self.rules.iter().filter(|(of, _)| *of == stage);
        rules
            .find(|(_, rule)| {
                let is_told =
                    |contexts: &[Context]| contexts.iter().any(|context| self.has(*context));
                rule.needs.iter().all(|need| self.has(*need)) && !is_told(rule.unless)
            })
            .map(|(_, rule)| *rule)
    }
}

struct Table {
    automata: Vec<RegexSet>,
    meanings: Vec<Meaning>,
}

#[derive(Clone, Copy)]
enum Meaning {
    Rule(Stage, &'static Rule),
    Context(Context),
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let early = EARLY.into_iter().flatten().map(|rule| (Stage::Early, rule));
    let late = LATE.into_iter().flatten().map(|rule| (Stage::Late, rule));
    let rules = early.chain(late).flat_map(|(stage, rule)| {
        let patterns = rule.patterns.iter();
        patterns.map(move |pattern| (*pattern, Meaning::Rule(stage, rule)))
    });
    let contexts = contexts::CONTEXTS.iter().flat_map(|(context, patterns)| {
        patterns
            .iter()
            .map(|pattern| (*pattern, Meaning::Context(*context)))
    });
    // The automata list their matches in the order of the patterns: so the first rule's come first.
    let (patterns, meanings): (Vec<&str>, Vec<_>) = rules.chain(contexts).unzip();
    #[expect(
        clippy::expect_used,
        reason = "the tables are constants, and a test builds them"
    )]
    let automata = patterns
        .chunks(AUTOMATON_PATTERNS)
        .map(|patterns| {
            RegexSetBuilder::new(patterns)
                .dfa_size_limit(MAX_AUTOMATON_BYTES)
                .build()
                .expect("the patterns of the tables are regular expressions")
        })
        .collect();
    Table { automata, meanings }
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_pattern_needs_white_space_or_capitals() {
        let rules = EARLY.into_iter().chain(LATE).flatten();
        let of_rules = rules.flat_map(|rule| rule.patterns);
        let of_contexts = contexts::CONTEXTS
            .iter()
            .flat_map(|(_, patterns)| *patterns);
        for pattern in of_rules.chain(of_contexts) {
            let plain = pattern
                .replace("\\D", "")
                .replace("\\S", "")
                .replace("\\W", "");
            assert!(!plain.contains(char::is_whitespace), "{pattern}");
            assert!(!plain.contains(char::is_uppercase), "{pattern}");
        }
    }

    #[test]
    fn every_class_has_a_rule() {
        for class in Class::ALL {
            let mut rules = EARLY.into_iter().chain(LATE).flatten();
            assert!(rules.any(|rule| rule.class == class), "{class}");
        }
    }
}
