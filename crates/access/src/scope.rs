//! The scopes of Docker's token flow: what a client asks a token for.
//!
//! Source: CNCF distribution registry, "Token Scope Documentation": `type:name:action,action`, several with spaces between.

use forebay_oci::{Act, Acts, RepositoryName};

/// The longest text of scopes that is read, in bytes.
pub const MAX_SCOPE_BYTES: usize = 8 * 1024;

/// The most scopes that are read of one request.
pub const MAX_SCOPES: usize = 64;

/// What a token is asked for that is to mount blobs without naming where they are.
pub const MOUNTS_SCOPE: &str = "registry:mount:*";

/// What a token is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// `repository:NAME:pull,push`: to do this to that repository, as the client calls it.
    Repository {
        /// The repository in the client's words; to be routed like the name in a path.
        name: RepositoryName,
        /// What is to be done; what we do not know is left out.
        acts: Acts,
    },
    /// `registry:catalog:*`: to list repositories.
    Catalog,
    /// `registry:mount:*`, which is ours: to mount a blob without naming where it is.
    Mounts,
}

/// Scopes that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidScope {
    /// Too long, or too many.
    #[error("a token is asked for at most {MAX_SCOPES} scopes of {MAX_SCOPE_BYTES} bytes together")]
    TooMany,
    /// One is of another form.
    #[error("a scope is written repository:NAME:ACTIONS or registry:catalog:*")]
    Form,
}

impl Scope {
    /// Reads scopes with spaces between, as one parameter `scope` holds them. Those of a type that we do not have are left out:
    /// a client may ask for them as well.
    ///
    /// # Errors
    /// There are too many, or one is none.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, InvalidScope> {
        if text.len() > MAX_SCOPE_BYTES {
            return Err(InvalidScope::TooMany);
        }
        let mut scopes = Vec::new();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            if scopes.len() >= MAX_SCOPES {
                return Err(InvalidScope::TooMany);
            }
            scopes.extend(Self::parse(word)?);
        }
        Ok(scopes)
    }

    /// One scope; `None` of a type or class that we do not have.
    fn parse(text: &str) -> Result<Option<Self>, InvalidScope> {
        let (kind, rest) = text.split_once(':').ok_or(InvalidScope::Form)?;
        // A name may hold a host with a port.
        let (name, actions) = rest.rsplit_once(':').ok_or(InvalidScope::Form)?;
        // A class, as in repository(plugin), is another kind of thing.
        match kind {
            "repository" => {
                let name = name.parse().map_err(|_| InvalidScope::Form)?;
                let acts = acts(actions);
                Ok(Some(Self::Repository { name, acts }))
            }
            "registry" if name == "catalog" => Ok(Some(Self::Catalog)),
            "registry" if name == "mount" => Ok(Some(Self::Mounts)),
            _ if kind.is_empty() || name.is_empty() => Err(InvalidScope::Form),
            _ => Ok(None),
        }
    }
}

/// The actions that we know; `*` is all of them.
fn acts(text: &str) -> Acts {
    let words = text.split(',');
    words.fold(Acts::NONE, |acts, word| match word {
        "*" => Acts::ALL,
        word => word.parse::<Act>().map_or(acts, |act| acts.with(act)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(name: &str, acts: &str) -> Scope {
        Scope::Repository {
            name: name.parse().unwrap(),
            acts: acts.parse().unwrap(),
        }
    }

    #[test]
    fn scopes_are_read_as_clients_write_them() {
        for (text, scopes) in [
            ("", vec![]),
            (
                "repository:library/nginx:pull",
                vec![repository("library/nginx", "pull")],
            ),
            (
                "repository:team/app:pull,push repository:team/base:pull",
                vec![
                    repository("team/app", "pull,push"),
                    repository("team/base", "pull"),
                ],
            ),
            ("repository:team/app:*", vec![repository("team/app", "*")]),
            (
                "repository:a:push,pull,metadata_read",
                vec![repository("a", "pull,push")],
            ),
            ("registry:catalog:*", vec![Scope::Catalog]),
            (MOUNTS_SCOPE, vec![Scope::Mounts]),
            (" repository(plugin):a/b:pull  registry:other:* ", vec![]),
        ] {
            assert_eq!(Scope::parse_all(text), Ok(scopes), "{text:?}");
        }
        let none = Scope::parse_all("repository:a:").unwrap();
        assert_eq!(
            none,
            [Scope::Repository {
                name: "a".parse().unwrap(),
                acts: Acts::NONE
            }]
        );
    }

    #[test]
    fn what_is_no_scope_is_refused() {
        for text in [
            "pull",
            "repository",
            "repository:a",
            ":a:pull",
            "x::y",
            "repository:A:pull",
            "repository:../a:pull",
            "repository:a b:pull",
            "repository::pull",
        ] {
            assert_eq!(Scope::parse_all(text), Err(InvalidScope::Form), "{text:?}");
        }
        let many = "repository:a:pull ".repeat(65);
        assert_eq!(Scope::parse_all(&many), Err(InvalidScope::TooMany));
        let long = "x".repeat(MAX_SCOPE_BYTES + 1);
        assert_eq!(Scope::parse_all(&long), Err(InvalidScope::TooMany));
    }
}
