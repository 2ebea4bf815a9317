//! What the mending of local repositories changed, as the audit log tells it.

use forebay_api_admin::FsckRequest;
use forebay_content::{Audit, AuditEntry, BegunAct};
use forebay_limits::{counted, counted_as};
use forebay_registry::{LostObject, RebuiltRows, RegistryCheck};

/// What is mended, in the audit log: all that lives here.
const OBJECT: &str = "local/**";

/// Has `check` run, and writes down what it mended for `who`, unless it is only to look.
///
/// # Errors
/// Those of the check.
pub(crate) async fn mend_and_record<E>(
    (audit, who): (&dyn Audit, &str),
    asked: FsckRequest,
    check: impl Future<Output = Result<RegistryCheck, E>>,
) -> Result<RegistryCheck, E> {
    if !asked.mend {
        return check.await;
    }
    let accepted = asked.accept_loss.then_some("losses accepted");
    let entry = AuditEntry {
        detail: accepted,
        ..AuditEntry::of(who, "mend-repositories", OBJECT)
    };
    let begun = BegunAct::new(audit, entry);
    let checked = check.await;
    match &checked {
        Ok(check) => {
            let parts = accepted.map(str::to_owned).into_iter();
            let told: Vec<_> = parts.chain(told(check)).collect();
            begun.telling(&told.join("; ")).end(outcome(check));
        }
        Err(_) => begun.end("failed"),
    }
    checked
}

fn outcome(check: &RegistryCheck) -> &'static str {
    if check.emptied.is_some() {
        "refused"
    } else if check.rows.is_some() && check.rebuilt.is_none() {
        "failed"
    } else {
        AuditEntry::DONE
    }
}

/// What was mended, and what stays lost. Counts are before names: the log cuts what is too long.
fn told(check: &RegistryCheck) -> Vec<String> {
    if check.is_clean() {
        return vec!["nothing to mend".to_owned()];
    }
    if check.emptied.is_some() {
        return vec!["nothing of what rows tell lies beside them".to_owned()];
    }
    let mut told: Vec<String> = check.rebuilt.iter().map(told_of_rows).collect();
    if check.is_settled {
        let count = check.differences.len() as u64;
        let what = counted(count, "difference");
        told.push(format!("settled {what} between rows and journals"));
    }
    if check.unreadable_lines > 0 {
        let what = counted(check.unreadable_lines, "line");
        told.push(format!("{what} of journals cannot be read"));
    }
    for (what, objects) in [
        ("damaged and put aside", &check.damaged),
        ("missing", &check.missing),
        ("cannot be read", &check.unreadable),
    ] {
        if !objects.is_empty() {
            told.push(format!("{} {what}", objects.len()));
        }
    }
    if check.unnamed > 0 {
        told.push(format!("{} more of these", check.unnamed));
    }
    let lost = check.damaged.iter().chain(&check.missing);
    told.extend(check.differences.iter().cloned());
    told.extend(lost.chain(&check.unreadable).map(told_of_lost));
    told
}

fn told_of_rows(rows: &RebuiltRows) -> String {
    let lost = rows.lost.len() as u64 + rows.lost_beside;
    let made = [
        counted_as(rows.repositories, "repository", "repositories"),
        counted(rows.manifests, "manifest"),
        counted(rows.tags, "tag"),
        counted(rows.accounts, "account"),
    ];
    let lost = counted(lost, "manifest");
    format!("made rows anew: {}; {lost} lost", made.join(", "))
}

fn told_of_lost(lost: &LostObject) -> String {
    match lost.images.as_slice() {
        [] => lost.digest.clone(),
        images => format!("{} of {}", lost.digest, images.join(" ")),
    }
}
