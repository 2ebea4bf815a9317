//! A repository: what is in it, how it is read and emptied, each step checked to its last header.

use http::Method;
use serde_json::Value;

use crate::answer::Answer;
use crate::ask::Ask;
use crate::digest::Digest;
use crate::document::{Document, INDEX};
use crate::noise::Blob;
use crate::registry::Registry;
use crate::verdict::{Stop, Verdict, ensure};

/// What is said for a manifest that is not there; of a repository that holds nothing, both are true.
pub(crate) const NO_MANIFEST: [&str; 2] = ["MANIFEST_UNKNOWN", "NAME_UNKNOWN"];
/// What is said for a blob that is not there.
pub(crate) const NO_BLOB: [&str; 2] = ["BLOB_UNKNOWN", "NAME_UNKNOWN"];

/// A repository of the registry under test.
#[derive(Clone, Debug)]
pub struct Repository {
    pub(crate) registry: Registry,
    pub(crate) name: String,
}

impl Repository {
    pub(crate) fn new(registry: Registry, name: String) -> Self {
        Self { registry, name }
    }

    /// `/v2/<name>/<rest>`.
    pub fn path(&self, rest: &str) -> String {
        format!("/v2/{}/{rest}", self.name)
    }

    /// A blob's path.
    pub fn blob(&self, digest: &Digest) -> String {
        self.path(&format!("blobs/{digest}"))
    }

    /// A manifest's path.
    pub fn manifest(&self, reference: &str) -> String {
        self.path(&format!("manifests/{reference}"))
    }

    /// Asks, and checks of the answer what holds for all answers.
    pub async fn ask(&self, ask: Ask) -> Verdict<Answer> {
        self.registry.ask(ask).await
    }

    /// HEAD tells of the blob.
    pub async fn head_blob(&self, blob: &Blob) -> Verdict {
        let answer = self.ask(Ask::head(self.blob(&blob.digest))).await?;
        answer.is(200)?;
        answer.header_is("content-length", &blob.bytes.len().to_string())?;
        answer.header_is("docker-content-digest", blob.digest.as_str())?;
        Ok(())
    }

    /// GET gives the blob's bytes.
    pub async fn get_blob(&self, blob: &Blob) -> Verdict {
        let target = self.blob(&blob.digest);
        self.get_blob_at(&target, blob).await
    }

    /// GET gives the blob's bytes at a place that was named.
    pub(crate) async fn get_blob_at(&self, target: &str, blob: &Blob) -> Verdict {
        let answer = self.ask(Ask::get(target)).await?;
        answer.is(200)?.bytes_are(&blob.bytes)?;
        answer.header_is("content-length", &blob.bytes.len().to_string())?;
        answer.header_is("docker-content-digest", blob.digest.as_str())?;
        answer.header("content-type")?;
        Ok(())
    }

    /// The blob is not there: to no method, nor to a part of it.
    pub async fn has_no_blob(&self, digest: &Digest) -> Verdict {
        let target = self.blob(digest);
        self.ask(Ask::head(&target)).await?.is(404)?;
        let whole = self.ask(Ask::get(&target)).await?;
        whole.refused(&[404], &NO_BLOB)?;
        let part = Ask::get(&target).header("range", "bytes=0-0");
        self.ask(part).await?.refused(&[404], &NO_BLOB)?;
        Ok(())
    }

    /// Deletes the blob.
    pub async fn delete_blob(&self, digest: &Digest) -> Verdict {
        let answer = self.ask(Ask::delete(self.blob(digest))).await?;
        answer.unless_unsupported("deleting blobs")?.is(202)?;
        Ok(())
    }

    /// HEAD tells of the manifest.
    pub async fn head_manifest(&self, reference: &str, document: &Document) -> Verdict {
        let ask = accepting(Ask::head(self.manifest(reference)), document);
        let answer = self.ask(ask).await?;
        check_manifest_head(&answer, document)
    }

    /// GET gives the manifest's bytes.
    pub async fn get_manifest(&self, reference: &str, document: &Document) -> Verdict {
        let target = self.manifest(reference);
        self.get_manifest_at(&target, document).await
    }

    /// GET gives the manifest's bytes at a place that was named.
    pub(crate) async fn get_manifest_at(&self, target: &str, document: &Document) -> Verdict {
        let answer = self.ask(accepting(Ask::get(target), document)).await?;
        check_manifest_head(&answer, document)?;
        answer.bytes_are(&document.bytes)?;
        Ok(())
    }

    /// The manifest is not there.
    pub async fn has_no_manifest(&self, reference: &str) -> Verdict {
        let target = self.manifest(reference);
        self.ask(Ask::head(&target)).await?.is(404)?;
        let answer = self.ask(Ask::get(&target)).await?;
        answer.refused(&[404], &NO_MANIFEST)?;
        Ok(())
    }

    /// Deletes a tag or a manifest.
    pub async fn delete_manifest(&self, reference: &str) -> Verdict {
        let answer = self.try_delete_manifest(reference).await?;
        answer.is(202)?;
        Ok(())
    }

    /// Deletes a tag or a manifest, and returns the answer; unless the registry deletes none.
    pub(crate) async fn try_delete_manifest(&self, reference: &str) -> Verdict<Answer> {
        let answer = self.ask(Ask::delete(self.manifest(reference))).await?;
        // The spec's words for tags that are not deleted are 400 and 405.
        if answer.status == 400 && !reference.contains(':') {
            return Err(Stop::skipped(format!("tags are not deleted: {answer}")));
        }
        answer.unless_unsupported("deleting manifests")?;
        Ok(answer)
    }

    /// Pushes a manifest, under more tags if there are any, and follows the `Location`.
    pub async fn push_manifest(
        &self,
        reference: &str,
        document: &Document,
        tags: &[String],
    ) -> Verdict {
        let answer = self.put_manifest(reference, document, tags).await?;
        if answer.code().as_deref() == Some("MANIFEST_BLOB_UNKNOWN") && document.is_sparse {
            let why = format!("the registry takes no sparse manifests: {answer}");
            return Err(Stop::Skipped(why));
        }
        answer.is(201)?;
        answer.header_is("docker-content-digest", document.digest.as_str())?;
        if let Some(subject) = &document.subject {
            answer.header_is("oci-subject", subject.as_str())?;
        }
        let named = answer.listed("oci-tag");
        if named.is_empty() && !tags.is_empty() {
            // By this the spec's development version has clients know that the tags are still to be pushed.
            return Err(Stop::Skipped(format!(
                "tags by query are not supported: {answer}"
            )));
        }
        for tag in tags {
            ensure!(
                named.contains(tag),
                "{answer} without OCI-Tag: {tag} but {named:?}"
            );
        }
        let location = self.registry.follow(&answer)?;
        let followed = self.get_manifest_at(&location, document).await;
        followed.map_err(|stop| stop.about("its Location"))
    }

    /// Puts a manifest and returns the answer, whatever it is.
    pub(crate) async fn put_manifest(
        &self,
        reference: &str,
        document: &Document,
        tags: &[String],
    ) -> Verdict<Answer> {
        let mut target = self.manifest(reference);
        for (index, tag) in tags.iter().enumerate() {
            target.push(if index == 0 { '?' } else { '&' });
            target.push_str("tag=");
            target.push_str(tag);
        }
        let ask = Ask::put(target).sending(&document.media_type, document.bytes.clone());
        self.ask(ask).await
    }

    /// The tags that a request for the list names, with a query or without.
    pub async fn tags(&self, query: &str) -> Verdict<Vec<String>> {
        let answer = self.ask(Ask::get(self.path("tags/list") + query)).await?;
        self.tags_of(answer.is(200)?)
    }

    /// The tags in a list, which is checked.
    pub(crate) fn tags_of(&self, answer: &Answer) -> Verdict<Vec<String>> {
        let list = answer.json()?;
        ensure!(
            list["name"] == self.name.as_str(),
            "{answer} with the name {}",
            list["name"]
        );
        let Some(tags) = list["tags"].as_array() else {
            return Err(Stop::failed(format!(
                "{answer} with tags that are no list but {}",
                list["tags"]
            )));
        };
        Ok(tags.iter().filter_map(text).collect())
    }

    /// The descriptors that refer to a subject, in an index that is checked, page after page; and the last answer.
    pub async fn referrers(&self, subject: &Digest, query: &str) -> Verdict<(Vec<Value>, Answer)> {
        /// More pages than any case needs: a list that goes round would go on for ever.
        const MAX_PAGES: usize = 100;
        let mut target = self.path(&format!("referrers/{subject}{query}"));
        let mut found = Vec::new();
        for _ in 0..MAX_PAGES {
            let answer = self.ask(Ask::get(&target)).await?;
            answer.is(200)?.header_is("content-type", INDEX)?;
            let index = answer.json()?;
            let is_index = index["schemaVersion"] == 2 && index["mediaType"] == INDEX;
            ensure!(is_index, "{answer} with what is no index");
            let Some(listed) = index["manifests"].as_array() else {
                return Err(Stop::failed(format!("{answer} without manifests")));
            };
            found.extend(listed.iter().cloned());
            match next_page(&answer)? {
                Some(next) => target = next,
                None => return Ok((found, answer)),
            }
        }
        Err(Stop::failed("the pages of referrers have no end"))
    }
}

/// Where the next page is, by `Link: <…>; rel="next"`.
pub(crate) fn next_page(answer: &Answer) -> Verdict<Option<String>> {
    let Some(link) = answer.find_header("link") else {
        return Ok(None);
    };
    let parts = link.split_once('>');
    let target = parts.and_then(|(target, rest)| Some((target.strip_prefix('<')?, rest)));
    let Some((target, rest)) = target else {
        return Err(Stop::failed(format!("{answer} with Link: {link}")));
    };
    ensure!(
        rest.replace(' ', "").contains("rel=\"next\""),
        "{answer} with Link: {link}, without rel=\"next\""
    );
    let from = url::Url::parse("http://registry.invalid")
        .and_then(|base| base.join(&answer.target))
        .and_then(|from| from.join(target));
    let led = from.map_err(|error| Stop::failed(format!("{answer} with Link: {link}: {error}")))?;
    let query = led.query().map(|query| format!("?{query}"));
    Ok(Some(format!("{}{}", led.path(), query.unwrap_or_default())))
}

fn check_manifest_head(answer: &Answer, document: &Document) -> Verdict {
    answer.is(200)?;
    answer.header_is("content-type", &document.media_type)?;
    answer.header_is("content-length", &document.bytes.len().to_string())?;
    answer.header_is("docker-content-digest", document.digest.as_str())?;
    ensure!(
        answer.method != Method::HEAD || answer.body.is_empty(),
        "{answer} with a body"
    );
    Ok(())
}

/// As clients ask: for the type that they expect. A registry of before OCI answers other types else.
fn accepting(ask: Ask, document: &Document) -> Ask {
    ask.header("accept", &document.media_type)
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue};

    use super::*;

    fn linked(link: &str) -> Verdict<Option<String>> {
        let mut headers = HeaderMap::new();
        if !link.is_empty() {
            headers.insert("link", HeaderValue::from_str(link).unwrap());
        }
        next_page(&Answer {
            asked: String::new(),
            method: Method::GET,
            target: "/v2/a/tags/list?n=1".to_owned(),
            status: 200,
            headers,
            body: Bytes::new(),
        })
    }

    #[test]
    fn links_lead_on_in_each_form_that_they_have() {
        let next = Ok(Some("/v2/a/tags/list?n=1&last=x".to_owned()));
        for link in [
            "</v2/a/tags/list?n=1&last=x>; rel=\"next\"",
            "<?n=1&last=x>;rel=\"next\"",
            "<http://r:5000/v2/a/tags/list?n=1&last=x>; rel=\"next\"",
        ] {
            assert_eq!(linked(link), next, "{link}");
        }
        assert_eq!(linked(""), Ok(None));
        assert!(linked("/v2/a/tags/list").is_err());
        assert!(linked("</v2/a/tags/list>; rel=\"last\"").is_err());
    }
}
