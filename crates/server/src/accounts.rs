//! The way of a command to accounts: through the running server, or, where none runs, to the data directory itself.

use std::path::Path;
use std::sync::Arc;

use forebay_access::{AccountOrder, AccountOrderError, AccountOutcome, Desk};
use forebay_content::{Audit, AuditEntry, BegunAct, Clock, SystemClock};
use forebay_terminal::{Failure, amounts};

use crate::audit_log::AuditLog;
use crate::control_client::ask_running;
use crate::data::{has_other_files, hold, is_data_dir, no_data_dir};
use crate::hosting::{desk_over, open_rows, unopened};
use crate::stopped::WHO;

/// Has the server that runs on `data` carry out `order`; where none runs, does it on the data directory, which is made for a first
/// account, so that there can be a user before the first start.
///
/// # Errors
/// The order has a word that means nothing, or accounts cannot be read or changed.
pub async fn order_accounts(data: &Path, order: AccountOrder) -> Result<AccountOutcome, Failure> {
    if let Some(told) = ask_running(data, "/accounts", &order).await? {
        return Ok(told);
    }
    let makes_one = matches!(
        order,
        AccountOrder::AddUser { .. } | AccountOrder::AddRobot { .. }
    );
    let may_make_one = makes_one && !has_other_files(data);
    if !may_make_one && !is_data_dir(data) {
        return Err(no_data_dir(data));
    }
    carry_out(data, order).await
}

/// Carries out an order of `who` at `desk`, and writes down what it changes.
///
/// # Errors
/// Those of the desk.
pub(crate) async fn carry_out_and_record(
    desk: &Desk,
    audit: &dyn Audit,
    (order, who): (AccountOrder, &str),
) -> Result<AccountOutcome, AccountOrderError> {
    if order.is_look() {
        return desk.carry_out(order).await;
    }
    let what = order.to_string();
    let detail = detail(&order);
    let told;
    let entry = AuditEntry {
        detail: detail.as_deref(),
        ..AuditEntry::of(who, "change-account", &what)
    };
    let mut begun = BegunAct::new(audit, entry);
    let carried_out = desk.carry_out(order).await;
    if let Ok(AccountOutcome::Made { robot, .. }) = &carried_out {
        // By its id lists know it, and what is done by it is told.
        told = [robot.id.as_str(), detail.as_deref().unwrap_or_default()].join("; ");
        begun = begun.telling(&told);
    }
    let outcome = carried_out
        .as_ref()
        .map_or_else(AccountOrderError::word, |_| AuditEntry::DONE);
    begun.end(outcome);
    carried_out
}

/// What an order says beyond what it prints: of a token its rights, and for how long.
fn detail(order: &AccountOrder) -> Option<String> {
    let AccountOrder::AddRobot {
        rights,
        expires_in_seconds,
        ..
    } = order
    else {
        return None;
    };
    let rights = rights.iter().map(ToString::to_string);
    let until = expires_in_seconds.map_or_else(
        || "does not expire".to_owned(),
        |seconds| format!("expires in {}", amounts::span(seconds)),
    );
    let said: Vec<String> = rights.chain([until]).collect();
    Some(said.join("; "))
}

/// Does it here, holding the data directory meanwhile. Of what lives there the rows alone are opened: the bytes of repositories may be
/// on a volume that is away.
async fn carry_out(data: &Path, order: AccountOrder) -> Result<AccountOutcome, Failure> {
    let _held = hold(data).await?;
    let rows = open_rows(data).await;
    let rows = Arc::new(rows.map_err(|error| unopened(data, error.into()))?);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let desk = desk_over(Arc::clone(&rows) as _, &clock);
    let audit = AuditLog::new(data, clock);
    let what = order.to_string();
    let told = carry_out_and_record(&desk, &audit, (order, WHO)).await;
    let closed = rows.close().await;
    let told = told.map_err(|error| Failure::failed(format!("cannot {what}"), error))?;
    closed.map_err(|error| Failure::failed("cannot close the registry's rows", error))?;
    Ok(told)
}
