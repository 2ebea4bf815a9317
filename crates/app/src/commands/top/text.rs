//! Spenders as a table, storms before it.
//!
//! Pure. What clients say of themselves was made fit to be shown where it was reported.

use forebay_ledger::{SpentReport, StormReport, TopReport};

use crate::commands::amounts::{bytes, moment};

/// What a live screen begins with.
pub(super) const KEYS: &str =
    "sort: c charged  p pulls  b bytes  e errors  r requests  s stale   q quit";

/// The columns of numbers.
const COLUMNS: [&str; 7] = [
    "CHARGED", "PULLS", "REQUESTS", "CACHE", "UPSTREAM", "STALE", "ERRORS",
];

/// The whole report.
pub(super) fn told(report: &TopReport) -> String {
    let mut lines: Vec<String> = report.storms.iter().map(storm).collect();
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines.extend(table(&report.spent));
    if report.spent.is_empty() {
        lines.push(format!("nothing since {}", moment(report.since_unix_ms)));
    }
    lines.join("\n")
}

fn storm(storm: &StormReport) -> String {
    format!(
        "STORM  {}  {} a minute, {} since {}, gets {}",
        storm.subject(),
        storm.per_minute,
        storm.pulls,
        moment(storm.since_unix_ms),
        storm.gets
    )
}

fn table(spent: &[SpentReport]) -> Vec<String> {
    let rows: Vec<[String; 7]> = spent.iter().map(cells).collect();
    let widths: Vec<usize> = (0..COLUMNS.len())
        .map(|column| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or(0).max(COLUMNS[column].len())
        })
        .collect();
    let line = |cells: &[String], rest: &str| {
        let padded = cells.iter().zip(&widths);
        let padded: Vec<String> = padded
            .map(|(cell, width)| format!("{cell:>width$}"))
            .collect();
        format!("{}  {rest}", padded.join("  "))
    };
    let header = line(&COLUMNS.map(str::to_owned), "CLIENT, IMAGE");
    let rows = rows.iter().zip(spent);
    std::iter::once(header)
        .chain(rows.map(|(cells, spent)| line(cells, &who_and_what(spent))))
        .collect()
}

fn cells(spent: &SpentReport) -> [String; 7] {
    let counts = spent.counts;
    [
        charged(spent),
        counts.pulls.to_string(),
        counts.requests.to_string(),
        bytes(counts.bytes_cache),
        bytes(counts.bytes_upstream),
        counts.stale.to_string(),
        counts.errors.to_string(),
    ]
}

/// From the least to the most: nobody may know whether the manifest of a platform was charged as well as its index.
fn charged(spent: &SpentReport) -> String {
    let (least, most) = (spent.charged_min, spent.charged_max);
    if least == most {
        most.to_string()
    } else {
        format!("{least}–{most}")
    }
}

fn who_and_what(spent: &SpentReport) -> String {
    let who = match &spent.client {
        Some(client) => client.to_string(),
        None => "others".to_owned(),
    };
    let Some(repository) = &spent.repository else {
        return format!("{who}, {}", spent.upstream);
    };
    let reference = match &spent.reference {
        Some(digest) if digest.contains(':') => format!("@{digest}"),
        Some(tag) => format!(":{tag}"),
        None => String::new(),
    };
    format!("{who}, {}/{repository}{reference}", spent.upstream)
}

#[cfg(test)]
mod tests {
    use forebay_content::PullCounts;
    use forebay_ledger::{ClientReport, OrderWord};

    use super::*;

    fn client(address: &str) -> ClientReport {
        ClientReport {
            address: Some(address.to_owned()),
            user: None,
            agent: "containerd".to_owned(),
            workload: Some("shop/cart".to_owned()),
        }
    }

    fn spent(charged: u64) -> SpentReport {
        SpentReport {
            client: Some(client("10.0.0.1")),
            upstream: "docker.io".to_owned(),
            repository: Some("library/nginx".to_owned()),
            reference: Some("1.27".to_owned()),
            counts: PullCounts {
                requests: 12,
                pulls: 4,
                bytes_cache: 5 << 30,
                bytes_upstream: 1_536,
                errors: 1,
                ..PullCounts::default()
            },
            charged_min: charged.min(3),
            charged_max: charged,
            first_unix_ms: 0,
            last_unix_ms: 0,
        }
    }

    #[test]
    fn spenders_are_a_table_after_the_storms() {
        let others = SpentReport {
            client: None,
            repository: None,
            reference: None,
            ..spent(100)
        };
        let report = TopReport {
            at_unix_ms: 0,
            since_unix_ms: 0,
            order: OrderWord::Charged,
            storms: vec![StormReport {
                client: client("10.0.0.2"),
                upstream: "docker.io".to_owned(),
                repository: "team/app".to_owned(),
                reference: "1".to_owned(),
                per_minute: 600,
                pulls: 12_000,
                since_unix_ms: 1_795_239_699_000,
                gets: "not_found".into(),
            }],
            spent: vec![others, spent(3)],
        };
        insta::assert_snapshot!(told(&report), @r"
        STORM  10.0.0.2 containerd for shop/cart docker.io/team/app:1  600 a minute, 12000 since 2026-11-21T05:41:39Z, gets not_found

        CHARGED  PULLS  REQUESTS  CACHE  UPSTREAM  STALE  ERRORS  CLIENT, IMAGE
          3–100      4        12  5 GiB   1.5 KiB      0       1  others, docker.io
              3      4        12  5 GiB   1.5 KiB      0       1  10.0.0.1 containerd for shop/cart, docker.io/library/nginx:1.27
        ");
    }
}
