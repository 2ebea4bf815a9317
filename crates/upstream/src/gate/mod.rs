//! Decides whether an upstream is asked at all: its breakers and its cool-downs.
//!
//! Pure: times and randomness are arguments. An upstream has three parts that fail and limit on their own: the registry,
//! its token service, and whoever it redirects blobs to.

mod breaker;
mod cool_down;

use std::time::Duration;

use forebay_content::UpstreamCall;
use forebay_limits::{Limited, Reading};

use breaker::{Breaker, Passage};
use cool_down::CoolDowns;
pub(crate) use cool_down::Resting;

use crate::login::Fingerprint;

/// The parts of an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The registry's API.
    Registry,
    /// The token service.
    Token,
    /// The hosts that blobs are redirected to.
    Blob,
}

/// The state of an upstream as far as it decides what is asked.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    breakers: [Breaker; Part::COUNT],
    cool_downs: CoolDowns,
}

/// Leave to send one request. Goes back to [`Gate::settle`].
#[derive(Clone, Debug)]
pub(crate) struct Pass {
    passages: [Option<Passage>; Part::COUNT],
}

/// Why nothing is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// There was too much trouble of late.
    Broken {
        /// When a request will try again.
        retry_after: Duration,
    },
    /// A limit stands in the way.
    Limited(Resting),
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// This part answered, after those that the request came through before.
    Answered(Part),
    /// This part is in trouble; those that the request came through before answered.
    Trouble(Part),
    /// Nothing that speaks of the upstream's health: it was given up, or we refused to go on.
    Nothing,
}

impl Part {
    /// How many there are.
    pub(crate) const COUNT: usize = 3;
    const ALL: [Self; Self::COUNT] = [Self::Registry, Self::Token, Self::Blob];

    /// The part that a call goes to first.
    pub(crate) fn of(call: UpstreamCall) -> Self {
        match call {
            UpstreamCall::Token => Self::Token,
            UpstreamCall::HeadManifest
            | UpstreamCall::GetManifest
            | UpstreamCall::HeadBlob
            | UpstreamCall::GetBlob
            | UpstreamCall::List => Self::Registry,
        }
    }
}

impl Gate {
    /// Everything may be asked.
    pub(crate) fn new() -> Self {
        Self {
            breakers: std::array::from_fn(|_| Breaker::new()),
            cool_downs: CoolDowns::default(),
        }
    }

    /// Everything may be asked but what limits that `before` has heard still forbid; `is_same_login` if we are who we were.
    ///
    /// The breakers begin anew: it may be the way to the registry that was mended.
    pub(crate) fn after(before: &Self, is_same_login: bool) -> Self {
        Self {
            cool_downs: before.cool_downs.inherited(is_same_login),
            ..Self::new()
        }
    }

    /// True if a breaker is open.
    pub(crate) fn is_open(&self) -> bool {
        self.breakers.iter().any(Breaker::is_open)
    }

    /// The limit that stands in the way of calls of this kind, whoever makes them; changes nothing.
    pub(crate) fn find_limit(&self, call: UpstreamCall, now: Duration) -> Option<Resting> {
        parts_of(call)
            .iter()
            .find_map(|&part| self.cool_downs.find(call, part, None, now))
    }

    /// Lets a call through, or says why not; `login` is whose it is, if it is for a token.
    pub(crate) fn admit(
        &mut self,
        call: UpstreamCall,
        login: Option<&Fingerprint>,
        now: Duration,
    ) -> Result<Pass, Closed> {
        let mut pass = Pass {
            passages: [None; Part::COUNT],
        };
        for &part in parts_of(call) {
            // Before the breakers: a limit is the truer answer, and must not use up a probe.
            if let Some(resting) = self.cool_downs.find(call, part, login, now) {
                self.settle(&pass, Outcome::Nothing, (now, 0.0));
                return Err(Closed::Limited(resting));
            }
            match self.breakers[part as usize].admit(now) {
                Ok(passage) => pass.passages[part as usize] = Some(passage),
                Err(retry_after) => {
                    self.settle(&pass, Outcome::Nothing, (now, 0.0));
                    return Err(Closed::Broken { retry_after });
                }
            }
        }
        Ok(pass)
    }

    /// Takes note of what came of a request; `jitter` lies in 0..1.
    pub(crate) fn settle(&mut self, pass: &Pass, outcome: Outcome, (now, jitter): (Duration, f64)) {
        for part in Part::ALL {
            let Some(passage) = pass.passages[part as usize] else {
                continue;
            };
            let breaker = &mut self.breakers[part as usize];
            match outcome {
                Outcome::Trouble(last) if last == part => {
                    breaker.note_trouble(passage, now, jitter);
                }
                Outcome::Answered(last) if last == part => breaker.note_answer(),
                // The registry answered with a redirect before the blob's host did anything.
                Outcome::Answered(Part::Blob) | Outcome::Trouble(Part::Blob) => {
                    breaker.note_answer();
                }
                // It was not asked in the end.
                Outcome::Answered(_) | Outcome::Trouble(_) | Outcome::Nothing => {
                    breaker.note_nothing(passage, now);
                }
            }
        }
    }

    /// Takes note of a refusal by a limiter at `part`; the cool-down lasts `wait` from `now`.
    pub(crate) fn note_limit(
        &mut self,
        limited: &Limited,
        part: Part,
        login: Option<&Fingerprint>,
        times: (Duration, Duration),
    ) {
        self.cool_downs.note_limit(limited, part, login, times);
    }

    /// Takes note of what an answer that was no refusal says of the budget.
    pub(crate) fn note_reading(&mut self, reading: &Reading) {
        self.cool_downs.note_reading(reading);
    }
}

/// The parts that a call may come to.
fn parts_of(call: UpstreamCall) -> &'static [Part] {
    match call {
        UpstreamCall::GetBlob | UpstreamCall::HeadBlob => &[Part::Registry, Part::Blob],
        UpstreamCall::Token => &[Part::Token],
        UpstreamCall::HeadManifest | UpstreamCall::GetManifest | UpstreamCall::List => {
            &[Part::Registry]
        }
    }
}

#[cfg(test)]
mod tests;
