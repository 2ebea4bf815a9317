//! The way of a command to accounts: through the running server, or, where none runs, to the data directory itself.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use forebay_access::{Desk, Order, OrderError, Told};
use forebay_blobs_fs::{RealDisk, ensure_format};
use forebay_catalog_sql::{REGISTRY_FILE_NAME, SqlRegistry};
use forebay_content::{Audit, AuditEntry, BegunAct, Clock, SystemClock};
use forebay_terminal::Failure;

use crate::audit_log::AuditLog;
use crate::control_client::ask_running;
use crate::data::{is_data_dir, lock, no_data_dir};
use crate::hosting::{accounts_desk, check_rows_are_there, unopened};

/// Who changes something, in the audit log, where no server runs: whoever may write to the data directory.
const WHO: &str = "command line";

/// Has the server that runs on `data` carry out `order`; where none runs, does it on the data directory, which is made for a first
/// account, so that there can be a user before the first start.
///
/// # Errors
/// The order has a word that means nothing, or accounts cannot be read or changed.
pub async fn order_accounts(data: &Path, order: Order) -> Result<Told, Failure> {
    if let Some(told) = ask_running(data, "/accounts", &order).await? {
        return Ok(told);
    }
    let makes_one = matches!(order, Order::AddUser { .. } | Order::AddRobot { .. });
    if !makes_one && !is_data_dir(data) {
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
    (order, who): (Order, &str),
) -> Result<Told, OrderError> {
    if order.is_look() {
        return desk.carry_out(order).await;
    }
    let what = order.to_string();
    let begun = BegunAct::new(audit, AuditEntry::of(who, "change-account", &what));
    let carried_out = desk.carry_out(order).await;
    begun.end(if carried_out.is_ok() {
        AuditEntry::DONE
    } else {
        "failed"
    });
    carried_out
}

/// Does it here, holding the data directory meanwhile.
async fn carry_out(data: &Path, order: Order) -> Result<Told, Failure> {
    let unusable = |error: &dyn std::error::Error| {
        let what = format!("cannot use the accounts in {}", data.display());
        Failure::failed(what, error.to_string())
    };
    let _held = lock(data, Duration::ZERO).await?;
    ensure_format(data, &RealDisk).map_err(|error| unusable(&error))?;
    let rows = match check_rows_are_there(data).await {
        Ok(()) => SqlRegistry::open(&data.join(REGISTRY_FILE_NAME)).await,
        Err(error) => Err(error),
    };
    let rows = Arc::new(rows.map_err(|error| unopened(data, error.into()))?);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let what = order.to_string();
    let (desk, audit) = (accounts_desk(&rows, &clock), AuditLog::new(data, clock));
    let told = carry_out_and_record(&desk, &audit, (order, WHO)).await;
    let closed = rows.close().await;
    let told = told.map_err(|error| Failure::failed(format!("cannot {what}"), error))?;
    closed.map_err(|error| unusable(&error))?;
    Ok(told)
}
