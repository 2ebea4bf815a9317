//! htpasswd files, as other registries use them: a name, a colon and a bcrypt hash in each line.

use std::collections::HashMap;

use forebay_content::{AccountName, Secret, Stamp};

/// The longest file that is read, in bytes.
pub const MAX_HTPASSWD_BYTES: usize = 4 * 1024 * 1024;

/// The costliest hash that is taken: each step doubles the time, and 15 takes seconds.
const MAX_COST: u32 = 14;

/// The users of a file. Cheap to make empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Htpasswd {
    users: HashMap<AccountName, Secret>,
    highest_cost: u32,
}

/// Why a file is not taken. Never tells what stands in it, for it may be a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHtpasswd {
    /// It is too long.
    #[error("it is longer than {MAX_HTPASSWD_BYTES} bytes")]
    TooLong,
    /// One line is wrong.
    #[error("line {line} {why}")]
    Line {
        /// Which, from one on.
        line: usize,
        /// What is wrong with it.
        why: WrongLine,
    },
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongLine {
    /// There is no colon.
    #[error("is no name and hash with a colon between")]
    NoColon,
    /// Nobody can be called so.
    #[error("has a name that no user can have: {0}")]
    Name(forebay_content::InvalidAccountName),
    /// The name was there before.
    #[error("has a name that an earlier line has")]
    Twice,
    /// It is hashed in another way, or not at all.
    #[error("has no bcrypt hash, and only those are taken: make it anew with `htpasswd -B`")]
    NoBcrypt,
    /// It takes too long to check.
    #[error(
        "has a hash of a cost above {MAX_COST}, which would take seconds to check at each login"
    )]
    Cost,
}

impl Htpasswd {
    /// Reads a file's text. Empty lines and those that begin with `#` say nothing.
    ///
    /// # Errors
    /// A line is anything else than a name and a bcrypt hash.
    pub fn parse(text: &str) -> Result<Self, InvalidHtpasswd> {
        if text.len() > MAX_HTPASSWD_BYTES {
            return Err(InvalidHtpasswd::TooLong);
        }
        let mut found = Self::default();
        for (place, line) in text.lines().enumerate() {
            let line = line.trim_end();
            if !line.is_empty() && !line.starts_with('#') {
                found.take(line).map_err(|why| InvalidHtpasswd::Line {
                    line: place + 1,
                    why,
                })?;
            }
        }
        Ok(found)
    }

    /// How many users it has.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// True if it has none.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    fn take(&mut self, line: &str) -> Result<(), WrongLine> {
        let (name, hash) = line.split_once(':').ok_or(WrongLine::NoColon)?;
        let name: AccountName = name.parse().map_err(WrongLine::Name)?;
        // $2x$ marks hashes of a faulty implementation (crypt_blowfish 1.0), which no two check alike.
        let is_known = ["$2a$", "$2b$", "$2y$"]
            .iter()
            .any(|known| hash.starts_with(known));
        let parts: bcrypt::HashParts = hash.parse().map_err(|_| WrongLine::NoBcrypt)?;
        if !is_known {
            return Err(WrongLine::NoBcrypt);
        }
        if !(4..=MAX_COST).contains(&parts.get_cost()) {
            return Err(WrongLine::Cost);
        }
        self.highest_cost = self.highest_cost.max(parts.get_cost());
        match self.users.insert(name, Secret::new(hash)) {
            None => Ok(()),
            Some(_) => Err(WrongLine::Twice),
        }
    }

    /// The hash of the user of this name.
    pub(crate) fn find(&self, name: &AccountName) -> Option<&Secret> {
        self.users.get(name)
    }

    /// What tells the user's line from what it was before it was changed; `None` if it has none.
    pub(crate) fn stamp(&self, name: &AccountName) -> Option<Stamp> {
        let hash = self.find(name)?;
        let digest =
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, hash.expose().as_bytes());
        let first = digest.as_ref().first_chunk::<8>()?;
        Some(Stamp(u64::from_be_bytes(*first)))
    }

    /// What a password is checked by: that of the user with this hash, or of nobody. `None` if the file has no users.
    pub(crate) fn check(&self, hash: Option<&Secret>) -> Option<Check> {
        let cost = hash.and_then(cost_of);
        let dummies = match cost {
            // With the hash's own work as much as one of the highest cost is: each step of the cost doubles the work.
            Some(cost) => cost..self.highest_cost,
            None => self.highest_cost..self.highest_cost + 1,
        };
        (!self.is_empty()).then(|| Check {
            hash: hash.filter(|_| cost.is_some()).cloned(),
            dummies: dummies.map(dummy).collect(),
        })
    }
}

/// A check of a password. It is the same work for each name of a file and for all others, that of the file's costliest hash: how long it
/// takes does not tell which names there are.
#[derive(Debug)]
pub(crate) struct Check {
    /// The user's.
    hash: Option<Secret>,
    /// Those that nobody has.
    dummies: Vec<Secret>,
}

impl Check {
    /// True if it is the user's; false of nobody's.
    pub(crate) fn is_password(&self, password: &Secret) -> bool {
        let own = self.hash.iter().map(|hash| (hash, true));
        let all = own.chain(self.dummies.iter().map(|dummy| (dummy, false)));
        // All of them, also after the right one.
        all.fold(false, |found, (hash, is_own)| {
            (is_password(password, hash) && is_own) || found
        })
    }
}

/// A hash that no password has.
fn dummy(cost: u32) -> Secret {
    Secret::new(format!("$2y${cost:02}${}", ".".repeat(53)))
}

fn cost_of(hash: &Secret) -> Option<u32> {
    let parts: bcrypt::HashParts = hash.expose().parse().ok()?;
    Some(parts.get_cost())
}

/// True if `password` is what the bcrypt hash was made of; compared in constant time. As bcrypt does, all after 72 bytes is
/// not looked at.
fn is_password(password: &Secret, hash: &Secret) -> bool {
    bcrypt::verify(password.expose(), hash.expose()).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `htpasswd -nbB -C 4 alice "correct horse"`
    const ALICE: &str = "alice:$2y$04$";

    fn hashed(password: &str, cost: u32) -> String {
        bcrypt::hash_with_salt(password, cost, [3; 16])
            .unwrap()
            .format_for_version(bcrypt::Version::TwoY)
    }

    fn why(text: &str) -> InvalidHtpasswd {
        Htpasswd::parse(text).unwrap_err()
    }

    #[test]
    fn users_of_a_file_are_known_by_their_passwords() {
        let hash = hashed("correct horse", 4);
        assert!(hash.starts_with("$2y$04$"));
        let text = format!("# users\r\n\r\nalice:{hash}\r\nBob.2:{hash}\n");
        let file = Htpasswd::parse(&text).unwrap();
        assert_eq!(file.len(), 2);
        let found = file.find(&"alice".parse().unwrap()).unwrap();
        assert!(is_password(&Secret::new("correct horse"), found));
        assert!(!is_password(&Secret::new("correct hors"), found));
        assert_eq!(file.find(&"carol".parse().unwrap()), None);
        assert!(Htpasswd::parse("").unwrap().check(None).is_none());
    }

    /// B8, B13.
    #[test]
    fn a_check_is_as_much_work_for_each_name_and_for_nobodys() {
        let costs = [("cheap", 4), ("other", 5), ("costly", 7)];
        let lines = costs.map(|(name, cost)| format!("{name}:{}\n", hashed(name, cost)));
        let file = Htpasswd::parse(&lines.concat()).unwrap();
        let of_highest = 1_u64 << 7;
        for name in ["cheap", "other", "costly", "nobody"] {
            let hash = file.find(&name.parse().unwrap());
            let check = file.check(hash).unwrap();
            let hashes = check.hash.iter().chain(&check.dummies);
            let work: u64 = hashes.map(|hash| 1 << cost_of(hash).unwrap()).sum();
            assert_eq!(work, of_highest, "{name}");
            for password in [name, "", "else"] {
                let is_right = hash.is_some() && password == name;
                let found = check.is_password(&Secret::new(password));
                assert_eq!(found, is_right, "{name} {password}");
            }
        }
    }

    #[test]
    fn a_changed_line_has_another_stamp() {
        let name = "alice".parse().unwrap();
        let stamp = |password| {
            let text = format!("alice:{}", hashed(password, 4));
            Htpasswd::parse(&text).unwrap().stamp(&name).unwrap()
        };
        assert_eq!(stamp("one password"), stamp("one password"));
        assert_ne!(stamp("one password"), stamp("another one"));
    }

    #[test]
    fn what_is_wrong_is_told_by_its_line_and_never_shown() {
        let good = hashed("correct horse", 4);
        let line = |line, why| InvalidHtpasswd::Line { line, why };
        for (text, expected) in [
            ("alice".to_owned(), line(1, WrongLine::NoColon)),
            (
                format!("alice:{good}\n\nhunter2"),
                line(3, WrongLine::NoColon),
            ),
            (
                format!("alice:{good}\nalice:{good}"),
                line(2, WrongLine::Twice),
            ),
            ("alice:hunter2".to_owned(), line(1, WrongLine::NoBcrypt)),
            ("alice:$apr1$x$y".to_owned(), line(1, WrongLine::NoBcrypt)),
            (
                "alice:{SHA}hunter2=".to_owned(),
                line(1, WrongLine::NoBcrypt),
            ),
            (format!("{ALICE}hunter2"), line(1, WrongLine::NoBcrypt)),
            (
                format!("alice:{}", good.replace("$2y$", "$2x$")),
                line(1, WrongLine::NoBcrypt),
            ),
            (
                format!("alice:{}", good.replace("$04$", "$15$")),
                line(1, WrongLine::Cost),
            ),
            (
                format!("alice:{}", good.replace("$04$", "$03$")),
                line(1, WrongLine::Cost),
            ),
            (
                format!("a b:{good}"),
                line(1, WrongLine::Name(forebay_content::InvalidAccountName)),
            ),
            ("alice:é".repeat(20), line(1, WrongLine::NoBcrypt)),
        ] {
            let found = why(&text);
            assert_eq!(found, expected);
            assert!(!found.to_string().contains("hunter2"));
        }
        assert_eq!(
            why(&"#".repeat(MAX_HTPASSWD_BYTES + 1)),
            InvalidHtpasswd::TooLong
        );
    }
}
