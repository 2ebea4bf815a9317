//! Asks the running server, over the socket in its data directory.

use std::io;
use std::path::Path;

use bytes::Bytes;
use forebay_api_admin::{CONTROL_SOCKET, ControlError};
use forebay_terminal::Failure;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

/// The longest answer, in bytes.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// Has the server that runs on `data` do `act`; `None` if none runs there.
///
/// # Errors
/// The server refused, or could not be understood.
pub async fn ask_running<T: DeserializeOwned>(
    data: &Path,
    act: &str,
    what: &impl Serialize,
) -> Result<Option<T>, Failure> {
    let socket = data.join(CONTROL_SOCKET);
    let stream = match UnixStream::connect(&socket).await {
        Ok(stream) => stream,
        // A socket that nobody listens on was left by a server that was killed.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(None);
        }
        Err(error) => {
            return Err(unreachable(&socket, error));
        }
    };
    let failed = |error: BoxError| Failure::failed("the running server could not be asked", error);
    let (status, body) = exchange(stream, act, what).await.map_err(failed)?;
    if status == StatusCode::OK {
        return serde_json::from_slice(&body)
            .map(Some)
            .map_err(|error| Failure::failed("the running server's answer makes no sense", error));
    }
    let ControlError { messages } =
        serde_json::from_slice(&body).map_err(|error| failed(error.into()))?;
    let mut messages = messages.into_iter();
    let what = messages.next().unwrap_or_default();
    let causes = messages.collect::<Vec<_>>().join(": ");
    Err(if causes.is_empty() {
        Failure::plain(what)
    } else {
        Failure::failed(what, causes)
    })
}

fn unreachable(socket: &Path, error: io::Error) -> Failure {
    let is_denied = error.kind() == io::ErrorKind::PermissionDenied;
    let what = format!("cannot speak to the server at {}", socket.display());
    let failure = Failure::failed(what, error);
    if is_denied {
        return failure.with_hint("run it as the server's user");
    }
    failure
}

/// Whether a server runs on `data`.
pub(crate) async fn is_running(data: &Path) -> bool {
    UnixStream::connect(data.join(CONTROL_SOCKET)).await.is_ok()
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

async fn exchange(
    stream: UnixStream,
    act: &str,
    what: &impl Serialize,
) -> Result<(StatusCode, Bytes), BoxError> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let body = Full::new(Bytes::from(serde_json::to_vec(what)?));
    let request = Request::post(act)
        .header(http::header::HOST, "forebay")
        .body(body)?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES)
            .collect()
            .await?;
        Ok((status, body.to_bytes()))
    };
    let mut connection = std::pin::pin!(connection);
    let mut exchange = std::pin::pin!(exchange);
    tokio::select! {
        answer = &mut exchange => answer,
        ended = &mut connection => {
            ended?;
            exchange.await
        }
    }
}
