#![doc = include_str!("../README.md")]

mod as_asked;
mod blanks;
mod costs;
mod document;
mod explain;
mod report;
mod support;
mod ways;

pub use as_asked::{AsAsked, as_asked};
pub use blanks::Blank;
pub use costs::{Basis, Cost, Pulls, SizeFrom, SizedImage, Usage};
pub use document::{Block, Code, Document, Section};
pub use explain::{brief, explain, left_aside};
pub use forebay_diagnosis::{
    Also, AtRestart, Before, Cause, ClassCount, Diagnosis, Egress, EndKind, Ending, Flag, FlagKind,
    MAX_FLAGS, MAX_PAST, MAX_QUOTES, MAX_SUSPECTS, Missing, Myth, Past, Platform, PullThrough,
    Quote, Requests, Scope, Step, StepKind, Suspect, TlsFault, Trigger, diagnose,
};
pub use forebay_evidence::{
    AwsPlace, CiSystem, Class, Context, Event, Evidence, Format, HEARSAY, Identity, ImageSize,
    Intake, Lines, MAX_COARSE_EVENTS, Moment, Note, Owner, OwnerKind, Packing, Place, Setting,
    SettingKind, SizeSource, What, find_stamp, sift,
};
pub use report::report;
pub use support::support;
pub use ways::{Action, WayKind, WayOut, WaysOut, ways_out};
