//! How parts of files get past hyper, which takes bytes only: as bytes that stand for them and are never sent.
//!
//! hyper is given slices of one static region, as long as the parts that they stand for; hyper neither reads nor copies them,
//! because our transport takes vectored writes. The transport knows such a slice by where it lies, and sends the part that
//! waits first in the lane. The lane and hyper must agree to the byte, else the connection ends: what stands for a part never
//! reaches the wire.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::file_part::FilePart;

/// The longest part that one slice stands for, in bytes.
pub(super) const PLACEHOLDER_BYTES: usize = 256 * 1024;

/// How many parts may wait: hyper holds two bodies' chunks at most, and 16 buffers whatever happens.
const MAX_WAITING: usize = 16;

/// What stands for parts. Nobody reads it, so that it takes no memory.
static PLACEHOLDER: [u8; PLACEHOLDER_BYTES] = [0; PLACEHOLDER_BYTES];

/// The parts of files that are on their way through hyper on one connection, in order.
///
/// In a request's extensions where the connection can send files by the kernel: HTTP/1 without TLS. Its own response may then
/// have a [`Body::parts`](super::Body::parts).
#[derive(Clone, Debug, Default)]
pub struct FileLane {
    waiting: Arc<Mutex<VecDeque<Waiting>>>,
}

#[derive(Debug)]
struct Waiting {
    part: FilePart,
    /// How much of it has been sent.
    sent: usize,
}

/// What the transport finds at the front of what hyper wants written.
#[derive(Debug)]
pub(super) enum Front {
    /// So many slices of bytes.
    Bytes(usize),
    /// A part of a file.
    File(FilePart),
}

impl FileLane {
    /// Lets `part` wait its turn: what stands for it.
    ///
    /// # Errors
    /// Where too many wait, or it is longer than [`PLACEHOLDER_BYTES`].
    pub(super) fn enter(&self, part: FilePart) -> io::Result<Bytes> {
        let stand_in = usize::try_from(part.len())
            .ok()
            .and_then(|length| PLACEHOLDER.get(..length))
            .ok_or_else(|| out_of_step("a part is too long"))?;
        let mut waiting = self.lock();
        if waiting.len() >= MAX_WAITING {
            return Err(out_of_step("too many parts wait"));
        }
        waiting.push_back(Waiting { part, sent: 0 });
        Ok(Bytes::from_static(stand_in))
    }

    /// What is to be written first of `slices`.
    pub(super) fn front(&self, slices: &[IoSlice<'_>]) -> io::Result<Front> {
        let stand_in = slices.iter().position(|slice| find_place(slice).is_some());
        match stand_in {
            None => return Ok(Front::Bytes(slices.len())),
            Some(0) => {}
            Some(count) => return Ok(Front::Bytes(count)),
        }
        let waiting = self.lock();
        let first = waiting
            .front()
            .ok_or_else(|| out_of_step("no part waits"))?;
        // hyper moves forward in the slice as we tell it that so much was written: both must have come equally far.
        if find_place(&slices[0]) != Some(first.sent) || first.part.len() != slices[0].len() as u64
        {
            return Err(out_of_step("another part waits"));
        }
        Ok(Front::File(first.part.clone()))
    }

    /// Notes that so many bytes of the first part were sent.
    pub(super) fn sent(&self, bytes: usize) {
        let mut waiting = self.lock();
        let Some(first) = waiting.front_mut() else {
            return;
        };
        first.part.advance(bytes as u64);
        first.sent += bytes;
        if first.part.is_empty() {
            waiting.pop_front();
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where in the region a slice begins, if it lies in it.
fn find_place(slice: &[u8]) -> Option<usize> {
    let place = slice
        .as_ptr()
        .addr()
        .checked_sub(PLACEHOLDER.as_ptr().addr())?;
    // An empty slice stands for nothing, and may lie anywhere.
    (place < PLACEHOLDER_BYTES && !slice.is_empty()).then_some(place)
}

fn out_of_step(why: &'static str) -> io::Error {
    io::Error::other(format!("the files to be sent are out of step: {why}"))
}
