#![doc = include_str!("../README.md")]

mod called_off;
mod event;
mod failure;
mod gathered;
mod got_over;
mod past;
mod plausible;
mod read;
mod sizes;

pub use event::{
    CiSystem, Event, Failure, Format, Lines, MAX_COUNT, MAX_MESSAGE_BYTES, Owner, OwnerKind, Place,
    Since, What,
};
pub use forebay_failures::{Class, Identity};
pub use forebay_logs::{Context, Moment, find_stamp};
pub use gathered::{
    AwsPlace, Evidence, MAX_COARSE_EVENTS, MAX_EVENTS, MAX_NOTES, MAX_SETTINGS, Note, Setting,
    SettingKind,
};
pub use read::{HEARSAY, Intake, MAX_LINE_BYTES, sift};
pub use sizes::{ImageSize, MAX_SIZES, Packing, SizeSource, Sizes};
