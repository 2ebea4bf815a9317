//! What each class is recognised by: tables of patterns, in the order in which they are tried.
//!
//! Patterns are matched in the tight view: lower case and no white space.

mod connections;
mod containers;
mod content;
mod contexts;
mod limits;
mod matches;
mod refusals;
mod sandboxes;
mod symptoms;
mod untold;
mod waits;
mod words;

use crate::Class;

pub(crate) use matches::Matches;

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
const LATE: [&[Rule]; 14] = [
    content::RULES,
    connections::RULES,
    refusals::TOLD,
    connections::BROKEN,
    limits::KUBELETS,
    untold::ADMISSION,
    refusals::RULES,
    untold::NEVER_ASKED,
    containers::LATE_RULES,
    untold::CUT,
    untold::UNTOLD_CAUSES,
    symptoms::RULES,
    waits::RULES,
    untold::RULES,
];

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
