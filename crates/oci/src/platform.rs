//! The platform that an index's entry is for.
//!
//! Source: OCI image-spec `image-index.md`, property `platform`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Operating system, architecture and variant of an image.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Platform {
    /// As in Go's `GOARCH`.
    #[serde(default)]
    pub architecture: String,
    /// As in Go's `GOOS`.
    #[serde(default)]
    pub os: String,
    /// Such as `v7` for 32-bit ARM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant
            .as_ref()
            .map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}
