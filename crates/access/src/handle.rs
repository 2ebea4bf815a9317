//! Clients' logins as they are remembered: told apart, and nothing else known of them.

use aws_lc_rs::hmac;
use forebay_content::ClientLogin;

use crate::random::{NoRandomness, Random, draw};

/// A client's login, or a name, of which nothing can be told but whether it is the same; nobody's has no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Handle(Option<[u8; 32]>);

/// Makes handles, with a key that dies with the process.
pub(crate) struct Handles(hmac::Key);

impl Handle {
    /// Of who shows no login.
    pub(crate) const NOBODY: Self = Self(None);
}

impl Handles {
    pub(crate) fn new(random: &dyn Random) -> Result<Self, NoRandomness> {
        let key = draw::<32>(random)?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &key)))
    }

    /// Whose it is.
    pub(crate) fn whose(&self, login: Option<&ClientLogin>) -> Handle {
        login.map_or(Handle::NOBODY, |login| {
            // A Basic credential's name has no colon: no two are written alike.
            self.of(&[&login.name, ":", login.password.expose()])
        })
    }

    /// The name alone, which is what registries count failed logins by.
    pub(crate) fn name_of(&self, login: &ClientLogin) -> Handle {
        self.of(&["name:", &login.name])
    }

    fn of(&self, parts: &[&str]) -> Handle {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(part.as_bytes());
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(context.sign().as_ref());
        Handle(Some(hash))
    }
}

#[cfg(test)]
impl Handle {
    /// One that is told from others by its number.
    pub(crate) fn of_test(number: u8) -> Self {
        Self(Some([number; 32]))
    }
}
