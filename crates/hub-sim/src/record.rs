//! One request that the simulator saw, and lists of them: what tests assert.
//!
//! Displays in a compact form that is good for snapshots.

use crate::route::{On, Role};
use std::fmt;
use std::net::IpAddr;
use std::ops::Deref;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// So much of a digest is shown in the compact form.
const SHOWN_HEX: usize = 12;

/// One request and what became of it.
#[derive(Clone, Debug)]
pub struct Record {
    pub(crate) number: u64,
    /// Which host it came to.
    pub role: Role,
    /// `GET`, `HEAD`, `POST` …
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// What it asked for.
    pub endpoint: On,
    /// The repository it is about, if it is about one.
    pub repository: Option<String>,
    /// Tag or digest.
    pub reference: Option<String>,
    /// Who it claimed to be.
    pub authorization: Authorization,
    /// The `Range` header.
    pub range: Option<String>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// All other headers, names in lower case, without `authorization`.
    pub headers: Vec<(String, String)>,
    /// Where it came from, or was made to come from by `see_clients_as`.
    pub client: IpAddr,
    /// When it came, by the simulator's clock.
    pub at: SystemTime,
    /// What was answered; none while it waits, or when the connection just ended.
    pub status: Option<u16>,
    /// Whether it cost a pull.
    pub charged: bool,
    /// Bytes of the body that were written. Known when the answer has gone out, which may be after the client has it: wait
    /// for it with `Hub::saw`.
    pub sent: u64,
    /// Whether the answer went out whole. Known when `sent` is.
    pub complete: bool,
}

/// What a request's `Authorization` header was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// There was none.
    None,
    /// A user name and a password.
    Basic(String),
    /// A token, and the account it was given to; none for an anonymous or unknown one.
    Bearer(Option<String>),
    /// Another scheme, or one of these that cannot be read.
    Other(String),
}

/// The requests that were seen, in the order in which they came. Displays as one compact line each.
#[derive(Clone, Debug)]
pub struct Requests(pub(crate) Vec<Record>);

/// What must never happen and did.
#[derive(Clone, Debug)]
pub struct Violation {
    /// In words.
    pub what: &'static str,
    /// The request that did it.
    pub request: Record,
}

impl Record {
    /// Whether it carried any `Authorization`.
    pub fn has_authorization(&self) -> bool {
        self.authorization != Authorization::None
    }

    /// A header's value, by its name in lower case; `authorization` is never here.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter();
        all.find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether it is a GET.
    pub fn is_get(&self) -> bool {
        self.method == "GET"
    }

    /// Whether it is a HEAD.
    pub fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    /// Whether it asked this of the simulator.
    pub fn is(&self, on: On) -> bool {
        on.covers(self.endpoint, self.role)
    }

    /// The account behind its `Authorization`.
    pub fn account(&self) -> Option<&str> {
        match &self.authorization {
            Authorization::Basic(user) => Some(user),
            Authorization::Bearer(account) => account.as_deref(),
            Authorization::None | Authorization::Other(_) => None,
        }
    }
}

/// `GET registry /v2/library/nginx/manifests/1.27 200 charged`.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = match (self.role, &self.reference) {
            (Role::Blob, Some(digest)) => digest.clone(),
            _ => self.target.clone(),
        };
        write!(
            f,
            "{} {} {}",
            self.method,
            self.role,
            shorten_digests(&target)
        )?;
        if let Some(range) = &self.range {
            write!(f, " {range}")?;
        }
        if let Some(account) = self.account() {
            write!(f, " as {account}")?;
        }
        match self.status {
            Some(status) => write!(f, " {status}")?,
            None => f.write_str(" -")?,
        }
        if self.charged {
            f.write_str(" charged")?;
        }
        Ok(())
    }
}

/// Cuts every digest in a text to its first characters.
fn shorten_digests(text: &str) -> String {
    let mut short = String::new();
    let mut run = 0;
    for character in text.chars() {
        run = if character.is_ascii_hexdigit() {
            run + 1
        } else {
            0
        };
        if run == SHOWN_HEX + 1 {
            short.push('…');
        }
        if run <= SHOWN_HEX {
            short.push(character);
        }
    }
    short
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Registry => "registry",
            Self::Token => "token",
            Self::Blob => "blob",
            Self::Trap => "trap",
        })
    }
}

// === impl Requests ===

impl Deref for Requests {
    type Target = [Record];

    fn deref(&self) -> &[Record] {
        &self.0
    }
}

impl fmt::Display for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, record) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            record.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.request)
    }
}

/// The moment as the standard library writes it.
pub(crate) fn moment(since_epoch: Duration) -> SystemTime {
    UNIX_EPOCH + since_epoch
}

#[cfg(test)]
mod tests {
    use super::shorten_digests;

    #[test]
    fn digests_are_shortened_and_other_names_are_not() {
        let digest = format!("/v2/a/blobs/sha256:{}", "ab".repeat(32));
        assert_eq!(shorten_digests(&digest), "/v2/a/blobs/sha256:abababababab…");
        assert_eq!(
            shorten_digests("/v2/deadbeef/manifests/1.27"),
            "/v2/deadbeef/manifests/1.27"
        );
    }
}
