//! HTTP by hand: what is sent is what the test wrote, and what came back is told with whether it was whole.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The longest that one exchange may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// The most that is read of an answer, in bytes.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// What came back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    /// The status; 0 if there was no answer.
    pub(crate) status: u16,
    /// The status line and the headers, as they came.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// Whether the body came to the end that was announced.
    pub(crate) whole: bool,
    /// What came behind it.
    pub(crate) rest: Vec<u8>,
}

impl Answer {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Reads the first answer in `bytes`; to a HEAD it has no body.
    pub(crate) fn parse(bytes: &[u8], is_head: bool) -> Self {
        let Some(end) = find(bytes, b"\r\n\r\n") else {
            return Self::default();
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let mut answer = Self {
            status: status.unwrap_or(0),
            head,
            ..Self::default()
        };
        let rest = &bytes[end + 4..];
        if is_head {
            (answer.whole, answer.rest) = (true, rest.to_vec());
        } else if let Some(length) = answer.header("content-length").map(str::to_owned) {
            let length: usize = length.parse().unwrap();
            answer.whole = rest.len() >= length;
            let (body, behind) = rest.split_at(length.min(rest.len()));
            (answer.body, answer.rest) = (body.to_vec(), behind.to_vec());
        } else if answer.header("transfer-encoding").is_some() {
            answer.dechunk(rest);
        } else {
            answer.rest = rest.to_vec();
        }
        answer
    }

    fn dechunk(&mut self, mut rest: &[u8]) {
        while let Some(end) = find(rest, b"\r\n") {
            let size = std::str::from_utf8(&rest[..end]).unwrap();
            let size = usize::from_str_radix(size, 16).unwrap();
            rest = &rest[end + 2..];
            if size == 0 {
                (self.whole, self.rest) = (rest.starts_with(b"\r\n"), rest[2..].to_vec());
                return;
            }
            self.body.extend(&rest[..size.min(rest.len())]);
            let Some(behind) = rest.get(size + 2..) else {
                return;
            };
            rest = behind;
        }
    }
}

/// GETs a path; an answer that never came has status 0.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Answer {
    ask(address, "GET", path, "").await
}

/// Asks once on a connection of its own; `headers` are whole lines.
pub(crate) async fn ask(address: SocketAddr, method: &str, path: &str, headers: &str) -> Answer {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n"
    );
    let bytes = exchange(address, request.as_bytes()).await;
    Answer::parse(&bytes, method == "HEAD")
}

/// Sends exactly these bytes and reads until the connection ends.
pub(crate) async fn exchange(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    talk(address, request, false).await
}

/// As [`exchange`], and closes its own side of the connection once it has sent them.
pub(crate) async fn exchange_half_closed(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    talk(address, request, true).await
}

async fn talk(address: SocketAddr, request: &[u8], closes: bool) -> Vec<u8> {
    let talk = async {
        let mut answer = Vec::new();
        let Ok(mut stream) = TcpStream::connect(address).await else {
            return answer;
        };
        // Whoever answers early may close while the request is still on its way.
        let _ = stream.write_all(request).await;
        if closes {
            let _ = stream.shutdown().await;
        }
        let _ = stream
            .take(MAX_ANSWER_BYTES as u64)
            .read_to_end(&mut answer)
            .await;
        answer
    };
    let answer = timeout(PATIENCE, talk).await;
    answer.expect("an answer in time, or the connection's end")
}

/// Where `needle` begins in `haystack`.
pub(crate) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}
