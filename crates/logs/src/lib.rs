#![doc = include_str!("../README.md")]

mod byte_lists;
mod context;
mod fields;
mod json_items;
mod log_line;
mod member;
mod moment;
mod origin;
mod record;
mod table;
mod times;
mod yaml_items;

pub use byte_lists::ByteLists;
pub use context::{CLOCK_SKEW, Context};
pub use fields::{Fields, quoted_after, take_quoted, word_after};
pub use json_items::{Found, Item, JsonItems, MAX_ITEM_BYTES};
pub use log_line::{LogLine, find_stamp};
pub use member::member;
pub use moment::Moment;
pub use origin::find_klog;
pub use record::lines_of_record;
pub use table::{Columns, split_cells};
pub use times::{
    Seen, parse_age, parse_ago, parse_iso, parse_json, parse_klog, parse_mail, parse_seen,
    parse_unix_in,
};
pub use yaml_items::YamlItems;
