//! What a request path of the distribution API asks for.
//!
//! Pure and two-way: the server parses with it, our client prints with it. Source: OCI distribution-spec, "Endpoints".
//! No percent-encoding is taken in a path: nothing in the grammar of names, tags and digests needs it, and what comes
//! encoded all the same (`%2e%2e`, `%2f`) is an attack on somebody's path handling.

use std::fmt;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::{
    Algorithm, Digest, InvalidDigest, InvalidName, InvalidTag, InvalidUploadId, Reference,
    RepositoryName, Tag, UploadId,
};

/// The longest value of a query parameter that we read, in bytes.
const MAX_QUERY_VALUE_BYTES: usize = 1024;

/// The most tags that one push of a manifest may name beside its digest. The spec asks for ten at least (end-7b).
const MAX_TAGS: usize = 64;

/// What a path of the API names.
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
        /// Which part of the list.
        page: Page,
    },
    /// end-4 and end-11: `/v2/<name>/blobs/uploads/`.
    Uploads {
        /// The repository as the client wrote it.
        name: RepositoryName,
        /// What is to be uploaded.
        start: UploadStart,
    },
    /// end-5, end-6 and end-13: `/v2/<name>/blobs/uploads/<session>`.
    Upload {
        /// The repository as the client wrote it.
        name: RepositoryName,
        /// Which upload.
        session: UploadId,
        /// What all that was uploaded is, if this is the end of it.
        digest: Option<Digest>,
    },
    /// `/v2/_catalog`: the CNCF distribution registry's, as the spec has no list of repositories.
    Catalog {
        /// Which part of the list.
        page: Page,
    },
}

/// The part of a list that is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Page {
    /// At most so many entries; `None` asks for all.
    pub n: Option<u64>,
    /// Only entries after this one.
    pub last: Option<String>,
}

/// What a client says of an upload as it begins it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UploadStart {
    /// What the body of this very request is (end-4b).
    pub digest: Option<Digest>,
    /// The hash function by which it will be named at its end.
    pub algorithm: Option<Algorithm>,
    /// A blob that need not be uploaded if it can be had from another repository (end-11).
    pub mount: Option<Digest>,
    /// The repository that holds it, as the client wrote it.
    pub from: Option<RepositoryName>,
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
    /// `digest` of an upload.
    pub digest: Option<String>,
    /// `digest-algorithm` of an upload that begins.
    pub algorithm: Option<String>,
    /// `mount` of an upload that begins.
    pub mount: Option<String>,
    /// `from` of an upload that begins.
    pub from: Option<String>,
    /// The values of `tag`, of a manifest pushed by its digest.
    pub tags: Vec<Tag>,
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
    /// An upload is named as none is.
    #[error("no such upload")]
    Upload(#[from] InvalidUploadId),
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
            Some("/_catalog") => {
                let page = query.page.clone();
                return Ok(Self::Catalog { page });
            }
            Some(rest) => rest.strip_prefix('/').ok_or(EndpointError::NotFound)?,
            None => return Err(EndpointError::NotFound),
        };
        let (parent, last) = rest.rsplit_once('/').ok_or(EndpointError::NotFound)?;
        let (name, kind) = parent.rsplit_once('/').ok_or(EndpointError::NotFound)?;
        match (kind, last) {
            ("blobs", "uploads") => Self::parse_uploads(name, query),
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
                page: query.page.clone(),
            }),
            ("uploads", session) => {
                let name = name.strip_suffix("/blobs").ok_or(EndpointError::NotFound)?;
                if session.is_empty() {
                    return Self::parse_uploads(name, query);
                }
                Ok(Self::Upload {
                    name: name.parse()?,
                    session: session.parse()?,
                    digest: parse_optional(query.digest.as_deref())?,
                })
            }
            _ => Err(EndpointError::NotFound),
        }
    }

    fn parse_uploads(name: &str, query: &Query) -> Result<Self, EndpointError> {
        let from = query.from.as_deref().filter(|from| !from.is_empty());
        Ok(Self::Uploads {
            name: name.parse()?,
            start: UploadStart {
                digest: parse_optional(query.digest.as_deref())?,
                algorithm: parse_optional(query.algorithm.as_deref())?,
                mount: parse_optional(query.mount.as_deref())?,
                from: from.map(str::parse).transpose()?,
            },
        })
    }

    /// The repository that it is about, as the client wrote it.
    pub fn name(&self) -> Option<&RepositoryName> {
        match self {
            Self::Ping | Self::Catalog { .. } => None,
            Self::Blob { name, .. }
            | Self::Manifest { name, .. }
            | Self::Tags { name, .. }
            | Self::Referrers { name, .. }
            | Self::Uploads { name, .. }
            | Self::Upload { name, .. } => Some(name),
        }
    }
}

/// An empty value is none.
fn parse_optional<T: std::str::FromStr>(value: Option<&str>) -> Result<Option<T>, T::Err> {
    let value = value.filter(|value| !value.is_empty());
    value.map(str::parse).transpose()
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
            Self::Catalog { page } => {
                f.write_str("/v2/_catalog")?;
                write_page(f, page)
            }
            Self::Blob { name, digest } => write!(f, "/v2/{name}/blobs/{digest}"),
            Self::Manifest { name, reference } => write!(f, "/v2/{name}/manifests/{reference}"),
            Self::Uploads { name, start } => {
                write!(f, "/v2/{name}/blobs/uploads/")?;
                let text = |digest: &Option<Digest>| digest.as_ref().map(Digest::to_string);
                let (digest, mount) = (text(&start.digest), text(&start.mount));
                let pairs = [
                    ("digest", digest.as_deref()),
                    ("digest-algorithm", start.algorithm.map(Algorithm::as_str)),
                    ("mount", mount.as_deref()),
                    ("from", start.from.as_ref().map(RepositoryName::as_str)),
                ];
                write_query(f, pairs)
            }
            Self::Upload {
                name,
                session,
                digest,
            } => {
                write!(f, "/v2/{name}/blobs/uploads/{session}")?;
                let digest = digest.as_ref().map(Digest::to_string);
                write_query(f, [("digest", digest.as_deref())])
            }
            Self::Tags { name, page } => {
                write!(f, "/v2/{name}/tags/list")?;
                write_page(f, page)
            }
            Self::Referrers {
                name,
                digest,
                artifact_type,
                page,
            } => {
                write!(f, "/v2/{name}/referrers/{digest}")?;
                let n = page.n.map(|n| n.to_string());
                let pairs = [
                    ("artifactType", artifact_type.as_deref()),
                    ("n", n.as_deref()),
                    ("last", page.last.as_deref()),
                ];
                write_query(f, pairs)
            }
        }
    }
}

fn write_page(f: &mut fmt::Formatter<'_>, page: &Page) -> fmt::Result {
    let n = page.n.map(|n| n.to_string());
    write_query(f, [("n", n.as_deref()), ("last", page.last.as_deref())])
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
    /// Reads a query string; unknown parameters are ignored, and of a doubled one but `tag` the first counts.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let mut query = Self::default();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (key, place) = match key {
                "ns" => ("ns", &mut query.ns),
                "last" => ("last", &mut query.page.last),
                "artifactType" => ("artifactType", &mut query.artifact_type),
                "digest" => ("digest", &mut query.digest),
                "digest-algorithm" => ("digest-algorithm", &mut query.algorithm),
                "mount" => ("mount", &mut query.mount),
                "from" => ("from", &mut query.from),
                "n" if query.page.n.is_none() => {
                    query.page.n = Some(value.parse().map_err(|_| EndpointError::Query("n"))?);
                    continue;
                }
                "tag" => {
                    query.add_tag(value)?;
                    continue;
                }
                _ => continue,
            };
            if place.is_none() {
                *place = Some(decode(key, value)?);
            }
        }
        Ok(query)
    }

    fn add_tag(&mut self, value: &str) -> Result<(), EndpointError> {
        let tag = decode("tag", value)?.parse()?;
        if self.tags.len() == MAX_TAGS {
            return Err(EndpointError::Query("tag"));
        }
        if !self.tags.contains(&tag) {
            self.tags.push(tag);
        }
        Ok(())
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
