//! Metrics of what clients were answered, and of those who were turned away.

use forebay_http_kit::AccessEntry;
use forebay_oci::UpstreamName;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::metrics::{Count, Of, bytes, of, plain};

/// A status of HTTP.
type OfStatus = [(&'static str, u16); 1];

/// A word of a short list.
type OfWord = [(&'static str, &'static str); 1];

/// Counts of answers.
pub(crate) struct ClientMetrics {
    responses: Family<OfStatus, Count>,
    limited: Family<Of, Count>,
    logins_refused: Family<OfWord, Count>,
    sent_bytes: Count,
}

impl ClientMetrics {
    pub(crate) fn new(to: &mut Registry) -> Self {
        Self {
            responses: plain(to, "http_responses", "Responses, by status"),
            limited: plain(
                to,
                "clients_limited",
                "Requests refused because their client asks too often, by clients.limits",
            ),
            logins_refused: plain(to, "logins_refused", "Logins refused, by why"),
            sent_bytes: bytes(to, "http_response_body", "Bytes sent"),
        }
    }

    /// A request was answered.
    pub(crate) fn note_answer(&self, entry: &AccessEntry<'_>) {
        let status = [("status", entry.status.as_u16())];
        self.responses.get_or_create(&status).inc();
        self.sent_bytes.inc_by(entry.bytes_sent);
    }

    /// A client asked too often for what is this upstream's.
    pub(crate) fn note_limited(&self, upstream: &UpstreamName) {
        self.limited.get_or_create(&of(upstream)).inc();
    }

    /// A login was refused.
    pub(crate) fn note_login_refused(&self, why: &'static str) {
        self.logins_refused.get_or_create(&[("why", why)]).inc();
    }
}
