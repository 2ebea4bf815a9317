//! Metrics of the certificate that clients are shown; none where TLS is not spoken.

use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::TlsReadings;
use crate::metrics::{Level, plain, seconds};

/// The file that the configuration names.
type OfFile = [(&'static str, String); 1];

/// Gauges that are there while TLS is spoken.
pub(crate) struct TlsMetrics {
    expiry: Family<OfFile, Level>,
    taken_over: Family<OfFile, Level>,
}

impl TlsMetrics {
    pub(crate) fn new(to: &mut Registry) -> Self {
        Self {
            expiry: seconds(
                to,
                "tls_certificate_expiry_timestamp",
                "Until when the certificate holds that clients are shown, since the UNIX epoch",
            ),
            taken_over: plain(
                to,
                "tls_last_reload_successful",
                "0 while what lies in the certificate's files cannot be used, and what lay there before is",
            ),
        }
    }

    /// Puts in place what is known now.
    pub(crate) fn show(&self, readings: Option<&TlsReadings>) {
        // A reload may have named another file.
        self.expiry.clear();
        self.taken_over.clear();
        let Some(readings) = readings else {
            return;
        };
        let of = [("cert_file", readings.cert_file.clone())];
        self.expiry.get_or_create(&of).set(readings.not_after);
        let is_taken_over = i64::from(readings.is_taken_over);
        self.taken_over.get_or_create(&of).set(is_taken_over);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Metrics, Readings};

    #[test]
    fn the_certificates_end_is_there_while_there_is_one() {
        let metrics = Metrics::new();
        let without = metrics.render(&Readings::default());
        assert!(!without.contains("forebay_tls_certificate_expiry_timestamp_seconds{"));
        let with = metrics.render(&Readings {
            tls: Some(TlsReadings {
                cert_file: "/tls.crt".to_owned(),
                not_after: 1_798_848_000,
                is_taken_over: true,
                troubles: Vec::new(),
            }),
            ..Readings::default()
        });
        for line in [
            r#"forebay_tls_certificate_expiry_timestamp_seconds{cert_file="/tls.crt"} 1798848000"#,
            r#"forebay_tls_last_reload_successful{cert_file="/tls.crt"} 1"#,
        ] {
            assert!(with.lines().any(|have| have == line), "{line}\n{with}");
        }
    }
}
