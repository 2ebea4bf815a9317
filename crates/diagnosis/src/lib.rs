#![doc = include_str!("../README.md")]

mod diagnose;
mod egress;
pub mod facts;

pub use diagnose::{
    Also, AtRestart, Before, Cause, ClassCount, Diagnosis, EndKind, Ending, Flag, FlagKind,
    MAX_FLAGS, MAX_PAST, MAX_QUOTES, MAX_SUSPECTS, Missing, Myth, Past, Platform, PullThrough,
    Quote, Requests, Scope, Step, StepKind, Suspect, TlsFault, Trigger, diagnose,
};
pub use egress::Egress;
