//! A client: three shelves, and what it does with them.
//!
//! One repository is its own, in which all that it does is acknowledged or refused and nothing else happens. One is common to
//! all clients. In the third a lifecycle rule lets the [`KEPT`] newest images stay, so of the older it is only sure that they
//! are there whole or not at all, and do not come back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::act::draw_image;
use super::shelf::{Image, Shelf};
use super::{Drawn, KEPT, Life};
use crate::ask::Ask;
use crate::verdict::{Verdict, ensure};

/// The most images that a client has in one repository; then some go before more come.
const MAX_IMAGES: usize = 12;

/// One who pushes, pulls and deletes.
#[derive(Debug)]
pub struct Client {
    life: Arc<Life>,
    number: u64,
    drawn: Drawn,
    own: Shelf,
    common: Shelf,
    passing: Shelf,
    pushes: u64,
}

impl Client {
    /// The client of this number, which has nothing yet.
    pub(super) fn new(life: &Arc<Life>, number: u64) -> Self {
        let registry = &life.registry;
        Self {
            life: Arc::clone(life),
            number,
            drawn: Drawn::new(life.seed ^ (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            own: Shelf::new(registry.repository(&format!("own-{number}"))),
            common: Shelf::new(life.common.clone()),
            passing: Shelf::new(registry.repository(&format!("passing-{number}"))),
            pushes: 0,
        }
    }

    /// Does one thing after the other until the life ends.
    ///
    /// # Errors
    /// The registry did something else than it should; nobody does anything after that.
    pub(super) async fn live(&mut self) -> Verdict {
        let lived = self.live_on().await;
        lived.map_err(|stop| {
            self.life.end();
            stop.about(&format!("client {}", self.number))
        })
    }

    async fn live_on(&mut self) -> Verdict {
        // One more than stay, so that there is something to pass however short the life is.
        let life = Arc::clone(&self.life);
        for _ in 0..=KEPT {
            let _acting = life.an_act().await;
            let act = self.push_passing().await?;
            self.life.count(act);
        }
        while !life.is_over() {
            let _acting = life.an_act().await;
            let act = self.act().await?;
            self.life.count(act);
        }
        Ok(())
    }

    async fn act(&mut self) -> Verdict<&'static str> {
        match self.drawn.below(100) {
            0..35 => self.push().await,
            35..45 => self.push_passing().await,
            45..70 => self.pull().await,
            70..76 => self.look_at_passing().await,
            76..80 => self.untag().await,
            80..86 => self.delete().await,
            86..91 => {
                self.own.delete_unused_blob(&mut self.drawn).await?;
                Ok("blobs deleted")
            }
            91..94 => {
                let image = draw_image(&self.life, &mut self.drawn, "given up");
                self.own.give_up_upload(&image).await?;
                Ok("uploads given up")
            }
            94..97 => {
                for shelf in [&self.own, &self.common, &self.passing] {
                    shelf.look_for_gone(&mut self.drawn).await?;
                }
                Ok("looked for what is gone")
            }
            _ => {
                self.own.list("").await?;
                self.common.list(&format!("c{}-", self.number)).await?;
                Ok("lists")
            }
        }
    }

    /// Pushes an image to its own repository or the common one, under a new tag or one that it moves.
    async fn push(&mut self) -> Verdict<&'static str> {
        let to_all = self.drawn.percent(40);
        let prefix = if to_all {
            format!("c{}-", self.number)
        } else {
            "t-".to_owned()
        };
        let kept = if to_all { &self.common } else { &self.own };
        if kept.images.len() >= MAX_IMAGES {
            return self.delete().await;
        }
        let tags: Vec<_> = kept.tags.keys().cloned().collect();
        let moved = self.drawn.percent(30);
        let moved = moved.then(|| self.drawn.one(&tags).cloned()).flatten();
        let is_moved = moved.is_some();
        let tag = moved.unwrap_or_else(|| format!("{prefix}{}", self.pushes));
        let image = self.draw(&tag);
        let (kept, other) = if to_all {
            (&mut self.common, &self.own)
        } else {
            (&mut self.own, &self.common)
        };
        kept.push(&mut self.drawn, (&tag, &image), other).await?;
        kept.pull(&image).await?;
        Ok(if is_moved { "tags moved" } else { "pushes" })
    }

    /// Pushes an image to the repository in which older ones pass.
    async fn push_passing(&mut self) -> Verdict<&'static str> {
        let tag = format!("v{}", self.pushes);
        let image = self.draw(&tag);
        // Of what an older one needs, it is not sure that it is still held: only what the newest need counts.
        let older = self.passing.images.len().saturating_sub(KEPT);
        let passed: Vec<_> = self.passing.images.drain(..older).collect();
        let place = (tag.as_str(), &image);
        let pushed = self.passing.push(&mut self.drawn, place, &self.own).await;
        self.passing.images.splice(..0, passed);
        pushed?;
        self.look_at_newest().await?;
        Ok("pushes where older images pass")
    }

    fn draw(&mut self, tag: &str) -> Arc<Image> {
        self.pushes += 1;
        let name = format!("{} {tag} {}", self.number, self.pushes);
        draw_image(&self.life, &mut self.drawn, &name)
    }

    async fn pull(&mut self) -> Verdict<&'static str> {
        let to_all = self.drawn.percent(40);
        let kept = if to_all { &self.common } else { &self.own };
        if let Some(image) = self.drawn.one(&kept.images) {
            kept.pull(image).await?;
        }
        Ok("pulls")
    }

    async fn look_at_newest(&self) -> Verdict {
        for image in self.passing.images.iter().rev().take(KEPT) {
            self.passing.pull(image).await?;
        }
        Ok(())
    }

    /// The newest are there; of the older, each is whole or gone.
    async fn look_at_passing(&mut self) -> Verdict<&'static str> {
        self.look_at_newest().await?;
        let older = self.passing.images.len().saturating_sub(KEPT);
        let images = self.passing.images[..older].to_vec();
        for image in images {
            let repository = &self.passing.repository;
            let path = repository.manifest(image.document.digest.as_str());
            let answer = repository.ask(Ask::get(path)).await?;
            if answer.is_one_of(&[200, 404])?.status == 200 {
                answer.bytes_are(&image.document.bytes)?;
            } else {
                self.passing.drop_image(&image);
                self.life.count("images that passed");
            }
        }
        Ok("looks where older images pass")
    }

    async fn untag(&mut self) -> Verdict<&'static str> {
        let to_all = self.drawn.percent(40);
        let kept = if to_all {
            &mut self.common
        } else {
            &mut self.own
        };
        let tags: Vec<_> = kept.tags.keys().cloned().collect();
        if let Some(tag) = self.drawn.one(&tags) {
            kept.delete_tag(tag).await?;
        }
        Ok("tags deleted")
    }

    async fn delete(&mut self) -> Verdict<&'static str> {
        // Now and then all that it has, so that the repository is empty for a while.
        let all = self.drawn.percent(5);
        let to_all = !all && self.drawn.percent(40);
        let kept = if to_all {
            &mut self.common
        } else {
            &mut self.own
        };
        let images = kept.images.clone();
        let count = if all {
            images.len()
        } else {
            images.len().min(1)
        };
        let first = self.drawn.below((images.len() as u64).max(1));
        let first = usize::try_from(first).unwrap_or_default();
        for image in images.iter().cycle().skip(first).take(count) {
            kept.delete_image(image).await?;
        }
        Ok("manifests deleted")
    }

    /// All that was acknowledged is there.
    ///
    /// # Errors
    /// Something is not.
    pub async fn check_all(&mut self) -> Verdict {
        for shelf in [&self.own, &self.common] {
            for image in &shelf.images {
                shelf.pull(image).await?;
            }
        }
        self.own.list("").await?;
        self.look_at_passing().await?;
        Ok(())
    }
}

/// Deletes what no image of these clients needs, once all have stopped: the digests that the registry now holds for them.
///
/// # Errors
/// The registry did something else than it should.
pub async fn tidy_up(clients: &mut [Client]) -> Verdict<BTreeSet<String>> {
    let mut held = BTreeSet::new();
    let mut in_common = Vec::new();
    let mut pushed_to_common = BTreeMap::new();
    for client in &mut *clients {
        client.look_at_passing().await?;
        in_common.extend(client.common.images.iter().cloned());
        pushed_to_common.append(&mut client.common.pushed);
        for shelf in [&client.own, &client.common, &client.passing] {
            held.append(&mut shelf.held());
        }
    }
    for client in clients.iter() {
        for shelf in [&client.own, &client.passing] {
            for digest in shelf.pushed.values() {
                forget(shelf, &shelf.images, digest).await?;
            }
        }
    }
    if let Some(client) = clients.first() {
        for digest in pushed_to_common.values() {
            forget(&client.common, &in_common, digest).await?;
        }
    }
    Ok(held)
}

async fn forget(shelf: &Shelf, images: &[Arc<Image>], digest: &crate::digest::Digest) -> Verdict {
    if Shelf::needs(images, digest) {
        return Ok(());
    }
    let repository = &shelf.repository;
    let answer = repository.ask(Ask::delete(repository.blob(digest))).await?;
    ensure!(
        matches!(answer.status, 202 | 404),
        "{answer}, and no image there needs it"
    );
    Ok(())
}
