//! A webhook: where alerts go, and how.

use std::fmt;

use url::Url;

use crate::WebhookError;
use crate::form::Form;

/// A webhook. Its address is a secret: nothing here prints it.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    pub(crate) url: Url,
    /// The shape of what is posted.
    pub form: Form,
    /// Whether its name may resolve to private or loopback addresses; an address written in the URL itself may.
    pub private: bool,
}

impl Webhook {
    /// A webhook at this address.
    ///
    /// # Errors
    /// It is no http or https URL, or carries a user or password.
    pub fn new(url: &str, form: Form, private: bool) -> Result<Self, WebhookError> {
        let url: Url = url.parse().map_err(|_| WebhookError::Address)?;
        let is_http = matches!(url.scheme(), "http" | "https") && url.has_host();
        let has_user = !url.username().is_empty() || url.password().is_some();
        if !is_http || has_user {
            return Err(WebhookError::Address);
        }
        Ok(Self { url, form, private })
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("form", &self.form)
            .field("private", &self.private)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_http_and_carries_no_user() {
        for url in ["http://127.0.0.1:1/x", "https://hooks.example/T/B/s3cret"] {
            assert!(Webhook::new(url, Form::Slack, false).is_ok(), "{url}");
        }
        for url in [
            "",
            "hooks.example/x",
            "ftp://hooks.example/x",
            "https://user@hooks.example/x",
            "https://user:password@hooks.example/x",
        ] {
            assert!(Webhook::new(url, Form::Slack, false).is_err(), "{url}");
        }
    }

    #[test]
    fn an_address_is_never_printed() {
        let webhook = Webhook::new("https://hooks.example/T/B/s3cret", Form::Slack, false);
        let printed = format!("{:?}", webhook.unwrap());
        assert!(
            !printed.contains("hooks") && !printed.contains("s3cret"),
            "{printed}"
        );
        let error = Webhook::new("https://u:s3cret@hooks.example/", Form::Json, false).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("s3cret"));
    }
}
