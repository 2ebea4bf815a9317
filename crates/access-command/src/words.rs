//! Names, patterns and actions as they are written on the command line, checked before anything is done.

use forebay_access::OrderError;
use forebay_content::AccountName;
use forebay_oci::{Acts, TargetPattern};

/// An account's name as it was written, if it is one.
pub(crate) fn account_name(text: &str) -> Result<String, OrderError> {
    let read = text.parse::<AccountName>();
    read.map(|_| text.to_owned())
        .map_err(|why| OrderError::Name(text.to_owned(), why))
}

/// A pattern of repositories as it was written, if it is one.
pub(crate) fn repositories(text: &str) -> Result<String, OrderError> {
    let read = text.parse::<TargetPattern>();
    read.map(|_| text.to_owned())
        .map_err(|why| OrderError::Pattern(text.to_owned(), why))
}

/// Actions as they were written, if they are some.
pub(crate) fn actions(text: &str) -> Result<String, OrderError> {
    let read = text.parse::<Acts>();
    read.map(|_| text.to_owned())
        .map_err(|why| OrderError::Actions(text.to_owned(), why))
}
