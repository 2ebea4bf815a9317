//! Reads evidence of any kind, line by line, finding out what it is.
//!
//! Nothing fails: what cannot be read is noted. Memory is bounded whatever comes.

mod aws;
pub(crate) mod ci;
mod cloud_formation;
mod docker_events;
mod docker_lists;
mod docker_tasks;
mod dockerd;
mod ecs;
mod hints;
mod image_sizes;
mod intake;
mod json_item;
mod known;
pub(crate) mod kube;
mod kube_describe;
mod kube_json;
mod kube_table;
mod kubelet;
mod pasted;
mod repeats;
mod text;
mod yaml_item;

pub use hints::sift;
pub use intake::{Intake, MAX_LINE_BYTES};
pub use text::HEARSAY;
