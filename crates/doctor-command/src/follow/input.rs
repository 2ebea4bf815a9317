//! What comes once, in parts, as they come: standard input, a pipe.
//!
//! Read by a thread of its own, which a read that waits for a terminal may hold for ever: it ends with the process, and holds
//! nobody up who wants to end that.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::thread;

use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::source::{READ_BYTES, Source};

/// The most parts that lie ready.
const MAX_READY: usize = 2;

/// The parts; after the last, or an error, there are no more.
pub(super) fn parts(path: &Path) -> Receiver<io::Result<Vec<u8>>> {
    let (sender, receiver) = channel(MAX_READY);
    let path: PathBuf = path.to_owned();
    thread::spawn(move || {
        if let Err(error) = read(&path, &sender) {
            // Nobody may listen any more.
            let _ = sender.blocking_send(Err(error));
        }
    });
    receiver
}

fn read(path: &Path, to: &Sender<io::Result<Vec<u8>>>) -> io::Result<()> {
    let mut source = Source::open(path)?.endless();
    let mut bytes = vec![0; READ_BYTES];
    loop {
        let length = source.read(&mut bytes)?;
        if length == 0 || to.blocking_send(Ok(bytes[..length].to_vec())).is_err() {
            return Ok(());
        }
    }
}
