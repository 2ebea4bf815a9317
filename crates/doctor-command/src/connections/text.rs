//! Connections in words: who makes most of them, and the worst minute of each.

use std::cmp::Reverse;
use std::net::IpAddr;

use forebay_limits::counted;
use forebay_terminal::amounts::moment;
use forebay_traffic::{Row, Told};

/// The most sources that are shown.
const MAX_SHOWN: usize = 20;

/// One source at one registry, over all minutes.
struct Sum<'a> {
    /// One of its rows.
    row: &'a Row,
    connections: u64,
    packets: u64,
    minutes: u64,
    worst: (u64, u64),
}

/// All of it.
pub(super) fn told(told: &Told) -> Vec<String> {
    let mut rows: Vec<&Row> = told.rows.iter().collect();
    rows.sort_by_key(|row| whose(row));
    let same = rows.chunk_by(|one, other| whose(one) == whose(other));
    let mut sums: Vec<Sum<'_>> = same.filter_map(Sum::of).collect();
    sums.sort_by_key(|sum| Reverse((sum.connections, sum.packets)));
    let mut lines = vec!["connections to registries:".to_owned()];
    if sums.is_empty() {
        lines.push("  none was seen".to_owned());
    }
    lines.extend(sums.iter().take(MAX_SHOWN).map(line));
    if sums.len() > MAX_SHOWN {
        lines.push(format!("  and {} sources more", sums.len() - MAX_SHOWN));
    }
    if told.elsewhere > 0 {
        lines.push(format!(
            "  {} went to addresses that are no registry's, as far as is known",
            counted(told.elsewhere, "connection")
        ));
    }
    if told.uncounted > 0 {
        lines.push(format!("  {} more were not told apart", told.uncounted));
    }
    let notes = told.notes.iter().map(|note| format!("  note: {note}"));
    let hidden = told.hidden.iter().map(|text| format!("  not seen: {text}"));
    lines.extend(notes.chain(hidden));
    lines
}

impl<'a> Sum<'a> {
    fn of(rows: &[&'a Row]) -> Option<Self> {
        let worst = rows.iter().map(|row| (row.connections, row.minute)).max()?;
        Some(Self {
            row: rows.first()?,
            connections: rows.iter().map(|row| row.connections).sum(),
            packets: rows.iter().map(|row| row.packets).sum(),
            minutes: rows.len() as u64,
            worst,
        })
    }
}

/// What a row is of, whichever minute.
fn whose(row: &Row) -> (IpAddr, Option<&str>, &str) {
    (row.source, row.who.as_deref(), &row.registry)
}

fn line(sum: &Sum<'_>) -> String {
    let (source, registry) = (source(sum.row), &sum.row.registry);
    let (most, minute) = sum.worst;
    let seconds = i64::try_from(minute.saturating_mul(60)).unwrap_or_default();
    let at = moment(seconds.saturating_mul(1_000));
    let packets = match sum.packets {
        0 => String::new(),
        packets => format!(", {}", counted(packets, "packet")),
    };
    format!(
        "  {source} to {registry}: {}{packets} in {} min, at most {most} in the minute of {at}",
        counted(sum.connections, "connection"),
        sum.minutes
    )
}

fn source(row: &Row) -> String {
    match &row.who {
        Some(who) => format!("{} {who}", row.source),
        None => row.source.to_string(),
    }
}
