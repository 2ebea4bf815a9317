//! How a failure is told: `error:`, the chain of causes, and what to do.
//!
//! Errors say one clause each; this walks the chain, so no error repeats its source's text.

use std::error::Error;

use forebay_config::{Advice, Hint};

use crate::error::Failure;
use crate::printer::Printer;

/// The most causes printed of one error; a longer chain is a loop or noise.
pub const MAX_CAUSES: usize = 16;

/// Prints a failed command's errors with their causes and hints to standard error.
pub fn report(failure: &Failure, printer: &Printer) {
    let Failure::Config(errors) = failure else {
        return report_one(failure, &failure.hints(), printer);
    };
    for problem in errors.problems() {
        report_one(problem, &problem.hints(), printer);
    }
    if errors.left_off() > 0 {
        printer.note(format_args!("and {} more", errors.left_off()));
    }
}

fn report_one(error: &dyn Error, hints: &[Hint], printer: &Printer) {
    printer.note(format_args!("error: {error}"));
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    for cause in causes.take(MAX_CAUSES) {
        printer.note(format_args!("  caused by: {cause}"));
    }
    for hint in hints {
        printer.note(format_args!("hint: {hint}"));
    }
}
