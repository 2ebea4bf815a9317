//! What a registry's support asks for, so that the first mail holds it: addresses, times, rates, the words of the answer.
//!
//! No account and no token: those a support asks for by a safe way.

use crate::document::{Document, Section};
use crate::explain::place;
use crate::{Diagnosis, Egress, Moment};

/// The most lines that are quoted.
const MAX_QUOTES: usize = 5;

/// The most culprits whose rate is told.
const MAX_RATES: usize = 5;

/// What to send.
pub fn support(diagnosis: &Diagnosis, now: Moment) -> Document {
    let registry = diagnosis
        .cause
        .as_ref()
        .and_then(|cause| cause.registry.as_deref())
        .unwrap_or("the registry");
    let title = format!("Pulls refused by {registry}");
    Document::new(
        title,
        [
            question(diagnosis, registry),
            address(diagnosis),
            times(diagnosis, now),
            rates(diagnosis),
            words(diagnosis),
        ],
    )
}

fn question(diagnosis: &Diagnosis, registry: &str) -> Section {
    let section = Section::new("What happens");
    let Some(cause) = &diagnosis.cause else {
        return section.paragraph("no failed pull was found: there is nothing to send");
    };
    section
        .paragraph(format!("{} ({})", cause.summary, cause.class))
        .paragraph(format!(
            "What we ask for: how many requests {registry} counted for these addresses in these minutes, and which limit answered."
        ))
}

fn address(diagnosis: &Diagnosis) -> Section {
    let scope = &diagnosis.scope;
    let mut section = Section::new("Addresses");
    if diagnosis.cause.is_none() {
        return section;
    }
    for address in &scope.addresses {
        section = section.point(address);
    }
    if scope.addresses.is_empty() {
        section = section.point("<the public address: curl -4 https://checkip.amazonaws.com on the machine, or the NAT gateway's>");
    }
    let egress = match scope.egress {
        Egress::Shared => "several machines share it",
        Egress::PerNode => "each machine has its own",
        Egress::Unknown => return section,
    };
    let nodes = scope.failing_nodes.len();
    section.point(format!("{egress}; machines that were refused: {nodes}"))
}

fn times(diagnosis: &Diagnosis, now: Moment) -> Section {
    let mut section = Section::new("Times (UTC)");
    let Some(cause) = &diagnosis.cause else {
        return section;
    };
    if let Some(count) = diagnosis.classes.get(&cause.class) {
        if let Some(first) = count.first {
            section = section.point(format!("first refused: {first}"));
        }
        if let Some(last) = count.last {
            section = section.point(format!("last refused: {last}"));
        }
        section = section.point(format!("refused in all: {}", count.failures));
    }
    section.point(format!("written: {now}"))
}

fn rates(diagnosis: &Diagnosis) -> Section {
    let section = Section::new("Rates, as far as our logs show them");
    let named = diagnosis.culprits.iter().chain(&diagnosis.victims);
    let total = diagnosis.together.as_ref().map_or_else(
        || named.map(|suspect| suspect.requests.attempts).sum(),
        |all| all.attempts,
    );
    let section = if total > 0 {
        section.point(format!("pulls and tries in all: {total}"))
    } else {
        section
    };
    let culprits = diagnosis.culprits.iter().take(MAX_RATES);
    let section = culprits.fold(section, |section, culprit| {
        let [least, most] = culprit.requests.peak_requests_per_minute;
        let busiest = match most {
            0 => String::new(),
            _ => format!("{least} to {most} requests in its busiest minute; "),
        };
        section.point(format!(
            "{}: {busiest}{}",
            culprit.name, culprit.requests.how
        ))
    });
    let all = diagnosis.culprits.len() + diagnosis.more_culprits;
    match all.saturating_sub(MAX_RATES) {
        0 => section,
        more => section.point(format!("and {more} more, each with less")),
    }
}

fn words(diagnosis: &Diagnosis) -> Section {
    let class = diagnosis.cause.as_ref().map(|cause| cause.class);
    let quotes = diagnosis
        .evidence
        .iter()
        .filter(|quote| quote.class == class && class.is_some());
    let section = Section::new("The answers, word by word");
    quotes.take(MAX_QUOTES).fold(section, |section, quote| {
        section.point(format!("{}: {}", place(quote.lines, diagnosis), quote.text))
    })
}
