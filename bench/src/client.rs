//! The client: HTTP/1.1 by hand, so that it costs next to nothing beside the servers.

use std::fmt::{self, Write as _};
use std::io::{Read, Write};
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
        let Url { address, path } = url;
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n");
        for (name, value) in fields {
            let _ = write!(request, "{name}: {value}\r\n");
        }
        request.push_str("\r\n");
        self.stream
            .write_all(request.as_bytes())
            .map_err(Error::io(format!("cannot ask for {url}")))?;
        let mut head = self.head(url)?;
        if method == "HEAD" {
            head.length = 0;
        }
        let mut body = Vec::new();
        self.body(url, &head, |bytes| body.extend_from_slice(bytes))?;
        Ok(Answer {
            status: head.status,
            fields: head.fields,
            body,
        })
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
        location: find("location"),
        fields,
        begun,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
