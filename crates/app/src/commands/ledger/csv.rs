//! Rows as CSV: RFC 4180, with a header, lines ended by CR LF.
//!
//! Pure. A text that a spreadsheet would take for a formula begins with a single quote (OWASP, "CSV Injection"): what
//! clients call themselves is theirs to choose.

use forebay_ledger::RowReport;
use forebay_terminal::amounts::moment;

/// The columns.
const COLUMNS: [&str; 19] = [
    "period",
    "start",
    "address",
    "user",
    "agent",
    "workload",
    "upstream",
    "repository",
    "reference",
    "requests",
    "pulls",
    "charged_min",
    "charged_max",
    "bytes_cache",
    "bytes_upstream",
    "stale",
    "errors",
    "first",
    "last",
];

/// The first line.
pub(super) fn header() -> String {
    format!("{}\r\n", COLUMNS.join(","))
}

/// The line of one row; what is not known is empty.
pub(super) fn row(row: &RowReport) -> String {
    let spent = &row.spent;
    let counts = spent.counts;
    let client = spent.client.as_ref();
    let text = |text: Option<&String>| field(text.map_or("", String::as_str));
    let fields = [
        row.period.as_str().to_owned(),
        moment(row.start_unix_ms),
        text(client.and_then(|client| client.address.as_ref())),
        text(client.and_then(|client| client.user.as_ref())),
        text(client.map(|client| &client.agent)),
        text(client.and_then(|client| client.workload.as_ref())),
        field(&spent.upstream),
        text(spent.repository.as_ref()),
        text(spent.reference.as_ref()),
        counts.requests.to_string(),
        counts.pulls.to_string(),
        spent.charged_min.to_string(),
        spent.charged_max.to_string(),
        counts.bytes_cache.to_string(),
        counts.bytes_upstream.to_string(),
        counts.stale.to_string(),
        counts.errors.to_string(),
        moment(spent.first_unix_ms),
        moment(spent.last_unix_ms),
    ];
    format!("{}\r\n", fields.join(","))
}

fn field(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use forebay_content::{Period, PullCounts};
    use forebay_ledger::{ClientReport, SpentReport};

    use super::*;

    #[test]
    fn a_field_is_quoted_where_it_must_be_and_is_no_formula() {
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\r\nlines", "\"two\r\nlines\""),
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            (
                "=HYPERLINK(\"x\",\"y\")",
                "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\"",
            ),
        ] {
            assert_eq!(field(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_row_has_as_many_fields_as_the_header() {
        let report = RowReport {
            period: Period::Hour,
            start_unix_ms: 0,
            spent: SpentReport {
                client: Some(ClientReport {
                    address: Some("10.0.0.1".to_owned()),
                    user: None,
                    agent: "containerd".to_owned(),
                    workload: Some("=cmd".to_owned()),
                }),
                upstream: "docker.io".to_owned(),
                repository: Some("library/nginx".to_owned()),
                reference: None,
                counts: PullCounts {
                    requests: 1,
                    pulls: 2,
                    metered: 4,
                    after_index: 1,
                    bytes_cache: 5,
                    bytes_upstream: 6,
                    stale: 7,
                    errors: 8,
                },
                charged_min: 3,
                charged_max: 4,
                first_unix_ms: 0,
                last_unix_ms: 1_000,
            },
        };
        let expected = "hour,1970-01-01T00:00:00Z,10.0.0.1,,containerd,'=cmd,docker.io,library/nginx,,1,2,3,4,5,6,7,8,1970-01-01T00:00:00Z,1970-01-01T00:00:01Z\r\n";
        assert_eq!(row(&report), expected);
        let fields = |line: &str| line.split(',').count();
        assert_eq!(fields(&header()), fields(expected));
    }
}
