//! Lists: the tags of a repository, page by page, and what refers to a manifest.

use crate::answer::Answer;
use crate::manifest::index_of;
use crate::refusal::oci_error;
use crate::registry::Visit;
use crate::state::Inner;
use serde_json::json;

/// `tags/list` in order, with `n`, `last` and `Link`.
pub(crate) fn tags(visit: &Visit<'_>, inner: &Inner) -> Answer {
    let name = visit.call.repository.as_deref().unwrap_or_default();
    let last = visit.request.find_query("last");
    let asked = visit.request.find_query("n");
    let page = match asked.as_deref().map(str::parse::<usize>) {
        None => usize::MAX,
        Some(Ok(n)) => n,
        Some(Err(_)) => {
            let message = "invalid number of results requested";
            return oci_error(
                400,
                "PAGINATION_NUMBER_INVALID",
                message,
                Some(json!({"n": asked})),
            );
        }
    };
    let all = inner
        .store
        .find(name)
        .into_iter()
        .flat_map(|repository| repository.tags.keys());
    let mut after = all
        .filter(|tag| last.as_ref().is_none_or(|last| *tag > last))
        .peekable();
    let tags: Vec<&String> = after.by_ref().take(page).collect();
    let answer = Answer::new(200).json(&json!({"name": name, "tags": tags}));
    match (tags.last(), after.peek()) {
        (Some(last), Some(_)) => {
            let next = format!("</v2/{name}/tags/list?last={last}&n={page}>; rel=\"next\"");
            answer.header("link", next)
        }
        _ => answer,
    }
}

/// The referrers API of OCI distribution 1.1, or the 404 of a registry that has none.
pub(crate) fn referrers(visit: &Visit<'_>, inner: &Inner) -> Answer {
    if !visit.state.settings.referrers_api {
        return Answer::new(404)
            .header("content-type", "text/plain")
            .text("404 page not found\n");
    }
    let name = visit.call.repository.as_deref().unwrap_or_default();
    let digest = visit.call.reference.as_deref().unwrap_or_default();
    let kind = visit.request.find_query("artifactType");
    let found = inner
        .store
        .find(name)
        .map(|repository| repository.referrers(digest, kind.as_deref()))
        .unwrap_or_default();
    let index = index_of(&found);
    let answer = Answer::new(200)
        .header("content-type", &index.media_type)
        .body(index.bytes.into());
    match kind {
        Some(_) => answer.header("oci-filters-applied", "artifactType"),
        None => answer,
    }
}
