//! Shows what was found: as text, as JSON, as a report, as what a support asks for.

use std::path::Path;

use forebay_doctor::{
    Basis, Diagnosis, Document, Evidence, WayKind, WayOut, WaysOut, What, as_asked, brief,
    diagnose, explain, left_aside, report, support, ways_out,
};
use forebay_failures::{Class, Finding};
use forebay_terminal::{Failure, Json, Printer};
use serde::Serialize;

use crate::command::{Args, OutputArgs};
use crate::gathering::Gathered;
use crate::report_file;
use crate::source::STDIN;
use crate::tools::Asked;

/// The section that says what the cause is, or that none is told.
const CAUSE: &str = "Cause";

/// What is said where nothing was found and not all was told.
const UNASKED: &str = "Nothing that was read tells of a failed pull, but not all was told that could: mend what the notes say, and ask again.";

/// What was found.
pub(crate) struct Found {
    findings: Vec<Finding>,
    left_off: u64,
    diagnosis: Diagnosis,
    ways: WaysOut,
    /// How many of the findings are told of what is over: they stand last.
    over: usize,
    /// There was nothing to read.
    is_unread: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Told<'a> {
    findings: Vec<ToldFinding<'a>>,
    /// How many messages found no place among the findings.
    #[serde(skip_serializing_if = "is_zero")]
    left_off: u64,
    diagnosis: &'a Diagnosis,
    ways_out: &'a [WayOut],
    /// What their costs are computed from.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_basis: Option<&'a Basis>,
    #[serde(flatten)]
    asked: &'a Asked,
}

/// A finding, and whether it is of what is over.
#[derive(Serialize)]
struct ToldFinding<'a> {
    #[serde(flatten)]
    finding: &'a Finding,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_over: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Found {
    /// What follows from what was read.
    pub(crate) fn of(gathered: Gathered, args: &Args) -> Self {
        let mut diagnosis = diagnose(&gathered.evidence, &args.context(), args.egress());
        let mut ways = ways_out(&gathered.evidence, &diagnosis, &args.usage());
        as_asked(&mut diagnosis, &mut ways, args.tools.as_asked());
        let mut findings = gathered.findings;
        // The readers of lists know what is only being made or ended.
        if !may_wait(&gathered.evidence) {
            findings.retain(|finding| finding.class != Class::SymptomOnly);
        }
        let is_over = |finding: &Finding| gathered.evidence.is_over(finding.class);
        findings.sort_by_key(is_over);
        let over = findings.iter().filter(|finding| is_over(finding)).count();
        Self {
            findings,
            over,
            left_off: gathered.left_off,
            diagnosis,
            ways,
            is_unread: gathered.is_empty,
        }
    }

    /// Whether anything is wrong.
    pub(crate) fn is_bad(&self) -> bool {
        !self.findings_now().is_empty() || self.diagnosis.cause.is_some()
    }

    /// The findings of what is not over.
    fn findings_now(&self) -> &[Finding] {
        &self.findings[..self.findings.len() - self.over]
    }
}

/// Whether anything that was read waits, for whatever it is.
fn may_wait(evidence: &Evidence) -> bool {
    let told = evidence.events.iter().chain(&evidence.past);
    let waits = |what| matches!(what, What::Waits | What::GaveUp | What::HealthFailed);
    told.into_iter()
        .any(|event| event.failure.is_some() || event.what.is_death() || waits(event.what))
}

/// Shows it as the flags say.
///
/// # Errors
/// The report cannot be written.
pub(crate) fn show(
    found: &Found,
    asked: &Asked,
    args: &Args,
    printer: &Printer,
) -> Result<(), Failure> {
    let output = &args.output;
    if let Some(path) = &output.report {
        write(
            &report(&found.diagnosis, &found.ways, args.now()),
            path,
            printer,
        )?;
        if path == Path::new(STDIN) {
            return Ok(());
        }
    }
    if output.json {
        print_json(found, asked, printer);
    } else if output.support {
        printer.raw(
            support(&found.diagnosis, args.now())
                .to_markdown()
                .as_bytes(),
        );
    } else {
        print_text(found, asked, output, printer);
    }
    Ok(())
}

fn write(document: &Document, path: &Path, printer: &Printer) -> Result<(), Failure> {
    let text = document.to_markdown();
    if path == Path::new(STDIN) {
        printer.raw(text.as_bytes());
        return Ok(());
    }
    report_file::write(path, &text)?;
    printer.note(format_args!("wrote {}", path.display()));
    Ok(())
}

fn print_json(found: &Found, asked: &Asked, printer: &Printer) {
    let now = found.findings_now().len();
    let findings = found.findings.iter().enumerate();
    let findings = findings.map(|(at, finding)| ToldFinding {
        finding,
        is_over: at >= now,
    });
    let told = Told {
        findings: findings.collect(),
        left_off: found.left_off,
        diagnosis: &found.diagnosis,
        ways_out: &found.ways.ways,
        cost_basis: found.ways.cost_basis.as_ref(),
        asked,
    };
    printer.line(Json::compact(told));
}

fn print_text(found: &Found, asked: &Asked, output: &OutputArgs, printer: &Printer) {
    let ways = &found.ways.ways;
    let is_none = |kind: &&WayKind| !ways.iter().any(|way| way.kind == **kind);
    for kind in output.way.iter().filter(is_none) {
        let name = kind.name();
        printer.note(format_args!("note: {name} is no way out of what was found"));
    }
    // What only the classifier understood is told as it stands.
    let findings = found.findings_now();
    if found.diagnosis.cause.is_none() && !findings.is_empty() {
        print_findings(findings, found.left_off, printer);
        if let Some(told) = left_aside(&found.diagnosis) {
            printer.line(told);
        }
    } else {
        let mut document = document(found, output);
        // That nothing tells of a failed pull, would be read as all being well.
        if !found.is_bad() && asked.tells_otherwise(found.is_unread) {
            document.sections.retain(|section| section.title != CAUSE);
        }
        printer.raw(document.to_text().as_bytes());
        if !found.is_bad() && asked.is_open() {
            printer.line(UNASKED);
        }
    }
    for line in asked.told() {
        printer.line(line);
    }
}

/// As much of it as is asked for; where nothing is wrong, that and what else there is to know.
fn document(found: &Found, output: &OutputArgs) -> Document {
    let (diagnosis, ways) = (&found.diagnosis, &found.ways);
    if output.all || diagnosis.cause.is_none() {
        return explain(diagnosis, ways);
    }
    if output.way.is_empty() {
        return brief(diagnosis, ways);
    }
    let numbered = (1..).zip(&ways.ways);
    let asked = numbered.filter(|(_, way)| output.way.contains(&way.kind));
    Document::new("Ways out", asked.map(|(number, way)| way.section(number)))
}

fn print_findings(findings: &[Finding], left_off: u64, printer: &Printer) {
    for finding in findings {
        let (first, last) = finding.lines;
        let lines = if first == last {
            format!("line {first}")
        } else {
            format!("lines {first} to {last}")
        };
        let certainty = if finding.certain { "" } else { ", probably" };
        printer.line(format_args!(
            "{}{certainty}: {} × in {lines}",
            finding.class, finding.count
        ));
        let identity = finding.identity.as_ref().map(ToString::to_string);
        for (name, value) in [
            ("registry", finding.registry.as_deref()),
            ("identity", identity.as_deref()),
            ("image", finding.image.as_deref()),
            ("example", Some(finding.example.as_str())),
        ] {
            if let Some(value) = value {
                printer.line(format_args!("  {name:<9} {value}"));
            }
        }
    }
    if left_off > 0 {
        printer.line(format_args!("and {left_off} more messages"));
    }
}
