//! The manifests that refer to a manifest.
//!
//! Source: OCI distribution-spec, "Listing Referrers" and "Referrers Tag Schema": a registry without the API answers 404,
//! and then the list may be kept under a tag made of the digest.

use bytes::Bytes;
use forebay_content::{List, Missing, Provenance, Request, SourceError, UpstreamCall};
use forebay_oci::{Digest, Endpoint, Manifest, MediaType, Page, Query, Reference, Tag};
use http::{HeaderMap, HeaderName, StatusCode, header};
use serde_json::Value;

use crate::exchange::{Granted, Heard};
use crate::link;
use crate::tags::{MAX_LIST_BYTES, page_instead};
use crate::upstream::{Ask, Upstream, is_web_page, read, refused};

const FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");
/// The most pages that are joined into one list.
const MAX_PAGES: usize = 64;
/// The longest query of a next page that is followed, in bytes.
const MAX_QUERY_BYTES: usize = 2 * 1024;

/// One page, and the query of the next.
struct PageOfReferrers {
    json: Bytes,
    filtered: bool,
    next: Option<String>,
}

/// Asks for all of them, page by page, or by the tag.
pub(crate) async fn fetch(
    upstream: &Upstream,
    request: &Request,
    digest: &Digest,
    artifact_type: Option<&str>,
) -> Result<List, SourceError> {
    let endpoint = Endpoint::Referrers {
        name: request.repository.clone(),
        digest: digest.clone(),
        artifact_type: artifact_type.map(str::to_owned),
        page: Page::default(),
    };
    let path = endpoint.to_string();
    let Some(first) = fetch_page(upstream, request, path.clone()).await? else {
        return fetch_by_tag(upstream, request, digest).await;
    };
    let filtered = first.filtered;
    let json = join(upstream, request, &path, first).await?;
    Ok(List {
        json,
        more: None,
        filtered,
        provenance: Provenance::Fetched,
    })
}

/// The pages after the first, joined to it. The registry says where in the list they begin, we where it is asked for.
async fn join(
    upstream: &Upstream,
    request: &Request,
    path: &str,
    first: PageOfReferrers,
) -> Result<Bytes, SourceError> {
    let Some(mut query) = first.next else {
        return Ok(first.json);
    };
    let mut whole: Value = parse(&first.json)?;
    let mut bytes = first.json.len();
    let path = path.split('?').next().unwrap_or_default();
    for _ in 1..MAX_PAGES {
        let page = fetch_page(upstream, request, format!("{path}?{query}")).await?;
        let page = page.ok_or_else(|| invalid("a list of referrers that breaks off"))?;
        bytes += page.json.len();
        if bytes > MAX_LIST_BYTES {
            break;
        }
        append(&mut whole, parse(&page.json)?);
        match page.next.filter(|next| *next != query) {
            Some(next) => query = next,
            None => return Ok(Bytes::from(whole.to_string())),
        }
    }
    Err(invalid("a list of referrers without an end"))
}

fn append(whole: &mut Value, page: Value) {
    let Value::Object(mut page) = page else {
        return;
    };
    if let (Some(Value::Array(all)), Some(Value::Array(more))) =
        (whole.get_mut("manifests"), page.get_mut("manifests"))
    {
        all.append(more);
    }
}

/// One page; `None` if the registry does not have the API.
async fn fetch_page(
    upstream: &Upstream,
    request: &Request,
    path: String,
) -> Result<Option<PageOfReferrers>, SourceError> {
    let ask = Ask {
        call: UpstreamCall::List,
        request,
        reference: None,
        path,
        header: None,
    };
    match upstream.ask(&ask).await? {
        Heard::Reply(granted) => read_page(*granted).await.map(Some),
        Heard::Refusal(refusal) if refusal.status == StatusCode::NOT_FOUND => Ok(None),
        Heard::Refusal(refusal) => Err(refused(&refusal, Missing::Manifest)),
    }
}

async fn read_page(granted: Granted) -> Result<PageOfReferrers, SourceError> {
    let headers = granted.reply.headers.clone();
    if is_web_page(&headers) {
        return Err(page_instead());
    }
    let json = read(granted, MAX_LIST_BYTES).await?;
    let index = Manifest::parse(&json).map_err(|_| invalid("not a list of referrers"))?;
    if !index.media_type.is_index() {
        return Err(invalid("not a list of referrers"));
    }
    Ok(PageOfReferrers {
        json,
        filtered: is_filtered(&headers),
        next: next_query(&headers),
    })
}

fn is_filtered(headers: &HeaderMap) -> bool {
    let values = headers.get_all(FILTERS_APPLIED).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|filter| filter.trim() == "artifactType")
}

fn next_query(headers: &HeaderMap) -> Option<String> {
    let link = headers.get(header::LINK)?.to_str().ok()?;
    let (_, query) = link::find_target(link)?.split_once('?')?;
    let is_plain = query.len() <= MAX_QUERY_BYTES
        && Query::parse(query).is_ok()
        && query
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#');
    is_plain.then(|| query.to_owned())
}

/// The list that is kept under the tag `<algorithm>-<hex>`, or an empty one.
async fn fetch_by_tag(
    upstream: &Upstream,
    request: &Request,
    digest: &Digest,
) -> Result<List, SourceError> {
    let list = |json| List {
        json,
        more: None::<Page>,
        filtered: false,
        provenance: Provenance::Fetched,
    };
    let Some(tag) = fallback_tag(digest) else {
        return Ok(list(empty_index()));
    };
    // A HEAD first: it costs no pull, and most manifests have no such tag.
    let found = match upstream.head_manifest(request, &tag).await {
        Ok(_) => upstream.get_manifest(request, &tag).await,
        Err(error) => Err(error),
    };
    match found {
        Ok(content) if content.media_type.is_index() => Ok(list(content.bytes)),
        Ok(_) | Err(SourceError::NotFound(_)) => Ok(list(empty_index())),
        Err(error) => Err(error),
    }
}

/// The spec cuts the hash at 64 characters, so that a tag can hold it.
fn fallback_tag(digest: &Digest) -> Option<Reference> {
    const MAX_HASH_CHARACTERS: usize = 64;
    let mut hex = digest.hex();
    hex.truncate(MAX_HASH_CHARACTERS);
    let tag: Tag = format!("{}-{hex}", digest.algorithm()).parse().ok()?;
    Some(tag.into())
}

fn empty_index() -> Bytes {
    Bytes::from(format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[]}}"#,
        MediaType::OCI_INDEX
    ))
}

fn parse(json: &[u8]) -> Result<Value, SourceError> {
    serde_json::from_slice(json).map_err(|_| invalid("not a list of referrers"))
}

fn invalid(why: &str) -> SourceError {
    SourceError::Invalid {
        why: why.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fallback_tag_holds_the_digest() {
        let digest = Digest::sha256(b"x");
        let tag = fallback_tag(&digest).unwrap().to_string();
        assert_eq!(tag, format!("sha256-{}", digest.hex()));
        let long = Digest::of(forebay_oci::Algorithm::Sha512, b"x");
        let tag = fallback_tag(&long).unwrap().to_string();
        assert_eq!(tag, format!("sha512-{}", &long.hex()[..64]));
    }

    #[test]
    fn an_empty_list_is_an_index() {
        assert!(
            Manifest::parse(&empty_index())
                .unwrap()
                .media_type
                .is_index()
        );
    }

    #[test]
    fn filters_and_next_pages_are_read_with_care() {
        let headers = |name: HeaderName, value: &str| {
            HeaderMap::from_iter([(name, http::HeaderValue::from_str(value).unwrap())])
        };
        for (value, expected) in [
            ("artifactType", true),
            ("x, artifactType", true),
            ("x", false),
        ] {
            assert_eq!(
                is_filtered(&headers(FILTERS_APPLIED, value)),
                expected,
                "{value}"
            );
        }
        for (value, expected) in [
            (
                "</v2/x/referrers/y?nextToken=a%3D>; rel=next",
                Some("nextToken=a%3D"),
            ),
            ("<http://169.254.169.254/?a=b>; rel=next", Some("a=b")),
            ("</v2/x/referrers/y?a=b#c>; rel=next", None),
            ("</v2/x/referrers/y>; rel=next", None),
        ] {
            let found = next_query(&headers(header::LINK, value));
            assert_eq!(found.as_deref(), expected, "{value}");
        }
    }
}
