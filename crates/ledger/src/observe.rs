//! The ledger as a listener to what happens: events become what is told to it.

use forebay_content::{Event, Observe, UpstreamAnswer};

use crate::answered::{AnsweredByUpstream, AskedUpstream, Refused};
use crate::ledger::Ledger;

impl Observe for Ledger {
    fn observe(&self, event: &Event<'_>) {
        match event {
            Event::UpstreamAsked {
                upstream,
                account,
                call,
            } => self.note_sent(AskedUpstream {
                upstream,
                account: *account,
                call: *call,
            }),
            Event::Upstream(answer) => self.note_upstream(&answered(answer)),
            Event::Limited {
                upstream,
                scope,
                limited,
                wait,
                ..
            } => self.note_limited(Refused {
                upstream,
                scope,
                limiter: limited.limiter,
                wait: *wait,
            }),
            Event::LoginRefused {
                upstream,
                account,
                rest,
            } => self.note_login_refused(upstream, *account, *rest),
            Event::ManifestFetched {
                target, children, ..
            } if !children.is_empty() => self.note_index(target, children),
            Event::Breaker { upstream, open } => self.note_breaker(upstream, *open),
            Event::UpstreamReplaced { upstream } => self.note_replaced(upstream),
            // What else happens is no matter of limits.
            _ => {}
        }
    }
}

fn answered<'a>(answer: &UpstreamAnswer<'a>) -> AnsweredByUpstream<'a> {
    AnsweredByUpstream {
        asked: AskedUpstream {
            upstream: answer.upstream,
            account: answer.account,
            call: answer.call,
        },
        client: answer.request.map(|request| &*request.caller.client),
        repository: answer.request.map(|request| &request.repository),
        reference: answer.reference,
        status: answer.status,
        reading: answer.reading,
        took: answer.took,
    }
}
