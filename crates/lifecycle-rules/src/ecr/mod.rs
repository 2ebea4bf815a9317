//! Amazon ECR's lifecycle policies, read as rules of ours.
//!
//! Source: Amazon ECR User Guide, "Lifecycle policy properties" and "Examples of lifecycle policies". Of their rules ours do the
//! same: by priority, each image decided of by the first rule that selects it, tags of a list all needed. What has no equal here
//! (storage classes) is left out and told, with the rules behind it that would let go what it would have ECR keep.

#[cfg(test)]
mod tests;
mod text;

use std::time::Duration;

use forebay_oci::RepositoryPattern;

use self::text::{PolicyText, RuleText, SelectionText};
use super::rule::{Expiry, MAX_KEPT, MAX_PERIOD, Rule, Selection, Tagged};
use super::tag_pattern::{InvalidTagPattern, TagPattern};

/// The longest policy that is read, in bytes; ECR takes 30,720.
pub const MAX_POLICY_BYTES: usize = 64 * 1024;

/// The most rules of a policy (Amazon ECR, "Lifecycle policy properties").
pub const MAX_ECR_RULES: usize = 50;

/// The most `*` in one pattern, as ECR has it.
const MAX_WILDCARDS: usize = 4;

/// The most patterns or prefixes of one rule.
const MAX_PATTERNS: usize = 100;

/// A day.
const DAY: Duration = Duration::from_hours(24);

/// What a policy became.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// The rules, in their order.
    pub rules: Vec<Rule>,
    /// What was left out.
    pub left_out: Vec<LeftOut>,
}

/// A rule that has no equal here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rule {priority} was left out: {why}")]
pub struct LeftOut {
    /// Its priority.
    pub priority: u32,
    /// Why.
    pub why: NoEqual,
}

/// What has no equal here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoEqual {
    /// It moves images to another storage class.
    #[error(
        "it moves images to the archive storage class, where ECR keeps them, and here there is only one; rules behind it that are about some of the same images are left out, too"
    )]
    Transition,
    /// A rule of this priority, which moves images to another storage class, comes before it and may be about the same images.
    #[error(
        "rule {0} comes before it and moves images to the archive storage class, where ECR keeps them: here it would let them go, if they are among those that it is about; if they may go, write it by hand"
    )]
    Behind(u32),
    /// It is about images of the archive storage class.
    #[error("it is about images in the archive storage class, and here there are none")]
    Archived,
}

/// Why a text is no lifecycle policy.
#[derive(Debug, thiserror::Error)]
pub enum InvalidPolicy {
    /// It is too long.
    #[error("the policy has {0} bytes; at most {MAX_POLICY_BYTES} are read")]
    TooLong(usize),
    /// It is not the JSON of one.
    #[error("the policy is not the JSON of an ECR lifecycle policy")]
    Json(#[source] serde_json::Error),
    /// It has no rules, or too many.
    #[error("the policy has {0} rules; ECR takes 1 to {MAX_ECR_RULES}")]
    Rules(usize),
    /// One of its rules is wrong.
    #[error("rule {number} (rulePriority {priority}): {fault}")]
    Rule {
        /// Which, counted from 1.
        number: usize,
        /// Its priority.
        priority: u32,
        /// What is wrong.
        fault: RuleFault,
    },
}

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleFault {
    /// Priorities begin at 1.
    #[error("rulePriority must be 1 or more")]
    Priority,
    /// Another rule has its priority.
    #[error("another rule has the same rulePriority; give each its own")]
    SamePriority,
    /// A field has a value that is none of those known.
    #[error("{field} is {found:?}; it must be {known}")]
    Unknown {
        /// Which field.
        field: &'static str,
        /// What it says.
        found: String,
        /// What it may say.
        known: &'static str,
    },
    /// It is about tagged images, and about which is not said in one way.
    #[error(
        "tagStatus \"tagged\" needs either tagPatternList or tagPrefixList, with 1 to {MAX_PATTERNS} entries"
    )]
    Tags,
    /// It is about untagged or any images, and names tags.
    #[error("tagPatternList and tagPrefixList go with tagStatus \"tagged\" alone")]
    NeedlessTags,
    /// A pattern or prefix is none.
    #[error("{text:?} {why}")]
    Pattern {
        /// What was written.
        text: String,
        /// What is wrong.
        why: InvalidTagPattern,
    },
    /// A pattern has too many wildcards.
    #[error("{0:?} has more than {MAX_WILDCARDS} '*'")]
    Wildcards(String),
    /// Its number is out of range.
    #[error("countNumber is {found}; it must be 1 to {most}")]
    Count {
        /// What it is.
        found: u64,
        /// What it may be.
        most: u64,
    },
    /// Its unit is missing, or there where it means nothing.
    #[error(
        "countUnit \"days\" goes with the countTypes that begin with \"since\", and they with it"
    )]
    Unit,
    /// What it does and what it counts do not go together.
    #[error(
        "countType \"sinceImageTransitioned\" needs storageClass \"archive\" and the action \"expire\""
    )]
    Transitioned,
    /// Another rule before it is about untagged images.
    #[error("another rule is about untagged images; ECR takes one")]
    SecondUntagged,
    /// It is about any images and not the last.
    #[error(
        "tagStatus \"any\" must have the highest rulePriority: nothing is left for the rules after it"
    )]
    AnyNotLast,
}

/// Reads a policy, or what `aws ecr get-lifecycle-policy` says, as rules about `repositories`.
///
/// # Errors
/// It is none that ECR would take, as far as its documentation says.
pub fn import(text: &str, repositories: &[RepositoryPattern]) -> Result<Imported, InvalidPolicy> {
    if text.len() > MAX_POLICY_BYTES {
        return Err(InvalidPolicy::TooLong(text.len()));
    }
    let PolicyText { rules } = text::read(text).map_err(InvalidPolicy::Json)?;
    if rules.is_empty() || rules.len() > MAX_ECR_RULES {
        return Err(InvalidPolicy::Rules(rules.len()));
    }
    check(&rules)?;
    let mut numbered: Vec<(usize, &RuleText)> = (1..).zip(&rules).collect();
    numbered.sort_by_key(|(_, rule)| rule.rule_priority);
    let mut imported = Imported::default();
    // Of the rules that move images to the archive: what they are about.
    let mut archived: Vec<(u32, Selection)> = Vec::new();
    for (number, rule) in numbered {
        let priority = rule.rule_priority;
        let read = rule
            .read(repositories)
            .map_err(|fault| InvalidPolicy::Rule {
                number,
                priority,
                fault,
            })?;
        let read = read.and_then(|rule| {
            let may_take = |(_, kept): &&(u32, Selection)| may_meet(kept, &rule.selection);
            match archived.iter().find(may_take) {
                Some((before, _)) => Err(NoEqual::Behind(*before)),
                None => Ok(rule),
            }
        });
        match read {
            Ok(rule) => imported.rules.push(rule),
            Err(why) => {
                if why == NoEqual::Transition {
                    archived.extend(rule.selection.read().map(|selection| (priority, selection)));
                }
                imported.left_out.push(LeftOut { priority, why });
            }
        }
    }
    Ok(imported)
}

/// Whether an image may be among those of both: no image is tagged and untagged, and one may have tags for any patterns.
fn may_meet(one: &Selection, other: &Selection) -> bool {
    !matches!(
        (one, other),
        (Selection::Untagged, Selection::Tagged(_)) | (Selection::Tagged(_), Selection::Untagged)
    )
}

/// Looks at what rules are to one another.
fn check(rules: &[RuleText]) -> Result<(), InvalidPolicy> {
    for (number, rule) in rules.iter().enumerate() {
        let (before, selection) = (&rules[..number], &rule.selection);
        let is_like = |other: &&RuleText| {
            let other = &other.selection;
            other.tag_status == selection.tag_status && other.class() == selection.class()
        };
        let comes_after = |other: &&RuleText| {
            other.rule_priority > rule.rule_priority && other.selection.class() == selection.class()
        };
        let is_same = |other: &RuleText| other.rule_priority == rule.rule_priority;
        let is_transition = |rule: &RuleText| rule.action.kind == "transition";
        let fault = if rule.rule_priority == 0 {
            RuleFault::Priority
        } else if before.iter().any(is_same) {
            RuleFault::SamePriority
        } else if selection.tag_status == "untagged"
            && before
                .iter()
                .find(is_like)
                .is_some_and(|other| is_transition(other) == is_transition(rule))
        {
            RuleFault::SecondUntagged
        } else if selection.tag_status == "any"
            && !is_transition(rule)
            && rules
                .iter()
                .any(|other| comes_after(&other) && !is_transition(other))
        {
            RuleFault::AnyNotLast
        } else {
            continue;
        };
        return Err(InvalidPolicy::Rule {
            number: number + 1,
            priority: rule.rule_priority,
            fault,
        });
    }
    Ok(())
}

// === impl RuleText ===

impl RuleText {
    /// The rule as ours, or why it has no equal.
    fn read(&self, repositories: &[RepositoryPattern]) -> Result<Result<Rule, NoEqual>, RuleFault> {
        let selection = self.selection.read()?;
        let expiry = self.selection.expiry()?;
        let class = self.selection.class();
        if !matches!(class, "standard" | "archive") {
            let known = "\"standard\" or \"archive\"";
            return Err(unknown("storageClass", class, known));
        }
        let is_transitioned = self.selection.count_type == "sinceImageTransitioned";
        match self.action.kind.as_str() {
            "expire" | "transition"
                if is_transitioned && (class != "archive" || self.action.kind != "expire") =>
            {
                Err(RuleFault::Transitioned)
            }
            "expire" if class == "archive" => Ok(Err(NoEqual::Archived)),
            "expire" => Ok(Ok(Rule {
                name: format!("ECR rule {}", self.rule_priority),
                priority: self.rule_priority,
                repositories: repositories.to_vec(),
                selection,
                expiry,
            })),
            "transition" => match self.action.target_storage_class.as_deref() {
                Some("archive") => Ok(Err(NoEqual::Transition)),
                other => {
                    let found = other.unwrap_or_default();
                    Err(unknown("targetStorageClass", found, "\"archive\""))
                }
            },
            other => Err(unknown(
                "action type",
                other,
                "\"expire\" or \"transition\"",
            )),
        }
    }
}

impl SelectionText {
    /// The storage class that the rule is about.
    fn class(&self) -> &str {
        self.storage_class.as_deref().unwrap_or("standard")
    }

    fn read(&self) -> Result<Selection, RuleFault> {
        let lists = (&self.tag_pattern_list, &self.tag_prefix_list);
        match (self.tag_status.as_str(), lists) {
            ("tagged", (Some(texts), None)) => tagged(texts, pattern),
            ("tagged", (None, Some(texts))) => tagged(texts, prefix),
            ("tagged", _) => Err(RuleFault::Tags),
            ("untagged", (None, None)) => Ok(Selection::Untagged),
            ("any", (None, None)) => Ok(Selection::Everything),
            ("untagged" | "any", _) => Err(RuleFault::NeedlessTags),
            (other, _) => {
                let known = "\"tagged\", \"untagged\" or \"any\"";
                Err(unknown("tagStatus", other, known))
            }
        }
    }

    fn expiry(&self) -> Result<Expiry, RuleFault> {
        let is_since = self.count_type.starts_with("since");
        match self.count_unit.as_deref() {
            Some("days") | None if self.count_unit.is_some() != is_since => {
                return Err(RuleFault::Unit);
            }
            Some("days") | None => {}
            Some(other) => return Err(unknown("countUnit", other, "\"days\"")),
        }
        let period = || {
            let days = self.count(MAX_PERIOD.as_secs() / DAY.as_secs())?;
            Ok(DAY.saturating_mul(days))
        };
        match self.count_type.as_str() {
            "imageCountMoreThan" => self.count(u64::from(MAX_KEPT)).map(Expiry::KeepNewest),
            "sinceImagePulled" => period().map(Expiry::NotPulledFor),
            // Of a transition there is nothing here that it could be since; the rule is left out.
            "sinceImagePushed" | "sinceImageTransitioned" => period().map(Expiry::PushedFor),
            other => {
                let known = "\"imageCountMoreThan\", \"sinceImagePushed\", \"sinceImagePulled\" or \
                             \"sinceImageTransitioned\"";
                Err(unknown("countType", other, known))
            }
        }
    }

    fn count(&self, most: u64) -> Result<u32, RuleFault> {
        let found = self.count_number;
        let count = u32::try_from(found).ok();
        count
            .filter(|_| (1..=most).contains(&found))
            .ok_or(RuleFault::Count { found, most })
    }
}

/// ECR needs every entry of the list to stand for one of an image's tags, and looks at no others.
fn tagged(
    texts: &[String],
    read: fn(&str) -> Result<TagPattern, RuleFault>,
) -> Result<Selection, RuleFault> {
    if texts.is_empty() || texts.len() > MAX_PATTERNS {
        return Err(RuleFault::Tags);
    }
    let patterns: Result<_, _> = texts.iter().map(|text| read(text)).collect();
    Ok(Selection::Tagged(Tagged {
        patterns: patterns?,
        needs_every: true,
        spares_other_tags: false,
    }))
}

/// `*` is ECR's only wildcard.
fn pattern(text: &str) -> Result<TagPattern, RuleFault> {
    if text.bytes().filter(|byte| *byte == b'*').count() > MAX_WILDCARDS {
        return Err(RuleFault::Wildcards(text.to_owned()));
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-*".contains(&byte);
    let read = if text.bytes().all(is_plain) {
        text.parse()
    } else {
        Err(InvalidTagPattern::NoTag)
    };
    read.map_err(|why| RuleFault::Pattern {
        text: text.to_owned(),
        why,
    })
}

fn prefix(text: &str) -> Result<TagPattern, RuleFault> {
    if text.contains('*') {
        let text = text.to_owned();
        let why = InvalidTagPattern::NoTag;
        return Err(RuleFault::Pattern { text, why });
    }
    // The empty prefix is none, and the whole of the longest tag is its only one.
    pattern(text)?;
    pattern(&format!("{text}*")).or_else(|_| pattern(text))
}

fn unknown(field: &'static str, found: &str, known: &'static str) -> RuleFault {
    RuleFault::Unknown {
        field,
        found: found.to_owned(),
        known,
    }
}
