//! Has accounts changed, and says where, if that makes the data directory.

use forebay_access::{Order, Told};
use forebay_config::Config;
use forebay_server::{is_data_dir, order_accounts};
use forebay_terminal::{Failure, Printer};

/// Has the order carried out on the data of `config`.
///
/// # Errors
/// Those of [`order_accounts`].
pub(crate) async fn change(
    config: &Config,
    order: Order,
    printer: &Printer,
) -> Result<Told, Failure> {
    let is_first = !is_data_dir(&config.data);
    let told = order_accounts(&config.data, order).await?;
    if is_first {
        // By default it lies where one stands: a server that is started elsewhere has another.
        let data = std::path::absolute(&config.data);
        let data = data.as_ref().unwrap_or(&config.data);
        printer.note(format_args!(
            "made the data directory {}: accounts are in it, so start the server on it (--data), or with the same --config",
            data.display()
        ));
    }
    Ok(told)
}
