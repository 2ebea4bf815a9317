#![doc = include_str!("../README.md")]

mod find;
pub mod rules;

pub use find::find;
pub use forebay_references::{
    Ambiguous, Crd, Edit, Encoding, Format, Found, Joint, Lines, Lookup, MAX_FILE_BYTES, Note,
    Owner, Part, Piece, Place, PullPolicy, Reading, Refusal, Restart, Role, Setter, Settings,
    TOOLS, Why, Writing, apply, beside_compose, beside_workflow, compose_overrides, is_understood,
    name_of, splice,
};
pub use forebay_source_code::{PULUMI_FOLDERS, beside_source, find_as, is_pulumi_config};
