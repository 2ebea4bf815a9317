//! Names, patterns and actions as they are written on the command line, checked before anything is done.

use forebay_access::AccountOrderError;
use forebay_content::AccountName;
use forebay_oci::{Acts, TargetPattern};

/// An account's name as it was written, if it is one.
pub(crate) fn account_name(text: &str) -> Result<String, AccountOrderError> {
    let read = text.parse::<AccountName>();
    read.map(|_| text.to_owned())
        .map_err(|why| AccountOrderError::Name(text.to_owned(), why))
}

/// A pattern of repositories as it was written, if it is one.
pub(crate) fn repositories(text: &str) -> Result<String, AccountOrderError> {
    let read = text.parse::<TargetPattern>();
    read.map(|_| text.to_owned())
        .map_err(|why| AccountOrderError::Pattern(text.to_owned(), why))
}

/// Actions as they were written, if they are some.
pub(crate) fn actions(text: &str) -> Result<String, AccountOrderError> {
    let read = text.parse::<Acts>();
    read.map(|_| text.to_owned())
        .map_err(|why| AccountOrderError::Actions(text.to_owned(), why))
}
