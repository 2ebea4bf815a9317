//! What was found out of images and budgets before a forecast: plain values, as they go over the control socket.

use forebay_limits::PullCost;
use serde::{Deserialize, Serialize};

use crate::Interval;

/// What is asked of who can find it out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SurveyRequest {
    /// Fully named images.
    pub images: Vec<String>,
    /// Whether registries may be asked, by HEADs that cost no pull.
    pub ask: bool,
}

/// What was found out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Survey {
    /// Of each image, in the order of the request.
    pub facts: Vec<Fact>,
    /// Of each registry that is an upstream.
    pub budgets: Vec<Budget>,
    /// What Docker Hub made of the login that is configured for it.
    #[serde(default)]
    pub hub_login: Login,
}

/// What a registry makes of the login that is configured for it. Of several answers the greatest goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Login {
    /// Nobody asked, or there was no answer to tell by.
    #[default]
    Unknown,
    /// It asks for other credentials for what everybody may see.
    Refused,
    /// It answered who logged in so.
    Taken,
}

/// What was found out of one image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// Whether its registry has it.
    pub presence: Presence,
    /// Why that is not known, or what the registry said; one clause.
    pub why: Option<String>,
    /// Its digest, if it is known.
    pub digest: Option<String>,
    /// Whether it is for several platforms.
    pub form: Form,
    /// How much of it Forebay keeps.
    pub kept: Kept,
    /// Whether its registry counts its pulls; `None` if that is not known of this image alone.
    pub is_metered: Option<bool>,
    /// Of an index, how many of its manifests are kept.
    pub kept_manifests: u64,
    /// The platforms that it is for, as far as a kept index tells; empty if it does not.
    pub platforms: Vec<String>,
}

/// Whether a registry has an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// It does.
    There,
    /// It does not.
    Missing,
    /// It answers that credentials are needed, which Docker Hub also says of what does not exist.
    Refused,
    /// Nobody was asked.
    NotAsked,
    /// It could not be asked.
    Unknown,
}

/// What kind of manifest an image is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// One for several platforms.
    Index,
    /// One platform's.
    Single,
    /// Not known.
    #[default]
    Unknown,
}

/// How much of an image's manifests is kept; layers cost no pulls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kept {
    /// Nothing.
    #[default]
    Nothing,
    /// The index; how many of its manifests, is told beside it.
    Index,
    /// The manifest of an image for one platform.
    All,
}

/// What is left at a registry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// The registry.
    pub registry: String,
    /// Whether it counts pulls.
    pub metering: Metering,
    /// Whom it charges: an address or an account, in words without a secret.
    pub payer: Option<String>,
    /// It charges an account, which all who log in with it share, wherever they are.
    #[serde(default)]
    pub is_of_account: bool,
    /// We hold credentials, but it charges an address.
    pub credentials_not_applied: bool,
    /// What the window allows.
    pub limit: Option<u64>,
    /// What is left; `None` if it is not metered, or not known.
    pub remaining: Option<u64>,
    /// How old that is, in seconds.
    pub age_seconds: Option<u64>,
    /// Pulls charged an hour now, without this deploy.
    pub per_hour: Option<f64>,
    /// In what time the next pull is possible, if nothing is left, in seconds.
    pub opens_in_seconds: Option<u64>,
    /// In what time all of the limit is back if nothing more is spent, in seconds.
    pub is_full_in_seconds: Option<u64>,
    /// What one platform of a multi-platform image costs there, in pulls.
    pub pull_cost: Interval,
}

/// Whether a registry counts pulls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metering {
    /// It says what is left.
    Metered,
    /// It answers without a word on limits.
    Unmetered,
    /// It has not answered yet.
    Unknown,
}

impl Fact {
    /// Of an image of which nobody was asked.
    pub fn not_asked(why: Option<String>) -> Self {
        Self {
            presence: Presence::NotAsked,
            why,
            digest: None,
            form: Form::Unknown,
            kept: Kept::Nothing,
            is_metered: None,
            kept_manifests: 0,
            platforms: Vec::new(),
        }
    }
}

impl Budget {
    /// Of a registry of which nothing is known.
    pub fn unknown(registry: &str) -> Self {
        Self {
            registry: registry.to_owned(),
            metering: Metering::Unknown,
            payer: None,
            is_of_account: false,
            credentials_not_applied: false,
            limit: None,
            remaining: None,
            age_seconds: None,
            per_hour: None,
            opens_in_seconds: None,
            is_full_in_seconds: None,
            pull_cost: PullCost::default().pulls().into(),
        }
    }
}
