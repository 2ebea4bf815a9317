//! What takes the place of which image: rules from a file or a preset, and the plan that they make for a file.
//!
//! Start reading at `rule.rs`, then `plan.rs`. Nothing here reads files or asks registries: digests come from a function
//! that is given.

mod checked;
mod copies;
mod cortex;
mod diff;
mod error;
mod file;
mod goal;
mod image;
mod open_tag;
mod pattern;
mod plan;
mod planner;
mod prefix;
mod preset;
mod quote;
mod readers;
mod record;
mod rule;
mod settle;
mod template;
mod trust;
mod version;

pub use checked::{Reread, RereadAll, plan_checked, plan_together};
pub use copies::{Copies, ImageCopy, copies};
pub use diff::unified_diff;
pub use error::{RulesError, Unfit};
pub use goal::Goal;
pub use image::Image;
pub use pattern::Pattern;
pub use plan::{Change, NamedLookup, Pin, Plan, Unsure, collisions, plan};
pub use preset::PRESETS;
pub use quote::quoted_name;
pub use record::{FileRecord, RECORD_HEAD, Record, RecordError, Replaced, Run};
pub use rule::{Action, MAX_RULES, Rule, Rules};
pub use template::{InvalidTemplate, Lacking, Template};
pub use version::{InvalidRange, Version, VersionRange};
