//! Logs of CI jobs: GitHub Actions, GitLab, `CircleCI`, Jenkins, and what `docker` prints in them.
//!
//! A log tells once which job it is of and where it runs; both are remembered for the lines below.

use forebay_logs::{LogLine, word_after};

use crate::event::{CiSystem, Event, Format, Owner, OwnerKind, Place, What};

/// Beginnings of lines that only a CI system prints.
const SIGNS: [(&str, CiSystem); 10] = [
    ("##[", CiSystem::GithubActions),
    ("Complete job name:", CiSystem::GithubActions),
    ("Runner name:", CiSystem::GithubActions),
    ("Running with gitlab-runner", CiSystem::GitlabCi),
    ("section_start:", CiSystem::GitlabCi),
    ("Build-agent version ", CiSystem::CircleCi),
    ("image cache not found on this host, ", CiSystem::CircleCi),
    ("[Pipeline] ", CiSystem::Jenkins),
    ("Started by ", CiSystem::Jenkins),
    ("Running on Jenkins", CiSystem::Jenkins),
];

/// What a line of a pull says, by the phrase before the image. The first that fits holds.
const PHRASES: [(&str, What); 11] = [
    ("Pulling docker image ", What::PullAttempted),
    ("on this host, downloading ", What::PullAttempted),
    ("docker pull ", What::PullAttempted),
    ("podman pull ", What::PullAttempted),
    ("Unable to find image '", What::PullAttempted),
    ("load metadata for ", What::PullAttempted),
    ("Status: Downloaded newer image for ", What::PullSucceeded),
    ("Status: Image is up to date for ", What::PullSucceeded),
    ("Successfully pulled image ", What::PullSucceeded),
    ("Using docker image ", What::PullSucceeded),
    // What was built is there, though nobody could pull it.
    ("=> naming to ", What::Started),
];

/// Steps of GitHub's own, before the first of a job.
const FIRST_STEPS: [&str; 3] = ["Set up job", "Initialize containers", "Set up runner"];

/// What a line has that begins a job's steps, or that stands before them.
const STEPS: [(&str, bool); 6] = [
    ("##[group]Run ", true),
    ("##[group]Initialize containers", false),
    ("Complete job name:", false),
    ("Running with gitlab-runner", false),
    (":step_script", true),
    ("Executing \"step_script\"", true),
];

/// Words of a build, which no job does before its steps.
const BUILD: [&str; 3] = ["failed to solve", "failed to build", "buildx"];

/// What a log has told of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ci {
    is_of_job: bool,
    job: Option<String>,
    runner: Option<String>,
    image: Option<String>,
    is_in_step: bool,
    /// What the log is called: the job, where it names none itself.
    source: String,
}

impl Ci {
    /// A log of that name.
    pub(crate) fn of(source: &str) -> Self {
        let name = source.rsplit('/').next().unwrap_or(source);
        let name = name
            .strip_suffix(".log")
            .or_else(|| name.strip_suffix(".txt"))
            .unwrap_or(name);
        Self {
            source: name.to_owned(),
            ..Self::default()
        }
    }

    /// Remembers what a line tells of the job; the system of which it is a sign.
    pub(crate) fn notice(&mut self, line: &LogLine<'_>) -> Option<CiSystem> {
        if let Some(job) = line.job {
            self.is_of_job = true;
            if self.job.as_deref() != Some(job) {
                self.job = Some(job.to_owned());
                self.runner = None;
            }
        }
        let text = line.text;
        self.notice_step(line);
        let is_sign = |(sign, _): &&(&str, CiSystem)| text.trim_start().starts_with(sign);
        let system = SIGNS.iter().find(is_sign).map(|(_, system)| *system);
        self.is_of_job |= system.is_some();
        if !self.is_of_job {
            return None;
        }
        if let Some(job) = text.strip_prefix("Complete job name: ") {
            self.job = Some(job.to_owned());
        }
        let runner = ["Runner name: '", "Running on ", "  on "]
            .iter()
            .find_map(|phrase| {
                text.starts_with(phrase)
                    .then(|| word_after(text, phrase))
                    .flatten()
            });
        if let Some(runner) = runner {
            self.runner = Some(runner.to_owned());
        }
        system
    }

    fn notice_step(&mut self, line: &LogLine<'_>) {
        if let Some(step) = line.step {
            self.is_in_step = !FIRST_STEPS.contains(&step);
            return;
        }
        let mut signs = STEPS.iter().filter(|(sign, _)| line.text.contains(sign));
        if let Some((_, is_in_step)) = signs.next() {
            self.is_in_step = *is_in_step;
        }
    }

    /// Whether a failure that is told now is one of a step of the job.
    pub(crate) fn is_in_step(&self, message: &str) -> bool {
        let is_of_build =
            || BUILD.iter().any(|words| message.contains(words)) || is_of_buildkit(message);
        self.is_of_job && (self.is_in_step || is_of_build())
    }

    /// What the line says of a pull that goes well, or has begun.
    pub(crate) fn read(&mut self, line: &LogLine<'_>) -> Option<Event> {
        let (phrase, what) = PHRASES
            .iter()
            .find(|(phrase, _)| line.text.contains(phrase))?;
        // A build that failed says once more where.
        if line.text.trim_start().starts_with("> [") {
            return None;
        }
        let mut image = word_after(line.text, phrase)?.trim_end_matches("...");
        if *phrase == "Using docker image " {
            image = word_after(line.text, " for ")?;
        }
        if image.starts_with('-') || image.starts_with("http") {
            return None;
        }
        self.image = Some(image.to_owned());
        Some(self.event(*what, line).of(Some(image)))
    }

    /// A failure that the line tells; of the image that was pulled last, if it names none.
    pub(crate) fn failed(&self, what: What, line: &LogLine<'_>) -> Event {
        self.event(what, line)
            .of(self.image.clone().filter(|_| self.is_of_job))
            .saying(line.text)
    }

    fn event(&self, what: What, line: &LogLine<'_>) -> Event {
        let format = if self.is_of_job {
            Format::Ci
        } else {
            Format::Text
        };
        let job = self.job.as_deref().unwrap_or(&self.source);
        let place = Place {
            owner: (self.is_of_job && !job.is_empty()).then(|| Owner::new(OwnerKind::CiJob, job)),
            node: self.runner.clone().or_else(|| line.host.map(str::to_owned)),
            ..Place::default()
        };
        Event::new(what, format)
            .at(line.at)
            .within(place)
            .saying(line.text)
    }
}

/// Whether a line is one of a build's, as `BuildKit` prints them: `#2 ERROR: …`.
fn is_of_buildkit(line: &str) -> bool {
    let Some(rest) = line.strip_prefix('#') else {
        return false;
    };
    let says = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    says.len() < rest.len() && says.starts_with(' ')
}
