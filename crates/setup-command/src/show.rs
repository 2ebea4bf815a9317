//! What a plan looks like: texts on standard output, what is said about them on standard error.

use forebay_setup::{
    FallThrough, FileChange, Input, Plan, command_line, difference, without_secrets,
};
use forebay_terminal::Printer;

use crate::command::Args;

/// The whole plan, for a person who puts it in place by hand.
pub(crate) fn plan(args: &Args, plan: &Plan, printer: &Printer) {
    let bodies = bodies(args, plan);
    // Of one text alone, standard output is that text and nothing else.
    let is_alone = bodies.len() == 1;
    for (number, (title, text)) in bodies.iter().enumerate() {
        if is_alone {
            printer.note(format_args!("{title}:"));
        } else {
            let gap = if number > 0 { "\n" } else { "" };
            printer.line(format_args!("{gap}# {title}"));
        }
        printer.raw(text.as_bytes());
    }
    printer.flush();
    rest(plan, printer);
    let is_hidden = |file: &FileChange| body(args, file, str::to_owned) != shown(args, file);
    if plan.files.iter().any(is_hidden) {
        printer.note("secrets that stand there are shown as ***; --write leaves them as they are");
    }
    let is_change = plan.files.iter().any(FileChange::is_change);
    if !plan.files.is_empty() && !is_change {
        printer.note("--write would change nothing");
    } else if !plan.files.is_empty() && args.diff {
        printer.note("--write installs it");
    } else if !plan.files.is_empty() {
        printer.note("--write installs it, --diff shows what would change");
    } else if plan.steps.iter().any(|step| step.is_run) {
        printer.note("--write runs it");
    }
}

/// What is left to a person, and what should be known.
pub(crate) fn rest(plan: &Plan, printer: &Printer) {
    for step in plan.steps.iter().filter(|step| !step.is_run) {
        printer.note(format_args!(
            "then: {}  ({})",
            command_line(&step.command),
            step.why
        ));
    }
    match &plan.fall_through {
        Some(FallThrough::Closed(how)) => {
            printer.note(format_args!("fall-through is closed: {how}"));
        }
        Some(FallThrough::Open(why)) => {
            printer.note(format_args!("fall-through is OPEN: {why}"));
        }
        None => {}
    }
    for note in &plan.notes {
        printer.note(format_args!("note: {note}"));
    }
}

fn bodies(args: &Args, plan: &Plan) -> Vec<(String, String)> {
    let files = plan.files.iter();
    let files = files.map(|file| (file.path.clone(), shown(args, file)));
    let snippets = plan
        .snippets
        .iter()
        .map(|snippet| (snippet.title.to_owned(), snippet.text.clone()));
    let inputs = plan.steps.iter().filter(|step| step.is_run).map(|step| {
        let text = match &step.input {
            Input::Text(text) => text.clone(),
            Input::Secret { .. } => "(holds a password, and is not shown)\n".to_owned(),
            Input::Nothing => return (command_line(&step.command), String::new()),
        };
        (format!("input of: {}", command_line(&step.command)), text)
    });
    files.chain(inputs).chain(snippets).collect()
}

/// What is shown of a file.
fn shown(args: &Args, file: &FileChange) -> String {
    body(args, file, |text| {
        without_secrets(&file.path, text).into_owned()
    })
}

/// The whole of a file or what changes of it, its texts made so.
fn body(args: &Args, file: &FileChange, make: impl Fn(&str) -> String) -> String {
    let after = make(&file.after);
    if !args.diff {
        return with_line_end(&after);
    }
    let before = make(file.before.as_deref().unwrap_or_default());
    difference(&file.path, &before, &after)
}

fn with_line_end(text: &str) -> String {
    if text.ends_with('\n') {
        text.to_owned()
    } else {
        format!("{text}\n")
    }
}
