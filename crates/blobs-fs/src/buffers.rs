//! Read buffers, lent out as [`Bytes`] and taken back when the last reference to them goes.
//!
//! Serving a warm blob reads one chunk after the other: without the pool each would be an allocation of a chunk's size.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use forebay_content::lock;

/// How many buffers lie idle at most; more that come back are freed, so that a rush leaves no memory behind.
const IDLE_BUFFERS: usize = 64;

/// Below this many bytes a buffer is its own allocation: lending a chunk's worth for a manifest would waste it.
const POOLED_FROM_BYTES: usize = 16 * 1024;

/// Buffers of one size.
#[derive(Debug)]
pub(crate) struct Buffers {
    idle: Arc<Idle>,
    buffer_bytes: usize,
}

/// A buffer being filled.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    len: usize,
    home: Option<Arc<Idle>>,
}

type Idle = Mutex<Vec<Vec<u8>>>;

impl Buffers {
    pub(crate) fn new(buffer_bytes: u32) -> Self {
        Self {
            idle: Arc::default(),
            buffer_bytes: buffer_bytes as usize,
        }
    }

    /// A buffer of `len` bytes whose content is arbitrary.
    pub(crate) fn take(&self, len: usize) -> Buffer {
        if len < POOLED_FROM_BYTES || len > self.buffer_bytes {
            let bytes = vec![0; len];
            let home = None;
            return Buffer { bytes, len, home };
        }
        let idle = lock(&self.idle).pop();
        Buffer {
            bytes: idle.unwrap_or_else(|| vec![0; self.buffer_bytes]),
            len,
            home: Some(Arc::clone(&self.idle)),
        }
    }
}

impl Buffer {
    pub(crate) fn as_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.len]
    }

    /// Lends it out for reading.
    pub(crate) fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(home) = &self.home {
            let mut idle = lock(home);
            if idle.len() < IDLE_BUFFERS {
                idle.push(std::mem::take(&mut self.bytes));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_when_its_last_reader_is_done() {
        let buffers = Buffers::new(65_536);
        let lent = buffers.take(65_536).freeze();
        let part = lent.slice(7..9);
        drop(lent);
        assert_eq!(buffers.idle.lock().unwrap().len(), 0);
        drop(part);
        assert_eq!(buffers.idle.lock().unwrap().len(), 1);
        let _again = buffers.take(20_000);
        assert_eq!(buffers.idle.lock().unwrap().len(), 0);
    }

    #[test]
    fn idle_buffers_are_bounded() {
        let buffers = Buffers::new(65_536);
        let lent: Vec<_> = (0..IDLE_BUFFERS + 9)
            .map(|_| buffers.take(65_536))
            .collect();
        drop(lent);
        assert_eq!(buffers.idle.lock().unwrap().len(), IDLE_BUFFERS);
    }
}
