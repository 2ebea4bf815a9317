//! An incident report that is fit to be sent: what happened, why, to whom, and what is done.
//!
//! The diagnosis, under a head that says when it was made and of what.

use forebay_limits::counted;

use crate::document::{Document, Section};
use crate::explain::explain;
use crate::{Diagnosis, Moment, WaysOut};

/// The most sources that are named.
const MAX_SOURCES: usize = 20;

/// The report, made at a moment.
pub fn report(diagnosis: &Diagnosis, ways: &WaysOut, now: Moment) -> Document {
    let said = explain(diagnosis, ways);
    let mut sections = vec![head(diagnosis, now), timeline(diagnosis)];
    sections.extend(said.sections);
    let title = diagnosis.cause.as_ref().map_or_else(
        || "Incident report: no failed pull was found".to_owned(),
        |cause| format!("Incident report: {}", cause.summary),
    );
    Document::new(title, sections)
}

fn head(diagnosis: &Diagnosis, now: Moment) -> Section {
    let sources = diagnosis.sources.len();
    let named: Vec<&str> = diagnosis
        .sources
        .iter()
        .take(MAX_SOURCES)
        .map(String::as_str)
        .collect();
    let more = if sources > MAX_SOURCES { ", …" } else { "" };
    Section::new("About")
        .point(format!("made on {now} by forebay doctor"))
        .point(format!("from {}{more}", named.join(", ")))
        .point(format!(
            "workloads that cause it: {}; that suffer from it: {}",
            diagnosis.culprits.len() + diagnosis.more_culprits,
            diagnosis.victims.len() + diagnosis.more_victims
        ))
        .point("names of accounts and tokens are taken out")
}

fn timeline(diagnosis: &Diagnosis) -> Section {
    let mut rows: Vec<(Moment, String)> = Vec::new();
    rows.extend(diagnosis.since.map(|since| (since, "it begins".to_owned())));
    for (class, count) in &diagnosis.classes {
        let failures = format!(
            "{class}: {} of {}",
            counted(count.failures, "failure"),
            counted(count.workloads as u64, "workload")
        );
        rows.extend(
            count
                .first
                .map(|first| (first, format!("the first of {failures}"))),
        );
        rows.extend(
            count
                .last
                .map(|last| (last, format!("the last of {failures}"))),
        );
    }
    let ends = diagnosis.ends.as_ref();
    rows.extend(
        ends.and_then(|ends| Some((ends.latest?, ends.is_past)))
            .map(|(at, is_past)| {
                let told = if is_past {
                    "it was over by then, if nothing more was asked for"
                } else {
                    "it is over by then, if nothing more is asked for"
                };
                (at, told.to_owned())
            }),
    );
    rows.sort();
    let mut table = vec![vec!["when (UTC)".to_owned(), "what".to_owned()]];
    table.extend(
        rows.into_iter()
            .map(|(at, what)| vec![at.to_string(), what]),
    );
    Section::new("Time line").table(table)
}
