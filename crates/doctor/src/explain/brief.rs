//! A diagnosis on one screen: what a person reads at night.
//!
//! The cause, who brings it about, when it ends, the lines that show it, the chain, and what to do now. All else is named
//! with the flag that shows it.

use forebay_limits::{counted, printable};

use super::people::{asked, fault, names_of, often};
use super::words::{tell_latest, tell_past};
use super::{place, times};
use crate::blanks::{blanks_in, fill_in};
use crate::document::{Code, Document, Section};
use crate::{
    Also, Diagnosis, EndKind, HEARSAY, Quote, Step, StepKind, Suspect, Trigger, WayKind, WayOut,
    WaysOut,
};

/// The most lines of evidence.
const MAX_QUOTES: usize = 2;

/// The most bytes of one of them.
const MAX_QUOTE_BYTES: usize = 220;

/// The most links of the chain.
const MAX_LINKS: usize = 5;

/// The most names of culprits and victims.
const MAX_NAMES: usize = 3;

/// The most open questions and other troubles.
const MAX_OTHERS: usize = 4;

/// The most workloads with which something was wrong once.
const MAX_PAST: usize = 2;

/// The most lines that the first way out takes; its first step is told whatever it takes.
const MAX_LINES: usize = 14;

/// The cause and what to do now.
pub fn brief(diagnosis: &Diagnosis, ways: &WaysOut) -> Document {
    // To find who floods the registry is to ask just that.
    let is_asked = ways
        .ways
        .first()
        .is_some_and(|way| way.kind == WayKind::FindTheFlood);
    let questions = if is_asked {
        Section::new("")
    } else {
        open_questions(diagnosis)
    };
    let sections = [
        head(diagnosis, ways),
        questions,
        first(&ways.ways),
        others(ways),
    ];
    Document::new("Diagnosis", sections)
}

/// That somebody has written what only a runtime can know: it may be a container that would have another one blamed.
pub fn left_aside(diagnosis: &Diagnosis) -> Option<String> {
    let mut notes = diagnosis.notes.iter();
    let note = notes.find(|note| note.text == HEARSAY)?;
    Some(format!("{}: {}", place(note.lines, diagnosis), note.text))
}

fn head(diagnosis: &Diagnosis, ways: &WaysOut) -> Section {
    let section = Section::new("");
    let Some(cause) = &diagnosis.cause else {
        return section;
    };
    let mut facts = vec![format!("class {}", cause.class)];
    let identity = cause.identity.as_ref();
    facts.extend(identity.map(|identity| format!("counted by {identity}")));
    facts.extend(diagnosis.since.map(|since| format!("since {since}")));
    let section = section
        .labelled("Cause", &cause.summary)
        .labelled("", facts.join(" · "));
    let section = culprits(section, diagnosis, ways);
    let section = victims(section, diagnosis);
    let section = ending(section, diagnosis);
    let section = seen(section, diagnosis);
    let section = chain(section, diagnosis);
    let section = past(also(section, diagnosis), diagnosis);
    match left_aside(diagnosis) {
        Some(told) => section.labelled("Left out", told),
        None => section,
    }
}

fn culprits(section: Section, diagnosis: &Diagnosis, ways: &WaysOut) -> Section {
    let culprits = diagnosis.culprits.as_slice();
    let Some(first) = culprits.first() else {
        let is_limit = diagnosis
            .cause
            .as_ref()
            .is_some_and(|cause| cause.class.is_limit());
        return if is_limit {
            section.labelled("Who", "nobody stands out in what was read")
        } else {
            section
        };
    };
    let others = match culprits.len() - 1 + diagnosis.more_culprits {
        0 => String::new(),
        1 => "; one more does the same".to_owned(),
        others => format!("; {others} more do the same"),
    };
    let together = together(diagnosis);
    let section = section.labelled("Who", format!("{}{others}{together}", told(first)));
    let section = match &first.at_restart {
        Some(at_restart) => section.labelled("", super::people::at_restart(at_restart)),
        None => section,
    };
    // The first way out is told below anyway; who only pulls much, has no fault that stopping it would end.
    let stop = ways
        .ways
        .iter()
        .skip(1)
        .find(|way| way.kind == WayKind::StopTheCulprit && has_fault(first));
    let Some(way) = stop else {
        return section;
    };
    let first_line = |code: &Code| code.text.lines().next().map(str::to_owned);
    let mut section = section;
    for step in &way.steps {
        let command = step.code.as_ref().and_then(first_line).unwrap_or_default();
        if let Some(warning) = &step.warning {
            return section
                .labelled("", format!("to stop it: {command}"))
                .labelled("", format!("! {warning}"));
        }
        section = section.labelled("", format!("note first how it runs: {command}"));
    }
    section
}

fn has_fault(suspect: &Suspect) -> bool {
    let of_its_own = |trigger: &Trigger| {
        matches!(
            trigger,
            Trigger::CrashLoop { .. } | Trigger::WrongImage | Trigger::WrongCredentials
        )
    };
    suspect.trigger.as_ref().is_some_and(of_its_own)
}

/// What several come to; nothing for one.
fn together(diagnosis: &Diagnosis) -> String {
    let culprits = diagnosis.culprits.as_slice();
    let attempts: u64 = culprits.iter().map(|one| one.requests.attempts).sum();
    if culprits.len() < 2 || attempts == 0 {
        return String::new();
    }
    let who = match diagnosis.more_culprits {
        0 => "all together".to_owned(),
        _ => format!("the first {} together", culprits.len()),
    };
    match &diagnosis.together {
        Some(all) => format!("; {who} {attempts} of {} that were seen", asked(all)),
        None => format!("; {who} {}", counted(attempts, "attempt")),
    }
}

fn told(suspect: &Suspect) -> String {
    let requests = &suspect.requests;
    let [_, most] = requests.peak_requests_per_minute;
    let rate = if requests.minutes.is_some() && most > 0 {
        format!(", up to {most} requests a minute")
    } else {
        String::new()
    };
    let fault = fault(suspect).map_or_else(String::new, |fault| format!("; {fault}"));
    format!("{}: {}{rate}{fault}", suspect.name, often(suspect))
}

fn victims(section: Section, diagnosis: &Diagnosis) -> Section {
    match diagnosis.victims.as_slice() {
        [] => section,
        victims => {
            let names = names_of(victims, diagnosis.more_victims, MAX_NAMES);
            section.labelled("Suffers", names)
        }
    }
}

fn ending(section: Section, diagnosis: &Diagnosis) -> Section {
    let Some(ends) = diagnosis
        .ends
        .as_ref()
        .filter(|ends| ends.kind != EndKind::Unknown)
    else {
        return section;
    };
    let over = tell_latest(ends).map_or_else(String::new, |told| format!("; {told}"));
    section.labelled("Ends", format!("{}{over}", ends.text))
}

/// One line of each kind first.
fn seen(section: Section, diagnosis: &Diagnosis) -> Section {
    let all = diagnosis.evidence.as_slice();
    let is_first = |at: usize| {
        let class = all[at].class;
        !all[..at].iter().any(|before| before.class == class)
    };
    let (firsts, rest): (Vec<usize>, Vec<usize>) = (0..all.len()).partition(|at| is_first(*at));
    let mut chosen: Vec<usize> = firsts.into_iter().chain(rest).take(MAX_QUOTES).collect();
    chosen.sort_unstable();
    let quotes = chosen.iter().map(|at| quoted(&all[*at], diagnosis));
    rows(section, "Seen", quotes)
}

fn quoted(quote: &Quote, diagnosis: &Diagnosis) -> String {
    let text = printable(&quote.text, MAX_QUOTE_BYTES);
    format!("{}{}: {text}", place(quote.lines, diagnosis), times(quote))
}

/// What the cause says already, and that pulls fail, is left out.
fn chain(section: Section, diagnosis: &Diagnosis) -> Section {
    let is_told = |step: &&Step| {
        !matches!(
            step.kind,
            StepKind::LimitReached
                | StepKind::PullsFail
                | StepKind::ImageMissing
                | StepKind::LoginRefused
                | StepKind::WorksAgain
        )
    };
    let steps = diagnosis.chain.iter().filter(is_told).take(MAX_LINKS);
    let links = steps.enumerate().map(|(at, step)| match at {
        0 => step.text.to_owned(),
        _ => format!("→ {}", step.text),
    });
    rows(section, "So", links)
}

fn also(section: Section, diagnosis: &Diagnosis) -> Section {
    let others = diagnosis.also.iter().take(MAX_OTHERS).map(tell_also);
    let section = rows(section, "Also", others);
    match diagnosis.also.len().saturating_sub(MAX_OTHERS) {
        0 => section,
        more => section.labelled("", format!("and {more} more: --all")),
    }
}

/// So that nobody looks for it: it may stand out in what was read.
fn past(section: Section, diagnosis: &Diagnosis) -> Section {
    let all = diagnosis.past.as_slice();
    let section = rows(section, "Over", all.iter().take(MAX_PAST).map(tell_past));
    match all.len().saturating_sub(MAX_PAST) + diagnosis.more_past {
        0 => section,
        more => section.labelled("", format!("and {more} more: --all")),
    }
}

fn tell_also(also: &Also) -> String {
    let at = also
        .registry
        .as_ref()
        .map_or_else(String::new, |registry| format!(" at {registry}"));
    let who = match also.who.first() {
        Some(first) if also.workloads > 1 => format!(", {first} and {} more", also.workloads - 1),
        Some(first) => format!(", {first}"),
        None => String::new(),
    };
    let next = also.next.lines().next().unwrap_or("");
    let told = format!(
        "{}{at}: {}{who}: {next}",
        also.class,
        counted(also.failures, "failure")
    );
    told.trim_end_matches([' ', ':']).to_owned()
}

fn open_questions(diagnosis: &Diagnosis) -> Section {
    let mut section = Section::new("Not known yet, and what would tell");
    let mut last = "";
    let all = diagnosis
        .missing
        .iter()
        .filter(|missing| missing.is_urgent());
    let asked = all.take(MAX_OTHERS);
    for missing in asked.clone() {
        if missing.question != last {
            section = section.paragraph(missing.question);
            last = missing.question;
        }
        section = section.code(Code::shell(&*missing.command));
    }
    let commands = asked.map(|missing| missing.command.as_str());
    fill_in(section, &blanks_in(commands))
}

/// The first way out, as far as it has room; what can wait is left out.
fn first(ways: &[WayOut]) -> Section {
    let Some(way) = ways.first() else {
        return Section::new("");
    };
    let mut section = Section::new(format!("Do now: {}", way.title));
    let (mut lines, mut shown) = (0, 0);
    let mut typed = Vec::new();
    for action in way.steps.iter().filter(|action| !action.can_wait) {
        let code = action
            .code
            .as_ref()
            .map_or(0, |code| code.text.lines().count());
        lines += 1 + usize::from(action.warning.is_some()) + code;
        if shown > 0 && lines > MAX_LINES {
            break;
        }
        shown += 1;
        section = action.tell(section, shown);
        typed.extend(action.typed());
    }
    section = fill_in(section, &blanks_in(typed.into_iter()));
    match way.steps.len() - shown {
        0 => section,
        more => section.paragraph(format!(
            "and {}: --way {}",
            counted(more as u64, "more step"),
            way.kind.name()
        )),
    }
}

/// One line for each of the others, with the flag that shows it.
fn others(ways: &WaysOut) -> Section {
    let section = Section::new("More, by running it again with");
    let kinds: Vec<WayKind> = ways.ways.iter().map(|way| way.kind).collect();
    let first = kinds.first().copied();
    let mut told: Vec<(String, &str)> = Vec::new();
    for way in ways.ways.iter().skip(1) {
        let flag = format!("--way {}", way.kind.name());
        if Some(way.kind) != first && !told.iter().any(|(known, _)| *known == flag) {
            told.push((flag, way.title.as_str()));
        }
    }
    told.push((
        "--all".to_owned(),
        "all of it: what it costs, why it worked before, what it is not, settings that make floods",
    ));
    told.iter().fold(section, |section, (flag, title)| {
        section.labelled(flag, title)
    })
}

fn rows(section: Section, label: &'static str, texts: impl Iterator<Item = String>) -> Section {
    texts.enumerate().fold(section, |section, (at, text)| {
        section.labelled(if at == 0 { label } else { "" }, text)
    })
}
