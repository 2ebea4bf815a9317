//! The status and the code of what stands against a push.
//!
//! Source: OCI distribution-spec, "Endpoints" (their failure statuses), "Error Codes"; RFC 4918, section 11.5 for 507.

use std::sync::Arc;
use std::time::Duration;

use forebay_content::{BlobError, Missing};
use forebay_oci::ErrorCode;
use forebay_registry::{PushError, Refused};
use http::StatusCode;

use super::OciError;

/// When a client may try again for which the disk or another request stood in the way.
const TROUBLE_WAIT: Duration = Duration::from_secs(30);

/// The word of a change that was made, and not acknowledged.
const UNJOURNALED: &str = "unjournaled";

impl From<PushError> for OciError {
    fn from(error: PushError) -> Self {
        let (status, code, word) = class_of(&error);
        let retry_after = match &error {
            PushError::TooManyUploads { retry_after, .. } => Some(*retry_after),
            PushError::NotWritable
            | PushError::UploadBusy
            | PushError::Unjournaled(BlobError::ReadOnly) => Some(TROUBLE_WAIT),
            _ => None,
        };
        let message = error.to_string();
        let fault = match error {
            PushError::Internal(fault) => Some(fault),
            PushError::Unjournaled(
                error @ (BlobError::NotFound | BlobError::Corrupt(_) | BlobError::Io(_)),
            ) => Some(Arc::new(error) as _),
            _ => None,
        };
        Self {
            retry_after,
            word,
            fault,
            ..Self::new(status, code, message)
        }
    }
}

/// A failure in a word.
pub(crate) fn word_of_push(error: &PushError) -> &'static str {
    class_of(error).2
}

fn class_of(error: &PushError) -> (StatusCode, ErrorCode, &'static str) {
    match error {
        PushError::NoUpload => (
            StatusCode::NOT_FOUND,
            ErrorCode::BlobUploadUnknown,
            "not_found",
        ),
        PushError::UploadBusy => (StatusCode::CONFLICT, ErrorCode::BlobUploadInvalid, "busy"),
        PushError::TooManyUploads { .. } => (
            StatusCode::TOO_MANY_REQUESTS,
            ErrorCode::TooManyRequests,
            "busy",
        ),
        PushError::OutOfOrder { .. } => (
            StatusCode::RANGE_NOT_SATISFIABLE,
            ErrorCode::BlobUploadInvalid,
            "range",
        ),
        PushError::Length { .. } => (StatusCode::BAD_REQUEST, ErrorCode::SizeInvalid, "invalid"),
        PushError::TooLarge { .. } => (
            StatusCode::PAYLOAD_TOO_LARGE,
            ErrorCode::SizeInvalid,
            "invalid",
        ),
        PushError::Digest { .. } => (StatusCode::BAD_REQUEST, ErrorCode::DigestInvalid, "invalid"),
        PushError::Manifest(_) => (
            StatusCode::BAD_REQUEST,
            ErrorCode::ManifestInvalid,
            "invalid",
        ),
        PushError::MissingBlobs(_) => (
            StatusCode::NOT_FOUND,
            ErrorCode::ManifestBlobUnknown,
            "not_found",
        ),
        PushError::Refused(Refused::OverQuota { .. }) => {
            (StatusCode::FORBIDDEN, ErrorCode::Denied, "over_quota")
        }
        PushError::Refused(_) => (StatusCode::CONFLICT, ErrorCode::Denied, "denied"),
        PushError::NotFound(missing) => (StatusCode::NOT_FOUND, unknown(*missing), "not_found"),
        PushError::NoSpace => (
            StatusCode::INSUFFICIENT_STORAGE,
            ErrorCode::Unavailable,
            "no_space",
        ),
        PushError::NotWritable => (
            StatusCode::SERVICE_UNAVAILABLE,
            ErrorCode::Unavailable,
            "unavailable",
        ),
        PushError::Unjournaled(BlobError::NoSpace) => (
            StatusCode::INSUFFICIENT_STORAGE,
            ErrorCode::Unavailable,
            UNJOURNALED,
        ),
        PushError::Unjournaled(BlobError::ReadOnly) => (
            StatusCode::SERVICE_UNAVAILABLE,
            ErrorCode::Unavailable,
            UNJOURNALED,
        ),
        PushError::Unjournaled(_) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            ErrorCode::Unknown,
            UNJOURNALED,
        ),
        PushError::Internal(_) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            ErrorCode::Unknown,
            "internal",
        ),
    }
}

const fn unknown(missing: Missing) -> ErrorCode {
    match missing {
        Missing::Repository => ErrorCode::NameUnknown,
        Missing::Manifest => ErrorCode::ManifestUnknown,
        Missing::Blob => ErrorCode::BlobUnknown,
    }
}
