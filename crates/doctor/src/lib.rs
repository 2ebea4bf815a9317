#![doc = include_str!("../README.md")]

mod context;
mod diagnose;
mod event;
mod evidence;
mod failure;
mod moment;
mod read;

pub use context::{Context, Egress};
pub use diagnose::{
    Before, Cause, ClassCount, Diagnosis, EndKind, Ending, Flag, FlagKind, MAX_FLAGS, MAX_QUOTES,
    MAX_SUSPECTS, Missing, Myth, Platform, Quote, Requests, Scope, Step, StepKind, Suspect,
    Trigger, diagnose,
};
pub use event::{Event, Failure, Format, Lines, MAX_MESSAGE_BYTES, Owner, OwnerKind, Place, What};
pub use evidence::{
    Evidence, MAX_COARSE_EVENTS, MAX_EVENTS, MAX_NOTES, MAX_SETTINGS, Note, Setting, SettingKind,
};
pub use forebay_failures::{Class, Identity};
pub use moment::Moment;
pub use read::{Intake, MAX_LINE_BYTES};
