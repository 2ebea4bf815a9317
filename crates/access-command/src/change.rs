//! Has accounts changed, and says where, if that makes the data directory.

use forebay_access::{AccountOrder, AccountOutcome};
use forebay_config::Config;
use forebay_server::{begins_data, note_of_new, order_accounts};
use forebay_terminal::{Failure, Printer};

/// Has the order carried out on the data of `config`.
///
/// # Errors
/// Those of [`begins_data`] and [`order_accounts`].
pub(crate) async fn change(
    config: &Config,
    order: AccountOrder,
    printer: &Printer,
) -> Result<AccountOutcome, Failure> {
    let is_first = begins_data(config)?;
    let told = order_accounts(&config.data, order).await?;
    if is_first {
        printer.note(note_of_new(&config.data, "accounts are"));
    }
    Ok(told)
}
