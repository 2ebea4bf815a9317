//! Metrics for Prometheus: the events of the seams, counted.
//!
//! Names carry units (Prometheus, "Metric and label naming"). Labels come from the configuration or from short lists in the
//! code, never from a client, so that no client can make their number grow.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::sync::{Mutex, PoisonError};

use forebay_content::{Audit, AuditEntry, Event, Missing, Observe, UpstreamAnswer};
use forebay_http_kit::{AccessEntry, AccessLog};
use forebay_oci::UpstreamName;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry, Unit};

use crate::client_metrics::ClientMetrics;
use crate::ledger_metrics::LedgerMetrics;
use crate::tls_metrics::TlsMetrics;
use crate::{Readings, hosted_metrics, process};

pub(crate) type Count = Counter<u64, AtomicU64>;
pub(crate) type Level = Gauge<i64, AtomicI64>;

/// Counts events, and renders the counts.
pub struct Metrics {
    registry: Registry,
    served: Family<Served, Count>,
    fills_begun: Family<Of, Count>,
    pulled_elsewhere: Family<Elsewhere, Count>,
    fill_joins: Family<Of, Count>,
    fills_ended: Family<FillEnded, Count>,
    fill_bytes: Family<Of, Count>,
    upstream_requests: Family<UpstreamRequest, Count>,
    upstream_seconds: Family<Call, Histogram>,
    limit: Family<Of, Level>,
    remaining: Family<Of, Level>,
    window: Family<Of, Level>,
    breaker_open: Family<Of, Level>,
    evicted_objects: Count,
    expired_manifests: Count,
    changes: Family<Change, Count>,
    evicted_bytes: Count,
    corrupt_objects: Count,
    clients: ClientMetrics,
    cache_bytes: Level,
    cache_max_bytes: Level,
    cache_writable: Level,
    connections: Level,
    reload_successful: Level,
    reload_time: Level,
    ledger: LedgerMetrics,
    tls: TlsMetrics,
    /// Held by the one who renders: what the ledger knows is put in place as a whole.
    rendering: Mutex<()>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Name(UpstreamName);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Of {
    upstream: Name,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Elsewhere {
    upstream: Name,
    from: Name,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Served {
    upstream: Name,
    kind: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FillEnded {
    upstream: Name,
    end: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UpstreamRequest {
    upstream: Name,
    call: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    upstream: Name,
    call: &'static str,
}

/// Both are of short lists in the code.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Change {
    act: String,
    outcome: String,
}

impl EncodeLabelValue for Name {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        encoder.write_str(&self.0)
    }
}

// === impl Metrics ===

impl Metrics {
    /// Metrics that have counted nothing yet.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("forebay");
        let to = &mut registry;
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        to.register("build", "Which program this is", version);
        Self {
            served: plain(to, "served", "Answers with content, by where it came from"),
            fills_begun: plain(to, "fills", "Fetches of blobs begun"),
            pulled_elsewhere: plain(
                to,
                "pulled_elsewhere",
                "Manifests that came from another registry because the budget was empty",
            ),
            fill_joins: plain(to, "fill_joins", "Requests that joined a fetch under way"),
            fills_ended: plain(to, "fills_ended", "Fetches of blobs ended, by how"),
            fill_bytes: bytes(to, "fill_received", "Bytes of blobs fetched"),
            upstream_requests: plain(
                to,
                "upstream_requests",
                "Requests to an upstream, by kind and status; status 0 is no answer",
            ),
            upstream_seconds: durations(
                to,
                "upstream_request_duration",
                "From a request to an upstream to the head of its answer",
            ),
            limit: plain(
                to,
                "upstream_limit",
                "The limit that the upstream last named",
            ),
            remaining: plain(
                to,
                "upstream_limit_remaining",
                "What the upstream last said is left",
            ),
            window: seconds(
                to,
                "upstream_limit_window",
                "The window of the limit that the upstream last named",
            ),
            breaker_open: plain(
                to,
                "upstream_breaker_open",
                "1 while nothing is asked of the upstream",
            ),
            evicted_objects: plain(to, "evicted_objects", "Objects evicted to make room"),
            expired_manifests: plain(
                to,
                "expired_manifests",
                "Manifests of local repositories that lifecycle rules let go",
            ),
            changes: plain(
                to,
                "changes",
                "Lines of the audit log, by what was done and what came of it",
            ),
            evicted_bytes: bytes(to, "evicted", "Bytes evicted to make room"),
            corrupt_objects: plain(to, "corrupt_objects", "Objects found damaged and dropped"),
            clients: ClientMetrics::new(to),
            cache_bytes: bytes(to, "cache_size", "Content at rest"),
            cache_max_bytes: bytes(to, "cache_max_size", "The most content at rest"),
            cache_writable: plain(to, "cache_writable", "0 while nothing can be kept"),
            connections: plain(to, "http_connections", "Open client connections"),
            reload_successful: plain(
                to,
                "config_last_reload_successful",
                "0 if the configuration was refused when it was last read",
            ),
            reload_time: seconds(
                to,
                "config_last_reload_success_timestamp",
                "When a configuration was last taken over, since the UNIX epoch",
            ),
            ledger: LedgerMetrics::new(to),
            tls: TlsMetrics::new(to),
            rendering: Mutex::default(),
            registry,
        }
    }

    /// The metrics as text.
    pub fn render(&self, readings: &Readings) -> String {
        let _one_at_a_time = self
            .rendering
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.ledger.show(&readings.ledger);
        self.tls.show(readings.tls.as_ref());
        self.cache_bytes.set(level(readings.cache_bytes));
        self.cache_max_bytes.set(level(readings.cache_max_bytes));
        self.cache_writable
            .set(i64::from(readings.disk_trouble.is_none()));
        self.connections.set(level(readings.connections as u64));
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = text::encode_registry(&mut text, &self.registry);
        if let Some(hosted) = &readings.hosted {
            let _ = hosted_metrics::render(&mut text, hosted);
        }
        let _ = process::render(&mut text, &readings.process);
        let _ = text::encode_eof(&mut text);
        text
    }

    /// A client was refused because it asks too often; `upstream` is whose content it wanted.
    pub fn note_client_limited(&self, upstream: &UpstreamName) {
        self.clients.note_limited(upstream);
    }

    /// A login was refused; `why` is a word of a short list.
    pub fn note_login_refused(&self, why: &'static str) {
        self.clients.note_login_refused(why);
    }

    /// Takes note that a configuration was read at `unix_seconds`, and whether it was taken over.
    pub fn note_reload(&self, is_taken_over: bool, unix_seconds: u64) {
        self.reload_successful.set(i64::from(is_taken_over));
        if is_taken_over {
            self.reload_time.set(level(unix_seconds));
        }
    }

    /// Forgets how an upstream was that is no longer asked. What was counted stays.
    fn forget_state(&self, upstream: &UpstreamName) {
        let of = of(upstream);
        for gauge in [
            &self.limit,
            &self.remaining,
            &self.window,
            &self.breaker_open,
        ] {
            gauge.remove(&of);
        }
    }

    fn count_upstream(&self, answer: &UpstreamAnswer<'_>) {
        let UpstreamAnswer {
            upstream,
            call,
            status,
            reading,
            took,
            ..
        } = answer;
        let call = call.as_str();
        let status = status.unwrap_or(0);
        self.upstream_requests
            .get_or_create(&UpstreamRequest {
                upstream: name(upstream),
                call,
                status,
            })
            .inc();
        self.upstream_seconds
            .get_or_create(&Call {
                upstream: name(upstream),
                call,
            })
            .observe(took.as_secs_f64());
        let Some(allowance) = reading.and_then(|reading| reading.allowance) else {
            return;
        };
        let of = of(upstream);
        for (gauge, value) in [
            (&self.limit, allowance.limit),
            (&self.remaining, allowance.remaining),
            (
                &self.window,
                allowance.window.map(|window| window.as_secs()),
            ),
        ] {
            if let Some(value) = value {
                gauge.get_or_create(&of).set(level(value));
            }
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Observe for Metrics {
    fn observe(&self, event: &Event<'_>) {
        match event {
            Event::Served {
                target,
                kind,
                provenance,
            } => {
                let labels = Served {
                    upstream: name(&target.upstream),
                    kind: kind_word(*kind),
                    result: provenance.as_str(),
                };
                self.served.get_or_create(&labels).inc();
            }
            Event::FillBegan { upstream } => {
                self.fills_begun.get_or_create(&of(upstream)).inc();
            }
            Event::PulledElsewhere { target, from } => {
                let labels = Elsewhere {
                    upstream: name(&target.upstream),
                    from: name(from),
                };
                self.pulled_elsewhere.get_or_create(&labels).inc();
            }
            Event::FillJoined { upstream } => {
                self.fill_joins.get_or_create(&of(upstream)).inc();
            }
            Event::FillEnded {
                upstream,
                end,
                bytes,
            } => {
                self.fills_ended
                    .get_or_create(&FillEnded {
                        upstream: name(upstream),
                        end: end.as_str(),
                    })
                    .inc();
                self.fill_bytes.get_or_create(&of(upstream)).inc_by(*bytes);
            }
            Event::Upstream(answer) => self.count_upstream(answer),
            Event::Breaker { upstream, open } => {
                let is_open = i64::from(*open);
                self.breaker_open.get_or_create(&of(upstream)).set(is_open);
            }
            Event::UpstreamReplaced { upstream } => self.forget_state(upstream),
            Event::Evicted { objects, bytes } => {
                self.evicted_objects.inc_by(*objects);
                self.evicted_bytes.inc_by(*bytes);
            }
            Event::Expired => {
                self.expired_manifests.inc();
            }
            Event::Corrupt => {
                self.corrupt_objects.inc();
            }
            // The ledger's.
            _ => {}
        }
    }
}

impl Audit for Metrics {
    fn record(&self, entry: &AuditEntry<'_>) {
        let change = Change {
            act: entry.act.to_owned(),
            outcome: entry.outcome.to_owned(),
        };
        self.changes.get_or_create(&change).inc();
    }
}

impl AccessLog for Metrics {
    fn record(&self, entry: &AccessEntry<'_>) {
        self.clients.note_answer(entry);
    }
}

/// A metric without a unit.
pub(crate) fn plain<M: Metric + Clone + Default>(to: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    to.register(name, help, metric.clone());
    metric
}

pub(crate) fn bytes<M: Metric + Clone + Default>(to: &mut Registry, name: &str, help: &str) -> M {
    in_unit(to, (name, Unit::Bytes), help, M::default())
}

pub(crate) fn seconds<M: Metric + Clone + Default>(to: &mut Registry, name: &str, help: &str) -> M {
    in_unit(to, (name, Unit::Seconds), help, M::default())
}

fn durations(to: &mut Registry, name: &str, help: &str) -> Family<Call, Histogram> {
    // From 1 ms to 33 s: a HEAD nearby and the longest that we wait for a head.
    let buckets = || Histogram::new(exponential_buckets(0.001, 2.0, 16));
    let metric = Family::new_with_constructor(buckets as fn() -> Histogram);
    in_unit(to, (name, Unit::Seconds), help, metric)
}

fn in_unit<M: Metric + Clone>(
    to: &mut Registry,
    (name, unit): (&str, Unit),
    help: &str,
    metric: M,
) -> M {
    to.register_with_unit(name, help, unit, metric.clone());
    metric
}

pub(crate) fn of(upstream: &UpstreamName) -> Of {
    Of {
        upstream: name(upstream),
    }
}

fn name(upstream: &UpstreamName) -> Name {
    Name(UpstreamName::clone(upstream))
}

pub(crate) fn level(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

const fn kind_word(kind: Missing) -> &'static str {
    match kind {
        Missing::Manifest => "manifest",
        Missing::Blob => "blob",
        Missing::Repository => "list",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use forebay_content::{FillEnd, Provenance, UpstreamCall};

    use super::*;

    #[test]
    fn events_are_counted_under_names_with_units() {
        let metrics = Metrics::new();
        let upstream: UpstreamName = "docker.io".into();
        let target = forebay_oci::Target {
            upstream: upstream.clone(),
            repository: "library/nginx".parse().unwrap(),
        };
        metrics.observe(&Event::Served {
            target: &target,
            kind: Missing::Manifest,
            provenance: Provenance::Stale,
        });
        metrics.observe(&Event::FillEnded {
            upstream: &upstream,
            end: FillEnd::Kept,
            bytes: 42,
        });
        let headers = [
            ("ratelimit-limit", b"100;w=21600".as_slice()),
            ("ratelimit-remaining", b"7;w=21600"),
        ];
        let reading = forebay_limits::read_headers(headers);
        metrics.observe(&Event::Upstream(UpstreamAnswer {
            upstream: &upstream,
            account: None,
            request: None,
            reference: None,
            call: UpstreamCall::HeadManifest,
            status: Some(200),
            reading: Some(&reading),
            took: Duration::from_millis(3),
        }));
        metrics.note_reload(true, 7);
        metrics.note_reload(false, 8);
        let text = metrics.render(&Readings {
            cache_bytes: 9,
            ..Readings::default()
        });
        for line in [
            r#"forebay_served_total{upstream="docker.io",kind="manifest",result="stale"} 1"#,
            r#"forebay_fill_received_bytes_total{upstream="docker.io"} 42"#,
            r#"forebay_upstream_requests_total{upstream="docker.io",call="head_manifest",status="200"} 1"#,
            r#"forebay_upstream_limit_remaining{upstream="docker.io"} 7"#,
            r#"forebay_upstream_limit_window_seconds{upstream="docker.io"} 21600"#,
            "forebay_cache_size_bytes 9",
            "forebay_cache_writable 1",
            concat!(
                "forebay_build_info{version=\"",
                env!("CARGO_PKG_VERSION"),
                "\"} 1"
            ),
            "forebay_config_last_reload_successful 0",
            "forebay_config_last_reload_success_timestamp_seconds 7",
            "# EOF",
        ] {
            assert!(
                text.lines().any(|have| have == line),
                "{line} is not in\n{text}"
            );
        }
    }
}
