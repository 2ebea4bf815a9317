//! Decides whether an upstream is asked at all: its breakers and its cool-downs; and knows what is left of its budgets.
//!
//! Pure: times and randomness are arguments. An upstream has three parts that fail and limit on their own: the registry,
//! its token service, and whoever it redirects blobs to.

mod breaker;
mod budgets;
mod cool_down;
mod objects;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::time::Duration;

use forebay_content::{KeptBudget, UpstreamCall};
use forebay_limits::{Limited, Purse, Reading, Said, Source};

pub(crate) use breaker::Trouble;
use breaker::{Breaker, Passage};
use budgets::Budgets;
use cool_down::CoolDowns;
pub(crate) use cool_down::{Meant, Noted, Rest, Resting, Scope};
use objects::Objects;

use crate::login::Fingerprint;
use crate::recent::Recent;

/// The parts of an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    objects: Objects,
    cool_downs: CoolDowns,
    budgets: Budgets,
    /// Whether the registry counts pulls of a repository. Images of paying publishers and of open source programs are free for
    /// whoever pulls them: then a manifest comes without a word on the limit, where others' come with one (Docker Hub).
    counted: Recent<bool>,
}

/// What a request is about, as far as the gate tells requests apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    object: u64,
    repository: u64,
    /// Whose server errors in a row count as one: the repository's, or of what strangers seek, who may choose among those that
    /// fail, the client's.
    culprit: u64,
}

/// A request that wants to pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller<'a> {
    /// What it asks.
    pub(crate) call: UpstreamCall,
    /// What it is about.
    pub(crate) subject: Subject,
    /// Whose login it carries, if it is for a token; of clients' questions, whose it is.
    pub(crate) login: Option<&'a Fingerprint>,
}

/// Leave to send one request. Goes back to [`Gate::settle`].
#[derive(Clone, Debug)]
pub(crate) struct Pass {
    /// A pull, as far as we know one that the registry counts.
    is_counted: bool,
    subject: Subject,
    object: Passage,
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
    /// It failed on this object alone, again and again.
    Ailing {
        /// When a request for it will try again.
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
    /// No answer came from this part; those that the request came through before answered.
    Silent(Part),
    /// This part answered with a server error, after those that the request came through before.
    Failed(Part),
    /// Nothing that speaks of the upstream's health: it was given up, or we refused to go on.
    Nothing,
}

impl Part {
    /// How many there are.
    pub(crate) const COUNT: usize = 3;
    const ALL: [Self; Self::COUNT] = [Self::Registry, Self::Token, Self::Blob];

    /// The word for logs.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Token => "token service",
            Self::Blob => "host of blobs",
        }
    }

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

impl Subject {
    /// What `call` asks for at `path`, which is about `repository`.
    pub(crate) fn of(call: UpstreamCall, repository: &str, path: &str) -> Self {
        let repository = hash_of(repository);
        Self {
            object: hash((call.as_str(), path)),
            repository,
            culprit: repository,
        }
    }

    /// The same, which a stranger at this address seeks.
    pub(crate) fn sought_by(self, client: IpAddr) -> Self {
        Self {
            culprit: hash(("client", &client.to_string())),
            ..self
        }
    }
}

/// A repository, as far as the gate tells them apart.
pub(crate) fn hash_of(repository: &str) -> u64 {
    hash((repository, ""))
}

fn hash(parts: (&str, &str)) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    hasher.finish()
}

impl Gate {
    /// Everything may be asked.
    pub(crate) fn new() -> Self {
        Self {
            breakers: std::array::from_fn(|_| Breaker::new()),
            objects: Objects::default(),
            cool_downs: CoolDowns::default(),
            budgets: Budgets::default(),
            counted: Recent::default(),
        }
    }

    /// Everything may be asked but what limits that `before` has heard still forbid; `is_same_login` if we are who we were.
    ///
    /// The breakers begin anew: it may be the way to the registry that was mended.
    pub(crate) fn after(before: &Self, is_same_login: bool) -> Self {
        let budgets = is_same_login.then(|| before.budgets.inherited());
        let counted = is_same_login.then(|| before.counted.clone());
        Self {
            cool_downs: before.cool_downs.inherited(is_same_login),
            budgets: budgets.unwrap_or_default(),
            // An account may be free of limits where nobody is.
            counted: counted.unwrap_or_default(),
            ..Self::new()
        }
    }

    /// True if a breaker is open.
    pub(crate) fn is_open(&self) -> bool {
        self.breakers.iter().any(Breaker::is_open)
    }

    /// The limit that stands in the way of calls of this kind about a repository, whoever makes them; changes nothing.
    pub(crate) fn find_limit(
        &self,
        call: UpstreamCall,
        repository: u64,
        now: Duration,
    ) -> Option<Resting> {
        let is_counted = self.is_counted(call, repository);
        parts_of(call)
            .iter()
            .find_map(|&part| self.cool_downs.find(is_counted, part, None, now))
    }

    /// Whether the registry counts pulls of a repository; `None` where its next answer would tell. One that has spoken of no budget
    /// counts all alike.
    pub(crate) fn is_metered(&self, repository: u64) -> Option<bool> {
        if self.budgets.is_known() {
            self.find_counted(repository)
        } else {
            Some(true)
        }
    }

    /// Whether the registry's last word on a repository spoke of a limit of pulls; `None` if there was none, or long ago.
    pub(crate) fn find_counted(&self, repository: u64) -> Option<bool> {
        self.counted.find(repository)
    }

    /// Takes note of whether an answer that gave a repository's manifest, or refused it for a limit of pulls, spoke of a limit.
    pub(crate) fn note_counted(&mut self, repository: u64, is_counted: bool) {
        self.counted.note(repository, is_counted);
    }

    fn is_counted(&self, call: UpstreamCall, repository: u64) -> bool {
        call == UpstreamCall::GetManifest && self.is_metered(repository) != Some(false)
    }

    /// Why a call would not be let through; `None` if it would. Uses up no probe.
    pub(crate) fn find_closed(&self, caller: Caller<'_>, now: Duration) -> Option<Closed> {
        let Caller {
            call,
            subject,
            login,
        } = caller;
        let mut parts = parts_of(call).iter();
        let is_counted = self.is_counted(call, subject.repository);
        let resting = parts
            .clone()
            .find_map(|&part| self.cool_downs.find(is_counted, part, login, now));
        let ailing = || self.objects.closed_for(subject.object, now);
        let mut broken = || {
            parts.find_map(|&part| self.breakers[part as usize].closed_for(subject.culprit, now))
        };
        resting
            .map(Closed::Limited)
            .or_else(|| ailing().map(|retry_after| Closed::Ailing { retry_after }))
            .or_else(|| broken().map(|retry_after| Closed::Broken { retry_after }))
    }

    /// Lets a call through, or says why not.
    pub(crate) fn admit(&mut self, caller: Caller<'_>, now: Duration) -> Result<Pass, Closed> {
        let Caller {
            call,
            subject,
            login,
        } = caller;
        let parts = parts_of(call);
        let is_counted = self.is_counted(call, subject.repository);
        // Before the breakers: a limit is the truer answer, and must not use up a probe.
        if let Some(resting) = parts
            .iter()
            .find_map(|&part| self.cool_downs.find(is_counted, part, login, now))
        {
            return Err(Closed::Limited(resting));
        }
        // Before those of the parts: what fails for itself must not use up a probe either.
        let object = self
            .objects
            .admit(subject.object, now)
            .map_err(|retry_after| Closed::Ailing { retry_after })?;
        let mut pass = Pass {
            is_counted,
            subject,
            object,
            passages: [None; Part::COUNT],
        };
        for &part in parts {
            match self.breakers[part as usize].admit(subject.culprit, now) {
                Ok(passage) => pass.passages[part as usize] = Some(passage),
                Err(retry_after) => {
                    self.settle_health(&pass, Outcome::Nothing, (now, 0.0));
                    return Err(Closed::Broken { retry_after });
                }
            }
        }
        if is_counted {
            self.budgets.note_sent();
        }
        Ok(pass)
    }

    /// Takes note of what came of a request; `jitter` lies in 0..1.
    pub(crate) fn settle(&mut self, pass: &Pass, outcome: Outcome, at: (Duration, f64)) {
        if pass.is_counted {
            let is_answered = !matches!(outcome, Outcome::Silent(_));
            self.budgets.note_back(is_answered);
        }
        self.settle_health(pass, outcome, at);
    }

    fn settle_health(&mut self, pass: &Pass, outcome: Outcome, (now, jitter): (Duration, f64)) {
        let Subject {
            object, culprit, ..
        } = pass.subject;
        match outcome {
            Outcome::Answered(_) => self.objects.note_answer(object),
            Outcome::Failed(_) => {
                self.objects
                    .note_trouble(object, pass.object, (now, jitter));
            }
            Outcome::Silent(_) | Outcome::Nothing => {
                self.objects.note_nothing(object, pass.object, now);
            }
        }
        for part in Part::ALL {
            let Some(passage) = pass.passages[part as usize] else {
                continue;
            };
            let breaker = &mut self.breakers[part as usize];
            let mut trouble = |trouble| breaker.note_trouble(passage, trouble, (now, jitter));
            match outcome {
                Outcome::Silent(last) if last == part => trouble(Trouble::Silence),
                Outcome::Failed(last) if last == part => trouble(Trouble::About(culprit)),
                Outcome::Answered(last) if last == part => breaker.note_answer(),
                // The registry answered with a redirect before the blob's host did anything.
                Outcome::Answered(Part::Blob)
                | Outcome::Silent(Part::Blob)
                | Outcome::Failed(Part::Blob) => breaker.note_answer(),
                // It was not asked in the end.
                Outcome::Answered(_)
                | Outcome::Silent(_)
                | Outcome::Failed(_)
                | Outcome::Nothing => breaker.note_nothing(passage, now),
            }
        }
    }

    /// Takes note of what the answer to a question of content says of budgets, which was sent at `asked_at`. True if it is news that
    /// the registry's word on one does not hold.
    pub(crate) fn note_reading(
        &mut self,
        reading: &Reading,
        said: Said,
        (asked_at, now): (Duration, Duration),
    ) -> bool {
        self.budgets.note_reading(reading, said, (asked_at, now))
    }

    /// What may be spent on manifests of a repository, whoever asks for them.
    pub(crate) fn purse(&self, repository: u64, now: Duration) -> Purse {
        match self.find_limit(UpstreamCall::GetManifest, repository, now) {
            Some(resting) => Purse::Empty {
                opens_in: Some(resting.left),
            },
            None if self.is_metered(repository) == Some(false) => Purse::Unmetered,
            None => match self.budgets.purse(now) {
                // The registry has said until when, and that time has come: whatever was counted before, a HEAD tells.
                Purse::Empty { .. } if self.is_rested(now) => Purse::Empty {
                    opens_in: Some(Duration::ZERO),
                },
                purse => purse,
            },
        }
    }

    /// Whom the registry charges, as it last said.
    pub(crate) fn last_source(&self) -> Option<&Source> {
        self.budgets.last_source()
    }

    /// Whether a rest of pulls is over, and nothing was heard of the budget since.
    fn is_rested(&self, now: Duration) -> bool {
        let rested_until = self.cool_downs.pulls_rested_until(now);
        rested_until.is_some_and(|until| !self.budgets.were_heard_since(until))
    }

    /// Keeps to what was noted before this process began.
    pub(crate) fn restore_rest(&mut self, scope: Scope, login: Option<&Fingerprint>, rest: Rest) {
        self.cool_downs.restore(scope, login, rest);
    }

    /// Takes up a budget of which the registry spoke `age` ago, before this process began.
    pub(crate) fn restore_budget(&mut self, kept: &KeptBudget, age: Duration, now: Duration) {
        self.budgets.restore(kept, age, now);
    }

    /// Takes note of a refusal by a limiter at `part`; the cool-down lasts `wait` from `now`, or longer where it was to do so before.
    pub(crate) fn note_limit(
        &mut self,
        limited: &Limited,
        part: Part,
        meant: Meant<'_>,
        times: (Duration, Duration),
    ) -> Noted {
        self.cool_downs.note_limit(limited, part, meant, times)
    }

    /// Takes note of an answer of `part` that was no refusal, and of what it says of the budget; tells the limits that are over.
    pub(crate) fn note_leave(
        &mut self,
        caller: Caller<'_>,
        part: Part,
        reading: &Reading,
        now: Duration,
    ) -> Vec<Limited> {
        // Of a registry that speaks of budgets, an answer that does not is about an image that it does not count.
        let is_counted = caller.call == UpstreamCall::GetManifest
            && (reading.speaks_of_pulls || !self.budgets.is_known());
        let answered = (caller, is_counted);
        self.cool_downs.note_leave(answered, part, reading, now)
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
