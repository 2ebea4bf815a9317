//! What one message says.
//!
//! Pure: a text in, a verdict out. What makes messages of a log is `scanner`'s work.

use forebay_oci::DOCKER_HUB;

use crate::anothers::without_bare_images;
use crate::answer_429::judge;
use crate::clean::clean;
use crate::cut;
use crate::identity::find_identity;
use crate::image::find_image;
use crate::quoted::unquoted;
use crate::registry::{find_asked, find_limiter, find_mentioned, of_image};
use crate::rules::{Context, Matches, Rule, Stage};
use crate::views::Views;
use crate::{Class, Verdict};

/// Says what one message tells of a failed pull, or of a container that did not start; `None` if it tells of neither.
///
/// The text may be wrapped, escaped and coloured, and have a log's prefix. Lines of a program's source tell of nothing.
pub fn classify(text: &str) -> Option<Verdict> {
    classify_views(&Views::of(&clean(&unquoted(text))))
}

pub(crate) fn classify_views(views: &Views) -> Option<Verdict> {
    let tight = without_bare_images(views);
    let matches = Matches::of(&tight);
    verdict_of(views, &matches).filter(|_| !matches.has(Context::Page))
}

fn verdict_of(views: &Views, matches: &Matches<'_>) -> Option<Verdict> {
    if let Some(rule) = matches.first(Stage::Early) {
        return Some(by_rule(rule, views));
    }
    let late = matches.first(Stage::Late);
    if let Some(verdict) = by_status(views, matches, late) {
        return Some(verdict);
    }
    Some(by_rule(late?, views))
}

fn by_rule(rule: &Rule, views: &Views) -> Verdict {
    let image = find_image(views);
    let anothers = (rule.class == Class::PullLimit)
        .then(|| find_limiter(views))
        .flatten();
    if let Some(registry) = anothers.filter(|registry| registry != DOCKER_HUB) {
        return verdict(
            views,
            Class::OtherRegistryLimit,
            rule.is_certain,
            Some(registry),
        );
    }
    let registry = match rule.class {
        // These are Docker Hub's own, whoever passed them on.
        Class::PullLimit | Class::AbuseLimit | Class::LoginLockout | Class::HubApiLimit => None,
        _ => find_registry(views, image.as_deref()),
    };
    Verdict {
        class: rule.class,
        is_certain: rule.is_certain,
        registry: registry.or_else(|| rule.registry.map(str::to_owned)),
        identity: find_identity(rule.class, views),
        image,
    }
}

/// The status 429, and words that were cut: nothing but what says who gave it tells what they mean.
fn by_status(views: &Views, matches: &Matches<'_>, late: Option<&Rule>) -> Option<Verdict> {
    if !matches.has(Context::TooMany) || !matches.has(Context::Pull) {
        let begun = cut::find_begun(&views.tight)
            .filter(|_| late.is_none_or(|rule| !rule.class.is_cause()));
        let (class, registry) = begun?;
        return Some(verdict(views, class, false, registry.map(str::to_owned)));
    }
    let image = find_image(views);
    let registry = find_registry(views, image.as_deref());
    if let Some((class, by_words)) = cut::find_begun(&views.tight) {
        let registry = registry.filter(|_| class == Class::OtherRegistryLimit);
        return Some(verdict(
            views,
            class,
            false,
            registry.or_else(|| by_words.map(str::to_owned)),
        ));
    }
    let registry = registry.or_else(|| names_docker_hub(views).then(|| DOCKER_HUB.to_owned()));
    let (class, is_certain) = judge(views, registry.as_deref()).unwrap_or((Class::Other, false));
    let is_dockers = matches!(class, Class::AbuseLimit | Class::PullLimit);
    let registry = registry.or_else(|| is_dockers.then(|| DOCKER_HUB.to_owned()));
    Some(verdict(views, class, is_certain, registry))
}

fn verdict(views: &Views, class: Class, is_certain: bool, registry: Option<String>) -> Verdict {
    Verdict {
        class,
        is_certain,
        registry,
        identity: find_identity(class, views),
        image: find_image(views),
    }
}

/// Whether it is Docker Hub in somebody's own words.
fn names_docker_hub(views: &Views) -> bool {
    views.tight.contains("dockerhub")
}

fn find_registry(views: &Views, image: Option<&str>) -> Option<String> {
    let by_image = || {
        let registry = image.and_then(of_image)?;
        // A break inside the name would leave one without a host, which looks like Docker Hub's.
        let is_doubtful = views.is_broken && registry == DOCKER_HUB;
        Some(
            find_mentioned(views)
                .filter(|_| is_doubtful)
                .unwrap_or(registry),
        )
    };
    find_asked(views)
        .or_else(by_image)
        .or_else(|| find_mentioned(views))
}
