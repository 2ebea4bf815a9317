//! Pulls that whoever asked for them called off: nothing was wrong with them.
//!
//! A client that is interrupted gives up its request, and the daemon or the build then tells of a canceled context. What makes
//! pulls for others has other reasons to cancel one, such as a pull that made no progress: its words are none of these.

use forebay_failures::Class;

use crate::event::{Event, Format, What};

/// How it ends, without white space and in small letters.
const CANCELED: &str = "contextcanceled";

/// Words of those who pull for others (kubelets, Nomad), without white space and in small letters.
const FOR_OTHERS: [&str; 3] = ["rpcerror", "failedtopull", "driverfailure"];

/// Whether an event is such a pull.
pub(crate) fn is_called_off(event: &Event) -> bool {
    let is_clients = matches!(event.format, Format::Dockerd | Format::Ci | Format::Text);
    let is_untold = event
        .failure
        .as_ref()
        .is_some_and(|failure| failure.class == Class::Other);
    if !is_clients || !is_untold || !matches!(event.what, What::PullFailed | What::Told) {
        return false;
    }
    let tight: String = event.message.split_whitespace().collect();
    let tight = tight.to_ascii_lowercase();
    let end = tight.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    end.ends_with(CANCELED) && !FOR_OTHERS.iter().any(|words| tight.contains(words))
}
