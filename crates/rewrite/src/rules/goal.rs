//! What `--to` means: rules of a file, a preset, or Cortex's lists.

use super::error::RulesError;
use super::preset::find_preset;
use super::rule::Rules;
use super::version::Version;

/// Where images are to go.
#[derive(Clone, Debug)]
pub enum Goal {
    /// By rules.
    Rules {
        /// The rules.
        rules: Rules,
        /// What is there afterwards is what is here now, byte for byte: a pull-through cache, or a mirror.
        is_mirror: bool,
    },
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
        let is_mirror = !matches!(name, "ecr" | "ghcr" | "quay");
        let rules = find_preset(given)?;
        Some(rules.map(|rules| Self::Rules { rules, is_mirror }))
    }

    /// The goal that a file of rules says.
    ///
    /// # Errors
    /// What is wrong with the rules.
    pub fn of_file(text: &str) -> Result<Self, RulesError> {
        let rules = text.parse()?;
        let is_mirror = false;
        Ok(Self::Rules { rules, is_mirror })
    }
}
