//! How long and how often things are measured.

use std::str::FromStr;
use std::time::Duration;

use crate::error::Error;

/// How a run is made.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// How often each thing is measured with each program.
    pub(crate) rounds: usize,
    /// How long one round of manifests takes.
    pub(crate) load: Duration,
    /// How many blobs of [`BLOB_BYTES`] each connection reads in one round.
    pub(crate) blobs_per_connection: usize,
    /// How long the slow readers read.
    pub(crate) slow: Duration,
    /// How long a storm lasts.
    pub(crate) storm: Duration,
    /// How many storms of each kind there are.
    pub(crate) storms: usize,
    /// How long a registry's life lasts.
    pub(crate) life: Duration,
    /// What it is drawn from, if not anew.
    pub(crate) seed: Option<u64>,
    /// How many blobs the seeded data directory holds.
    pub(crate) seeded_blobs: u32,
    /// A short run to try things out; its results are not kept.
    pub(crate) is_quick: bool,
    /// The one thing to measure, if not all; its results are not kept.
    pub(crate) only: Option<String>,
    /// The one story to tell instead of measuring.
    pub(crate) story: Option<Story>,
}

/// A story of `scenario/`, or a command of `tool/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Story {
    /// A fleet within the pull limit.
    Fleet,
    /// Clients that ask without end.
    Storm,
    /// What pushes, lists and collections cost.
    Registry,
    /// Clients that push, pull and delete all day.
    Life,
    /// Ten thousand files that name images.
    Rewrite,
    /// A gigabyte of log.
    Doctor,
}

/// The blob that is served warm and cold, in bytes.
pub(crate) const BLOB_BYTES: u64 = 100_000_000;

/// Connections of the load generator for manifests.
pub(crate) const MANIFEST_CONNECTIONS: usize = 8;

/// Connections that read warm blobs: docker pulls three layers at once, and there is more than one docker.
pub(crate) const BLOB_CONNECTIONS: usize = 4;

/// Readers that hang on to one blob.
pub(crate) const SLOW_READERS: usize = 1000;

/// What each of them takes, in bytes a second.
pub(crate) const SLOW_BYTES_PER_SECOND: usize = 20_000;

impl Settings {
    /// Reads the command line.
    pub(crate) fn from_arguments(arguments: impl Iterator<Item = String>) -> Result<Self, Error> {
        let mut settings = Self {
            rounds: 7,
            load: Duration::from_secs(4),
            blobs_per_connection: 10,
            slow: Duration::from_secs(20),
            storm: Duration::from_mins(1),
            storms: 2,
            life: Duration::from_mins(30),
            seed: None,
            seeded_blobs: 100_000,
            is_quick: false,
            only: None,
            story: None,
        };
        for argument in arguments {
            match argument.as_str() {
                "--quick" => {
                    settings = Self {
                        rounds: 3,
                        load: Duration::from_secs(1),
                        blobs_per_connection: 3,
                        slow: Duration::from_secs(5),
                        storm: Duration::from_secs(10),
                        storms: 1,
                        life: Duration::from_mins(1),
                        seeded_blobs: 10_000,
                        is_quick: true,
                        ..settings
                    }
                }
                "fleet" => settings.story = Some(Story::Fleet),
                "storm" => settings.story = Some(Story::Storm),
                "registry" => settings.story = Some(Story::Registry),
                "life" => settings.story = Some(Story::Life),
                "rewrite" => settings.story = Some(Story::Rewrite),
                "doctor" => settings.story = Some(Story::Doctor),
                _ if argument.starts_with("--only=") => {
                    settings.only = argument.strip_prefix("--only=").map(str::to_owned);
                }
                _ if argument.starts_with("--minutes=") => {
                    settings.life = Duration::from_mins(number(&argument)?);
                }
                _ if argument.starts_with("--rounds=") => {
                    settings.rounds = number(&argument)?;
                }
                _ if argument.starts_with("--seed=") => {
                    settings.seed = Some(number(&argument)?);
                }
                _ => return Err(Error::Usage(argument)),
            }
        }
        Ok(settings)
    }

    /// True if this is to be measured.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only == name)
    }

    /// True if the results are to be kept.
    pub(crate) fn is_whole(&self) -> bool {
        !self.is_quick && self.only.is_none()
    }
}

/// The number behind the equals sign.
fn number<N: FromStr>(argument: &str) -> Result<N, Error> {
    let value = argument.split_once('=').map(|(_, value)| value);
    let parsed = value.and_then(|value| value.parse().ok());
    parsed.ok_or_else(|| Error::Usage(argument.to_owned()))
}
