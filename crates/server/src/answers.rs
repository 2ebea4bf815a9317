//! Who hears how each question about content was answered, when the answer has ended.

use forebay_api_admin::Metrics;
use forebay_api_registry::{Answered, CLIENT_LIMITED, Outcome, What};
use forebay_ledger::{Asked, Ledger, Outcome as Booked, What as For};

/// Hears of answers. Called on the connection's task: it must not wait.
pub(crate) trait HearAnswers: Send + Sync {
    /// This was answered with so many bytes of content; `completed` is false where the answer broke off.
    fn hear(&self, answered: &Answered, bytes_sent: u64, completed: bool);
}

impl HearAnswers for Metrics {
    fn hear(&self, answered: &Answered, _: u64, _: bool) {
        if answered.outcome == Outcome::Failed(CLIENT_LIMITED) {
            self.note_client_limited(&answered.target.upstream);
        }
    }
}

impl HearAnswers for Ledger {
    fn hear(&self, answered: &Answered, bytes_sent: u64, _: bool) {
        let outcome = match answered.outcome {
            Outcome::Served(provenance) => Booked::Served(provenance),
            // Nothing was pulled.
            Outcome::Known => return,
            Outcome::Failed(word) => Booked::Failed(word),
        };
        let what = match &answered.what {
            What::Manifest { reference, is_head } => For::Manifest(Asked {
                reference,
                is_head: *is_head,
            }),
            What::Blob | What::List => For::Other,
        };
        self.note_answered(&forebay_ledger::Answered {
            client: &answered.caller.client,
            target: &answered.target,
            what,
            outcome,
            // The text of an error is no content.
            bytes: match outcome {
                Booked::Served(_) => bytes_sent,
                Booked::Failed(_) => 0,
            },
        });
    }
}
