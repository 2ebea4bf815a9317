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
            | PushError::Busy
            | PushError::Disk(_)
            | PushError::UploadBusy
            | PushError::Unjournaled(BlobError::ReadOnly | BlobError::Io(_)) => Some(TROUBLE_WAIT),
            _ => None,
        };
        let message = error.to_string();
        let fault = match error {
            PushError::Internal(fault) => Some(fault),
            PushError::Disk(error)
            | PushError::Unjournaled(
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
        PushError::Manifest(_) | PushError::TooManyChildren(_) => (
            StatusCode::BAD_REQUEST,
            ErrorCode::ManifestInvalid,
            "invalid",
        ),
        PushError::MissingBlobs(_) => (
            StatusCode::NOT_FOUND,
            ErrorCode::ManifestBlobUnknown,
            "not_found",
        ),
        PushError::Refused(Refused::OverQuota { .. } | Refused::TooManyTags { .. }) => {
            (StatusCode::FORBIDDEN, ErrorCode::Denied, "over_quota")
        }
        PushError::Refused(_) => (StatusCode::CONFLICT, ErrorCode::Denied, "denied"),
        PushError::NotFound(missing) => (StatusCode::NOT_FOUND, unknown(*missing), "not_found"),
        PushError::NoSpace => (
            StatusCode::INSUFFICIENT_STORAGE,
            ErrorCode::Unavailable,
            "no_space",
        ),
        PushError::Busy => (
            StatusCode::SERVICE_UNAVAILABLE,
            ErrorCode::Unavailable,
            "busy",
        ),
        PushError::NotWritable | PushError::Disk(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            ErrorCode::Unavailable,
            "unavailable",
        ),
        PushError::Unjournaled(BlobError::NoSpace) => (
            StatusCode::INSUFFICIENT_STORAGE,
            ErrorCode::Unavailable,
            UNJOURNALED,
        ),
        PushError::Unjournaled(BlobError::ReadOnly | BlobError::Io(_)) => (
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

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn whatever_the_disk_does_is_told_as_its_trouble() {
        let broken = || BlobError::Io(Arc::new(io::Error::other("EIO")));
        for (error, status, word) in [
            (PushError::from(BlobError::NoSpace), 507, "no_space"),
            (PushError::from(BlobError::ReadOnly), 503, "unavailable"),
            (PushError::from(broken()), 503, "unavailable"),
            (PushError::Unjournaled(BlobError::NoSpace), 507, UNJOURNALED),
            (
                PushError::Unjournaled(BlobError::ReadOnly),
                503,
                UNJOURNALED,
            ),
            (PushError::Unjournaled(broken()), 503, UNJOURNALED),
        ] {
            let told = OciError::from(error);
            let found = (told.status.as_u16(), told.code, told.word);
            assert_eq!(found, (status, ErrorCode::Unavailable, word));
            assert_eq!(told.retry_after.is_some(), status == 503, "{word}");
        }
    }

    #[test]
    fn the_log_hears_why_a_disk_fails_and_the_client_does_not() {
        let told = OciError::from(PushError::from(BlobError::Io(Arc::new(io::Error::other(
            "sector 7",
        )))));
        assert!(!told.message.contains("sector 7"), "{}", told.message);
        let fault = told.fault.expect("a fault");
        let cause = std::error::Error::source(fault.as_ref()).map(ToString::to_string);
        assert!(
            cause.is_some_and(|cause| cause.contains("sector 7")),
            "{fault}"
        );
    }
}
