//! How a registry gives leave to ask: what it wants shown, and how the token is asked for that it sends us for.

use std::sync::Arc;

use forebay_content::{SourceError, UpstreamCall};
use forebay_http_kit::{Credentials, Origin, Outgoing, Redirects};
use forebay_oci::UpstreamName;
use http::{HeaderMap, Method, StatusCode, header};
use tracing::warn;
use url::Url;

use crate::challenge::{self, Challenge};
use crate::exchange::{Granted, Question, Refusal, Urgency};
use crate::failure;
use crate::login::Login;
use crate::realm::TokenHosts;
use crate::token::{MAX_DOCUMENT_BYTES, Token};

/// The registry's last challenge, checked.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Known {
    Basic,
    Bearer {
        realm: Url,
        service: Option<Arc<str>>,
    },
}

impl Known {
    /// What a refusal's headers ask for; `None` for nothing that we can answer.
    ///
    /// # Errors
    /// They name a token service that may not be asked.
    pub(crate) fn of(
        headers: &HeaderMap,
        hosts: &TokenHosts,
        upstream: &UpstreamName,
    ) -> Result<Option<Self>, SourceError> {
        let values = headers.get_all(header::WWW_AUTHENTICATE);
        match challenge::choose(values.iter().map(http::HeaderValue::as_bytes)) {
            None => Ok(None),
            Some(Challenge::Basic) => Ok(Some(Self::Basic)),
            Some(Challenge::Bearer { realm, service }) => match hosts.admit(&realm) {
                Ok(realm) => Ok(Some(Self::Bearer {
                    realm,
                    service: service.map(Arc::from),
                })),
                Err(refusal) => {
                    warn!(%upstream, %refusal, "the upstream's token service is not asked");
                    Err(SourceError::Invalid {
                        why: refusal.to_string(),
                    })
                }
            },
        }
    }
}

/// The question for a token of this service; without a scope it is good for nothing but to show that the login is.
pub(crate) fn token_question(
    (realm, service): (&Url, Option<&str>),
    scope: Option<&str>,
    login: Option<&Login>,
    urgency: Urgency,
) -> Question {
    let mut url = realm.clone();
    if let Some(service) = service {
        url.query_pairs_mut().append_pair("service", service);
    }
    if let Some(scope) = scope {
        url.query_pairs_mut().append_pair("scope", scope);
    }
    let mut outgoing = Outgoing::new(Method::GET, url);
    // A token service that sends us elsewhere has no business with what it would get there.
    outgoing.redirects = Redirects::Refuse;
    outgoing.credentials = login
        .zip(Origin::of(realm))
        .map(|(login, origin)| Credentials::new(login.basic.clone(), origin));
    Question {
        call: UpstreamCall::Token,
        repository: scope.unwrap_or_default().into(),
        about: None,
        urgency,
        outgoing,
        login: login.map(|login| login.fingerprint.clone()),
    }
}

/// The token in a token service's answer.
pub(crate) async fn read_token(granted: Granted) -> Result<Token, SourceError> {
    let host = host_of(&granted);
    let read = granted.reply.body.read_capped(MAX_DOCUMENT_BYTES).await;
    let document = read.map_err(|error| failure::of_body(&error, &host))?;
    Token::parse(&document).map_err(|_| no_token(&host))
}

/// Who gave the answer.
pub(crate) fn host_of(granted: &Granted) -> String {
    granted.reply.url.host_str().unwrap_or_default().to_owned()
}

/// A token service's answer that holds no token that could be shown.
pub(crate) fn no_token(host: &str) -> SourceError {
    SourceError::Unavailable {
        why: format!("the token service at {host} gave no token"),
        retry_after: None,
    }
}

/// A token service's refusal: of us, or trouble of its own. Never an absence, whatever its status.
pub(crate) fn of_token_refusal(refusal: &Refusal) -> SourceError {
    match refusal.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => SourceError::Unauthorized,
        status => SourceError::Unavailable {
            why: format!(
                "of its token service: {}",
                failure::answered(status, &refusal.body)
            ),
            retry_after: None,
        },
    }
}
