//! Spenders as a table, storms before it.
//!
//! Pure. What clients say of themselves was made fit to be shown where it was reported.

use forebay_content::PullOrder;
use forebay_ledger::{SpentReport, StormReport, TopReport};
use forebay_terminal::amounts::{bytes, moment};

/// The keys of a live screen and what they order by.
const KEYS: [(PullOrder, &str); 6] = [
    (PullOrder::Charged, "c charged"),
    (PullOrder::Pulls, "p pulls"),
    (PullOrder::Bytes, "b bytes"),
    (PullOrder::Errors, "e errors"),
    (PullOrder::Requests, "r requests"),
    (PullOrder::Stale, "s stale"),
];

/// The columns of numbers.
const COLUMNS: [&str; 7] = [
    "CHARGED", "PULLS", "REQUESTS", "CACHE", "UPSTREAM", "STALE", "ERRORS",
];

/// The columns that go first where there is no room for the image, by their places: what is seen elsewhere too.
const SPARED: [usize; 4] = [5, 3, 4, 6];

/// How much of a digest a screen shows: enough to tell it from others.
const SHOWN_DIGEST_BYTES: usize = 19;

/// The whole report.
pub(super) fn told(report: &TopReport) -> String {
    let mut lines = head(report);
    let rests: Vec<String> = report.spent.iter().map(who_and_what).collect();
    lines.extend(table(&report.spent, &rests, &[]));
    lines.extend(nothing(report));
    lines.join("\n")
}

/// The report on a screen of so many lines and columns, after the keys, of which the one in force is marked.
pub(super) fn told_live(report: &TopReport, (rows, columns): (usize, usize)) -> String {
    let keys = KEYS.map(|(order, key)| {
        if order == report.order {
            format!("[{key}]")
        } else {
            key.to_owned()
        }
    });
    let mut lines = vec![format!("sort: {}  q quit", keys.join("  ")), String::new()];
    lines.extend(head(report));
    let rests: Vec<String> = report
        .spent
        .iter()
        .map(|spent| shortened(who_and_what(spent)))
        .collect();
    let spared: Vec<usize> = SPARED
        .into_iter()
        .filter(|place| !shows(report.order, *place))
        .collect();
    let fits = |table: &Vec<String>| table.iter().all(|line| line.chars().count() <= columns);
    let mut tables = (0..=spared.len()).map(|count| table(&report.spent, &rests, &spared[..count]));
    let narrowest = || table(&report.spent, &rests, &spared);
    let mut table = tables.find(fits).unwrap_or_else(narrowest);
    // The screen's last line stays empty.
    let room = rows.saturating_sub(lines.len() + 1).max(1);
    if table.len() > room {
        let shown = room.saturating_sub(1).max(1);
        let more = table.len() - shown;
        table.truncate(shown);
        table.push(format!("and {more} more"));
    }
    lines.extend(table);
    lines.extend(nothing(report));
    lines.join("\n")
}

/// The storms, above all else.
fn head(report: &TopReport) -> Vec<String> {
    let mut lines: Vec<String> = report.storms.iter().map(storm).collect();
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines
}

fn nothing(report: &TopReport) -> Option<String> {
    let is_nothing = report.spent.is_empty();
    is_nothing.then(|| format!("nothing since {}", moment(report.since_unix_ms)))
}

/// Whether the column at `place` is what is ordered by.
const fn shows(order: PullOrder, place: usize) -> bool {
    matches!(
        (order, place),
        (PullOrder::Stale, 5) | (PullOrder::Errors, 6) | (PullOrder::Bytes, 3 | 4)
    )
}

/// With the beginning of its digest only.
fn shortened(mut who_and_what: String) -> String {
    if let Some(at) = who_and_what.rfind("@sha")
        && who_and_what.is_char_boundary(at + SHOWN_DIGEST_BYTES + 1)
        && who_and_what.len() > at + SHOWN_DIGEST_BYTES + 1
    {
        who_and_what.truncate(at + SHOWN_DIGEST_BYTES + 1);
        who_and_what.push('…');
    }
    who_and_what
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

/// A header and a line for each, without the columns of the places `spared`.
fn table(spent: &[SpentReport], rests: &[String], spared: &[usize]) -> Vec<String> {
    let rows: Vec<[String; 7]> = spent.iter().map(cells).collect();
    let widths: Vec<usize> = (0..COLUMNS.len())
        .map(|column| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or(0).max(COLUMNS[column].len())
        })
        .collect();
    let line = |cells: &[String], rest: &str| {
        let padded = cells.iter().zip(&widths).enumerate();
        let padded: Vec<String> = padded
            .filter(|(place, _)| !spared.contains(place))
            .map(|(_, (cell, width))| format!("{cell:>width$}"))
            .collect();
        format!("{}  {rest}", padded.join("  "))
    };
    let header = line(&COLUMNS.map(str::to_owned), "CLIENT, IMAGE");
    let rows = rows.iter().zip(rests);
    std::iter::once(header)
        .chain(rows.map(|(cells, rest)| line(cells, rest)))
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
    use forebay_ledger::ClientReport;

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
            order: PullOrder::Charged,
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

    #[test]
    fn a_narrow_screen_shows_the_image_and_says_how_many_more_there_are() {
        let by_digest = SpentReport {
            client: Some(ClientReport {
                workload: None,
                ..client("10.0.0.1")
            }),
            reference: Some(format!("sha256:{}", "ab".repeat(32))),
            ..spent(3)
        };
        let report = TopReport {
            at_unix_ms: 0,
            since_unix_ms: 0,
            order: PullOrder::Pulls,
            storms: Vec::new(),
            spent: vec![by_digest; 9],
        };
        let told = told_live(&report, (8, 104));
        let lines: Vec<&str> = told.lines().collect();
        assert!(lines[0].contains(" [p pulls] "), "{told}");
        assert!(
            lines.iter().all(|line| line.chars().count() <= 104),
            "{told}"
        );
        assert!(!told.contains("STALE") && !told.contains("CACHE"), "{told}");
        let image = "10.0.0.1 containerd, docker.io/library/nginx@sha256:abababababab…";
        assert!(lines[3].ends_with(image), "{told}");
        assert_eq!((lines.len(), lines[6]), (7, "and 6 more"), "{told}");
        let by_stale = TopReport {
            order: PullOrder::Stale,
            ..report.clone()
        };
        assert!(told_live(&by_stale, (8, 40)).contains("STALE"));
        assert!(told_live(&report, (40, 200)).contains("STALE"));
    }
}
