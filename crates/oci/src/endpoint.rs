//! What a request path of the distribution API asks for.
//!
//! Pure and two-way: the server parses with it, our client prints with it. Source: OCI distribution-spec, "Endpoints".
//! No percent-encoding is taken in a path: nothing in the grammar of names, tags and digests needs it, and what comes
//! encoded all the same (`%2e%2e`, `%2f`) is an attack on somebody's path handling.

use std::fmt;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::{Digest, InvalidDigest, InvalidName, InvalidTag, Reference, RepositoryName};

/// The longest value of a query parameter that we read, in bytes.
const MAX_QUERY_VALUE_BYTES: usize = 1024;

/// An endpoint that pulls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// end-1: `/v2/`.
    Ping,
    /// end-2: `/v2/<name>/blobs/<digest>`.
    Blob {
        /// The repository as the client wrote it.
        name: RepositoryName,
        /// The blob.
        digest: Digest,
    },
    /// end-3: `/v2/<name>/manifests/<reference>`.
    Manifest {
        /// The repository as the client wrote it.
        name: RepositoryName,
        /// Tag or digest.
        reference: Reference,
    },
    /// end-8: `/v2/<name>/tags/list`.
    Tags {
        /// The repository as the client wrote it.
        name: RepositoryName,
        /// Which part of the list.
        page: Page,
    },
    /// end-12: `/v2/<name>/referrers/<digest>`.
    Referrers {
        /// The repository as the client wrote it.
        name: RepositoryName,
        /// The subject.
        digest: Digest,
        /// Only referrers of this type.
        artifact_type: Option<String>,
    },
    /// `/v2/<name>/blobs/uploads/…`: pushing, in whatever step.
    Uploads {
        /// The repository as the client wrote it.
        name: RepositoryName,
    },
    /// `/v2/_catalog`.
    Catalog,
}

/// The part of a list that is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Page {
    /// At most so many entries; `None` asks for all.
    pub n: Option<u64>,
    /// Only entries after this one.
    pub last: Option<String>,
}

/// The query parameters that the API knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The upstream's name, as containerd says it to a mirror.
    pub ns: Option<String>,
    /// `n` and `last`.
    pub page: Page,
    /// `artifactType` of a referrers request.
    pub artifact_type: Option<String>,
}

/// Why a path names no endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// No path of the API.
    #[error("no such endpoint")]
    NotFound,
    /// The repository's name is invalid.
    #[error("invalid repository name: {0}")]
    Name(#[from] InvalidName),
    /// The reference is neither a tag nor a digest.
    #[error("invalid reference: {0}")]
    Reference(#[from] InvalidTag),
    /// The digest is none.
    #[error("invalid digest: {0}")]
    Digest(#[from] InvalidDigest),
    /// A query parameter cannot be read.
    #[error("invalid query parameter {0}")]
    Query(&'static str),
}

// === impl Endpoint ===

impl Endpoint {
    /// Reads the path; `query` has been read before, because routing needs its `ns` too.
    pub fn parse(path: &str, query: &Query) -> Result<Self, EndpointError> {
        let rest = match path.strip_prefix("/v2") {
            Some("" | "/") => return Ok(Self::Ping),
            Some("/_catalog") => return Ok(Self::Catalog),
            Some(rest) => rest.strip_prefix('/').ok_or(EndpointError::NotFound)?,
            None => return Err(EndpointError::NotFound),
        };
        let (parent, last) = rest.rsplit_once('/').ok_or(EndpointError::NotFound)?;
        let (name, kind) = parent.rsplit_once('/').ok_or(EndpointError::NotFound)?;
        match (kind, last) {
            ("blobs", "uploads") => Ok(Self::Uploads {
                name: name.parse()?,
            }),
            ("blobs", digest) => Ok(Self::Blob {
                name: name.parse()?,
                digest: digest.parse()?,
            }),
            ("manifests", reference) => Ok(Self::Manifest {
                name: name.parse()?,
                reference: parse_reference(reference)?,
            }),
            ("tags", "list") => Ok(Self::Tags {
                name: name.parse()?,
                page: query.page.clone(),
            }),
            ("referrers", digest) => Ok(Self::Referrers {
                name: name.parse()?,
                digest: digest.parse()?,
                artifact_type: query.artifact_type.clone(),
            }),
            ("uploads", _) => {
                let name = name.strip_suffix("/blobs").ok_or(EndpointError::NotFound)?;
                Ok(Self::Uploads {
                    name: name.parse()?,
                })
            }
            _ => Err(EndpointError::NotFound),
        }
    }

    /// The repository that it is about, as the client wrote it.
    pub fn name(&self) -> Option<&RepositoryName> {
        match self {
            Self::Ping | Self::Catalog => None,
            Self::Blob { name, .. }
            | Self::Manifest { name, .. }
            | Self::Tags { name, .. }
            | Self::Referrers { name, .. }
            | Self::Uploads { name } => Some(name),
        }
    }
}

/// A colon says that a digest was meant, so that the client is told what is wrong with it.
fn parse_reference(text: &str) -> Result<Reference, EndpointError> {
    if text.contains(':') {
        Ok(Reference::Digest(text.parse()?))
    } else {
        Ok(Reference::Tag(text.parse()?))
    }
}

impl fmt::Display for Endpoint {
    /// The path and query that parse into it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ping => f.write_str("/v2/"),
            Self::Catalog => f.write_str("/v2/_catalog"),
            Self::Blob { name, digest } => write!(f, "/v2/{name}/blobs/{digest}"),
            Self::Manifest { name, reference } => write!(f, "/v2/{name}/manifests/{reference}"),
            Self::Uploads { name } => write!(f, "/v2/{name}/blobs/uploads/"),
            Self::Tags { name, page } => {
                write!(f, "/v2/{name}/tags/list")?;
                let n = page.n.map(|n| n.to_string());
                write_query(f, [("n", n.as_deref()), ("last", page.last.as_deref())])
            }
            Self::Referrers {
                name,
                digest,
                artifact_type,
            } => {
                write!(f, "/v2/{name}/referrers/{digest}")?;
                write_query(f, [("artifactType", artifact_type.as_deref())])
            }
        }
    }
}

fn write_query<const N: usize>(
    f: &mut fmt::Formatter<'_>,
    pairs: [(&str, Option<&str>); N],
) -> fmt::Result {
    let mut separator = '?';
    for (key, value) in pairs
        .iter()
        .filter_map(|(key, value)| Some((key, (*value)?)))
    {
        write!(
            f,
            "{separator}{key}={}",
            utf8_percent_encode(value, NON_ALPHANUMERIC)
        )?;
        separator = '&';
    }
    Ok(())
}

// === impl Query ===

impl Query {
    /// Reads a query string; unknown parameters are ignored, and of a doubled one the first counts.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let mut query = Self::default();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            match key {
                "ns" if query.ns.is_none() => query.ns = Some(decode("ns", value)?),
                "last" if query.page.last.is_none() => {
                    query.page.last = Some(decode("last", value)?);
                }
                "n" if query.page.n.is_none() => {
                    query.page.n = Some(value.parse().map_err(|_| EndpointError::Query("n"))?);
                }
                "artifactType" if query.artifact_type.is_none() => {
                    query.artifact_type = Some(decode("artifactType", value)?);
                }
                _ => {}
            }
        }
        Ok(query)
    }
}

fn decode(key: &'static str, value: &str) -> Result<String, EndpointError> {
    if value.len() > MAX_QUERY_VALUE_BYTES {
        return Err(EndpointError::Query(key));
    }
    let text = percent_decode_str(value)
        .decode_utf8()
        .map_err(|_| EndpointError::Query(key))?;
    Ok(text.into_owned())
}

#[cfg(test)]
mod tests;
