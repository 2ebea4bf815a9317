//! Connections in words: who makes most of them, and the worst minute of each.

use std::collections::BTreeMap;

use forebay_terminal::amounts::moment;
use forebay_traffic::{Row, Told};

/// The most sources that are shown.
const MAX_SHOWN: usize = 20;

/// One source at one registry, over all minutes.
#[derive(Default)]
struct Sum {
    connections: u64,
    packets: u64,
    minutes: u64,
    worst: (u64, u64),
}

/// All of it.
pub(super) fn told(told: &Told) -> Vec<String> {
    let mut sums: BTreeMap<(String, &str), Sum> = BTreeMap::new();
    for row in &told.rows {
        let sum = sums.entry((source(row), &row.registry)).or_default();
        sum.connections += row.connections;
        sum.packets += row.packets;
        sum.minutes += 1;
        sum.worst = sum.worst.max((row.connections, row.minute));
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by_key(|(_, sum)| std::cmp::Reverse((sum.connections, sum.packets)));
    let mut lines = vec!["connections to registries:".to_owned()];
    if sums.is_empty() {
        lines.push("  none was seen".to_owned());
    }
    for ((source, registry), sum) in sums.iter().take(MAX_SHOWN) {
        lines.push(line(source, registry, sum));
    }
    if sums.len() > MAX_SHOWN {
        lines.push(format!("  and {} sources more", sums.len() - MAX_SHOWN));
    }
    if told.elsewhere > 0 {
        lines.push(format!(
            "  {} connections went to addresses that are no registry's, as far as is known",
            told.elsewhere
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

fn line(source: &str, registry: &str, sum: &Sum) -> String {
    let (most, minute) = sum.worst;
    let seconds = i64::try_from(minute.saturating_mul(60)).unwrap_or_default();
    let at = moment(seconds.saturating_mul(1_000));
    let packets = match sum.packets {
        0 => String::new(),
        packets => format!(", {packets} packets"),
    };
    format!(
        "  {source} to {registry}: {} connections{packets} in {} min, at most {most} in the minute of {at}",
        sum.connections, sum.minutes
    )
}

fn source(row: &Row) -> String {
    match &row.who {
        Some(who) => format!("{} {who}", row.source),
        None => row.source.to_string(),
    }
}
