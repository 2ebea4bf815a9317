//! Standard input in parts, as they come.
//!
//! Read by a thread of its own, which a read that waits for a terminal may hold for ever: it ends with the process, and holds
//! nobody up who wants to end that.

use std::io::{self, Read};
use std::thread;

use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::read::READ_BYTES;

/// The most parts that lie ready.
const MAX_READY: usize = 2;

/// The parts; after the last, or an error, there are no more.
pub(super) fn parts() -> Receiver<io::Result<Vec<u8>>> {
    let (sender, receiver) = channel(MAX_READY);
    thread::spawn(move || read(&sender));
    receiver
}

fn read(to: &Sender<io::Result<Vec<u8>>>) {
    let mut input = io::stdin().lock();
    let mut bytes = vec![0; READ_BYTES];
    loop {
        let part = match input.read(&mut bytes) {
            Ok(0) => return,
            Ok(length) => Ok(bytes[..length].to_vec()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let is_last = part.is_err();
        if to.blocking_send(part).is_err() || is_last {
            return;
        }
    }
}
