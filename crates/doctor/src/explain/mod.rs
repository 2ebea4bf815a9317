//! A diagnosis as a person wants to read it: the cause first, then who, how it came to what was seen, and when it ends.
//!
//! Each section is left out where there is nothing to say.

mod brief;
mod people;
mod words;

use forebay_limits::counted;

use crate::blanks::{blanks_in, fill_in};
use crate::costs::about_prices;
use crate::document::{Code, Document, Section};
use crate::{Diagnosis, Lines, Quote, Step, WaysOut};
use people::{who, whom};
use words::{before, cause, ending, flags, myths, past, scope};

pub use brief::{brief, left_aside};

/// All of it, with the ways out at the end.
pub fn explain(diagnosis: &Diagnosis, ways: &WaysOut) -> Document {
    let mut sections = vec![
        cause(diagnosis),
        who(diagnosis),
        whom(diagnosis),
        chain(diagnosis),
        scope(diagnosis),
        before(diagnosis),
        ending(diagnosis),
        myths(diagnosis),
        also(diagnosis),
        past(diagnosis),
        flags(diagnosis),
        quotes(diagnosis),
        missing(diagnosis),
        notes(diagnosis),
    ];
    let numbers = 1..;
    let numbered = numbers.zip(&ways.ways);
    sections.extend(numbered.map(|(number, way)| way.section(number)));
    if let Some(basis) = &ways.cost_basis {
        sections.push(basis.section(diagnosis));
        sections.push(about_prices());
    }
    Document::new("Diagnosis", sections)
}

fn chain(diagnosis: &Diagnosis) -> Section {
    let section = Section::new("From the cause to what was seen");
    let steps = (1..).zip(&diagnosis.chain);
    steps.fold(section, |section, (number, step)| {
        section.numbered(
            number,
            format!("{} ({})", step.text, shown_by(step, diagnosis)),
        )
    })
}

fn also(diagnosis: &Diagnosis) -> Section {
    let section = Section::new("Also found");
    diagnosis.also.iter().fold(section, |section, also| {
        let at = also.registry.as_ref();
        let at = at.map_or_else(String::new, |registry| format!(" at {registry}"));
        let who = match also.workloads {
            0 => String::new(),
            all if all > also.who.len() => {
                format!(
                    ": {} and {} more",
                    also.who.join(", "),
                    all - also.who.len()
                )
            }
            _ => format!(": {}", also.who.join(", ")),
        };
        let image = match also.images.len() {
            0 => String::new(),
            1 => format!("; image {}", also.images[0]),
            _ => format!("; images {}", also.images.join(", ")),
        };
        let lines = also.lines.map(|lines| place(lines, diagnosis));
        let lines = lines.map_or_else(String::new, |lines| format!(" ({lines})"));
        let told = format!(
            "{}{at}{who}{image}; {}{lines}: {}",
            also.class,
            counted(also.failures, "failure"),
            also.text
        );
        let section = section.point(told.trim_end_matches([' ', ':']));
        section.code(Code::shell(&*also.next))
    })
}

fn shown_by(step: &Step, diagnosis: &Diagnosis) -> String {
    if step.seen.is_empty() {
        return "it follows".to_owned();
    }
    let places: Vec<String> = step
        .seen
        .iter()
        .map(|lines| place(*lines, diagnosis))
        .collect();
    places.join(", ")
}

fn quotes(diagnosis: &Diagnosis) -> Section {
    let section = Section::new("The lines that show it");
    diagnosis.evidence.iter().fold(section, |section, quote| {
        section.point(format!(
            "{}{}: {}",
            place(quote.lines, diagnosis),
            times(quote),
            quote.text
        ))
    })
}

fn times(quote: &Quote) -> String {
    let count = if quote.count > 1 {
        format!(", {} times", quote.count)
    } else {
        String::new()
    };
    let at = quote.at.map_or_else(String::new, |at| format!(", {at}"));
    format!("{count}{at}")
}

fn missing(diagnosis: &Diagnosis) -> Section {
    let mut section = Section::new("What is not known yet, and what would tell");
    let mut last = "";
    for missing in &diagnosis.missing {
        if missing.question != last {
            section = section.paragraph(missing.question);
            last = missing.question;
        }
        section = section.code(Code::shell(&*missing.command));
    }
    let commands = diagnosis.missing.iter();
    let commands = commands.map(|missing| missing.command.as_str());
    fill_in(section, &blanks_in(commands))
}

fn notes(diagnosis: &Diagnosis) -> Section {
    let section = Section::new("What could not be read");
    diagnosis.notes.iter().fold(section, |section, note| {
        section.point(format!("{}: {}", place(note.lines, diagnosis), note.text))
    })
}

/// Where lines stand: `messages.log, line 7`.
pub(crate) fn place(lines: Lines, diagnosis: &Diagnosis) -> String {
    let source = diagnosis
        .sources
        .get(lines.source)
        .map_or("", String::as_str);
    match (lines.first, lines.last) {
        (0, _) => source.to_owned(),
        (first, last) if first == last => format!("{source} line {first}").trim_start().to_owned(),
        (first, last) => format!("{source} lines {first} to {last}")
            .trim_start()
            .to_owned(),
    }
}
