//! The client: HTTP/1.1 by hand, so that it costs next to nothing beside the servers.

use std::fmt::{self, Write as _};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use forebay_oci::{Algorithm, Digest, Hasher};
use rustix::net::{RecvFlags, recv};

use crate::error::Error;

/// The longest head of an answer, in bytes.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// The longest silence of a server: longer is a failure, not a figure.
const PATIENCE: Duration = Duration::from_secs(30);

/// How much is taken from a socket at once, in bytes.
const PIECE_BYTES: usize = 256 * 1024;

/// How often a redirect is followed.
const MAX_REDIRECTS: usize = 3;

/// What the manifests are; docker-registry gives them only to those who ask for their type.
pub(crate) const ACCEPT: &str = "application/vnd.oci.image.manifest.v1+json";

/// An address and a path there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) address: SocketAddr,
    pub(crate) path: String,
}

/// A connection that is kept.
pub(crate) struct Connection {
    stream: TcpStream,
}

/// What a request carries, in pieces that are sent one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Content<'a> {
    Nothing,
    /// With its length said before.
    Sized(&'a [&'a [u8]]),
    /// Each piece a chunk (RFC 9112, section 7.1), its length not said before.
    Streamed(&'a [&'a [u8]]),
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

struct Head {
    status: u16,
    length: u64,
    is_chunked: bool,
    location: Option<String>,
    fields: Vec<(String, String)>,
    /// Of the body, what came with the head.
    begun: Vec<u8>,
}

impl Url {
    pub(crate) fn new(address: SocketAddr, path: impl Into<String>) -> Self {
        let path = path.into();
        Self { address, path }
    }

    /// What is wrong with its answer.
    pub(crate) fn wrong(&self, what: impl Into<String>) -> Error {
        Error::Answer {
            url: self.to_string(),
            what: what.into(),
        }
    }

    /// Where a redirect to `location` leads.
    pub(crate) fn redirected(&self, location: &str) -> Result<Self, Error> {
        let parsed = location
            .strip_prefix("http://")
            .and_then(|rest| rest.split_once('/'))
            .and_then(|(host, path)| Some(Self::new(host.parse().ok()?, format!("/{path}"))));
        parsed.ok_or_else(|| self.wrong(format!("a redirect to {location}")))
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.address, self.path)
    }
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Result<Self, Error> {
        let cannot = || Error::io(format!("cannot connect to {address}"));
        let stream = TcpStream::connect(address).map_err(cannot())?;
        stream.set_nodelay(true).map_err(cannot())?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(cannot())?;
        Ok(Self { stream })
    }

    /// Sends a GET and leaves the answer to be read.
    pub(crate) fn ask(&mut self, url: &Url) -> Result<(), Error> {
        let Url { address, path } = url;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: bench\r\nAccept: {ACCEPT}\r\n\r\n"
        );
        self.stream
            .write_all(request.as_bytes())
            .map_err(Error::io(format!("cannot ask for {url}")))
    }

    /// Asks with these header fields and reads the whole answer, whatever its status; the connection stays open unless the server
    /// closes it.
    pub(crate) fn exchange(
        &mut self,
        method: &str,
        url: &Url,
        fields: &[(&str, &str)],
    ) -> Result<Answer, Error> {
        self.send(method, url, (fields, Content::Nothing))
    }

    /// The same with content.
    pub(crate) fn send(
        &mut self,
        method: &str,
        url: &Url,
        (fields, content): (&[(&str, &str)], Content<'_>),
    ) -> Result<Answer, Error> {
        let Url { address, path } = url;
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n");
        for (name, value) in fields {
            let _ = write!(request, "{name}: {value}\r\n");
        }
        request.push_str(&content.framing(method));
        request.push_str("\r\n");
        self.write(request.as_bytes(), content)
            .map_err(Error::io(format!("cannot ask for {url}")))?;
        let mut head = self.head(url)?;
        if method == "HEAD" {
            (head.length, head.is_chunked) = (0, false);
        }
        let mut body = Vec::new();
        if head.is_chunked {
            body = self.chunks(url, std::mem::take(&mut head.begun))?;
        } else {
            self.body(url, &head, |bytes| body.extend_from_slice(bytes))?;
        }
        Ok(Answer {
            status: head.status,
            fields: head.fields,
            body,
        })
    }

    fn write(&mut self, head: &[u8], content: Content<'_>) -> io::Result<()> {
        self.stream.write_all(head)?;
        match content {
            Content::Nothing => Ok(()),
            Content::Sized(pieces) => {
                for piece in pieces {
                    self.stream.write_all(piece)?;
                }
                Ok(())
            }
            Content::Streamed(pieces) => {
                for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
                    let size = format!("{:x}\r\n", piece.len());
                    self.stream.write_all(size.as_bytes())?;
                    self.stream.write_all(piece)?;
                    self.stream.write_all(b"\r\n")?;
                }
                self.stream.write_all(b"0\r\n\r\n")
            }
        }
    }

    /// A body in chunks, of which this came with the head.
    fn chunks(&mut self, url: &Url, mut bytes: Vec<u8>) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        let mut at = 0;
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            if let Some((chunk, next)) = find_chunk(&bytes, at) {
                if chunk.is_empty() {
                    return Ok(body);
                }
                body.extend_from_slice(chunk);
                at = next;
                continue;
            }
            let cannot = Error::io(format!("cannot read {url}"));
            let count = self.stream.read(&mut piece).map_err(cannot)?;
            if count == 0 {
                return Err(url.wrong("the body was cut"));
            }
            bytes.extend_from_slice(&piece[..count]);
        }
    }

    /// The socket, for a reader with habits of its own.
    pub(crate) fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// Asks for `url` and lets the kernel throw the body away, as a client on another machine would cost this one nothing.
    pub(crate) fn drain(&mut self, url: &Url) -> Result<u64, Error> {
        self.ask(url)?;
        let head = self.head(url)?.checked(url)?;
        let mut left = head.length - head.begun.len() as u64;
        let mut piece = vec![0; PIECE_BYTES];
        while left > 0 {
            let want = usize::try_from(left)
                .unwrap_or(PIECE_BYTES)
                .min(PIECE_BYTES);
            let (_, count) = recv(&self.stream, &mut piece[..want], RecvFlags::TRUNC)
                .map_err(|error| Error::io(format!("cannot read {url}"))(error.into()))?;
            if count == 0 {
                return Err(url.wrong("the body was cut"));
            }
            left -= count as u64;
        }
        Ok(head.length)
    }

    fn head(&mut self, url: &Url) -> Result<Head, Error> {
        let mut bytes = Vec::new();
        let mut piece = [0; 4096];
        loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                let begun = bytes.split_off(end + 4);
                return read_head(&String::from_utf8_lossy(&bytes), begun)
                    .ok_or_else(|| url.wrong("no head of an answer"));
            }
            let count = self
                .stream
                .read(&mut piece)
                .map_err(Error::io(format!("cannot read {url}")))?;
            if count == 0 || bytes.len() > MAX_HEAD_BYTES {
                return Err(url.wrong("no head of an answer"));
            }
            bytes.extend_from_slice(&piece[..count]);
        }
    }

    fn body(&mut self, url: &Url, head: &Head, mut each: impl FnMut(&[u8])) -> Result<(), Error> {
        each(&head.begun);
        let mut left = head.length - head.begun.len() as u64;
        let mut piece = vec![0; PIECE_BYTES];
        while left > 0 {
            let want = usize::try_from(left)
                .unwrap_or(PIECE_BYTES)
                .min(PIECE_BYTES);
            let count = self
                .stream
                .read(&mut piece[..want])
                .map_err(Error::io(format!("cannot read {url}")))?;
            if count == 0 {
                return Err(url.wrong("the body was cut"));
            }
            each(&piece[..count]);
            left -= count as u64;
        }
        Ok(())
    }
}

impl Content<'_> {
    /// What the head says of it.
    fn framing(self, method: &str) -> String {
        match self {
            Self::Nothing if matches!(method, "GET" | "HEAD") => String::new(),
            Self::Nothing => "Content-Length: 0\r\n".to_owned(),
            Self::Sized(pieces) => {
                let bytes: usize = pieces.iter().map(|piece| piece.len()).sum();
                format!("Content-Length: {bytes}\r\n")
            }
            Self::Streamed(_) => "Transfer-Encoding: chunked\r\n".to_owned(),
        }
    }
}

impl Answer {
    /// The value of the first field of this name, which is in lower case.
    pub(crate) fn find_field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether the server keeps the connection.
    pub(crate) fn is_kept_open(&self) -> bool {
        self.find_field("connection") != Some("close")
    }
}

impl Head {
    fn checked(self, url: &Url) -> Result<Self, Error> {
        if self.status == 200 {
            return Ok(self);
        }
        Err(url.wrong(format!("status {}", self.status)))
    }
}

/// Downloads `url` and hashes what comes, as a registry's client does.
pub(crate) fn download(url: &Url) -> Result<Digest, Error> {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    follow(url, |bytes| hasher.update(bytes))?;
    Ok(hasher.finish())
}

/// The body of `url`.
pub(crate) fn fetch(url: &Url) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    follow(url, |bytes| body.extend_from_slice(bytes))?;
    Ok(body)
}

/// Reads `url`, or what it redirects to.
fn follow(url: &Url, each: impl FnMut(&[u8])) -> Result<(), Error> {
    let mut url = url.clone();
    for _ in 0..MAX_REDIRECTS {
        let mut connection = Connection::open(url.address)?;
        connection.ask(&url)?;
        let head = connection.head(&url)?;
        match &head.location {
            Some(location) => url = url.redirected(location)?,
            None => return connection.body(&url, &head.checked(&url)?, each),
        }
    }
    Err(url.wrong("too many redirects"))
}

fn read_head(text: &str, begun: Vec<u8>) -> Option<Head> {
    let mut lines = text.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let fields: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let find = |name: &str| {
        let found = fields.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    };
    Some(Head {
        status,
        length: find("content-length").map_or(Some(0), |length| length.parse().ok())?,
        is_chunked: find("transfer-encoding").is_some(),
        location: find("location"),
        fields,
        begun,
    })
}

/// The chunk that begins there, if it is all there, and where the next one begins; the last one is empty.
fn find_chunk(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let rest = bytes.get(at..)?;
    let end = rest.windows(2).position(|two| two == b"\r\n")?;
    let size = std::str::from_utf8(&rest[..end]).ok()?;
    let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
    let begin = end + 2;
    rest.get(..begin + size + 2)?;
    Some((&rest[begin..begin + size], at + begin + size + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_taken_apart_once_they_are_whole() {
        let bytes = b"3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n";
        let (first, next) = find_chunk(bytes, 0).unwrap();
        assert_eq!((first, next), (&b"abc"[..], 8));
        let (second, next) = find_chunk(bytes, next).unwrap();
        assert_eq!(second, b"d");
        assert_eq!(find_chunk(bytes, next).unwrap().0, b"");
        assert_eq!(find_chunk(&bytes[..7], 0), None);
    }

    #[test]
    fn a_head_is_read_whatever_the_case_of_its_names() {
        let text = "HTTP/1.1 307 Temporary Redirect\r\nContent-Length: 0\r\nLocation: http://127.0.0.9:7001/a\r\n\r\n";
        let head = read_head(text, Vec::new()).unwrap();
        assert_eq!((head.status, head.length), (307, 0));
        let from = Url::new("127.0.0.1:80".parse().unwrap(), "/v2/");
        let url = from.redirected(&head.location.unwrap()).unwrap();
        assert_eq!(url.to_string(), "http://127.0.0.9:7001/a");
        assert!(from.redirected("https://example.com/a").is_err());
        assert!(read_head("nonsense", Vec::new()).is_none());
    }
}
