//! Leave to send a request: whether the gate and the address allow it, and what became of it.
//!
//! Whatever happens to a request, the gate hears of it once.

use std::time::Duration;

use forebay_content::{Event, SourceError};

use super::{Wire, caller};
use crate::exchange::Question;
use crate::failure::Failure;
use crate::gate::{Closed, Outcome, Part, Pass, Resting};
use crate::news;

/// Leave to send one request; dropped with the request's future it says that nothing came of it.
pub(super) struct Admission<'a> {
    wire: &'a Wire,
    pass: Option<Pass>,
}

impl Wire {
    /// Says why a request would not be sent.
    pub(crate) fn check(&self, question: &Question) -> Result<(), SourceError> {
        let now = self.clock.monotonic();
        self.check_address(now)?;
        let closed = self.gate().find_closed(caller(question), now);
        closed.map_or(Ok(()), |closed| Err(of_closed(closed)))
    }

    fn check_address(&self, now: Duration) -> Result<(), SourceError> {
        let resting = self.share.find_rest(now);
        resting.map_or(Ok(()), |resting| Err(of_closed(Closed::Limited(resting))))
    }

    pub(super) fn admit(&self, question: &Question) -> Result<Admission<'_>, SourceError> {
        let now = self.clock.monotonic();
        self.check_address(now)?;
        let admitted = self.gate().admit(caller(question), now);
        let pass = admitted.map_err(of_closed)?;
        Ok(Admission {
            wire: self,
            pass: Some(pass),
        })
    }
}

impl Admission<'_> {
    pub(super) fn settle(mut self, outcome: Outcome) {
        self.note(outcome, None);
    }

    pub(super) fn settle_trouble(mut self, outcome: Outcome, part: Part, failure: &Failure) {
        self.note(outcome, Some((part, failure)));
    }

    fn note(&mut self, outcome: Outcome, trouble: Option<(Part, &Failure)>) {
        let Some(pass) = self.pass.take() else {
            return;
        };
        let wire = self.wire;
        let at = (wire.clock.monotonic(), wire.dice.roll());
        let mut gate = wire.gate();
        let was_open = gate.is_open();
        gate.settle(&pass, outcome, at);
        let open = gate.is_open();
        if was_open != open {
            // Under the lock, so that the last event told is the state that it is in.
            let upstream = &wire.name;
            wire.observe.observe(&Event::Breaker { upstream, open });
            match trouble {
                Some((part, failure)) => {
                    news::breaker_opened(upstream, wire.askers, (part, &failure.error.to_string()));
                }
                None => news::breaker_closed(upstream, wire.askers),
            }
        }
    }
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        self.note(Outcome::Nothing, None);
    }
}

/// What a caller is told of a request that is not sent.
fn of_closed(closed: Closed) -> SourceError {
    let unavailable = |why: &str, retry_after| SourceError::Unavailable {
        why: why.to_owned(),
        retry_after: Some(retry_after),
    };
    match closed {
        Closed::Limited(Resting { limited, left }) => SourceError::Limited {
            limited,
            retry_after: left,
        },
        Closed::Ailing { retry_after } => unavailable(
            "it failed on this several times in a row, and is not asked for it for a moment",
            retry_after,
        ),
        Closed::Broken { retry_after } => unavailable(
            "there was trouble with it just now, and it is left alone for a moment",
            retry_after,
        ),
    }
}
