//! Which words of a command line are images: reads options and arguments by the tables of `tools.rs`.

use forebay_references::PullPolicy;

use super::tools::{
    CONTAINER_TOOLS, GLOBAL_VALUES, IMAGE_TOOLS, KEYWORDS, LOADERS, LOCAL, LOCAL_WHOLE, MAKING,
    SWITCHES, Subcommand, TRANSPORTS, Takes, program_of,
};
use super::wrappers::{Runs, find_wrapper};

/// How a filter of containers by their image begins.
const OF_IMAGE: &str = "ancestor=";

/// A word that is an image, or ends in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ImageWord {
    pub(crate) position: usize,
    /// How many bytes come before it in its word: `--image=`, `docker://`.
    pub(crate) prefix: usize,
    /// It is what the command builds.
    pub(crate) is_built: bool,
    /// It is where the command pushes to, or a name that it gives; or has to come from where that goes.
    pub(crate) is_given: bool,
    /// The command takes it from a registry where the machine does not have it: no push, no tag, nothing that it builds.
    pub(crate) is_pulled: bool,
}

impl ImageWord {
    /// When it is pulled, where that is not the tool's own choice.
    pub(crate) fn pull_policy(&self) -> Option<PullPolicy> {
        (!self.is_pulled).then_some(PullPolicy::Never)
    }
}

/// The images of a command line; `None` is a word that nobody knows. One that is to be read from somewhere is behind the last word.
pub(crate) fn image_words(words: &[Option<String>]) -> Vec<ImageWord> {
    let start = start_of(words);
    let Some(tool) = tool_of(words) else {
        return Vec::new();
    };
    let read: Vec<Option<String>>;
    let mut line = Line { words };
    if start.runs == Some(Runs::Input) {
        read = words.iter().cloned().chain([None]).collect();
        line = Line { words: &read };
    }
    let arguments = start.at + 1;
    match tool {
        "docker" | "podman" | "nerdctl" | "finch" | "buildah" => {
            line.subcommand(arguments, &CONTAINER_TOOLS)
        }
        "crane" | "gcrane" | "regctl" | "crictl" | "ctr" | "trivy" => {
            line.subcommand(arguments, &IMAGE_TOOLS)
        }
        "kind" | "minikube" => line.subcommand(arguments, &LOADERS),
        "skopeo" => line.skopeo(arguments),
        "kubectl" | "oc" => line.kubectl(arguments),
        _ => Vec::new(),
    }
}

/// The program of a command line, by its name alone.
pub(crate) fn tool_of(words: &[Option<String>]) -> Option<&str> {
    let tool = words.get(start_of(words).at)?.as_deref()?;
    Some(program_of(tool))
}

/// Where a command begins, and what runs it.
pub(super) struct Start {
    /// The position of its program.
    pub(super) at: usize,
    /// What the last program before it that does not just take its words makes of them.
    pub(super) runs: Option<Runs>,
}

/// The command itself, after keywords, `sudo -u x`, `timeout 10`, `ssh host` and `env A=b`.
pub(super) fn start_of(words: &[Option<String>]) -> Start {
    let mut start = Start { at: 0, runs: None };
    while let Some(Some(word)) = words.get(start.at) {
        let is_assignment = word.contains('=') && !word.starts_with('-');
        if KEYWORDS.contains(&word.as_str()) || is_assignment {
            start.at += 1;
            continue;
        }
        let Some(wrapper) = find_wrapper(program_of(word)) else {
            break;
        };
        let Some(command) = wrapper.find_command(words, start.at + 1) else {
            break;
        };
        start.at = command;
        if matches!(wrapper.runs, Runs::Script | Runs::Input) {
            start.runs = Some(wrapper.runs);
        }
    }
    start
}

struct Line<'a> {
    words: &'a [Option<String>],
}

impl Line<'_> {
    fn word(&self, at: usize) -> Option<&str> {
        self.words.get(at)?.as_deref()
    }

    fn subcommand(&self, mut at: usize, table: &[Subcommand]) -> Vec<ImageWord> {
        while let Some(option) = self.word(at).filter(|word| word.starts_with('-')) {
            at += 1 + usize::from(GLOBAL_VALUES.contains(&option));
        }
        let is_named = |sub: &&Subcommand| {
            let mut names = sub.name.iter().enumerate();
            names.all(|(index, name)| self.word(at + index) == Some(*name))
        };
        // The longest name is the one that is meant: `manifest get` is not `manifest`.
        let found = table
            .iter()
            .filter(is_named)
            .max_by_key(|sub| sub.name.len());
        found.map_or_else(Vec::new, |sub| self.arguments(at + sub.name.len(), sub))
    }

    fn arguments(&self, from: usize, sub: &Subcommand) -> Vec<ImageWord> {
        let mut images = Vec::new();
        let mut positional = Vec::new();
        let mut several = None;
        let mut at = from;
        while at < self.words.len() {
            match self.word(at) {
                Some("--") => at += 1,
                Some(option) if option.starts_with('-') && option.len() > 1 => {
                    several = several.or(option.contains(' ').then_some(at));
                    let takes_next = takes_value(option, sub);
                    let value = if takes_next { at + 1 } else { at };
                    images.extend(self.option(option, value, sub.takes));
                    at = value + 1;
                }
                Some("") => at += 1,
                _ => {
                    positional.push(at);
                    at += 1;
                    if sub.takes == Takes::FirstThenCommand {
                        break;
                    }
                }
            }
        }
        // `docker run $ALL`: what is wanted stands behind the options in one variable.
        if positional.is_empty() {
            positional.extend(several);
        }
        if sub.takes == Takes::Tagged {
            positional.retain(|at| self.word(*at).is_some_and(has_tag));
        }
        let taken: &[usize] = match sub.takes {
            Takes::First | Takes::FirstThenCommand => positional.get(..1).unwrap_or_default(),
            Takes::Second => positional.get(1..2).unwrap_or_default(),
            Takes::Both | Takes::FromTo => positional.get(..2).unwrap_or_default(),
            Takes::All | Takes::ToFrom | Takes::Tagged => &positional,
            Takes::Build | Takes::Option | Takes::Filter => &[],
        };
        let written = match sub.takes {
            Takes::FromTo => taken.get(1),
            Takes::ToFrom => taken.first(),
            _ => None,
        };
        let is_local =
            LOCAL_WHOLE.contains(&sub.name) || sub.name.iter().any(|word| LOCAL.contains(word));
        let is_built = sub.name.iter().any(|word| MAKING.contains(word));
        images.extend(taken.iter().map(|position| ImageWord {
            position: *position,
            prefix: 0,
            is_built,
            is_given: is_given(sub, &positional, *position),
            is_pulled: !is_local && written != Some(position),
        }));
        images
    }

    /// An image that an option of a build names. Its value stands at `value`, or in the option itself.
    fn option(&self, option: &str, value: usize, takes: Takes) -> Option<ImageWord> {
        let creates = takes == Takes::Build || takes == Takes::All;
        let (name, inline) = match option.split_once('=') {
            Some((name, _)) => (name, name.len() + 1),
            None => (option, 0),
        };
        let found = |prefix: usize, is_built: bool| {
            Some(ImageWord {
                position: value,
                prefix,
                is_built,
                is_given: false,
                is_pulled: !is_built,
            })
        };
        match name {
            "--image" if takes == Takes::Option => found(inline, false),
            "-f" | "--filter" if takes == Takes::Filter => {
                let text = self.word(value)?.get(inline..)?;
                let image = text.strip_prefix(OF_IMAGE).filter(|image| has_tag(image))?;
                let prefix = inline + text.len() - image.len();
                found(prefix, false).map(|word| ImageWord {
                    is_pulled: false,
                    ..word
                })
            }
            "-t" | "--tag" if creates => found(inline, true),
            "--build-arg" if takes == Takes::Build => {
                let text = self.word(value)?.get(inline..)?;
                let (argument, image) = text.split_once('=')?;
                let is_base = matches!(argument, "BASE" | "FROM") && has_tag(image);
                let is_image = is_base || crate::contexts::is_image_name(argument);
                is_image.then(|| found(inline + argument.len() + 1, false))?
            }
            "--cache-from" if takes == Takes::Build => {
                let text = self.word(value)?.get(inline..)?;
                (!text.contains('=')).then(|| found(inline, false))?
            }
            _ => None,
        }
    }

    /// Each word that begins so.
    fn prefixed(&self, from: usize, prefix: &str) -> Vec<ImageWord> {
        let is_image = |at: &usize| self.word(*at).is_some_and(|word| word.starts_with(prefix));
        let images = (from..self.words.len()).filter(is_image);
        images
            .map(|position| ImageWord {
                position,
                prefix: prefix.len(),
                is_built: false,
                is_given: false,
                is_pulled: true,
            })
            .collect()
    }

    /// Each place in a registry; of a copy the last place of all is written to.
    fn skopeo(&self, from: usize) -> Vec<ImageWord> {
        let mut images = self.prefixed(from, "docker://");
        let is_place = |at: &usize| {
            let word = self.word(*at).unwrap_or_default();
            TRANSPORTS
                .iter()
                .any(|transport| word.starts_with(transport))
        };
        let mut places = (from..self.words.len()).filter(is_place);
        let first = places.next();
        let is_copy = (from..first.unwrap_or(from)).any(|at| self.word(at) == Some("copy"));
        // Where the source is a variable, its destination is the last word.
        let last = self.words.len() - 1;
        let written = places.next().or(first.filter(|first| *first == last));
        for image in images.iter_mut().filter(|_| is_copy) {
            image.is_given = written == Some(image.position);
            image.is_pulled = !image.is_given;
        }
        images
    }

    /// `--image` everywhere, and the `container=image` of `set image`.
    fn kubectl(&self, from: usize) -> Vec<ImageWord> {
        let mut images = self.prefixed(from, "--image=");
        let mut sets = false;
        for at in from..self.words.len() {
            let found = |position: usize, prefix: usize| ImageWord {
                position,
                prefix,
                is_built: false,
                is_given: false,
                is_pulled: true,
            };
            match self.word(at) {
                Some("--") => break,
                Some("--image") if at + 1 < self.words.len() => images.push(found(at + 1, 0)),
                Some("image") if self.word(at - 1) == Some("set") => sets = true,
                Some(word) if sets && !word.starts_with('-') => {
                    if let Some((container, _)) = word.split_once('=') {
                        images.push(found(at, container.len() + 1));
                    }
                }
                _ => {}
            }
        }
        images
    }
}

/// Whether a subcommand pushes to one of its images, or makes it another name of something.
///
/// `docker manifest create` takes no list's parts from another registry than the list's own.
fn is_given(sub: &Subcommand, images: &[usize], position: usize) -> bool {
    let is_named = |word: &str| sub.name.contains(&word);
    match sub.takes {
        Takes::ToFrom => true,
        Takes::FromTo => images.get(1) == Some(&position),
        _ if is_named("tag") => images.get(..2).unwrap_or(images).last() == Some(&position),
        _ => is_named("push"),
    }
}

/// Whether a text is a name with a tag, and no address.
fn has_tag(text: &str) -> bool {
    let last = text.rsplit('/').next().unwrap_or_default();
    last.contains(':') && !text.contains("://")
}

fn takes_value(option: &str, sub: &Subcommand) -> bool {
    // Options in one variable: no value follows that we could know of.
    if option.contains(['=', ' ']) {
        return false;
    }
    if let Some(long) = option.strip_prefix("--") {
        // `build --pull` is a switch, `run --pull always` is not.
        let is_pull = long == "pull" && sub.takes == Takes::Build;
        return !SWITCHES.contains(&long) && !is_pull;
    }
    // `-it` are two switches, `-p80:80` carries its value, `-itv` takes the next.
    let letters = &option[1..];
    let first_value = letters.find(|letter| !sub.switches.contains(letter));
    first_value.is_some_and(|at| at + 1 == letters.len())
}

#[cfg(test)]
mod tests {
    use forebay_references::TOOLS;

    use super::*;

    #[test]
    fn the_words_of_each_tool_are_read() {
        for tool in TOOLS {
            let found = [
                "pull a/b:1",
                "image a/b:1",
                "inspect docker://a/b:1",
                "load docker-image a/b:1",
            ]
            .map(|rest| {
                let line = format!("{tool} {rest}");
                let words: Vec<_> = line.split(' ').map(|word| Some(word.to_owned())).collect();
                image_words(&words).len()
            });
            assert!(found.contains(&1), "{tool}");
        }
    }
}
