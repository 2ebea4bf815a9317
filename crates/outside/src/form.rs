//! What is posted: the alert as JSON, or what Slack's incoming webhooks take.
//!
//! Pure. Slack's form is also that of Mattermost, Rocket.Chat, and Discord under `/slack`.

use forebay_content::Alert;
use serde_json::json;

/// The shape of what is posted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Form {
    /// The alert's own fields.
    #[default]
    Json,
    /// One text.
    Slack,
}

impl Form {
    /// The word for logs and configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Slack => "slack",
        }
    }

    /// The body that tells `alert`, from the Forebay of this name.
    pub fn body(self, alert: &Alert, sender: &str) -> Vec<u8> {
        let value = match self {
            Self::Json => json!({
                "kind": alert.kind,
                "subject": alert.subject,
                "text": alert.text,
                "at_unix_ms": alert.at.0,
                "sender": sender,
            }),
            Self::Slack => json!({
                "text": format!("Forebay on {}: {}", escaped(sender), escaped(&alert.text)),
            }),
        };
        value.to_string().into_bytes()
    }
}

/// Text in which nothing is a link, a mention or a channel: the three characters that Slack gives a meaning
/// (docs.slack.dev, "Formatting message text").
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use forebay_content::{AlertKind, Timestamp};

    use super::*;

    fn alert() -> Alert {
        Alert {
            kind: AlertKind::StormBegan,
            subject: "10.0.0.1 docker.io/team/app:1".to_owned(),
            text: "storm: <!channel> & \"more\"".to_owned(),
            at: Timestamp(7),
        }
    }

    fn body(form: Form) -> serde_json::Value {
        serde_json::from_slice(&form.body(&alert(), "node <1>")).unwrap()
    }

    #[test]
    fn the_generic_form_has_every_field() {
        let expected = json!({
            "kind": "storm_began",
            "subject": "10.0.0.1 docker.io/team/app:1",
            "text": "storm: <!channel> & \"more\"",
            "at_unix_ms": 7,
            "sender": "node <1>",
        });
        assert_eq!(body(Form::Json), expected);
    }

    #[test]
    fn in_slacks_form_no_client_can_mention_anybody() {
        let text = "Forebay on node &lt;1&gt;: storm: &lt;!channel&gt; &amp; \"more\"";
        assert_eq!(body(Form::Slack), json!({ "text": text }));
    }
}
