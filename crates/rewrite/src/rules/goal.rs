//! What `--to` means: rules of a file, a preset, or Cortex's lists.

use super::error::RulesError;
use super::preset::find_preset;
use super::rule::Rules;
use super::version::Version;

/// Where images are to go.
#[derive(Clone, Debug)]
pub enum Goal {
    /// By rules.
    Rules(Rules),
    /// To where Cortex has put its images, as the version of the cluster wants it. Without one, each file's images tell it.
    Cortex(Option<Version>),
}

impl Goal {
    /// The goal that a preset is; `None` if `given` names none, and so is a file.
    pub fn find_preset(given: &str) -> Option<Result<Self, RulesError>> {
        let (name, argument) = given.split_once(':').unwrap_or((given, ""));
        if name == "cortex" {
            let version = Version::of_tag(argument);
            let is_right = version.is_some() != argument.is_empty();
            let wrong = RulesError::Preset {
                given: given.to_owned(),
                form: "cortex[:VERSION]",
            };
            return Some(is_right.then_some(Self::Cortex(version)).ok_or(wrong));
        }
        let rules = find_preset(given)?;
        Some(rules.map(Self::Rules))
    }

    /// The goal that a file of rules says.
    ///
    /// # Errors
    /// What is wrong with the rules.
    pub fn of_file(text: &str) -> Result<Self, RulesError> {
        text.parse().map(Self::Rules)
    }
}
