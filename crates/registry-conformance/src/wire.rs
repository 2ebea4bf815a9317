//! Sends requests: by an HTTP library, or byte by byte where a library would tidy them.

use std::convert::Infallible;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::stream;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Empty, Full, Limited, StreamBody};
use hyper::body::Frame;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::answer::Answer;
use crate::ask::{Ask, Payload};
use crate::verdict::{Stop, Verdict};

/// How long an answer may take: nothing here moves more than a few MiB.
const PATIENCE: Duration = Duration::from_mins(1);

/// The most that is read of an answer, in bytes: the largest thing that is pushed is far smaller.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// Sends a request on a connection of its own, and reads the answer.
pub(crate) async fn send(host: &str, ask: &Ask) -> Verdict<Answer> {
    let asked = ask.to_string();
    match timeout(PATIENCE, try_send(host, ask)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(Stop::failed(format!("{asked} is not answered: {error}"))),
        Err(_) => Err(Stop::failed(format!(
            "{asked} is not answered in {} s",
            PATIENCE.as_secs()
        ))),
    }
}

async fn try_send(
    host: &str,
    ask: &Ask,
) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(host).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut task = JoinSet::new();
    task.spawn(async move {
        // How it ended is seen by whoever reads the answer.
        let _ = connection.await;
    });
    let mut request = Request::builder()
        .method(ask.method.clone())
        .uri(&ask.target)
        .header("host", host);
    for (name, value) in &ask.headers {
        request = request.header(name, value);
    }
    let response = sender.send_request(request.body(body(&ask.body))?).await?;
    let (head, body) = response.into_parts();
    let body = Limited::new(body, MAX_BODY_BYTES).collect().await?;
    Ok(Answer {
        asked: ask.to_string(),
        method: ask.method.clone(),
        target: ask.target.clone(),
        status: head.status.as_u16(),
        headers: head.headers,
        body: body.to_bytes(),
    })
}

fn body(payload: &Payload) -> BoxBody<Bytes, Infallible> {
    match payload {
        Payload::Nothing => Empty::new().boxed(),
        Payload::Sized(bytes) => Full::new(bytes.clone()).boxed(),
        Payload::Streamed(pieces) => {
            let frames: Vec<_> = pieces.iter().cloned().map(Frame::data).map(Ok).collect();
            StreamBody::new(stream::iter(frames)).boxed()
        }
    }
}

/// Writes these bytes on a connection, and returns all that comes back until the registry closes it.
pub(crate) async fn raw(host: &str, bytes: &[u8]) -> Verdict<Vec<u8>> {
    let talk = async {
        let mut stream = TcpStream::connect(host).await?;
        stream.write_all(bytes).await?;
        let mut answer = Vec::new();
        let limit = MAX_BODY_BYTES as u64;
        stream.take(limit).read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    match timeout(PATIENCE, talk).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(Stop::failed(format!("the connection broke: {error}"))),
        Err(_) => Err(Stop::failed(format!(
            "the connection is not closed in {} s",
            PATIENCE.as_secs()
        ))),
    }
}

/// Takes one answer off the front of what came on a connection; `None` if none begins there.
///
/// `has_body` is false for the answer to a HEAD, which announces a length that does not come.
pub(crate) fn take_answer(bytes: &mut BytesMut, asked: &Ask, has_body: bool) -> Option<Answer> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes.split_to(end + 4)).into_owned();
    let mut lines = head.lines();
    let status: u16 = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        headers.append(name, HeaderValue::from_str(value.trim()).ok()?);
    }
    let is_empty = !has_body || status < 200 || status == 204 || status == 304;
    let body = if is_empty {
        Bytes::new()
    } else if headers.contains_key("transfer-encoding") {
        take_chunks(bytes)?
    } else {
        let length = headers.get("content-length").map(HeaderValue::to_str);
        let length = match length {
            Some(length) => length.ok()?.parse().ok()?,
            None => bytes.len(),
        };
        bytes.split_to(length.min(bytes.len())).freeze()
    };
    Some(Answer {
        asked: asked.to_string(),
        method: asked.method.clone(),
        target: asked.target.clone(),
        status,
        headers,
        body,
    })
}

/// Takes a body of chunks off the front.
fn take_chunks(bytes: &mut BytesMut) -> Option<Bytes> {
    let mut body = BytesMut::new();
    loop {
        let end = bytes.windows(2).position(|two| two == b"\r\n")?;
        let line = String::from_utf8_lossy(&bytes.split_to(end + 2)).into_owned();
        let size = usize::from_str_radix(line.trim().split(';').next()?, 16).ok()?;
        if bytes.len() < size + 2 {
            return None;
        }
        body.extend_from_slice(&bytes.split_to(size));
        let _ = bytes.split_to(2);
        if size == 0 {
            return Some(body.freeze());
        }
    }
}

/// Writes these bytes on a connection, and closes it without waiting for anything.
pub(crate) async fn cut(host: &str, bytes: &[u8]) -> Verdict {
    let talk = async {
        let mut stream = TcpStream::connect(host).await?;
        stream.write_all(bytes).await?;
        // Both ways, and waited for: the registry has then seen the end.
        stream.shutdown().await?;
        let mut answer = Vec::new();
        let limit = MAX_BODY_BYTES as u64;
        let _ = stream.take(limit).read_to_end(&mut answer).await;
        Ok::<_, std::io::Error>(())
    };
    match timeout(PATIENCE, talk).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Stop::failed(format!("the connection broke: {error}"))),
        Err(_) => Err(Stop::failed("a cut connection is not closed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_taken_off_a_connection_one_by_one() {
        let mut came = BytesMut::from(
            &b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n\
               HTTP/1.1 404 Not Found\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n\
               HTTP/1.1 204 No Content\r\n\r\n\
               HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"[..],
        );
        let ask = Ask::get("/v2/");
        let head = take_answer(&mut came, &ask, false).unwrap();
        assert_eq!((head.status, head.body.len()), (200, 0));
        let chunked = take_answer(&mut came, &ask, true).unwrap();
        assert_eq!((chunked.status, &chunked.body[..]), (404, &b"abcd"[..]));
        assert_eq!(take_answer(&mut came, &ask, true).unwrap().status, 204);
        assert_eq!(&take_answer(&mut came, &ask, true).unwrap().body[..], b"ok");
        assert!(came.is_empty());
        assert!(take_answer(&mut came, &ask, true).is_none());
    }

    #[test]
    fn a_chunked_body_that_is_cut_is_no_answer() {
        let mut came =
            BytesMut::from(&b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\nabc"[..]);
        assert!(take_answer(&mut came, &Ask::get("/"), true).is_none());
    }
}
