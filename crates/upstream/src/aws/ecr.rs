//! The login of a private ECR registry: `GetAuthorizationToken`.
//!
//! Source: Amazon ECR API reference. The token is `AWS:<password>` in base64, good for twelve hours.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use forebay_content::{Clock, SourceError};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::AwsAccess;
use super::call::{Api, Service};
use crate::Secret;
use crate::broker::FetchLogin;
use crate::login::Login;

const GET_AUTHORIZATION_TOKEN: Service = Service {
    host: "api.ecr",
    signed_for: "ecr",
    operation: "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
};

/// Renewed so long before it expires.
const MARGIN: Duration = Duration::from_mins(5);

/// Fetches the login of one account's registry.
pub(crate) struct EcrLogin {
    api: Api,
    account: String,
    clock: Arc<dyn Clock>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    authorization_data: Vec<Authorization>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Authorization {
    authorization_token: String,
    /// Seconds since 1970, with a fraction.
    #[serde(default)]
    expires_at: Option<f64>,
}

impl EcrLogin {
    /// Of the registry of `account` in `region`.
    pub(crate) fn new(
        (account, region): (String, &str),
        endpoint: Option<&Url>,
        access: &AwsAccess,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            api: Api::new(GET_AUTHORIZATION_TOKEN, region, endpoint, access),
            account,
            clock,
        }
    }
}

#[async_trait]
impl FetchLogin for EcrLogin {
    async fn fetch(&self) -> Result<(Login, Option<Duration>), SourceError> {
        let body = json!({ "registryIds": [self.account] });
        let answer: Answer = self.api.call(&body).await?;
        let authorization = answer.authorization_data.into_iter().next();
        let now_seconds = self.clock.now().0 / 1000;
        authorization
            .and_then(|authorization| read(&authorization, now_seconds))
            .ok_or_else(|| self.api.fail("its token cannot be read"))
    }
}

/// The login, and how long it is good for at `now_seconds`; an expiry that is past already leaves no time at all.
fn read(authorization: &Authorization, now_seconds: i64) -> Option<(Login, Option<Duration>)> {
    let decoded = STANDARD.decode(&authorization.authorization_token).ok()?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (username, password) = decoded.split_once(':')?;
    let login = Login::new(username, &Secret::new(password));
    let good_for = authorization.expires_at.map(|expires_at| {
        let now = Duration::from_secs(u64::try_from(now_seconds).unwrap_or(0));
        Duration::try_from_secs_f64(expires_at)
            .unwrap_or_default()
            .saturating_sub(now)
            .saturating_sub(MARGIN)
    });
    Some((login, good_for))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authorization(token: &str, expires_at: Option<f64>) -> Authorization {
        Authorization {
            authorization_token: STANDARD.encode(token),
            expires_at,
        }
    }

    #[test]
    fn a_token_is_a_name_and_a_password_with_an_end() {
        let now_seconds = 1_795_000_000;
        for (expires_at, good_for) in [
            (Some(1_795_043_200.5), Some(42_900.5)),
            (Some(1_795_000_010.0), Some(0.0)),
            (Some(1_420_070_400.0), Some(0.0)),
            (Some(-1.0), Some(0.0)),
            (Some(f64::MAX), Some(0.0)),
            (None, None),
        ] {
            let (login, found) = read(&authorization("AWS:p:w", expires_at), now_seconds).unwrap();
            assert_eq!(found.map(|found| found.as_secs_f64()), good_for);
            assert_eq!(
                login.fingerprint,
                Login::new("AWS", &Secret::new("p:w")).fingerprint
            );
        }
        assert!(read(&authorization("AWS", None), now_seconds).is_none());
    }
}
