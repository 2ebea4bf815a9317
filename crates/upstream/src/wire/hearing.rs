//! What an answer means to the gate: a limit, trouble, or neither; and what it says of budgets.
//!
//! Whatever it says is noted before the request is settled, so that nobody spends in between what it has cost.

use std::time::Duration;

use forebay_content::{SourceError, UpstreamCall};
use forebay_http_kit::{Origin, Reply, SendError};
use forebay_limits::{
    Answer, Identity, Limited, Reading, Said, Source, classify, classify_malformed_head,
};
use http::StatusCode;
use http::header::CONTENT_TYPE;

use super::admission::Admission;
use super::{Wire, caller};
use crate::exchange::{
    Asker, Askers, Giver, Granted, Heard, Question, Refusal, host_kind, method_of, read_start,
};
use crate::failure::Failure;
use crate::gate::{Meant, Noted, Outcome, Part, Scope, hash_of};
use crate::lanes::Place;
use crate::news;
use crate::pacers::Hearer;

impl Wire {
    /// Sorts an answer by what it means to the gate.
    pub(super) async fn hear(
        &self,
        question: &Question,
        reply: Reply,
        reading: Reading,
        (admission, place): (Admission<'_>, Place),
    ) -> Result<Heard, Failure> {
        let part = self.part_of(question.call, &reply.url);
        if reply.status.is_success() {
            admission.settle(Outcome::Answered(part));
            let said = self.said_by_registry(question.call, &reply.url, &reading);
            self.note_leave(question, part, said);
            let giver = if reply.url == question.outgoing.url {
                Giver::Registry
            } else if Origin::of(&reply.url) == self.origin {
                Giver::Itself
            } else {
                Giver::Another
            };
            return Ok(Heard::Reply(Box::new(Granted {
                reply,
                place,
                giver,
            })));
        }
        let is_own = Origin::of(&reply.url) == self.origin;
        let Reply {
            status,
            headers,
            body,
            ..
        } = reply;
        let body = read_start(body).await;
        let refusal = Refusal {
            status,
            headers,
            body,
            part,
            is_own,
        };
        self.sort_refusal(question, (refusal, &reading), admission)
            .map(Heard::Refusal)
    }

    /// What an answer that is no success comes to.
    fn sort_refusal(
        &self,
        question: &Question,
        (refusal, reading): (Refusal, &Reading),
        admission: Admission<'_>,
    ) -> Result<Refusal, Failure> {
        let part = refusal.part;
        if let Some(limited) = self.find_limit_in(question, &refusal, reading) {
            admission.settle(Outcome::Answered(part));
            return Err(self.limit(question, (limited, reading.source.as_ref()), part));
        }
        if refusal.status.is_server_error() {
            let advice = reading.retry_after.as_ref();
            let wait = advice.map(|advice| advice.wait(self.clock.now().system_time()));
            let failure = Failure::of_server_error(refusal.status, &refusal.body, wait);
            admission.settle_trouble(Outcome::Failed(part), part, &failure);
            return Err(failure);
        }
        admission.settle(Outcome::Answered(part));
        Ok(refusal)
    }

    fn find_limit_in(
        &self,
        question: &Question,
        refusal: &Refusal,
        reading: &Reading,
    ) -> Option<Limited> {
        let content_type = refusal.headers.get(CONTENT_TYPE);
        classify(&Answer {
            status: refusal.status.as_u16(),
            content_type: content_type.and_then(|value| value.to_str().ok()),
            body_prefix: &refusal.body,
            reading,
            host_kind: host_kind(refusal.part),
            method: method_of(&question.outgoing.method),
            is_docker_hub: self.is_docker_hub(),
        })
    }

    /// Sorts a request that got no answer by what it means to the gate.
    pub(super) fn fail(
        &self,
        question: &Question,
        error: SendError,
        admission: Admission<'_>,
    ) -> Failure {
        let part = self.part_at(question.call, error.host());
        if let SendError::Malformed { head, .. } = &error
            && let Some(limited) = classify_malformed_head(head)
        {
            admission.settle(Outcome::Answered(part));
            return self.limit(question, (limited, None), part);
        }
        let failure = Failure::of_send(error);
        if failure.is_trouble {
            admission.settle_trouble(Outcome::Silent(part), part, &failure);
        } else {
            admission.settle(Outcome::Nothing);
        }
        failure
    }

    /// Takes note of a limit, which counts `source` if it was named.
    fn limit(
        &self,
        question: &Question,
        (limited, source): (Limited, Option<&Source>),
        part: Part,
    ) -> Failure {
        let wait = limited.cool_down(self.clock.now().system_time());
        let times = (self.clock.monotonic(), wait);
        let scope = Scope::of(limited.limiter, part, question.login.is_some());
        let Noted { is_news, left } = if scope == Scope::Everything {
            self.share.note_limit(&limited, times)
        } else {
            let meant = Meant {
                login: question.login.as_ref(),
                is_alone: self.is_alone(question, &limited, part, times),
            };
            self.gate().note_limit(&limited, part, meant, times)
        };
        if scope == Scope::Pulls {
            let repository = hash_of(&question.repository);
            self.gate().note_counted(repository, true);
        }
        if is_news && (scope == Scope::Everything || is_told_of(question)) {
            self.tell_limit_began((&limited, source), part, left);
        }
        self.tell_limit(scope, &limited, left);
        Failure::settled(SourceError::Limited {
            limited,
            retry_after: left,
        })
    }

    /// Whether a limit is one client's alone, and no other's whom it names nobody of. What strangers hear says nothing of who has a
    /// login that works.
    fn is_alone(
        &self,
        question: &Question,
        limited: &Limited,
        part: Part,
        times: (Duration, Duration),
    ) -> bool {
        let hearer = self.hearer(question);
        let is_address = matches!(limited.identity, Some(Identity::Address(_)))
            || hearer.is_some_and(|hearer| self.share.hear(part, hearer, times));
        self.askers != Askers::Ourselves && !is_address
    }

    /// Who it is that asks, if what they hear may be about our address.
    fn hearer(&self, question: &Question) -> Option<Hearer> {
        if self.askers == Askers::Ourselves {
            return Some(Hearer::OURSELVES);
        }
        let login = question.login.clone();
        let login = login.filter(|_| question.urgency.asker == Asker::Known)?;
        Some(Hearer {
            login: Some(login),
            client: question.urgency.client,
        })
    }

    /// Takes note of what the answer to a question that was sent at `asked_at` says of budgets.
    pub(super) fn note_reading(
        &self,
        question: &Question,
        status: StatusCode,
        reading: &Reading,
        asked_at: Duration,
    ) {
        // A refusal before a token was sent speaks of an address, whoever we are.
        let is_about_us = status.is_success() || status == StatusCode::TOO_MANY_REQUESTS;
        if !is_about_us || question.about.is_none() {
            return;
        }
        let said = match (question.call, status.is_success()) {
            (UpstreamCall::GetManifest, true) => Said::Pulled,
            (UpstreamCall::GetManifest, false) => Said::Refused,
            _ => Said::Told,
        };
        let times = (asked_at, self.clock.monotonic());
        let is_contradicted = self.gate().note_reading(reading, said, times);
        if is_contradicted {
            news::budget_contradicted(&self.name);
        }
        self.tell_remainder(reading);
        if let Some(source) = &reading.source {
            self.tell_charged(source);
        }
    }

    fn note_leave(&self, question: &Question, part: Part, reading: &Reading) {
        let now = self.clock.monotonic();
        let over = self.gate().note_leave(caller(question), part, reading, now);
        if let Some(hearer) = self.hearer(question) {
            self.share.note_answered(part, &hearer);
        }
        let over = over.iter().filter(|_| is_told_of(question));
        for limited in over.chain(&self.share.take_over(now)) {
            self.tell_limit_ended(limited, reading);
        }
    }
}

/// Whether the log is told of limits that this question meets with: what strangers do is theirs alone, and may be much.
fn is_told_of(question: &Question) -> bool {
    question.urgency.asker == Asker::Known
}
