//! Tries rules against themselves: what a rule makes must be left alone by all of them, or twice would not be once.
//!
//! Patterns stand for endlessly many images, so that samples are tried: each star is filled with a plain word and with
//! what other rules' patterns and results are made of, since it is there that rules meet.

use std::collections::BTreeSet;

use super::error::RulesError;
use super::image::Image;
use super::pattern::Pattern;
use super::rule::{Action, Rule, Rules};

/// The most samples of one rule.
const MAX_SAMPLES: usize = 4096;

/// The most texts that a star is filled with.
const MAX_WORDS: usize = 24;

/// How often results are followed to see whether they come back.
const MAX_STEPS: usize = 16;

/// Finds an image of which the rules make something that they change again.
pub(super) fn settle(rules: &Rules) -> Result<(), RulesError> {
    let words = Words::of(rules.rules());
    for rule in rules.rules() {
        for sample in samples(rule, &words) {
            if let Ok(image) = sample.parse::<Image>() {
                try_image(rules, &image)?;
            }
        }
    }
    Ok(())
}

fn try_image(rules: &Rules, image: &Image) -> Result<(), RulesError> {
    let next = |image: &Image| {
        let (number, made) = rules.apply_once(image).ok()??;
        let parsed: Image = made.parse().ok()?;
        Some((number, made, parsed))
    };
    let Some((first, once, made)) = next(image) else {
        return Ok(());
    };
    let Some((again, twice, mut here)) = next(&made).filter(|(_, twice, _)| *twice != once) else {
        return Ok(());
    };
    let mut seen = BTreeSet::from([image.to_string(), made.to_string()]);
    let mut what = "let the first send images to where they are to end";
    for _ in 0..MAX_STEPS {
        if !seen.insert(here.to_string()) {
            what = "they go in a circle";
            break;
        }
        match next(&here) {
            Some((_, _, there)) => here = there,
            None => break,
        }
        if seen.len() == MAX_STEPS {
            what = "it grows without end";
        }
    }
    Err(RulesError::Unsettled {
        first,
        again,
        image: image.to_string(),
        once,
        twice,
        what,
    })
}

/// What stars are filled with.
struct Words {
    registries: Vec<String>,
    namespaces: Vec<String>,
    names: Vec<String>,
    tags: Vec<String>,
}

impl Words {
    fn of(rules: &[Rule]) -> Self {
        let mut words = Self {
            registries: vec!["registry.example".to_owned(), "docker.io".to_owned()],
            namespaces: vec!["some".to_owned(), "library".to_owned()],
            names: vec!["thing".to_owned()],
            tags: vec!["1.2.3".to_owned(), "latest".to_owned()],
        };
        for rule in rules {
            let Action::To(template) = &rule.action else {
                continue;
            };
            // What the rule makes of a plain image has the registry and the path that matter.
            let Ok(made) = plain().and_then(|image| template.fill(&image).map_err(|_| ())) else {
                continue;
            };
            if let Ok(made) = made.parse::<Image>() {
                words.registries.push(made.registry);
                words.namespaces.push(made.namespace);
                words.names.push(made.name);
            }
        }
        for rule in rules {
            words.registries.extend(fixed(&rule.registry));
            words.namespaces.extend(fixed(&rule.namespace));
            words.names.extend(fixed(&rule.name));
            words.tags.extend(fixed(&rule.tag));
        }
        for list in [
            &mut words.registries,
            &mut words.namespaces,
            &mut words.names,
            &mut words.tags,
        ] {
            let mut seen = BTreeSet::new();
            list.retain(|word| seen.insert(word.clone()));
            list.truncate(MAX_WORDS);
        }
        words
    }
}

fn plain() -> Result<Image, ()> {
    "docker.io/some/thing:1.2.3".parse().map_err(|_| ())
}

fn fixed(patterns: &[Pattern]) -> impl Iterator<Item = String> {
    patterns.iter().map(|pattern| fill(pattern, "x"))
}

/// A text that the pattern matches.
fn fill(pattern: &Pattern, word: &str) -> String {
    pattern.as_str().replace('*', word).replace('?', "x")
}

/// What the patterns match of the words, and their own texts.
fn choices(patterns: &[Pattern], words: &[String]) -> Vec<String> {
    if patterns.is_empty() {
        return words.to_vec();
    }
    let mut choices = BTreeSet::new();
    for pattern in patterns {
        let filled = words.iter().map(|word| fill(pattern, word));
        choices.extend(filled.take(MAX_WORDS));
        choices.extend(words.iter().filter(|word| pattern.matches(word)).cloned());
    }
    choices.into_iter().take(MAX_WORDS).collect()
}

/// Images that the rule may be about.
fn samples(rule: &Rule, words: &Words) -> Vec<String> {
    let registries = choices(&rule.registry, &words.registries);
    let tags = choices(&rule.tag, &words.tags);
    let repositories = if rule.repository.is_empty() {
        let names = choices(&rule.name, &words.names);
        let below = |namespace: &String| -> Vec<String> {
            let join = |name: &String| match namespace.as_str() {
                "" => name.clone(),
                namespace => format!("{namespace}/{name}"),
            };
            names.iter().map(join).collect()
        };
        let namespaces = choices(&rule.namespace, &words.namespaces);
        namespaces.iter().flat_map(below).collect()
    } else {
        choices(&rule.repository, &words.names)
    };
    let mut samples = Vec::new();
    // Tags change most seldom, so that they are what is cut where there are too many.
    for tag in &tags {
        for repository in &repositories {
            for registry in &registries {
                samples.push(format!("{registry}/{repository}:{tag}"));
                if samples.len() >= MAX_SAMPLES {
                    return samples;
                }
            }
        }
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(rules: &str) -> String {
        rules.parse::<Rules>().unwrap_err().to_string()
    }

    #[test]
    fn a_circle_is_told_with_an_image_that_goes_round() {
        let told = told(
            "[[rule]]\nregistry = \"a.example\"\nto = \"b.example/{repository}\"\n\
             [[rule]]\nregistry = \"b.example\"\nto = \"a.example/{repository}\"",
        );
        assert!(told.contains("rule 1 makes b.example/"), "{told}");
        assert!(told.ends_with("they go in a circle"), "{told}");
    }

    #[test]
    fn a_chain_is_told_as_one() {
        let told = told(
            "[[rule]]\nregistry = \"a.example\"\nto = \"b.example/{repository}\"\n\
             [[rule]]\nregistry = \"b.example\"\nto = \"c.example/{repository}\"",
        );
        assert!(told.contains("let the first send images"), "{told}");
    }

    #[test]
    fn a_rule_that_takes_up_its_own_result_is_told() {
        let told = told("[[rule]]\nto = \"h.example/{registry}/{repository}\"");
        assert!(told.contains("rule 1 makes"), "{told}");
    }

    #[test]
    fn a_rule_that_leaves_its_own_result_as_it_is_settles() {
        for rules in [
            "[[rule]]\nto = \"h.example/me/{name}\"",
            "[[rule]]\nregistry = \"docker.io\"\nto = \"docker.io/{repository}\"",
            "[[rule]]\nregistry = \"h.example\"\nkeep = true\n\
             [[rule]]\nto = \"h.example/{registry}/{repository}\"",
        ] {
            rules.parse::<Rules>().unwrap();
        }
    }
}
