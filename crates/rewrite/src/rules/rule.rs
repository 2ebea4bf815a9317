//! Rules: which images are meant, and what takes their place. The first rule that matches decides.

use super::error::{RulesError, Unfit};
use super::image::Image;
use super::pattern::Pattern;
use super::settle::settle;
use super::template::Template;
use super::version::VersionRange;

/// The most rules at once.
pub const MAX_RULES: usize = 1000;

/// A rule. What it says nothing of may be anything.
#[derive(Clone, Debug, Default)]
pub struct Rule {
    /// One of these registries.
    pub registry: Vec<Pattern>,
    /// One of these namespaces; `""` for none.
    pub namespace: Vec<Pattern>,
    /// One of these names.
    pub name: Vec<Pattern>,
    /// One of these, of namespace and name with a slash between.
    pub repository: Vec<Pattern>,
    /// One of these tags. No tag is written: `latest`. A digest alone has none.
    pub tag: Vec<Pattern>,
    /// A tag that tells a version of this range.
    pub version: Option<VersionRange>,
    /// What becomes of it.
    pub action: Action,
    /// Whether what is there afterwards is what is here now, byte for byte, without anybody's copying it: a mirror, or a
    /// pull-through cache. `None` where nobody says so.
    pub is_mirror: Option<bool>,
}

/// What becomes of an image.
#[derive(Clone, Debug, Default)]
pub enum Action {
    /// It stays as it is written.
    #[default]
    Keep,
    /// This takes its place.
    To(Template),
}

/// Rules whose results stay as they are when they are applied again.
#[derive(Clone, Debug)]
pub struct Rules(Vec<Rule>);

impl Rules {
    /// Rules, tried against themselves.
    ///
    /// # Errors
    /// There is none or too many, or what one makes is taken up by another.
    pub fn new(rules: Vec<Rule>) -> Result<Self, RulesError> {
        match rules.len() {
            0 => return Err(RulesError::Empty),
            count if count > MAX_RULES => return Err(RulesError::TooMany(count)),
            _ => {}
        }
        let rules = Self(rules);
        settle(&rules)?;
        Ok(rules)
    }

    /// The rules in their order.
    pub fn rules(&self) -> &[Rule] {
        &self.0
    }

    /// What takes an image's place; `None` if it stays.
    ///
    /// # Errors
    /// The rule that matches does not fit the image, or its result would be changed again.
    pub fn apply(&self, image: &Image) -> Result<Option<String>, Unfit> {
        let Some((number, made)) = self.apply_once(image)? else {
            return Ok(None);
        };
        // The test at the beginning tries samples; this holds for every image.
        let again: Image = made
            .parse()
            .map_err(|_| Unfit::NoImage(number, made.clone()))?;
        match self.apply_once(&again)? {
            Some((_, twice)) if twice != made => Err(Unfit::Unsettled(number, made)),
            _ => Ok(Some(made)),
        }
    }

    /// What takes the place of a name, whatever its tag is; `None` if it stays.
    ///
    /// # Errors
    /// The tag decides, or what [`Rules::apply`] tells.
    pub(super) fn apply_to_name(&self, name: &Image) -> Result<Option<String>, Unfit> {
        let Some((number, made)) = self.apply_to_name_once(name)? else {
            return Ok(None);
        };
        let again: Image = made
            .parse()
            .map_err(|_| Unfit::NoImage(number, made.clone()))?;
        match self.apply_to_name_once(&again)? {
            Some((_, twice)) if twice != made => Err(Unfit::Unsettled(number, made)),
            _ => Ok(Some(made)),
        }
    }

    fn apply_to_name_once(&self, name: &Image) -> Result<Option<(usize, String)>, Unfit> {
        let mut rules = self.0.iter().enumerate();
        let Some((index, rule)) = rules.find(|(_, rule)| rule.matches_name(name)) else {
            return Ok(None);
        };
        let asks_tag = Unfit::AsksTag(index + 1);
        if !rule.tag.is_empty() || rule.version.is_some() {
            return Err(asks_tag);
        }
        match &rule.action {
            Action::Keep => Ok(None),
            Action::To(template) if template.leaves_tag() => {
                Ok(Some((index + 1, template.fill(name)?)))
            }
            Action::To(_) => Err(asks_tag),
        }
    }

    /// The rule that is about this image.
    pub(super) fn find(&self, image: &Image) -> Option<&Rule> {
        self.0.iter().find(|rule| rule.matches(image))
    }

    /// The rule that is about this name, whatever the tag is.
    pub(super) fn find_by_name(&self, name: &Image) -> Option<&Rule> {
        self.0.iter().find(|rule| rule.matches_name(name))
    }

    /// What the first rule that matches makes, and its number, counted from 1.
    pub(super) fn apply_once(&self, image: &Image) -> Result<Option<(usize, String)>, Unfit> {
        let mut rules = self.0.iter().enumerate();
        let Some((index, rule)) = rules.find(|(_, rule)| rule.matches(image)) else {
            return Ok(None);
        };
        match &rule.action {
            Action::Keep => Ok(None),
            Action::To(template) => Ok(Some((index + 1, template.fill(image)?))),
        }
    }
}

impl Rule {
    /// True if the rule is about this image.
    pub fn matches(&self, image: &Image) -> bool {
        self.matches_name(image)
            && match image.asked_tag() {
                Some(tag) => {
                    let version = self.version.as_ref();
                    one_of(&self.tag, tag) && version.is_none_or(|range| range.matches(tag))
                }
                None => self.tag.is_empty() && self.version.is_none(),
            }
    }

    /// The same by all but the tag.
    pub(super) fn matches_name(&self, image: &Image) -> bool {
        one_of(&self.registry, &image.registry)
            && one_of(&self.namespace, &image.namespace)
            && one_of(&self.name, &image.name)
            && (self.repository.is_empty() || one_of(&self.repository, &image.repository()))
    }
}

fn one_of(patterns: &[Pattern], text: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(rules: &str, image: &str) -> Option<String> {
        let rules: Rules = rules.parse().unwrap();
        rules.apply(&image.parse().unwrap()).unwrap()
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        let rules = r#"
            [[rule]]
            repository = "library/nginx"
            version = ">=1.27"
            to = "public.ecr.aws/nginx/nginx"

            [[rule]]
            namespace = "library"
            tag = ["latest", "*-dev"]
            keep = true

            [[rule]]
            registry = "docker.io"
            to = "mirror.example/{registry}/{repository}"
        "#;
        for (image, expected) in [
            ("nginx:1.27", Some("public.ecr.aws/nginx/nginx:1.27")),
            (
                "nginx:1.26",
                Some("mirror.example/docker.io/library/nginx:1.26"),
            ),
            ("redis", None),
            ("redis:7-dev", None),
            ("redis:7", Some("mirror.example/docker.io/library/redis:7")),
            ("a/b", Some("mirror.example/docker.io/a/b")),
            ("quay.io/a/b", None),
        ] {
            assert_eq!(apply(rules, image).as_deref(), expected, "{image}");
        }
    }

    #[test]
    fn a_digest_alone_has_no_tag_to_ask_for() {
        let rules = "[[rule]]\ntag = \"*\"\nto = \"h.example/{name}\"";
        let digest = format!("nginx@sha256:{}", "0".repeat(64));
        assert_eq!(apply(rules, &digest), None);
        assert!(apply(rules, "nginx").is_some());
    }

    #[test]
    fn a_name_alone_is_enough_for_a_rule_that_asks_for_no_tag() {
        let apply = |rules: &str| {
            let rules: Rules = rules.parse().unwrap();
            rules.apply_to_name(&"nginx".parse().unwrap())
        };
        let to = "to = \"h.example/{name}\"\n";
        let made = Ok(Some("h.example/nginx".to_owned()));
        assert_eq!(apply(&format!("[[rule]]\n{to}")), made);
        let keep = "[[rule]]\nname = \"nginx\"\nkeep = true\n";
        assert_eq!(apply(&format!("{keep}[[rule]]\n{to}")), Ok(None));
        for first in [
            "tag = \"1*\"\nkeep = true",
            "version = \">=1\"\nto = \"g.example/{name}\"",
            "to = \"h.example/{name}:2\"",
            "to = \"h.example/{name}:{tag}\"",
        ] {
            let rules = format!("[[rule]]\n{first}\n[[rule]]\nname = \"other\"\n{to}");
            assert_eq!(apply(&rules), Err(Unfit::AsksTag(1)), "{first}");
        }
    }

    #[test]
    fn a_result_that_is_no_reference_is_told() {
        let rules: Rules = "[[rule]]\nto = \"h.example/{tag}/{name}\"".parse().unwrap();
        let image = "docker.io/a/b:UPPER".parse().unwrap();
        assert!(matches!(rules.apply(&image), Err(Unfit::NoImage(1, _))));
    }
}
