//! Lifecycle rules: whether each says one thing, and how many there are.

use forebay_lifecycle_rules::{InvalidRule, MAX_RULES, Policy};

use crate::error::{ConfigProblem, Problems};
use crate::section::Setting;
use crate::value::LifecycleFile;

/// The rules in their order.
pub(super) fn resolve(written: &Setting<Vec<LifecycleFile>>, problems: &mut Problems) -> Policy {
    if written.value.len() > MAX_RULES {
        let what = format!(
            "`lifecycle` has {} rules, at most {MAX_RULES} are taken",
            written.value.len()
        );
        problems.push(ConfigProblem::new(&written.origin, what));
        return Policy::default();
    }
    let mut rules = Vec::new();
    for (number, one) in (1..).zip(&written.value) {
        match one.written.clone().read(number) {
            Ok(rule) => rules.push(rule),
            Err(why) => {
                let what = format!("`lifecycle` has a rule that {why}");
                problems.push(ConfigProblem::new(&one.place, what).hint(way_out(&why)));
            }
        }
    }
    Policy::new(rules)
}

fn way_out(why: &InvalidRule) -> &'static str {
    match why {
        InvalidRule::NoRepositories => "name some, such as repositories = [\"team/*\"]",
        InvalidRule::Selections => "write a rule for each",
        InvalidRule::Expiries(0) => "say which go, such as keep_newest = 10",
        InvalidRule::Expiries(_) => {
            "write a rule for each: the first that is about a manifest decides of it"
        }
        InvalidRule::Kept(_) => "to keep all, leave the rule out",
        InvalidRule::Period(_) => "write a span such as \"14d\"",
    }
}
