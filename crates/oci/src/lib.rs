#![doc = include_str!("../README.md")]

mod act;
mod digest;
mod ecr;
mod endpoint;
mod error_code;
mod image;
mod manifest;
mod media_type;
mod name;
mod pattern;
mod platform;
mod pushed;
mod reference;
mod route;
mod tag;
mod upload_id;
mod verb;
mod whole_json;

pub use act::{Act, Acts, InvalidAct};
pub use digest::{Algorithm, Digest, Hasher, InvalidDigest};
pub use ecr::{EcrHost, aws_partition, aws_suffix, ecr_domains, is_aws_account, is_aws_region};
pub use endpoint::{Endpoint, EndpointError, Page, Query, UploadStart};
pub use error_code::{ErrorBody, ErrorCode, ErrorEntry};
pub use image::{DOCKER_HUB, DOCKER_HUB_ALIASES, ImageName, InvalidImageName, is_docker_hub};
pub use manifest::{Descriptor, InvalidManifest, MAX_MANIFEST_BYTES, Manifest};
pub use media_type::MediaType;
pub use name::{InvalidName, RepositoryName};
pub use pattern::{InvalidPattern, LOCAL_UPSTREAM, RepositoryPattern, TargetPattern};
pub use platform::Platform;
pub use pushed::{InvalidPush, Presence, PushedChild, PushedManifest};
pub use reference::Reference;
pub use route::{Addressing, Route, RouteError, RouteTable, Target, UpstreamName, route};
pub use tag::{InvalidTag, Tag};
pub use upload_id::{InvalidUploadId, UploadId};
pub use verb::{Leave, Verb};
