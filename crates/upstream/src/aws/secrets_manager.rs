//! A login kept in AWS Secrets Manager: `GetSecretValue`.
//!
//! Source: AWS Secrets Manager API reference; the two forms are those of ECR's pull-through cache rules.

use std::time::Duration;

use async_trait::async_trait;
use forebay_content::SourceError;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::AwsAccess;
use super::call::{Api, Service};
use crate::Secret;
use crate::broker::FetchLogin;
use crate::login::Login;

const GET_SECRET_VALUE: Service = Service {
    host: "secretsmanager",
    signed_for: "secretsmanager",
    operation: "secretsmanager.GetSecretValue",
};

/// Fetches a login from one secret.
pub(crate) struct SecretLogin {
    api: Api,
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    secret_string: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    username: String,
    #[serde(alias = "accessToken")]
    password: String,
}

impl SecretLogin {
    /// From the secret with this name or ARN.
    pub(crate) fn new(
        (id, region): (String, &str),
        endpoint: Option<&Url>,
        access: &AwsAccess,
    ) -> Self {
        Self {
            api: Api::new(GET_SECRET_VALUE, region, endpoint, access),
            id,
        }
    }
}

#[async_trait]
impl FetchLogin for SecretLogin {
    async fn fetch(&self) -> Result<(Login, Option<Duration>), SourceError> {
        let answer: Answer = self.api.call(&json!({ "SecretId": self.id })).await?;
        let login = answer.secret_string.as_deref().and_then(read);
        login.map(|login| (login, None)).ok_or_else(|| {
            self.api.fail(
                "the secret is not of the form {\"username\", \"password\" or \"accessToken\"}",
            )
        })
    }
}

fn read(secret: &str) -> Option<Login> {
    let Document { username, password } = serde_json::from_str(secret).ok()?;
    Some(Login::new(&username, &Secret::new(password)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_secret_are_read_and_others_are_not() {
        let alice = Login::new("alice", &Secret::new("p")).fingerprint;
        for text in [
            r#"{"username":"alice","password":"p"}"#,
            r#"{"username":"alice","accessToken":"p","note":"x"}"#,
        ] {
            assert_eq!(read(text).unwrap().fingerprint, alice, "{text}");
        }
        for text in ["", "p", r#"{"username":"alice"}"#, r#"{"password":"p"}"#] {
            assert!(read(text).is_none(), "{text}");
        }
    }
}
