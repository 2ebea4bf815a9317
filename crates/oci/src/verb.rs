//! Which methods an endpoint takes, and what each asks leave for: the one table of it.

use crate::{Act, Endpoint};

/// The methods that the distribution API uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `PATCH`
    Patch,
    /// `DELETE`
    Delete,
}

/// What a request asks leave for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Leave {
    /// To know that this is a registry, and whether one's credentials are good.
    Greet,
    /// To see which repositories there are: each that one may pull from.
    List,
    /// To do this to the repository that it names.
    To(Act),
}

impl Verb {
    /// All, in the order in which `Allow` lists them.
    pub const ALL: [Self; 6] = [
        Self::Get,
        Self::Head,
        Self::Post,
        Self::Put,
        Self::Patch,
        Self::Delete,
    ];

    /// The method of this name; methods are told apart by case (RFC 9110, section 9.1).
    pub fn parse(method: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.as_str() == method)
    }

    /// The method's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

impl Endpoint {
    /// What a request with this method asks leave for; `None` if the endpoint does not take it.
    ///
    /// Every endpoint is here, and no request is answered that did not come through here: one without an access class does not
    /// compile.
    pub const fn leave(&self, verb: Verb) -> Option<Leave> {
        let act = match (self, verb) {
            (Self::Ping, Verb::Get | Verb::Head) => return Some(Leave::Greet),
            (Self::Catalog { .. }, Verb::Get | Verb::Head) => return Some(Leave::List),
            (
                Self::Blob { .. }
                | Self::Manifest { .. }
                | Self::Tags { .. }
                | Self::Referrers { .. },
                Verb::Get | Verb::Head,
            ) => Act::Pull,
            (Self::Blob { .. } | Self::Manifest { .. }, Verb::Delete) => Act::Delete,
            (Self::Manifest { .. }, Verb::Put)
            | (Self::Uploads { .. }, Verb::Post)
            | (
                Self::Upload { .. },
                Verb::Get | Verb::Head | Verb::Put | Verb::Patch | Verb::Delete,
            ) => Act::Push,
            (
                Self::Ping | Self::Catalog { .. } | Self::Tags { .. } | Self::Referrers { .. },
                Verb::Post | Verb::Put | Verb::Patch | Verb::Delete,
            )
            | (Self::Blob { .. }, Verb::Post | Verb::Put | Verb::Patch)
            | (Self::Manifest { .. }, Verb::Post | Verb::Patch)
            | (
                Self::Uploads { .. },
                Verb::Get | Verb::Head | Verb::Put | Verb::Patch | Verb::Delete,
            )
            | (Self::Upload { .. }, Verb::Post) => return None,
        };
        Some(Leave::To(act))
    }

    /// The methods that it takes, as `Allow` lists them (RFC 9110, section 10.2.1).
    pub fn allowed(&self) -> String {
        let verbs = Verb::ALL.into_iter();
        let taken = verbs.filter(|verb| self.leave(*verb).is_some());
        taken.map(Verb::as_str).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Query;

    #[test]
    fn each_endpoint_takes_its_methods_for_one_class_of_leave() {
        let digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        for (path, leaves) in [
            ("/v2/", "GET greet, HEAD greet"),
            ("/v2/_catalog", "GET list, HEAD list"),
            ("/v2/a/tags/list", "GET pull, HEAD pull"),
            (&format!("/v2/a/referrers/{digest}"), "GET pull, HEAD pull"),
            (
                &format!("/v2/a/blobs/{digest}"),
                "GET pull, HEAD pull, DELETE delete",
            ),
            (
                "/v2/a/manifests/t",
                "GET pull, HEAD pull, PUT push, DELETE delete",
            ),
            ("/v2/a/blobs/uploads/", "POST push"),
            (
                "/v2/a/blobs/uploads/0123456789abcdef0123456789abcdef",
                "GET push, HEAD push, PUT push, PATCH push, DELETE push",
            ),
        ] {
            let endpoint = Endpoint::parse(path, &Query::default()).unwrap();
            let word = |verb: Verb| {
                let leave = match endpoint.leave(verb)? {
                    Leave::Greet => "greet",
                    Leave::List => "list",
                    Leave::To(act) => act.as_str(),
                };
                Some(format!("{} {leave}", verb.as_str()))
            };
            let found: Vec<_> = Verb::ALL.into_iter().filter_map(word).collect();
            assert_eq!(found.join(", "), leaves, "{path}");
            let methods: Vec<_> = leaves
                .split(", ")
                .filter_map(|pair| pair.split_once(' '))
                .map(|pair| pair.0)
                .collect();
            assert_eq!(endpoint.allowed(), methods.join(", "));
        }
    }

    #[test]
    fn methods_are_told_by_their_exact_names() {
        assert_eq!(Verb::parse("PATCH"), Some(Verb::Patch));
        for other in ["", "patch", "OPTIONS", "TRACE", "GETS"] {
            assert_eq!(Verb::parse(other), None);
        }
    }
}
