//! What costs are computed from: how large each image is and who says so, and how many pulls there are in a month.
//!
//! A size that a registry would tell is worth most; what lies unpacked on a disk is more than is sent, and said to be so.

use forebay_diagnosis::facts::{Facts, Image};
use serde::Serialize;

use super::{Prices, Usage, size};
use crate::document::Section;
use crate::explain::place;
use crate::{Diagnosis, Evidence, ImageSize, Lines, Packing, SizeSource, Suspect, Trigger, What};

/// The shortest time that a month is estimated from.
const MIN_MINUTES: u64 = 60;

/// The fewest pulls that a month is estimated from.
const MIN_PULLS: u64 = 10;

/// The most images that are told one by one.
const MAX_TOLD: usize = 30;

/// What costs are computed from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Basis {
    /// The images that are concerned.
    pub images: Vec<SizedImage>,
    /// How often they are pulled.
    pub pulls: Pulls,
}

/// An image, how large it is, and who says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SizedImage {
    /// Its name in full.
    pub image: String,
    /// In bytes; none if nobody says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Who says so.
    pub from: SizeFrom,
}

/// Who says how large an image is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum SizeFrom {
    /// A tool measured it.
    Measured {
        /// As what.
        packing: Packing,
        /// Which tool.
        source: SizeSource,
        /// Where it says so.
        lines: Lines,
    },
    /// It was given on the command line.
    Given,
    /// Nobody does.
    Unknown,
}

/// How many pulls there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Pulls {
    /// It was given on the command line.
    Given {
        /// In a month.
        a_month: u64,
    },
    /// An estimate: as many as were seen, if it goes on so.
    Estimated {
        /// In a month, to two digits.
        a_month: u64,
        /// That were seen.
        seen: u64,
        /// Within so many minutes.
        minutes: u64,
    },
    /// So many were seen: too few, or in too short or in an unknown time.
    Seen {
        /// That were seen.
        seen: u64,
    },
}

impl Basis {
    /// What is known of the images that are concerned.
    pub(crate) fn of(
        facts: &Facts,
        evidence: &Evidence,
        diagnosis: &Diagnosis,
        usage: &Usage,
    ) -> Self {
        Self {
            images: facts
                .hub_images
                .iter()
                .map(|image| SizedImage::of(image, evidence, usage))
                .collect(),
            pulls: Pulls::of(facts, evidence, diagnosis, usage),
        }
    }

    /// All of it, for people.
    pub(crate) fn section(&self, diagnosis: &Diagnosis) -> Section {
        let mut rows = vec![
            vec!["image", "size", "from"]
                .into_iter()
                .map(str::to_owned)
                .collect(),
        ];
        for image in self.images.iter().take(MAX_TOLD) {
            let bytes = image.bytes.map_or_else(|| "?".to_owned(), size);
            rows.push(vec![image.image.clone(), bytes, image.from.told(diagnosis)]);
        }
        let section = Section::new("What the costs are computed from").table(rows);
        let section = match self.images.len().checked_sub(MAX_TOLD) {
            Some(more) if more > 0 => section.paragraph(format!("and {more} more images")),
            _ => section,
        };
        section.paragraph(self.pulls.told())
    }
}

impl SizedImage {
    fn of(image: &Image, evidence: &Evidence, usage: &Usage) -> Self {
        let full = format!("docker.io/{}{}", image.repository, image.suffix());
        let find = |name: &str| evidence.sizes.find(&name.parse().ok()?);
        // What was written may name a digest, which the full name leaves out.
        let measured = find(&image.written).or_else(|| find(&full));
        let (bytes, from) = choose(usage, &full, measured);
        Self {
            image: full,
            bytes,
            from,
        }
    }

    /// Whether a registry sends less than that, as far as is known.
    pub(crate) const fn is_upper(&self) -> bool {
        matches!(
            self.from,
            SizeFrom::Measured {
                packing: Packing::Unpacked | Packing::ByRuntime,
                ..
            }
        )
    }
}

/// What was said of the image itself goes first, then what a registry would say, then what was said of all, then the rest.
fn choose(usage: &Usage, image: &str, measured: Option<ImageSize>) -> (Option<u64>, SizeFrom) {
    if let Some(bytes) = usage.image_bytes.get(image) {
        return (Some(*bytes), SizeFrom::Given);
    }
    let is_exact =
        |size: &ImageSize| size.packing == Packing::Compressed && size.source != SizeSource::Ledger;
    match (measured, usage.other_image_bytes) {
        (Some(size), None) => (Some(size.bytes), size.into()),
        (Some(size), Some(_)) if is_exact(&size) => (Some(size.bytes), size.into()),
        (_, Some(bytes)) => (Some(bytes), SizeFrom::Given),
        (None, None) => (None, SizeFrom::Unknown),
    }
}

impl From<ImageSize> for SizeFrom {
    fn from(size: ImageSize) -> Self {
        let ImageSize {
            packing,
            source,
            lines,
            ..
        } = size;
        Self::Measured {
            packing,
            source,
            lines,
        }
    }
}

impl SizeFrom {
    fn told(self, diagnosis: &Diagnosis) -> String {
        match self {
            Self::Measured {
                packing,
                source,
                lines,
            } => format!(
                "measured, {}: {}, {}",
                match packing {
                    Packing::Compressed => "compressed",
                    Packing::Unpacked => "unpacked, so that a registry sends less",
                    Packing::ByRuntime => "compressed on containerd, unpacked on CRI-O",
                },
                match source {
                    SizeSource::Kubelet => "a kubelet that pulled it",
                    SizeSource::Containerd => "the log of the containerd that pulled it",
                    SizeSource::Node => "the status of a node",
                    SizeSource::ImageList => "the images of a machine",
                    SizeSource::Ecr => "ECR",
                    SizeSource::Ledger => "a pull through Forebay in the mean",
                },
                place(lines, diagnosis)
            ),
            Self::Given => "given by --image-size".to_owned(),
            Self::Unknown => "not known: --image-size says it, or the output of `kubectl get nodes -o json`, `docker image ls` or `aws ecr describe-images`".to_owned(),
        }
    }
}

impl Pulls {
    fn of(facts: &Facts, evidence: &Evidence, diagnosis: &Diagnosis, usage: &Usage) -> Self {
        if let Some(a_month) = usage.pulls_per_month {
            return Self::Given { a_month };
        }
        let suspects = diagnosis.culprits.iter().chain(&diagnosis.victims);
        let keeps_nothing = facts.is_fargate == Some(true);
        let seen: u64 = suspects
            .map(|suspect| match &suspect.trigger {
                _ if keeps_nothing => pulls(suspect),
                Some(trigger) => first_pulls(suspect, trigger),
                None => pulls(suspect),
            })
            .sum();
        let minutes = minutes(evidence).filter(|minutes| *minutes >= MIN_MINUTES);
        match minutes.filter(|_| seen >= MIN_PULLS) {
            Some(minutes) => Self::Estimated {
                a_month: two_digits(seen.saturating_mul(minutes_per_month()) / minutes),
                seen,
                minutes,
            },
            None => Self::Seen { seen },
        }
    }

    /// How many, and of what kind the number is.
    pub(crate) fn counted(self) -> (u64, &'static str) {
        match self {
            Self::Given { a_month } => (a_month, "pulls a month"),
            Self::Estimated { a_month, .. } => (a_month, "pulls a month (an estimate)"),
            Self::Seen { seen: 1 } => (1, "pull that was seen"),
            Self::Seen { seen } => (seen, "pulls that were seen"),
        }
    }

    fn told(self) -> String {
        match self {
            Self::Given { a_month } => format!("{a_month} pulls a month: given by --pulls."),
            Self::Estimated {
                a_month,
                seen,
                minutes,
            } => format!(
                "About {a_month} pulls a month: an estimate from {seen} within {minutes} min, if it goes on so; repeats that a machine answers from what it has are left out; --pulls says better."
            ),
            Self::Seen { seen } => {
                let told = match seen {
                    0 => "No pull was seen".to_owned(),
                    1 => "One pull was seen".to_owned(),
                    more => format!("{more} pulls were seen"),
                };
                format!(
                    "{told}: too few, or in too short a time, to tell how many there are in a month; --pulls says it."
                )
            }
        }
    }
}

/// Attempts, each with its retries as one.
fn pulls(suspect: &Suspect) -> u64 {
    let requests = &suspect.requests;
    requests.attempts.saturating_sub(requests.retries)
}

/// Pulls that bring layers: a flood asks for the same image on the same machine again and again, which brings them once.
fn first_pulls(suspect: &Suspect, trigger: &Trigger) -> u64 {
    let attempts = pulls(suspect);
    match trigger {
        Trigger::CrashLoop { .. } => {
            let copies = suspect.images.len().max(1) * suspect.nodes.len().max(1);
            attempts.min(u64::try_from(copies).unwrap_or(u64::MAX))
        }
        Trigger::WrongImage | Trigger::WrongCredentials => 0,
        _ => attempts,
    }
}

fn minutes_per_month() -> u64 {
    Prices::current().hours_per_month * 60
}

/// The minutes from the first pull or start that was seen to the last.
fn minutes(evidence: &Evidence) -> Option<u64> {
    let asks = |what: What| {
        what.is_death()
            || matches!(
                what,
                What::PullAttempted | What::PullSucceeded | What::PullFailed
            )
    };
    let events = || evidence.events.iter().filter(|event| asks(event.what));
    let first = events().filter_map(|event| event.first).min()?;
    let last = events().filter_map(|event| event.last).max()?;
    Some(last.since(first).as_secs().div_ceil(60))
}

/// To two digits: an estimate says no more.
fn two_digits(number: u64) -> u64 {
    let mut unit = 1;
    while number / unit >= 100 {
        unit *= 10;
    }
    number / unit * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(bytes: u64, packing: Packing) -> ImageSize {
        ImageSize {
            bytes,
            packing,
            source: SizeSource::Node,
            lines: Lines::default(),
        }
    }

    #[test]
    fn what_is_said_of_the_image_goes_before_what_is_measured_and_that_before_what_is_said_of_all()
    {
        let image = "docker.io/me/app:1";
        let mut usage = Usage::default();
        let bytes = |usage: &Usage, size| choose(usage, image, size).0;
        assert_eq!(bytes(&usage, None), None);
        assert_eq!(bytes(&usage, Some(measured(3, Packing::Unpacked))), Some(3));
        usage.other_image_bytes = Some(2);
        assert_eq!(bytes(&usage, None), Some(2));
        assert_eq!(bytes(&usage, Some(measured(3, Packing::Unpacked))), Some(2));
        assert_eq!(
            bytes(&usage, Some(measured(3, Packing::Compressed))),
            Some(3)
        );
        usage.image_bytes.insert(image.to_owned(), 1);
        assert_eq!(
            bytes(&usage, Some(measured(3, Packing::Compressed))),
            Some(1)
        );
    }

    #[test]
    fn an_estimate_says_two_digits() {
        for (exact, told) in [(7, 7), (99, 99), (123, 120), (271_560, 270_000)] {
            assert_eq!(two_digits(exact), told);
        }
    }
}
