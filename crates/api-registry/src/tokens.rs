//! Gives tokens: Docker's token flow, and OAuth 2's form of it.
//!
//! A token says who asks, and what it was asked for; what they may do is decided at each request. Sources: the CNCF distribution
//! registry's "Token Authentication Specification" and "Oauth2 Token Authentication"; RFC 6749, section 5.

use std::net::IpAddr;

use forebay_access::{
    Credential, Identity, MAX_TOKEN_REPOSITORIES, Narrowing, Principal, Scope, Verdict,
};
use forebay_content::Secret;
use forebay_http_kit::{Body, RequestBody, WholeBody, find_host};
use forebay_oci::{Act, Route, route};
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode, request};
use serde::Serialize;
use url::form_urlencoded;

use crate::OciError;
use crate::door::{self, AccessPoint};
use crate::table::Table;

/// The longest form that is read, in bytes: an issuer's token fits into it.
const MAX_FORM_BYTES: usize = 64 * 1024;

/// The most parameters that are read.
const MAX_PARAMETERS: usize = 64;

/// What a token is asked for with.
#[derive(Default)]
struct Wish {
    scopes: Vec<String>,
    /// The upstream that names in scopes are one of, as containerd says it to a mirror.
    ns: Option<String>,
    grant_type: Option<String>,
    username: Option<String>,
    password: Option<String>,
    refresh_token: Option<String>,
}

/// The answer, in both forms at once.
#[derive(Serialize)]
struct Given<'a> {
    token: &'a str,
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
}

/// A token that is asked for, by somebody whose credential is good or who has none.
pub(crate) struct Wished<'t> {
    point: &'t AccessPoint,
    pub(crate) identity: Identity,
    wish: Wish,
    /// Counted by the server for as long as what was read of it is held.
    _form: Option<WholeBody>,
}

/// Reads what a token is asked for, and lets in who asks.
pub(crate) async fn read<'t>(
    table: &'t Table,
    (head, client): (&request::Parts, Option<IpAddr>),
    body: RequestBody,
) -> Result<Wished<'t>, OciError> {
    if table.routes.find_apart(find_host(head)).is_some() {
        return Err(OciError::no_tokens_apart());
    }
    let point = table.access.as_ref().ok_or_else(OciError::no_tokens)?;
    if !matches!(head.method, Method::GET | Method::POST) {
        return Err(OciError::unsupported("GET, POST"));
    }
    let mut wish = Wish::default();
    wish.read(head.uri.query().unwrap_or_default().as_bytes())?;
    if wish.has_credential() {
        // Addresses are written down by every log on the way.
        return Err(OciError::bad_wish(
            "a credential stands in the Authorization header or in the body, never in the address",
        ));
    }
    // A credential beside the body is read before it.
    let mut identity = None;
    if head.headers.contains_key(AUTHORIZATION) {
        identity = Some(authenticate(point, (head, client), &wish).await?);
    }
    let mut form = None;
    if head.method == Method::POST {
        let whole = match &identity {
            Some(known) if known.principal != Principal::Anonymous => {
                body.read_capped(MAX_FORM_BYTES).await
            }
            _ => body.read_of_stranger(MAX_FORM_BYTES).await,
        };
        wish.read(form.insert(whole?))?;
    }
    let identity = match identity {
        Some(identity) => identity,
        None => authenticate(point, (head, client), &wish).await?,
    };
    Ok(Wished {
        point,
        identity,
        wish,
        _form: form,
    })
}

impl Wished<'_> {
    /// Gives it.
    pub(crate) fn give(
        &self,
        table: &Table,
        head: &request::Parts,
    ) -> Result<Response<Body>, OciError> {
        let narrowing = self.wish.narrowing(table, head)?;
        let issued = self.point.access.issue(&self.identity, narrowing);
        let issued = issued.map_err(|refusal| OciError::refused(&refusal, wrong))?;
        let given = Given {
            token: issued.token.expose(),
            access_token: issued.token.expose(),
            token_type: "Bearer",
            expires_in: issued.lifetime.as_secs(),
        };
        let mut response = Response::new(Body::from(
            serde_json::to_vec(&given).map_err(OciError::internal)?,
        ));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    }
}

/// Who wants to know what is about all repositories.
pub(crate) async fn authenticate_admin(
    point: &AccessPoint,
    who: (&request::Parts, Option<IpAddr>),
) -> Result<Identity, OciError> {
    authenticate(point, who, &Wish::default()).await
}

/// Lets whoever may administer every repository know what is about all of them.
pub(crate) fn let_administer(point: &AccessPoint, identity: &Identity) -> Result<(), OciError> {
    match point.access.decide_everywhere(identity, Act::Admin) {
        Verdict::Allowed => Ok(()),
        Verdict::Login => Err(wrong()),
        Verdict::Hidden | Verdict::Refused => Err(OciError::no_admin()),
    }
}

async fn authenticate(
    point: &AccessPoint,
    (head, client): (&request::Parts, Option<IpAddr>),
    wish: &Wish,
) -> Result<Identity, OciError> {
    let credential = match head.headers.get(AUTHORIZATION) {
        Some(header) => Some(door::read(header).ok_or_else(wrong)?),
        None => wish.credential()?,
    };
    let who = (head, client);
    point.let_in(credential.as_ref(), who, wrong).await
}

/// Nobody's credential.
fn wrong() -> OciError {
    OciError::login("Basic realm=\"forebay\"")
}

impl Wish {
    fn read(&mut self, form: &[u8]) -> Result<(), OciError> {
        for (count, (key, value)) in form_urlencoded::parse(form).enumerate() {
            if count >= MAX_PARAMETERS {
                return Err(OciError::bad_wish("too many parameters"));
            }
            let value = value.into_owned();
            match &*key {
                "scope" => self.scopes.push(value),
                "ns" => self.ns = Some(value),
                "grant_type" => self.grant_type = Some(value),
                "username" => self.username = Some(value),
                "password" => self.password = Some(value),
                "refresh_token" => self.refresh_token = Some(value),
                _ => {}
            }
        }
        Ok(())
    }

    fn has_credential(&self) -> bool {
        self.password.is_some() || self.refresh_token.is_some()
    }

    /// The credential of OAuth 2's form.
    fn credential(&self) -> Result<Option<Credential>, OciError> {
        let basic = |name: &str, password: &str| Credential::Basic {
            name: name.to_owned(),
            password: Secret::new(password),
        };
        let credential = match self.grant_type.as_deref() {
            None => return Ok(None),
            Some("password") => self
                .username
                .as_deref()
                .zip(self.password.as_deref())
                .map(|(name, password)| basic(name, password)),
            // Ours are no refresh tokens, but a robot's token may be kept as one.
            Some("refresh_token") => self.refresh_token.as_deref().map(|token| basic("", token)),
            Some(_) => None,
        };
        credential
            .map(Some)
            .ok_or_else(|| OciError::bad_wish("the grant is not one that is given here"))
    }

    /// What the token is to be good for. A scope that names nothing here is good for nothing.
    fn narrowing(&self, table: &Table, head: &request::Parts) -> Result<Narrowing, OciError> {
        let mut narrowing = Narrowing::default();
        let scopes = Scope::parse_all(&self.scopes.join(" "));
        for scope in scopes.map_err(|error| OciError::bad_wish(&error.to_string()))? {
            match scope {
                Scope::Catalog => narrowing.catalog = true,
                Scope::Mounts => narrowing.mounts = true,
                Scope::Repository { name, acts } => {
                    let host = find_host(head);
                    let meant = route(host, self.ns.as_deref(), &name, &table.routes);
                    let Ok(Route { target, .. }) = meant else {
                        continue;
                    };
                    let mut known = narrowing.repositories.iter_mut();
                    match known.find(|(known, _)| *known == target) {
                        Some((_, so_far)) => *so_far = so_far.or(acts),
                        None => narrowing.repositories.push((target, acts)),
                    }
                }
            }
        }
        if narrowing.repositories.len() > MAX_TOKEN_REPOSITORIES {
            // One that is good for some of them would fail later, where nobody knows why.
            return Err(OciError::bad_wish(&format!(
                "a token is given for at most {MAX_TOKEN_REPOSITORIES} repositories: ask for fewer at a time"
            )));
        }
        Ok(narrowing)
    }
}

impl OciError {
    /// A token that cannot be given for what it was asked for with.
    fn bad_wish(why: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            forebay_oci::ErrorCode::Unsupported,
            why,
        )
    }

    /// Tokens, where an upstream says what its clients may.
    fn no_tokens_apart() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            forebay_oci::ErrorCode::Unsupported,
            "this host name is an upstream's own: log in with your account there, by Basic; no tokens are given",
        )
    }

    /// Tokens, where nobody needs one.
    fn no_tokens() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            forebay_oci::ErrorCode::Unsupported,
            "no access is configured here, so no tokens are given",
        )
    }
}
