//! What is found in texts, as if they had been gathered at one time.

use forebay_diagnosis::{Diagnosis, Egress, StepKind, diagnose};
use forebay_evidence::{Context, Intake, Moment};

/// The diagnosis of texts, each of a source with a name.
pub(crate) fn find<S: AsRef<str>>(
    sources: &[(S, S)],
    now_unix_seconds: i64,
    egress: Egress,
) -> Diagnosis {
    let context = Context {
        now: Moment::from_unix_ms(now_unix_seconds * 1_000),
        utc_offset_seconds: 0,
    };
    let mut intake = Intake::new(context);
    for (name, text) in sources {
        intake.begin(name.as_ref());
        intake.push(text.as_ref().as_bytes());
    }
    diagnose(&intake.finish(), &context, egress)
}

/// The links of its chain.
pub(crate) fn kinds(found: &Diagnosis) -> Vec<StepKind> {
    found.chain.iter().map(|step| step.kind).collect()
}
