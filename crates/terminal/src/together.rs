//! What we have started ends with us: a SIGTERM is for us alone, and who hangs would live on.
//!
//! A signal that is listened to does nothing by itself any more. So who listens ends the process, at once and whatever it does, as
//! without anybody listening.

use std::convert::Infallible;
use std::io;
use std::thread;

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot::{Sender, channel};

use crate::descendants::{kill_descendants, own_marks};
use crate::exit::end_as_by;

/// As long as there is this, SIGTERM ends the programs that we have started, and then us.
///
/// Once it is gone, SIGTERM does nothing until somebody else listens.
pub struct Together {
    _until: Sender<Infallible>,
}

impl Together {
    /// From now on.
    ///
    /// # Errors
    /// It cannot be listened to the signal.
    pub fn begin() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let mut terminate = {
            let _within = runtime.enter();
            signal(SignalKind::terminate())?
        };
        let (until, is_gone) = channel();
        // A thread: the others may read a long file, and look at no signal meanwhile.
        thread::Builder::new().spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    Some(()) = terminate.recv() => {
                        kill_descendants(std::process::id(), own_marks());
                        end_as_by(SignalKind::terminate().as_raw_value());
                    }
                    _ = is_gone => {}
                }
            });
        })?;
        Ok(Self { _until: until })
    }
}
