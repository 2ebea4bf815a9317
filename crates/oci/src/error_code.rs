//! The error codes and the error body of the distribution API.
//!
//! Source: OCI distribution-spec, "Error Codes"; `UNAVAILABLE` and `UNKNOWN` are the CNCF distribution registry's, for
//! what the spec has no code.

use serde::{Deserialize, Serialize};

/// A code that a client can act upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    /// code-1: blob unknown to the registry.
    BlobUnknown,
    /// code-2: an upload cannot go on as it was asked to.
    BlobUploadInvalid,
    /// code-3: no such upload is under way.
    BlobUploadUnknown,
    /// code-4: the digest does not match, or is none.
    DigestInvalid,
    /// code-5: a manifest refers to an unknown manifest or blob.
    ManifestBlobUnknown,
    /// code-6: a manifest is invalid.
    ManifestInvalid,
    /// code-7: manifest unknown to the registry.
    ManifestUnknown,
    /// code-8: invalid repository name.
    NameInvalid,
    /// code-9: repository name not known to the registry.
    NameUnknown,
    /// code-10: the length that is said is not that of what was sent.
    SizeInvalid,
    /// code-11: authentication required.
    Unauthorized,
    /// code-12: requested access denied.
    Denied,
    /// code-13: the operation is unsupported.
    Unsupported,
    /// code-14: too many requests.
    #[serde(rename = "TOOMANYREQUESTS")]
    TooManyRequests,
    /// What was asked for is out of reach now.
    Unavailable,
    /// Something that has no code of its own.
    Unknown,
}

/// `{"errors": [{"code", "message", "detail"}]}`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// At least one.
    pub errors: Vec<ErrorEntry>,
}

/// One error of an [`ErrorBody`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorEntry {
    /// What a program acts upon.
    pub code: ErrorCode,
    /// What a person reads.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Whatever else helps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<serde_json::Value>,
}

impl ErrorBody {
    /// A body of one error.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            errors: vec![ErrorEntry {
                code,
                message: message.into(),
                detail: None,
            }],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_written_as_the_spec_writes_them() {
        for (code, text) in [
            (ErrorCode::BlobUnknown, "BLOB_UNKNOWN"),
            (ErrorCode::ManifestBlobUnknown, "MANIFEST_BLOB_UNKNOWN"),
            (ErrorCode::TooManyRequests, "TOOMANYREQUESTS"),
            (ErrorCode::Denied, "DENIED"),
        ] {
            assert_eq!(serde_json::to_value(code).unwrap(), text);
        }
    }
}
