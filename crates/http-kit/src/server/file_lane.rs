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
pub(super) const PLACEHOLDER_BYTES: usize = 1024 * 1024;

/// How many parts may wait: hyper holds two bodies' chunks at most, and 16 buffers whatever happens.
const MAX_WAITING: usize = 16;

/// Parts of a lane are numbered in a circle of so many, and each number's slice begins elsewhere: one that got lost is missed.
const NUMBERS: usize = 4096;

/// What stands for parts. Nobody reads it, so that it takes no memory.
static PLACEHOLDER: [u8; NUMBERS + PLACEHOLDER_BYTES] = [0; NUMBERS + PLACEHOLDER_BYTES];

/// The parts of files that are on their way through hyper on one connection, in order.
///
/// In a request's extensions where the connection can send files by the kernel: HTTP/1 without TLS. Its own response may then
/// have a [`Body::parts`](super::Body::parts).
#[derive(Clone, Debug, Default)]
pub struct FileLane {
    queue: Arc<Mutex<Queue>>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// How many parts have entered.
    entered: usize,
}

#[derive(Debug)]
struct Waiting {
    part: FilePart,
    /// Where in the region begins what stands for the rest of it.
    place: usize,
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
        let length = usize::try_from(part.len())
            .ok()
            .filter(|length| *length <= PLACEHOLDER_BYTES)
            .ok_or_else(|| out_of_step("a part is too long"))?;
        let mut queue = self.lock();
        if queue.waiting.len() >= MAX_WAITING {
            return Err(out_of_step("too many parts wait"));
        }
        let place = queue.entered % NUMBERS;
        queue.entered = queue.entered.wrapping_add(1);
        queue.waiting.push_back(Waiting { part, place });
        Ok(Bytes::from_static(&PLACEHOLDER[place..place + length]))
    }

    /// What is to be written first of `slices`.
    pub(super) fn front(&self, slices: &[IoSlice<'_>]) -> io::Result<Front> {
        let stand_in = slices.iter().position(|slice| find_place(slice).is_some());
        match stand_in {
            None => return Ok(Front::Bytes(slices.len())),
            Some(0) => {}
            Some(count) => return Ok(Front::Bytes(count)),
        }
        let queue = self.lock();
        let first = queue
            .waiting
            .front()
            .ok_or_else(|| out_of_step("no part waits"))?;
        // hyper moves forward in the slice as we tell it that so much was written: both must have come equally far.
        let is_as_far = find_place(&slices[0]) == Some(first.place);
        if !is_as_far || first.part.len() != slices[0].len() as u64 {
            return Err(out_of_step("another part waits"));
        }
        Ok(Front::File(first.part.clone()))
    }

    /// Notes that so many bytes of the first part were sent.
    pub(super) fn sent(&self, bytes: usize) {
        let mut queue = self.lock();
        let Some(first) = queue.waiting.front_mut() else {
            return;
        };
        first.part.advance(bytes as u64);
        first.place += bytes;
        if first.part.is_empty() {
            queue.waiting.pop_front();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where in the region a slice begins, if it lies in it.
fn find_place(slice: &[u8]) -> Option<usize> {
    let place = slice
        .as_ptr()
        .addr()
        .checked_sub(PLACEHOLDER.as_ptr().addr())?;
    // An empty slice stands for nothing, and may lie anywhere.
    (place < PLACEHOLDER.len() && !slice.is_empty()).then_some(place)
}

fn out_of_step(why: &'static str) -> io::Error {
    io::Error::other(format!("the files to be sent are out of step: {why}"))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;

    use super::*;

    fn part(bytes: u64) -> FilePart {
        let mut file = tempfile::tempfile().unwrap();
        let length = usize::try_from(bytes).unwrap();
        file.write_all(&vec![1; length]).unwrap();
        FilePart::new(Arc::new(file), 0..bytes).unwrap()
    }

    fn front(lane: &FileLane, slices: &[&[u8]]) -> io::Result<Front> {
        let slices: Vec<_> = slices.iter().map(|slice| IoSlice::new(slice)).collect();
        lane.front(&slices)
    }

    fn is_file(front: io::Result<Front>, bytes: u64) -> bool {
        matches!(front, Ok(Front::File(part)) if part.len() == bytes)
    }

    #[test]
    fn bytes_before_a_part_go_first_and_then_the_part_and_what_is_left_of_it() {
        let lane = FileLane::default();
        let (one, two) = (
            lane.enter(part(100)).unwrap(),
            lane.enter(part(50)).unwrap(),
        );
        assert!(matches!(
            front(&lane, &[b"head", b"more", &one, &two]),
            Ok(Front::Bytes(2))
        ));
        assert!(is_file(front(&lane, &[&one, &two]), 100));
        lane.sent(30);
        assert!(is_file(front(&lane, &[&one[30..], &two]), 70));
        lane.sent(70);
        assert!(is_file(front(&lane, &[&two]), 50));
        lane.sent(50);
        assert!(matches!(front(&lane, &[b"next"]), Ok(Front::Bytes(1))));
    }

    #[test]
    fn nothing_is_sent_for_a_slice_that_stands_for_another_part_or_another_place_in_it() {
        let lane = FileLane::default();
        let lost = lane.enter(part(100)).unwrap();
        let next = lane.enter(part(100)).unwrap();
        for wrong in [&next[..], &lost[..99], &lost[1..], &lost[..1]] {
            assert!(front(&lane, &[wrong]).is_err());
        }
        lane.sent(10);
        assert!(front(&lane, &[&lost]).is_err());
        assert!(front(&lane, &[&lost[9..]]).is_err());
        let others = FileLane::default();
        assert!(front(&others, &[&lost]).is_err(), "none waits");
    }

    #[test]
    fn what_waits_is_bounded_and_numbers_go_round() {
        let lane = FileLane::default();
        let mut slices: VecDeque<_> = (0..MAX_WAITING)
            .map(|_| lane.enter(part(9)).unwrap())
            .collect();
        assert!(lane.enter(part(9)).is_err());
        for _ in 0..2 * NUMBERS {
            let slice = slices.pop_front().unwrap();
            assert!(is_file(front(&lane, &[&slice]), 9));
            lane.sent(9);
            slices.push_back(lane.enter(part(9)).unwrap());
        }
        lane.sent(9);
        assert!(lane.enter(part(PLACEHOLDER_BYTES as u64 + 1)).is_err());
        assert!(lane.enter(part(PLACEHOLDER_BYTES as u64)).is_ok());
    }

    #[test]
    fn a_part_lies_within_its_file() {
        let file = Arc::new(File::open("/dev/null").unwrap());
        assert!(FilePart::new(file, 0..1).is_err());
    }
}
