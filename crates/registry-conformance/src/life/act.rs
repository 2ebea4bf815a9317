//! One act of a client: what it asks, and what has to come of it.

use std::sync::Arc;

use serde_json::json;

use super::shelf::{Image, Shelf};
use super::{Drawn, Life};
use crate::ask::Ask;
use crate::digest::Algorithm;
use crate::document::{CONFIG, Document, LAYER, MANIFEST};
use crate::noise::Blob;
use crate::verdict::{Verdict, ensure};

/// The most layers of an image.
const MAX_LAYERS: u64 = 4;

/// A new image of layers that others may have too, and a configuration of its own.
pub(super) fn draw_image(life: &Life, drawn: &mut Drawn, name: &str) -> Arc<Image> {
    let config = format!("{{\"of\":\"{name}\"}}").into_bytes();
    let mut blobs = vec![Arc::new(Blob::new(Algorithm::Sha256, config))];
    for _ in 0..=drawn.below(MAX_LAYERS) {
        blobs.extend(drawn.one(&life.layers).cloned());
    }
    let described = |blob: &Arc<Blob>, media_type: &str| json!({ "mediaType": media_type, "digest": blob.digest.as_str(), "size": blob.bytes.len() });
    let layers: Vec<_> = blobs[1..]
        .iter()
        .map(|blob| described(blob, LAYER))
        .collect();
    let json = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": described(&blobs[0], CONFIG),
        "layers": layers,
    });
    let document = Document::new(name, Algorithm::Sha256, &json);
    Arc::new(Image { document, blobs })
}

impl Shelf {
    /// Pushes an image under a tag, blobs first; `other` may hold some of them.
    pub(super) async fn push(
        &mut self,
        drawn: &mut Drawn,
        (tag, image): (&str, &Arc<Image>),
        other: &Self,
    ) -> Verdict {
        for blob in &image.blobs {
            self.hold(drawn, blob, other).await?;
        }
        let repository = &self.repository;
        repository.push_manifest(tag, &image.document, &[]).await?;
        self.put(tag, image);
        Ok(())
    }

    /// Has the repository hold a blob: as it does already, by a mount, or by one of the ways to upload it.
    async fn hold(&mut self, drawn: &mut Drawn, blob: &Arc<Blob>, other: &Self) -> Verdict {
        let repository = self.repository.clone();
        let known = repository
            .ask(Ask::head(repository.blob(&blob.digest)))
            .await?;
        known.is_one_of(&[200, 404])?;
        let is_held = Self::needs(&self.images, &blob.digest);
        ensure!(
            known.status == 200 || !is_held,
            "{known}, and an image here needs it"
        );
        self.pushed
            .insert(blob.digest.to_string(), blob.digest.clone());
        if known.status == 200 {
            return Ok(());
        }
        if Self::needs(&other.images, &blob.digest) && drawn.percent(70) {
            let from = &other.repository.name;
            let query = format!("?mount={}&from={from}", blob.digest);
            let mounted = repository
                .ask(Ask::post(repository.uploads(&query)))
                .await?;
            mounted.is(201)?;
            return Ok(());
        }
        let bytes = blob.bytes.clone();
        let (first, second) = (
            bytes.slice(..bytes.len() / 2),
            bytes.slice(bytes.len() / 2..),
        );
        match drawn.below(4) {
            0 => {
                let query = format!("?digest={}", blob.digest);
                let ask = Ask::post(repository.uploads(&query)).octets(bytes);
                repository.ask(ask).await?.is(201)?;
                Ok(())
            }
            1 => repository.begin("").await?.close(blob).await,
            2 => {
                let mut session = repository.begin("").await?;
                session.stream(vec![first, second]).await?;
                session.close(blob).await
            }
            _ => {
                let mut session = repository.begin("").await?;
                if !first.is_empty() {
                    session.patch(first).await?;
                }
                session.check_status().await?;
                session.patch(second).await?;
                session.close(blob).await
            }
        }
    }

    /// Pulls an image, by tag if it has one, with all its blobs.
    pub(super) async fn pull(&self, image: &Arc<Image>) -> Verdict {
        let Image { document, blobs } = &**image;
        for tag in self.tags_of(image) {
            self.repository.get_manifest(&tag, document).await?;
        }
        let digest = document.digest.as_str();
        self.repository.head_manifest(digest, document).await?;
        self.repository.get_manifest(digest, document).await?;
        for blob in blobs {
            self.repository.get_blob(blob).await?;
        }
        Ok(())
    }

    /// Deletes a tag; what it named is there as before.
    pub(super) async fn delete_tag(&mut self, tag: &str) -> Verdict {
        let Some(image) = self.tags.get(tag).cloned() else {
            return Ok(());
        };
        self.repository.delete_manifest(tag).await?;
        self.untag(tag);
        self.repository.has_no_manifest(tag).await?;
        self.pull(&image).await
    }

    /// Deletes a manifest, which goes with its tags.
    pub(super) async fn delete_image(&mut self, image: &Arc<Image>) -> Verdict {
        let digest = image.document.digest.as_str();
        let tags = self.tags_of(image);
        self.repository.delete_manifest(digest).await?;
        self.drop_image(image);
        self.repository.has_no_manifest(digest).await?;
        for tag in tags {
            self.repository.has_no_manifest(&tag).await?;
        }
        Ok(())
    }

    /// Deletes a blob that was pushed here and that nothing here needs; it may have been forgotten as unused before.
    pub(super) async fn delete_unused_blob(&mut self, drawn: &mut Drawn) -> Verdict {
        let unused = self
            .pushed
            .values()
            .filter(|digest| !Self::needs(&self.images, digest));
        let unused: Vec<_> = unused.cloned().collect();
        let Some(digest) = drawn.one(&unused) else {
            return Ok(());
        };
        let answer = self
            .repository
            .ask(Ask::delete(self.repository.blob(digest)));
        answer.await?.is_one_of(&[202, 404])?;
        self.pushed.remove(digest.as_str());
        self.repository.has_no_blob(digest).await
    }

    /// Begins an upload and gives it up.
    pub(super) async fn give_up_upload(&self, image: &Image) -> Verdict {
        let mut session = self.repository.begin("").await?;
        let Some(blob) = image.blobs.last() else {
            return Ok(());
        };
        session.stream(vec![blob.bytes.clone()]).await?;
        session.cancel().await?;
        let location = session.location.clone();
        session.is_unknown_at(&location, &blob.digest).await
    }

    /// What is gone does not come back.
    pub(super) async fn look_for_gone(&self, drawn: &mut Drawn) -> Verdict {
        let gone: Vec<_> = self.gone.iter().collect();
        match drawn.one(&gone) {
            Some(reference) => self.repository.has_no_manifest(reference).await,
            None => Ok(()),
        }
    }

    /// The list has all tags of this client and no other that begin as its do.
    pub(super) async fn list(&self, prefix: &str) -> Verdict {
        if self.images.is_empty() {
            return Ok(());
        }
        let listed = self.repository.tags("").await?;
        let mut listed = listed.iter().filter(|tag| tag.starts_with(prefix));
        let mut known = self.tags.keys();
        loop {
            let (found, expected) = (listed.next(), known.next());
            let name = &self.repository.name;
            ensure!(
                found == expected,
                "{name} lists {found:?} where {expected:?} is"
            );
            if found.is_none() {
                return Ok(());
            }
        }
    }
}
