//! A name with its password, and how to tell one from another without showing either.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use forebay_content::ClientLogin;
use forebay_oci::Digest;
use http::HeaderValue;

use crate::Secret;

/// Which login it is: the hash of name and password. Never shown, for a short password could be found from it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint(Digest);

/// A name with its password.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    /// The Authorization header's value; marked as sensitive.
    pub(crate) basic: HeaderValue,
    /// Which one it is.
    pub(crate) fingerprint: Fingerprint,
}

impl Fingerprint {
    /// The fingerprint of a name and password.
    pub(crate) fn of(username: &str, password: &str) -> Self {
        // The length keeps "a" + "bc" and "ab" + "c" apart, whatever characters they hold.
        Self(Digest::sha256(
            format!("{}:{username}{password}", username.len()).as_bytes(),
        ))
    }
}

impl Login {
    /// A client's login. It is told from others by its name alone, which is what a lockout counts: of its password nothing stays.
    pub(crate) fn of_client(login: &ClientLogin) -> Self {
        Self {
            basic: basic_header(&login.name, &login.password),
            fingerprint: Fingerprint::of(&login.name, ""),
        }
    }

    /// The login of a name and password.
    pub(crate) fn new(username: &str, secret: &Secret) -> Self {
        Self {
            basic: basic_header(username, secret),
            fingerprint: Fingerprint::of(username, secret.expose()),
        }
    }
}

#[expect(
    clippy::expect_used,
    reason = "base64 has no character that a header lacks"
)]
fn basic_header(username: &str, secret: &Secret) -> HeaderValue {
    let encoded = STANDARD.encode(format!("{username}:{}", secret.expose()));
    let mut header =
        HeaderValue::try_from(format!("Basic {encoded}")).expect("base64 fits into a header");
    header.set_sensitive(true);
    header
}

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fingerprint(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_told_apart_and_not_shown() {
        let login = Login::new("alice", &Secret::new("hunter2"));
        assert_eq!(login.basic, "Basic YWxpY2U6aHVudGVyMg==");
        assert_ne!(login.fingerprint, Fingerprint::of("alic", "ehunter2"));
        let shown = format!("{login:?}");
        assert!(
            !shown.contains("YWxp") && !shown.contains("hunter2"),
            "{shown}"
        );
    }
}
