//! What a command may ask of a running server, over the Unix socket in its data directory.
//!
//! The socket's file mode (0600) is its access rule: whoever may open it may do what the data's owner may.

use std::future::Future;

use forebay_http_kit::{Body, RequestBody};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The socket's file name in the data directory.
pub const CONTROL_SOCKET: &str = "control.sock";

/// The longest request body, in bytes.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Acts on the running server.
pub trait Control: Send + Sync + 'static {
    /// Asks an image's upstream what its tag is now, and fetches it if it changed; a line for the person who asked.
    fn refresh(&self, image: &str) -> impl Future<Output = Result<String, ControlError>> + Send;

    /// Checks everything at rest; the report as JSON.
    fn fsck(
        &self,
        request: FsckRequest,
    ) -> impl Future<Output = Result<serde_json::Value, ControlError>> + Send;
}

/// What `POST /refresh` takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefreshRequest {
    /// The image as people write it.
    pub image: String,
}

/// What `POST /fsck` takes.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FsckRequest {
    /// True to mend what is found.
    pub mend: bool,
}

/// What went wrong, with its causes, for the person at the terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlError {
    /// What failed, then its causes.
    pub messages: Vec<String>,
}

impl ControlError {
    /// The error with all its causes.
    pub fn of(error: &dyn std::error::Error) -> Self {
        let mut messages = vec![error.to_string()];
        let mut cause = error.source();
        while let Some(error) = cause {
            messages.push(error.to_string());
            cause = error.source();
        }
        Self { messages }
    }
}

/// Answers one request on the control socket.
pub async fn handle_control(
    control: &impl Control,
    request: Request<RequestBody>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let answer = match (&head.method, head.uri.path()) {
        (&Method::POST, "/refresh") => match read::<RefreshRequest>(body).await {
            Ok(RefreshRequest { image }) => {
                control.refresh(&image).await.map(serde_json::Value::String)
            }
            Err(error) => return respond(StatusCode::BAD_REQUEST, &error),
        },
        (&Method::POST, "/fsck") => match read::<FsckRequest>(body).await {
            Ok(request) => control.fsck(request).await,
            Err(error) => return respond(StatusCode::BAD_REQUEST, &error),
        },
        _ => {
            return respond(
                StatusCode::NOT_FOUND,
                &refused("the running server knows no such act"),
            );
        }
    };
    match answer {
        Ok(value) => respond(StatusCode::OK, &value),
        Err(error) => respond(StatusCode::UNPROCESSABLE_ENTITY, &error),
    }
}

async fn read<T: DeserializeOwned>(body: RequestBody) -> Result<T, ControlError> {
    let bytes = body
        .read_capped(MAX_BODY_BYTES)
        .await
        .map_err(|error| ControlError::of(&error))?;
    serde_json::from_slice(&bytes).map_err(|error| ControlError::of(&error))
}

fn refused(message: &str) -> ControlError {
    ControlError {
        messages: vec![message.to_owned()],
    }
}

fn respond(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    let mut response = Response::new(Body::from(serde_json::to_vec(value).unwrap_or_default()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
