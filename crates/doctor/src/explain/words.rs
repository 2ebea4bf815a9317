//! The cause, where it is, when it ends, and what is said of it wrongly, in sentences.

use forebay_limits::counted;

use crate::document::Section;
use crate::{Diagnosis, Egress, Ending, Past};

/// The most flags that are told.
const MAX_FLAGS: usize = 8;

/// The cause in one sentence, and what it was taken from.
pub(super) fn cause(diagnosis: &Diagnosis) -> Section {
    let section = Section::new("Cause");
    let Some(cause) = &diagnosis.cause else {
        return section.paragraph(if diagnosis.past.is_empty() {
            "nothing here tells of a failed pull"
        } else {
            "nothing here tells of a pull that fails now, or of a container that ends"
        });
    };
    let mut facts = vec![format!("class {}", cause.class)];
    facts.extend(
        cause
            .registry
            .as_ref()
            .map(|registry| format!("registry {registry}")),
    );
    facts.extend(
        cause
            .identity
            .as_ref()
            .map(|identity| format!("counted by {identity}")),
    );
    facts.extend(diagnosis.since.map(|since| format!("since {since}")));
    section
        .paragraph(&cause.summary)
        .paragraph(facts.join(" · "))
}

/// Which machines, and how they go out.
pub(super) fn scope(diagnosis: &Diagnosis) -> Section {
    let scope = &diagnosis.scope;
    let section = Section::new("Where");
    if diagnosis.cause.is_none() {
        return section;
    }
    let because = &scope.egress_because;
    let egress = match scope.egress {
        Egress::Shared => format!("the machines share one address: {because}"),
        Egress::PerNode => format!("each machine has an address of its own: {because}"),
        Egress::Unknown => because.clone(),
    };
    let is_address = diagnosis
        .cause
        .as_ref()
        .is_some_and(|cause| cause.class.is_limit());
    let mut section = if is_address {
        section.point(egress)
    } else {
        section
    };
    for (what, names) in [
        ("addresses that the registry named", &scope.addresses),
        ("machines that meet it", &scope.failing_nodes),
        ("machines that went on pulling", &scope.working_nodes),
    ] {
        if !names.is_empty() {
            section = section.point(format!("{what}: {}", names.join(", ")));
        }
    }
    match &scope.only_node {
        Some(node) => section.point(format!("only {node} is concerned")),
        None => section,
    }
}

/// Why it worked before.
pub(super) fn before(diagnosis: &Diagnosis) -> Section {
    let section = Section::new("Why it worked before");
    let texts = |is_seen: bool| {
        let all = diagnosis.worked_before.iter();
        let told = all.filter(move |before| before.is_seen == is_seen);
        told.map(|before| before.text)
    };
    let section = texts(true).fold(section, Section::point);
    let possible: Vec<&str> = texts(false).collect();
    match possible.as_slice() {
        [] => section,
        possible => section.point(format!("perhaps: {}", possible.join("; or "))),
    }
}

/// When it ends.
pub(super) fn ending(diagnosis: &Diagnosis) -> Section {
    let section = Section::new("When it ends");
    let Some(ends) = &diagnosis.ends else {
        return section;
    };
    let mut section = section.paragraph(ends.text);
    if let Some(earliest) = ends.earliest {
        section = section.point(format!("a pull may work again from {earliest} on"));
    }
    match tell_latest(ends) {
        Some(told) => section.point(told),
        None => section,
    }
}

/// By when it is over; or was, of a log of long ago.
pub(super) fn tell_latest(ends: &Ending) -> Option<String> {
    let latest = ends.latest?;
    Some(if ends.is_past {
        format!("it was over by {latest}, if nothing more was asked for")
    } else {
        format!("over by {latest}, if nothing more is asked for")
    })
}

/// What was wrong once.
pub(super) fn past(diagnosis: &Diagnosis) -> Section {
    let section = Section::new("What is over");
    let section = diagnosis
        .past
        .iter()
        .map(tell_past)
        .fold(section, Section::point);
    match diagnosis.more_past {
        0 => section,
        more => section.point(format!("and {more} more")),
    }
}

/// `Deployment web in shop: containers ended 60 times, the last at 2026-01-03T09:00:00Z`.
pub(super) fn tell_past(past: &Past) -> String {
    let ended = match past.deaths {
        0 => None,
        1 => Some("a container ended".to_owned()),
        deaths => Some(format!("containers ended {deaths} times")),
    };
    let class = past
        .class
        .map_or_else(String::new, |class| format!(" ({class})"));
    let failed = (past.failed > 0).then(|| counted(past.failed, "failed pull") + &class);
    let told: Vec<String> = ended.into_iter().chain(failed).collect();
    let told = match told.as_slice() {
        [] => match &past.said {
            Some(said) => format!("\u{201c}{said}\u{201d}"),
            None => "a pull waited".to_owned(),
        },
        told => told.join(", "),
    };
    let when = match past.deaths + past.failed {
        0 | 1 => "at",
        _ => "the last at",
    };
    let last = past.last;
    let last = last.map_or_else(String::new, |last| format!(", {when} {last}"));
    format!("{}: {told}{last}", past.name)
}

/// What is not the cause.
pub(super) fn myths(diagnosis: &Diagnosis) -> Section {
    let section = Section::new("What it is not, though it is often said");
    diagnosis.myths.iter().fold(section, |section, myth| {
        section.point(format!("\u{201c}{}\u{201d}: {}", myth.said, myth.truth))
    })
}

/// Settings that make floods.
pub(super) fn flags(diagnosis: &Diagnosis) -> Section {
    let mut section = Section::new("Settings that make floods of small faults");
    // Many services of one stack say the same of themselves.
    let mut kinds = Vec::new();
    for flag in &diagnosis.flags {
        let same = diagnosis
            .flags
            .iter()
            .filter(|other| other.kind == flag.kind)
            .count();
        if kinds.contains(&flag.kind) || kinds.len() >= MAX_FLAGS {
            continue;
        }
        kinds.push(flag.kind);
        let more = if same > 1 {
            format!(" (and {} more)", same - 1)
        } else {
            String::new()
        };
        section = section.point(format!("{}{more}: {}", flag.name, flag.text));
    }
    section
}
