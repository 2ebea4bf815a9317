//! The task that fetches a blob: from the upstream into a stage, checked, and kept.
//!
//! A broken upstream connection is resumed under the same hasher. The last byte is published when the digest is right, and never
//! if it is wrong.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use forebay_content::{
    BlobError, BlobStream, ByteRange, Event, FillEnd, Request, SourceError, Stage, UpstreamCall,
};
use forebay_oci::Hasher;
use futures::TryStreamExt;
use tracing::{debug, info, warn};

use crate::caching_source::Inner;
use crate::fill::{Fill, Phase};
use crate::leftover::{Leftover, put_back};
use crate::negative::Asked;
use crate::passing::skip;
use crate::space::Reserved;

/// How often a fill that nobody reads looks whether it is in somebody's way.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often a broken connection is resumed with little gained between.
const MAX_IDLE_RESUMES: u32 = 4;

/// Little: fewer bytes than this. An upstream that gives one byte a connection would be asked without end.
const MIN_GAIN_BYTES: u64 = 64 * 1024;

/// The wait before the first resume; doubled each time little was gained.
const FIRST_RESUME_WAIT: Duration = Duration::from_millis(100);

/// The task's side of a fill.
pub(crate) struct Filling {
    inner: Arc<Inner>,
    request: Request,
    fill: Arc<Fill>,
    hasher: Hasher,
    written: u64,
    size: Option<u64>,
    /// What its bytes take of all that may be kept.
    reserved: Reserved,
    /// Requests that were sent about the repository before it began.
    asked_before: u64,
}

/// Why copying from the upstream into the spool stopped.
enum Stop {
    Upstream(SourceError),
    /// Nobody reads it, and others wait for its place.
    InTheWay,
    /// It cannot be kept; the body goes on after the bytes that are written.
    Keeping(Obstacle, BlobStream),
}

/// Why a blob cannot be kept.
enum Obstacle {
    Disk(BlobError),
    /// It is larger than all that may be kept.
    TooLarge,
    /// All room is taken by what is in use or coming as well.
    NoRoom(BlobError),
}

impl Filling {
    pub(crate) fn new(inner: Arc<Inner>, request: Request, fill: Arc<Fill>) -> Self {
        let hasher = Hasher::new(fill.digest.algorithm());
        let reserved = inner.kept.reserve();
        let asked_before = inner.budget.asked_about(&request.repository);
        Self {
            inner,
            request,
            fill,
            hasher,
            written: 0,
            size: None,
            reserved,
            asked_before,
        }
    }

    /// Does the whole fill and tells how it ended.
    pub(crate) async fn run(mut self) {
        if self.is_here_already().await {
            return;
        }
        let upstream = Arc::clone(&self.inner.upstream);
        let kept = Arc::clone(&self.inner.kept);
        // Only here: a blob that came meanwhile is not fetched.
        kept.observe.observe(&Event::FillBegan {
            upstream: &upstream,
        });
        let (end, leftover) = match self.fetch().await {
            Ok(stage) => (self.keep(stage).await, None),
            Err(Stop::Upstream(error)) => (self.fail(error), None),
            Err(Stop::InTheWay) => (self.give_way(), None),
            Err(Stop::Keeping(obstacle, body)) => {
                let leftover = Arc::new(Leftover::new(self.hasher.clone(), body));
                self.publish(Phase::Adrift(Arc::clone(&leftover)));
                // Others have it while the rest of this one is passed on.
                self.reserved = kept.reserve();
                (self.tell(obstacle).await, Some(leftover))
            }
        };
        kept.observe.observe(&Event::FillEnded {
            upstream: &upstream,
            end,
            bytes: self.written,
        });
        if let Some(leftover) = leftover {
            leftover
                .hand_over(kept.clock.as_ref(), &kept.supervisor)
                .await;
        }
    }

    /// Says why the blob is not kept. That it is too large is no trouble of the disk.
    async fn tell(&self, obstacle: Obstacle) -> FillEnd {
        let kept = &self.inner.kept;
        match obstacle {
            Obstacle::Disk(error) => {
                kept.health.blob_not_kept(&error);
                if matches!(error, BlobError::NoSpace) {
                    // For the next: this one's bytes are passed on already.
                    kept.free().await;
                }
                FillEnd::PassedOn
            }
            Obstacle::NoRoom(error) => {
                kept.health.blob_not_kept(&error);
                FillEnd::PassedOn
            }
            Obstacle::TooLarge => {
                let (size, max_size) = (self.size, kept.max_bytes());
                info!(upstream = %self.inner.upstream, digest = %self.fill.digest, size, max_size, "a blob that is larger than max_size is passed on");
                FillEnd::TooLarge
            }
        }
    }

    /// The blob may have come between the look that missed it and this: then its readers read it where it is, if the upstream
    /// need not give it to earn it.
    async fn is_here_already(&mut self) -> bool {
        let Some(reader) = self.inner.kept.find_blob(&self.fill.digest).await else {
            return false;
        };
        let earned = self.inner.earn_blob(&self.request, &self.fill.digest).await;
        if matches!(earned, Ok(false)) {
            return false;
        }
        self.written = reader.size();
        self.fill.progress.send_modify(|progress| {
            progress.size = Some(reader.size());
            progress.spool = Some(reader);
        });
        self.publish(earned.map_or_else(Phase::Failed, |_| Phase::Whole));
        true
    }

    /// Brings all bytes into a stage.
    async fn fetch(&mut self) -> Result<Box<dyn Stage>, Stop> {
        let (size, mut body) = self.ask().await?;
        // What the upstream says of its blob holds for all who join; a manifest speaks for its repository only.
        self.size = size.or_else(|| self.inner.told_size(&self.request, &self.fill.digest));
        let mut stage = match self.stage().await {
            Ok(stage) => stage,
            Err(obstacle) => {
                self.publish_size();
                return Err(Stop::Keeping(obstacle, body));
            }
        };
        self.fill.progress.send_modify(|progress| {
            progress.spool = Some(stage.reader());
            progress.size = self.size;
            progress.phase = Phase::Receiving;
        });
        let mut idle_resumes = 0;
        loop {
            let before = self.written;
            let cut = match self.copy(body, stage.as_mut()).await {
                Ok(()) => return Ok(stage),
                Err(Stop::Upstream(error)) => error,
                Err(other) => return Err(other),
            };
            idle_resumes = if self.written - before >= MIN_GAIN_BYTES {
                0
            } else {
                idle_resumes + 1
            };
            body = self.resume(cut, &mut idle_resumes).await?;
        }
    }

    async fn stage(&self) -> Result<Box<dyn Stage>, Obstacle> {
        let kept = &self.inner.kept;
        if self.size.is_some_and(|size| kept.is_too_large(size)) {
            return Err(Obstacle::TooLarge);
        }
        // All would go for it step by step, and it would not fit all the same.
        if self.size.is_some_and(|size| kept.is_beyond_disk(size)) {
            return Err(Obstacle::NoRoom(BlobError::NoSpace));
        }
        kept.stage(self.size).await.map_err(Obstacle::Disk)
    }

    /// Asks the upstream for what is missing: the size of the whole, and the bytes from `written` on.
    async fn ask(&self) -> Result<(Option<u64>, BlobStream), Stop> {
        let from = (self.written > 0).then_some(ByteRange::From {
            first: self.written,
        });
        let answer = self
            .inner
            .source
            .blob(&self.request, &self.fill.digest, from)
            .await;
        let blob = answer.map_err(Stop::Upstream)?;
        if let (Some(size), Some(known)) = (blob.size, self.size)
            && size != known
        {
            return Err(invalid(format!("{size} bytes where there were {known}")));
        }
        let body = match blob.range {
            None if self.written > 0 => skip(blob.body.into_bytes(), self.written),
            _ => blob.body.into_bytes(),
        };
        Ok((blob.size, body))
    }

    /// Goes on after `cut`, as long as enough is gained between.
    async fn resume(
        &self,
        mut cut: SourceError,
        idle_resumes: &mut u32,
    ) -> Result<BlobStream, Stop> {
        while can_resume(&cut) && *idle_resumes < MAX_IDLE_RESUMES {
            debug!(digest = %self.fill.digest, at = self.written, %cut, "resuming a fill");
            self.inner
                .kept
                .clock
                .sleep(FIRST_RESUME_WAIT * 2_u32.pow(*idle_resumes))
                .await;
            match self.ask().await {
                Ok((_, body)) => return Ok(body),
                Err(Stop::Upstream(error)) => cut = error,
                Err(other) => return Err(other),
            }
            *idle_resumes += 1;
        }
        Err(Stop::Upstream(cut))
    }

    /// Copies until the body ends, as it should or not.
    async fn copy(&mut self, mut body: BlobStream, stage: &mut dyn Stage) -> Result<(), Stop> {
        let mut is_in_the_way = pin!(is_in_the_way(
            Arc::clone(&self.inner),
            Arc::clone(&self.fill)
        ));
        let cut = loop {
            let next = tokio::select! {
                next = body.try_next() => next,
                () = &mut is_in_the_way => return Err(Stop::InTheWay),
            };
            match next {
                Ok(Some(bytes)) => {
                    self.check_length(&bytes)?;
                    if let Err(obstacle) = self.take(bytes.clone(), stage).await {
                        return Err(Stop::Keeping(obstacle, put_back(bytes, body)));
                    }
                }
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        match (self.size, cut) {
            // All bytes are here: how the connection ended does not matter.
            (Some(size), _) if self.written == size => Ok(()),
            (None, None) => Ok(()),
            (_, Some(error)) => Err(Stop::Upstream(error)),
            (Some(size), None) => Err(Stop::Upstream(SourceError::Unavailable {
                why: format!("the blob ended after {} of {size} bytes", self.written),
                retry_after: None,
            })),
        }
    }

    fn check_length(&self, bytes: &Bytes) -> Result<(), Stop> {
        match self.size {
            Some(size) if self.written + bytes.len() as u64 > size => {
                Err(invalid(format!("more than the {size} bytes that it has")))
            }
            _ => Ok(()),
        }
    }

    async fn take(&mut self, bytes: Bytes, stage: &mut dyn Stage) -> Result<(), Obstacle> {
        let written = self.written + bytes.len() as u64;
        // A blob whose length nobody told may have no end: alone it gets no more room than there is for all.
        if self.inner.kept.is_too_large(written) {
            return Err(Obstacle::TooLarge);
        }
        let kept = Arc::clone(&self.inner.kept);
        kept.grow(&mut self.reserved, written, self.size)
            .await
            .map_err(Obstacle::NoRoom)?;
        // Hashed after it is written: a hasher of a fill that goes adrift has seen what readers find in the spool.
        stage.write(bytes.clone()).await.map_err(Obstacle::Disk)?;
        self.hasher.update(&bytes);
        self.written = written;
        self.publish(Phase::Receiving);
        Ok(())
    }

    /// Publishes the phase with what may be read in it. Of a size that clients were told, the last byte is held back: without
    /// it no response is complete.
    fn publish(&self, phase: Phase) {
        let held_back = match phase {
            Phase::Receiving => u64::from(self.size == Some(self.written)),
            _ => 0,
        };
        self.fill.progress.send_modify(|progress| {
            progress.readable = self.written.saturating_sub(held_back);
            progress.phase = phase;
        });
    }

    fn publish_size(&self) {
        self.fill
            .progress
            .send_modify(|progress| progress.size = self.size);
    }

    /// Checks the digest, lets the readers have the tail, and makes the blob durable behind them.
    async fn keep(&mut self, stage: Box<dyn Stage>) -> FillEnd {
        let digest = self.hasher.clone().finish();
        if digest != self.fill.digest {
            self.fail(SourceError::Invalid {
                why: "the bytes are not those of the digest".to_owned(),
            });
            return FillEnd::WrongBytes;
        }
        self.publish(Phase::Whole);
        let target = self.inner.target(&self.request.repository);
        let kept = Arc::clone(&self.inner.kept);
        kept.remember_supply(&target, &digest);
        if kept.find_blob(&digest).await.is_some() {
            // It was fetched to show that the upstream has it, and is not kept twice.
            kept.record_found(&target, &digest).await;
        } else {
            let reserved = std::mem::replace(&mut self.reserved, kept.reserve());
            if !kept.commit(&target, &digest, (stage, reserved)).await {
                return FillEnd::PassedOn;
            }
        }
        for repository in self.fill.earned_by().drain(..) {
            kept.link(&self.inner.target(&repository), &digest);
        }
        FillEnd::Kept
    }

    /// Who comes in this very moment is told to come again, and begins anew.
    fn give_way(&self) -> FillEnd {
        info!(upstream = %self.inner.upstream, digest = %self.fill.digest, at = self.written, "a download that nobody waits for any more made room for others");
        self.fail(SourceError::Busy);
        FillEnd::GaveWay
    }

    fn fail(&self, error: SourceError) -> FillEnd {
        let end = match error {
            SourceError::Invalid { .. } => FillEnd::Invalid,
            _ => FillEnd::Failed,
        };
        if end == FillEnd::Invalid {
            warn!(upstream = %self.inner.upstream, digest = %self.fill.digest, %error, "an upstream's blob was refused");
        }
        let asked = Asked::blob(&self.request, &self.fill.digest);
        self.inner
            .remember_absence(asked, &error, self.asked_before);
        self.fill
            .progress
            .send_modify(|progress| progress.phase = Phase::Failed(error));
        end
    }
}

/// Resolves when nobody reads the fill any more while others wait for their turn at the upstream.
async fn is_in_the_way(inner: Arc<Inner>, fill: Arc<Fill>) {
    loop {
        inner.kept.clock.sleep(LOOK_EVERY).await;
        if !fill.has_readers() && inner.budget.is_crowded(UpstreamCall::GetBlob) {
            return;
        }
    }
}

/// A cut connection is worth another try, and so is another turn at asking; an answer, a limit or a lie is not.
const fn can_resume(error: &SourceError) -> bool {
    matches!(
        error,
        SourceError::Unavailable { .. }
            | SourceError::TimedOut { .. }
            | SourceError::Busy
            | SourceError::Paced { .. }
    )
}

const fn invalid(why: String) -> Stop {
    Stop::Upstream(SourceError::Invalid { why })
}
