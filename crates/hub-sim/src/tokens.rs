//! Answers token requests, as `auth.docker.io` does: GET with Basic or nothing, POST with a form.
//!
//! What a token may read is not decided here but when it is used.

use crate::accounts::Login;
use crate::answer::Answer;
use crate::clock::{minutes, rfc3339};
use crate::grants::Grant;
use crate::refusal::{locked_out, oci_error};
use crate::request::{Credentials, Request, find_pair};
use crate::state::{Inner, Settings};
use serde_json::json;
use std::time::Duration;

/// Which names the token goes by in the answer; specifications and registries differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenKeys {
    /// `token` and `access_token`, as Docker Hub answers.
    #[default]
    Both,
    /// Only `token`.
    Token,
    /// Only `access_token`.
    AccessToken,
}

/// Answers one request to the token service.
pub(crate) fn answer(
    inner: &mut Inner,
    settings: &Settings,
    request: &Request,
    now: Duration,
) -> Answer {
    let parameters = match request.method.as_str() {
        "GET" => request.query(),
        "POST" => request.form(),
        _ => return oci_error(405, "UNSUPPORTED", "method not allowed", None),
    };
    match authenticate(inner, request, &parameters, now) {
        Ok(account) => grant(
            inner,
            settings,
            &Asked {
                account,
                parameters,
                now,
            },
        ),
        Err(refusal) => refusal,
    }
}

struct Asked {
    account: Option<String>,
    parameters: Vec<(String, String)>,
    now: Duration,
}

/// Who asks: an account, or nobody in particular, or somebody who is turned away.
fn authenticate(
    inner: &mut Inner,
    request: &Request,
    parameters: &[(String, String)],
    now: Duration,
) -> Result<Option<String>, Answer> {
    let given = |key| find_pair(parameters, key);
    let (user, password) = match (request.credentials(), given("grant_type").as_deref()) {
        (Some(Credentials::Basic { user, password }), _) => (user, password),
        (_, Some("password")) => (
            given("username").unwrap_or_default(),
            given("password").unwrap_or_default(),
        ),
        (_, Some("refresh_token")) => {
            let token = given("refresh_token").unwrap_or_default();
            let account = inner.grants.find_refresh(&token).map(str::to_owned);
            return account.map(Some).ok_or_else(wrong_password);
        }
        (Some(_), _) => return Err(wrong_password()),
        (None, _) => return Ok(None),
    };
    match inner.accounts.login(&user, &password, now) {
        Login::Welcome => Ok(Some(user)),
        Login::WrongPassword => Err(wrong_password()),
        Login::LockedOut => Err(locked_out()),
    }
}

fn wrong_password() -> Answer {
    Answer::new(401).json(&json!({"details": "incorrect username or password"}))
}

fn grant(inner: &mut Inner, settings: &Settings, asked: &Asked) -> Answer {
    let Asked {
        account,
        parameters,
        now,
    } = asked;
    let grant = Grant {
        account: account.clone(),
        repositories: pulled_repositories(parameters),
        expires: *now + settings.token_ttl.unwrap_or(UNSTATED_TTL),
    };
    let limit = inner.limit_of(account.as_deref());
    let token = inner.grants.issue(grant, limit, *now);
    let mut body = json!({"issued_at": rfc3339(*now)});
    if settings.token_keys != TokenKeys::AccessToken {
        body["token"] = json!(token);
    }
    if settings.token_keys != TokenKeys::Token {
        body["access_token"] = json!(token);
    }
    if let Some(ttl) = settings.token_ttl {
        body["expires_in"] = json!(ttl.as_secs());
    }
    let given = |key| find_pair(parameters, key);
    let offline = given("offline_token").as_deref() == Some("true")
        || given("access_type").as_deref() == Some("offline");
    if offline && let Some(account) = account {
        body["refresh_token"] = json!(inner.grants.issue_refresh(account));
    }
    Answer::new(200).json(&body)
}

/// What a token lasts when the answer does not say (distribution's token specification).
const UNSTATED_TTL: Duration = minutes(1);

/// The repositories in `repository:<name>:<actions>` scopes whose actions include `pull`.
fn pulled_repositories(parameters: &[(String, String)]) -> Vec<String> {
    parameters
        .iter()
        .filter(|(key, _)| key == "scope")
        .flat_map(|(_, value)| value.split_ascii_whitespace())
        .filter_map(|scope| scope.strip_prefix("repository:")?.rsplit_once(':'))
        .filter(|(_, actions)| {
            actions
                .split(',')
                .any(|action| action == "pull" || action == "*")
        })
        .map(|(name, _)| name.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::pulled_repositories;

    #[test]
    fn scopes_come_repeated_or_in_one_value() {
        let scope = |value: &str| ("scope".to_owned(), value.to_owned());
        let parameters = [
            scope("repository:a/b:pull repository:c:push"),
            scope("repository:d/e:push,pull"),
            ("service".to_owned(), "repository:x:pull".to_owned()),
        ];
        assert_eq!(pulled_repositories(&parameters), ["a/b", "d/e"]);
    }
}
