//! What has to be copied before the changed files are used: images that rules send to a registry of one's own, where nothing
//! is that nobody put there.
//!
//! Whether a place fills itself is said by the rule, or told by its look: a prefix in ECR with the whole repository behind it
//! is a pull-through cache's. Of other registries nobody knows but who runs them, which is told. Sources: skopeo-copy(1), `--all` and `--preserve-digests`; docker buildx imagetools create(1),
//! `--prefer-index`; AWS, "create-repository".

use std::collections::{BTreeMap, BTreeSet};

use forebay_oci::EcrHost;

use super::goal::Goal;
use super::image::Image;
use super::plan::Change;
use super::rule::Rules;

/// Registries of one's own besides ECR, where an image is because its owner pushed it.
const OWN: [&str; 2] = ["ghcr.io", "quay.io"];

/// Places that hold what Docker Hub's official images are, by whom they belong to.
const MIRRORS: [&str; 2] = ["mirror.gcr.io/library/", "public.ecr.aws/docker/library/"];

/// What has to be copied, or may have to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copies {
    /// The images that have to be, each once, in the order of their new places.
    pub first: Vec<ImageCopy>,
    /// Those of which nobody says whether their new place fills itself.
    pub untold: Vec<ImageCopy>,
    /// Those whose tag is filled in by what is not known, from where to where: which tags have to be copied is not known.
    pub open: Vec<(String, String)>,
}

/// An image that has to be at its new place first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageCopy {
    /// Where it is, in full, with a tag or a digest.
    pub from: String,
    /// Where the files look for it, likewise.
    pub to: String,
    /// Another image would take the same place: one of them only can be copied.
    pub has_rival: bool,
    registry: String,
    repository: String,
    region: Option<String>,
}

/// What has to be copied for these changes.
pub fn copies<'a>(goal: &Goal, changes: impl Iterator<Item = &'a Change>) -> Copies {
    let Goal::Rules(rules) = goal else {
        return Copies::default();
    };
    let (mut first, mut untold) = (BTreeSet::new(), BTreeSet::new());
    let mut open = BTreeSet::new();
    for change in changes {
        let Some((from, to)) = change.images() else {
            continue;
        };
        let fills_itself = fills_itself(rules, change, (&from, &to));
        let list = match fills_itself {
            Some(true) => continue,
            _ if !change.open_tag.is_empty() && change.in_jobs.is_empty() => {
                open.insert((change.from.clone(), change.to.clone()));
                continue;
            }
            Some(false) => &mut first,
            None => &mut untold,
        };
        if change.open_tag.is_empty() {
            list.insert(copy(&from, to));
            continue;
        }
        for from in &change.in_jobs {
            let (tag, digest) = (from.tag.clone(), from.digest.clone());
            let to = to.clone();
            list.insert(copy(from, Image { tag, digest, ..to }));
        }
    }
    Copies {
        first: in_order(first),
        untold: in_order(untold),
        open: open.into_iter().collect(),
    }
}

/// In the order of their new places, with those marked that want the same one.
fn in_order(copies: BTreeSet<ImageCopy>) -> Vec<ImageCopy> {
    let mut takers: BTreeMap<String, usize> = BTreeMap::new();
    for copy in &copies {
        *takers.entry(copy.to.clone()).or_default() += 1;
    }
    let mut copies: Vec<ImageCopy> = copies.into_iter().collect();
    for copy in &mut copies {
        copy.has_rival = takers.get(&copy.to).is_some_and(|count| *count > 1);
    }
    copies.sort_by(|a, b| (&a.to, &a.from).cmp(&(&b.to, &b.from)));
    copies
}

fn copy(from: &Image, to: Image) -> ImageCopy {
    let tag = from.asked_tag().unwrap_or_default();
    let source = from.digest.as_ref().map_or_else(
        || format!("{}:{tag}", from.place()),
        |digest| format!("{}@{digest}", from.place()),
    );
    // What keeps its digest keeps it under a tag, too, which no lifecycle rule takes away as one without a name.
    let target = match (to.asked_tag(), &to.digest) {
        (None, Some(digest)) => format!("{}@{digest}", to.place()),
        (tag, _) => format!("{}:{}", to.place(), tag.unwrap_or("latest")),
    };
    ImageCopy {
        from: source,
        to: target,
        has_rival: false,
        repository: to.repository(),
        region: EcrHost::parse(&to.registry).map(|ecr| ecr.region().to_owned()),
        registry: to.registry,
    }
}

/// Whether an image comes to its new place by itself; `None` where nobody knows.
fn fills_itself(rules: &Rules, change: &Change, (from, to): (&Image, &Image)) -> Option<bool> {
    // A digest that was not there before was asked for at the new place: it is there.
    if to.digest.is_some() && to.digest != from.digest {
        return Some(true);
    }
    let rule = if change.open_tag.is_empty() {
        rules.find(from)
    } else {
        rules.find_by_name(from)
    };
    let Some(rule) = rule else {
        return Some(true);
    };
    rule.is_mirror.or_else(|| looks_filled(from, to))
}

/// The same by its look, where no rule says so.
fn looks_filled(from: &Image, to: &Image) -> Option<bool> {
    if EcrHost::parse(&to.registry).is_some() {
        let repository = to.repository();
        let prefix = repository.strip_suffix(&from.repository());
        return Some(prefix.is_some_and(|prefix| prefix.ends_with('/')));
    }
    let place = to.place();
    if MIRRORS.iter().any(|mirror| place.starts_with(mirror)) {
        return Some(true);
    }
    OWN.contains(&to.registry.as_str()).then_some(false)
}

impl ImageCopy {
    /// The registry where it has to be.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The command that copies all platforms, each manifest byte for byte.
    pub fn skopeo(&self) -> String {
        let Self { from, to, .. } = self;
        format!("skopeo copy --all --preserve-digests docker://{from} docker://{to}")
    }

    /// The same by docker; `None` for a place without a tag, which it cannot name.
    pub fn imagetools(&self) -> Option<String> {
        let Self { from, to, .. } = self;
        let is_tagged = !to.contains('@');
        is_tagged.then(|| {
            format!("docker buildx imagetools create --prefer-index=false --tag {to} {from}")
        })
    }

    /// The command that lets skopeo write there.
    pub fn login(&self) -> String {
        let registry = &self.registry;
        match &self.region {
            Some(region) => format!(
                "aws ecr get-login-password --region {region} | skopeo login --username AWS --password-stdin {registry}"
            ),
            None => format!("skopeo login {registry}"),
        }
    }

    /// The command that makes the repository, where one must be there before it is pushed to.
    pub fn create_repository(&self) -> Option<String> {
        let (region, repository) = (self.region.as_ref()?, &self.repository);
        Some(format!(
            "aws ecr create-repository --region {region} --repository-name {repository} --image-scanning-configuration \
             scanOnPush=true --encryption-configuration encryptionType=AES256"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copies_of(goal: &Goal, changes: &[(&str, &str)]) -> Vec<ImageCopy> {
        let change = |(from, to): &(&str, &str)| Change {
            line: 1,
            from: (*from).to_owned(),
            name: String::new(),
            to: (*to).to_owned(),
            open_tag: String::new(),
            in_jobs: Vec::new(),
        };
        let changes: Vec<Change> = changes.iter().map(change).collect();
        copies(goal, changes.iter()).first
    }

    fn preset(given: &str) -> Goal {
        Goal::find_preset(given).unwrap().unwrap()
    }

    const ECR: &str = "730335557645.dkr.ecr.us-east-1.amazonaws.com";

    #[test]
    fn an_image_is_copied_once_with_all_platforms_and_its_digest() {
        let nginx = ("docker.io/library/nginx:1", &*format!("{ECR}/nginx:1"));
        let made = copies_of(&preset("ecr:730335557645:us-east-1"), &[nginx, nginx]);
        assert_eq!(made.len(), 1);
        assert_eq!(
            made[0].skopeo(),
            format!(
                "skopeo copy --all --preserve-digests docker://docker.io/library/nginx:1 docker://{ECR}/nginx:1"
            )
        );
        assert_eq!(
            made[0].imagetools().unwrap(),
            format!(
                "docker buildx imagetools create --prefer-index=false --tag {ECR}/nginx:1 docker.io/library/nginx:1"
            )
        );
        let create = made[0].create_repository().unwrap();
        assert!(
            create.contains("--region us-east-1 --repository-name nginx "),
            "{create}"
        );
        assert!(!made[0].has_rival);
    }

    #[test]
    fn what_is_pinned_is_copied_by_its_digest_unless_it_was_found_there() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let goal = preset("quay:me");
        for (from, to, source, target) in [
            ("", "", ":latest", ":latest"),
            ("@D", "@D", "@D", "@D"),
            (":1@D", ":1@D", "@D", ":1"),
        ] {
            let full = |place: &str, end: &str| format!("{place}{}", end.replace('D', &digest));
            let (from, to) = (full("docker.io/a/b", from), full("quay.io/me/b", to));
            let made = copies_of(&goal, &[(&from, &to)]);
            assert_eq!(made[0].from, full("docker.io/a/b", source));
            assert_eq!(made[0].to, full("quay.io/me/b", target));
            assert!(made[0].create_repository().is_none());
        }
        let found = format!("quay.io/me/b:1@{digest}");
        assert_eq!(copies_of(&goal, &[("docker.io/a/b:1", &found)]), []);
    }

    #[test]
    fn nothing_is_copied_to_what_fills_itself() {
        let image = "docker.io/library/nginx:1";
        for given in [
            "ecr-pull-through:730335557645:us-east-1",
            "mirror.gcr.io",
            "public.ecr.aws",
            "forebay:f.example",
            "forebay:127.0.0.1:5000",
        ] {
            let goal = preset(given);
            let Goal::Rules(rules) = &goal else { panic!() };
            let made = rules.apply(&image.parse().unwrap()).unwrap().unwrap();
            assert_eq!(copies_of(&goal, &[(image, &made)]), [], "{given}");
        }
    }

    #[test]
    fn a_file_of_rules_says_what_fills_itself_or_its_target_looks_so() {
        let image = "docker.io/library/nginx:1";
        for (to, mirror, is_copied) in [
            (format!("{ECR}/docker-hub/{{repository}}"), None, false),
            (
                format!("{ECR}/docker-hub/{{repository}}"),
                Some(false),
                true,
            ),
            (format!("{ECR}/{{repository}}"), None, true),
            (format!("{ECR}/mine/{{name}}"), None, true),
            (format!("{ECR}/mine/{{name}}"), Some(true), false),
            ("ghcr.io/me/{name}".to_owned(), None, true),
            ("registry.example/{repository}".to_owned(), None, false),
            (
                "registry.example/{repository}".to_owned(),
                Some(true),
                false,
            ),
            (
                "registry.example/{repository}".to_owned(),
                Some(false),
                true,
            ),
        ] {
            let mirror = mirror.map_or(String::new(), |is_so| format!("mirror = {is_so}"));
            let goal = Goal::of_file(&format!(
                "[[rule]]\nregistry = \"docker.io\"\nto = \"{to}\"\n{mirror}"
            ))
            .unwrap();
            let Goal::Rules(rules) = &goal else { panic!() };
            let made = rules.apply(&image.parse().unwrap()).unwrap().unwrap();
            let copies = copies_of(&goal, &[(image, &made)]);
            assert_eq!(copies.len(), usize::from(is_copied), "{to} {mirror}");
        }
    }

    #[test]
    fn where_nobody_says_what_fills_itself_it_is_not_known() {
        for (to, mirror, is_untold) in [
            ("me.azurecr.io/{repository}", "", true),
            ("docker.io/me/{name}", "", true),
            ("me.azurecr.io/{repository}", "mirror = true", false),
            ("me.azurecr.io/{repository}", "mirror = false", false),
            ("mirror.gcr.io/{repository}", "", false),
            ("public.ecr.aws/docker/{repository}", "", false),
            ("ghcr.io/me/{name}", "", false),
        ] {
            let rule = format!("[[rule]]\nnamespace = \"library\"\nto = \"{to}\"\n{mirror}");
            let goal = Goal::of_file(&rule).unwrap();
            let image = "docker.io/library/nginx";
            let Goal::Rules(rules) = &goal else { panic!() };
            let made = rules.apply(&image.parse().unwrap()).unwrap().unwrap();
            let change = |open_tag: &str| Change {
                line: 1,
                from: format!("{image}{open_tag}"),
                name: String::new(),
                to: format!("{made}{open_tag}"),
                open_tag: open_tag.to_owned(),
                in_jobs: Vec::new(),
            };
            let copies = copies(&goal, [change(""), change(":$V")].iter());
            assert_eq!(copies.untold.len(), usize::from(is_untold), "{to} {mirror}");
            let is_open = is_untold || !copies.first.is_empty();
            assert_eq!(copies.open.len(), usize::from(is_open), "{to} {mirror}");
        }
    }

    #[test]
    fn what_a_matrix_fills_in_is_copied_under_each_of_its_tags() {
        let change = Change {
            line: 1,
            from: "docker.io/library/node:${{ matrix.v }}".to_owned(),
            name: "node".to_owned(),
            to: "quay.io/me/node:${{ matrix.v }}".to_owned(),
            open_tag: ":${{ matrix.v }}".to_owned(),
            in_jobs: ["node:18", "node:20"]
                .map(|image| image.parse().unwrap())
                .into(),
        };
        let copies = copies(&preset("quay:me"), [&change].into_iter());
        let to: Vec<&str> = copies.first.iter().map(|copy| copy.to.as_str()).collect();
        assert_eq!(to, ["quay.io/me/node:18", "quay.io/me/node:20"]);
        assert_eq!(copies.open, []);
    }

    #[test]
    fn two_images_that_want_one_place_are_rivals() {
        let to = "quay.io/me/app:1";
        let wanted = [("docker.io/a/app:1", to), ("docker.io/b/app:1", to)];
        let made = copies_of(&preset("quay:me"), &wanted);
        assert!(made.len() == 2 && made.iter().all(|copy| copy.has_rival));
    }
}
