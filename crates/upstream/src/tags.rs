//! A page of a repository's tags.

use forebay_content::{List, Missing, Provenance, Request, SourceError, UpstreamCall};
use forebay_oci::{Endpoint, Page};
use http::header;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::exchange::{Granted, Heard};
use crate::link;
use crate::upstream::{Ask, Upstream, is_web_page, read, refused};

/// The longest list that is read, in bytes: some 100,000 tags.
pub(crate) const MAX_LIST_BYTES: usize = 8 * 1024 * 1024;

/// What makes a document a list of tags: that it has one, which of an empty repository is null at some registries.
#[derive(Deserialize)]
struct TagList {
    #[serde(rename = "tags", deserialize_with = "Option::deserialize")]
    _tags: Option<Vec<IgnoredAny>>,
}

/// Asks for the page.
pub(crate) async fn fetch(
    upstream: &Upstream,
    request: &Request,
    page: &Page,
) -> Result<List, SourceError> {
    let endpoint = Endpoint::Tags {
        name: request.repository.clone(),
        page: page.clone(),
    };
    let ask = Ask {
        call: UpstreamCall::List,
        request,
        reference: None,
        path: endpoint.to_string(),
        header: None,
    };
    let granted = match upstream.ask(&ask).await? {
        Heard::Reply(granted) => *granted,
        Heard::Refusal(refusal) => return Err(refused(&refusal, Missing::Repository)),
    };
    let headers = &granted.reply.headers;
    if is_web_page(headers) {
        return Err(page_instead());
    }
    let link = headers
        .get(header::LINK)
        .and_then(|value| value.to_str().ok());
    let more = link.and_then(|link| link::find_next(link, page));
    let json = read(granted, MAX_LIST_BYTES).await?;
    if !is_list_of_tags(&json) {
        return Err(SourceError::Invalid {
            why: "not a list of tags".to_owned(),
        });
    }
    Ok(List {
        json,
        more,
        filtered: false,
        provenance: Provenance::Fetched,
    })
}

/// Whether what was granted is a list of tags.
///
/// # Errors
/// It breaks off, or is longer than any that is read.
pub(crate) async fn is_list(granted: Granted) -> Result<bool, SourceError> {
    Ok(is_list_of_tags(&read(granted, MAX_LIST_BYTES).await?))
}

fn is_list_of_tags(json: &[u8]) -> bool {
    serde_json::from_slice::<TagList>(json).is_ok()
}

/// A web page where a list belongs.
pub(crate) fn page_instead() -> SourceError {
    SourceError::Unavailable {
        why: "it answered a web page where a list belongs".to_owned(),
        retry_after: None,
    }
}
