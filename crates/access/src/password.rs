//! Passwords of users: hashed with argon2id, kept in the PHC string format.
//!
//! Slow on purpose: whoever steals the hashes tries few passwords a second. So whoever checks many must bound that.

use argon2::password_hash::phc::PasswordHash;
use argon2::{
    Algorithm, Argon2, CustomizedPasswordHasher as _, Params, PasswordVerifier as _, Version,
};
use forebay_content::Secret;

/// The shortest password that is taken, in bytes (NIST SP 800-63B, section 5.1.1: eight characters).
pub const MIN_PASSWORD_BYTES: usize = 8;

/// The longest password that is looked at, in bytes.
pub const MAX_PASSWORD_BYTES: usize = 1024;

/// How costly it is to check a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashCost {
    /// Memory, in KiB, at least 8.
    pub memory_kib: u32,
    /// Passes over it, at least one.
    pub passes: u32,
}

/// A password that is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a password has {MIN_PASSWORD_BYTES} to {MAX_PASSWORD_BYTES} bytes")]
pub struct InvalidPassword;

impl Default for HashCost {
    /// OWASP's second choice, "Password Storage Cheat Sheet", Argon2id: 19 MiB, two passes.
    fn default() -> Self {
        Self {
            memory_kib: 19 * 1024,
            passes: 2,
        }
    }
}

/// What a new password is checked by. Takes as long as a check.
pub fn hash_password(
    password: &Secret,
    salt: [u8; 16],
    cost: HashCost,
) -> Result<Secret, InvalidPassword> {
    let bytes = password.expose().as_bytes();
    if !(MIN_PASSWORD_BYTES..=MAX_PASSWORD_BYTES).contains(&bytes.len()) {
        return Err(InvalidPassword);
    }
    let params = Params::new(cost.memory_kib.max(8), cost.passes.max(1), 1, None);
    let params = params.map_err(|_| InvalidPassword)?;
    let hash: PasswordHash = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
        .hash_password_with_params(bytes, &salt, params)
        .map_err(|_| InvalidPassword)?;
    Ok(Secret::new(hash.to_string()))
}

/// True if `password` is what `hash` was made of; compared in constant time.
pub(crate) fn is_password(password: &Secret, hash: &Secret) -> bool {
    let Ok(hash) = PasswordHash::new(hash.expose()) else {
        return false;
    };
    hash.algorithm == argon2::ARGON2ID_IDENT
        && Argon2::default()
            .verify_password(password.expose().as_bytes(), &hash)
            .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As cheap as argon2 lets it be.
    const CHEAP: HashCost = HashCost {
        memory_kib: 8,
        passes: 1,
    };

    #[test]
    fn a_password_is_known_by_its_hash_and_another_is_not() {
        let right = Secret::new("correct horse");
        let hash = hash_password(&right, [7; 16], CHEAP).unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
        assert!(!hash.expose().contains("horse"));
        assert!(is_password(&right, &hash));
        for wrong in ["", "correct hors", "correct horse ", "Correct horse"] {
            assert!(!is_password(&Secret::new(wrong), &hash), "{wrong:?}");
        }
        let salted = hash_password(&right, [8; 16], CHEAP).unwrap();
        assert_ne!(salted, hash);
    }

    #[test]
    fn a_hash_of_another_kind_lets_nobody_in() {
        let password = Secret::new("correct horse");
        for hash in [
            "",
            "correct horse",
            "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ",
            "$argon2i$v=19$m=8,t=1,p=1$BwcHBwcHBwcHBwcHBwcHBw$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$2y$05$abcdefghijklmnopqrstuv",
        ] {
            assert!(!is_password(&password, &Secret::new(hash)), "{hash}");
        }
    }

    #[test]
    fn a_short_password_is_not_taken_and_neither_is_an_endless_one() {
        for password in [String::new(), "1234567".to_owned(), "x".repeat(1025)] {
            let hashed = hash_password(&Secret::new(password), [7; 16], CHEAP);
            assert_eq!(hashed, Err(InvalidPassword));
        }
    }
}
