//! What all requests came to, for the program's last words.

use hub_sim::Record;
use std::collections::BTreeMap;
use std::fmt;

/// Requests by host, method and status; pulls and bytes.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    requests: BTreeMap<String, u64>,
    charged: u64,
    bytes: u64,
}

impl Summary {
    pub(crate) fn add(&mut self, request: &Record) {
        let status = request
            .status
            .map_or_else(|| "-".to_owned(), |status| status.to_string());
        let kind = format!(
            "{:8} {:4} {:?} {status}",
            request.role.to_string(),
            request.method,
            request.endpoint
        );
        *self.requests.entry(kind).or_default() += 1;
        self.charged += u64::from(request.charged);
        self.bytes += request.sent;
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kind, count) in &self.requests {
            writeln!(f, "{count:8}  {kind}")?;
        }
        write!(
            f,
            "{:8}  pulls charged\n{:8}  bytes sent",
            self.charged, self.bytes
        )
    }
}
