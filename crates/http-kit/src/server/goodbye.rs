//! Answers a connection that is not served, and closes it so that the answer arrives.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// How long a connection that is not served may take to say what it wants before it is answered.
const HEAR_OUT: Duration = Duration::from_millis(50);
/// How long a connection that was answered so has to read it and hang up.
pub(super) const LINGER: Duration = Duration::from_secs(1);
/// The two together where the accept loop itself tells it: those behind wait for it.
const AT_ONCE: Duration = Duration::from_millis(2);

/// Sends `answer` and waits for the client to hang up: closing while its request lies unread would reset the connection,
/// and the answer with it.
///
/// The request is heard first, for a moment: clients take an answer that comes before they have asked for nonsense.
pub(super) async fn say_goodbye<S>(mut socket: S, answer: &str)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut ignored = [0; 512];
    let heard = timeout(HEAR_OUT, socket.read(&mut ignored)).await;
    if socket.write_all(answer.as_bytes()).await.is_err() || socket.shutdown().await.is_err() {
        return;
    }
    // Of one that has said nothing nothing lies unread: it must not hold the place of one that has.
    if heard.is_err() {
        return;
    }
    while matches!(socket.read(&mut ignored).await, Ok(1..)) {}
}

/// The same where there is no time: what has come by now is heard, and nobody is waited for.
pub(super) async fn say_at_once<S>(mut socket: S, answer: &str)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut ignored = [0; 4096];
    let _ = timeout(AT_ONCE, socket.read(&mut ignored)).await;
    let _ = socket.write_all(answer.as_bytes()).await;
    let _ = socket.shutdown().await;
}
