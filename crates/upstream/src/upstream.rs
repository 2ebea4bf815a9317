//! The upstream as a source of content.
//!
//! Each question once: which endpoint, what headers, what its answer has to look like. How it gets there is `wire`'s
//! work, with whose leave `authority`'s.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use forebay_content::{
    Blob, Budget, ByteRange, Clock, ContentSource, KeptBudget, KeptCoolDown, List, ManifestContent,
    Missing, Observe, Provenance, Request, Resolved, SourceError, UpstreamCall,
};
use forebay_http_kit::{Client, Origin, Outgoing};
use forebay_jobs::Supervisor;
use forebay_limits::{Identity, Purse};
use forebay_oci::{
    Digest, Endpoint, MAX_MANIFEST_BYTES, Page, Reference, RepositoryName, UpstreamName,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use url::Url;

use crate::authority::{Authority, AuthorityParts, Grant};
use crate::broker::Broker;
use crate::config::{Account, UpstreamConfig};
use crate::exchange::{About, Asker, Askers, Granted, Heard, Question, Refusal, Urgency};
use crate::gate::Part;
use crate::pacers::{Pacers, Terms};
use crate::realm::TokenHosts;
use crate::wire::{Wire, WireParts};
use crate::{blob, failure, manifest, referrers, tags};

/// How often a request is sent again with another grant: once for the challenge, once for a token that was refused.
const MAX_GRANTS: usize = 3;

/// A registry that content is pulled from. Asks nothing before it is asked itself.
pub struct Upstream {
    base: Url,
    account: Account,
    wire: Arc<Wire>,
    authority: Arc<Authority>,
}

/// What is asked of the registry.
pub(crate) struct Ask<'a> {
    pub(crate) call: UpstreamCall,
    pub(crate) request: &'a Request,
    /// The manifest that is asked for, if it is one.
    pub(crate) reference: Option<&'a Reference>,
    /// Path and query.
    pub(crate) path: String,
    pub(crate) header: Option<(HeaderName, HeaderValue)>,
}

/// What an upstream works with, beside the client that reaches it.
pub struct UpstreamSeams {
    /// What the time is.
    pub clock: Arc<dyn Clock>,
    /// Who is told what happens.
    pub observe: Arc<dyn Observe>,
    /// Where its tasks run.
    pub supervisor: Supervisor,
    /// The paces of all registries, shared with all other upstreams.
    pub pacers: Pacers,
}

impl Upstream {
    /// The upstream of this configuration, reached through `client`; whose addresses are
    /// [`UpstreamConfig::addresses`], or it is not reached at all.
    pub fn new(config: UpstreamConfig, client: Client, seams: UpstreamSeams) -> Self {
        let UpstreamSeams {
            clock,
            observe,
            supervisor,
            pacers,
        } = seams;
        let terms = Terms {
            requests_per_minute: config.requests_per_minute,
            burst: config.burst,
        };
        let UpstreamConfig {
            name,
            url,
            token_hosts,
            insecure,
            credentials,
            ..
        } = config;
        let registry = Origin::of(&url);
        let account = credentials.account();
        let wire = Arc::new(Wire::new(WireParts {
            name: name.clone(),
            account: account.word(),
            askers: Askers::Ourselves,
            origin: registry.clone(),
            client,
            clock: Arc::clone(&clock),
            observe,
            share: pacers.join(registry.as_ref(), terms),
        }));
        let authority = Arc::new(Authority::new(AuthorityParts {
            name,
            wire: Arc::clone(&wire),
            registry,
            hosts: TokenHosts::new(&url, token_hosts, insecure),
            broker: Broker::of(credentials, &clock),
            clock,
            supervisor,
        }));
        Self {
            base: url,
            account,
            wire,
            authority,
        }
    }

    /// Keeps to the cool-downs and knows the budgets that were written down before this process began, as far as they are about
    /// this upstream and who we are there. However the wall clock was set in between, none holds longer than it was to hold when it
    /// was noted.
    ///
    /// Tells the cool-downs that it keeps to from now on.
    pub fn restore(
        &self,
        cool_downs: &[KeptCoolDown],
        budgets: &[KeptBudget],
    ) -> Vec<KeptCoolDown> {
        let login = self.authority.only_login();
        self.wire.restore(cool_downs, budgets, login.as_ref())
    }

    /// Keeps to the limits that `before` has heard, whose place this takes in another configuration.
    ///
    /// Of another registry nothing holds; of the same one, asked as somebody else, what it counts by address.
    pub fn inherit_limits(&self, before: &Self) {
        if Origin::of(&self.base) != Origin::of(&before.base) {
            return;
        }
        self.wire
            .inherit(&before.wire, self.account == before.account);
        self.authority.inherit(&before.authority);
    }

    /// Whether this asks the registry of `before`, as somebody else: of who we are now nothing was inherited.
    pub fn is_another_at(&self, before: &Self) -> bool {
        Origin::of(&self.base) == Origin::of(&before.base) && self.account != before.account
    }

    /// Under which name what it gives is kept: another registry that is given this one's name has its own.
    pub fn kept_as(&self) -> UpstreamName {
        let origin = self.base.origin().ascii_serialization();
        format!("{} at {origin}", self.wire.name).into()
    }

    /// Whether the registry's last answer about a manifest of `repository` spoke of a limit of pulls, whatever others' do; `None` if
    /// it has not answered, or too many have been asked for since. A HEAD, which is free, makes it known.
    pub fn find_metering(&self, repository: &RepositoryName) -> Option<bool> {
        self.wire.find_counted(repository)
    }

    /// Asks the registry, with whatever leave it wants.
    pub(crate) async fn ask(&self, ask: &Ask<'_>) -> Result<Heard, SourceError> {
        let request = ask.request;
        let urgency = Urgency {
            priority: request.priority,
            deadline: self.wire.deadline(request.patience),
            client: request.caller.client.network(),
            asker: Asker::Known,
        };
        let mut grant = self.authority.grant(&request.repository, urgency).await?;
        let mut grants = 1;
        loop {
            let question = self.question(ask, urgency, &grant)?;
            let heard = self.wire.ask(&question).await;
            self.authority.note_asked();
            let heard = heard?;
            let Heard::Refusal(refusal) = &heard else {
                self.authority.note_granted(&grant, &request.repository);
                return Ok(heard);
            };
            let is_about_us = refusal.is_own
                && (refusal.status == StatusCode::UNAUTHORIZED
                    || refusal.status == StatusCode::FORBIDDEN
                        && self.authority.may_have_expired(&grant));
            if !is_about_us || grants == MAX_GRANTS {
                return Ok(heard);
            }
            let next =
                self.authority
                    .grant_after((grant, &refusal.headers), &request.repository, urgency);
            match next.await? {
                Some(next) => grant = next,
                None => return Ok(heard),
            }
            grants += 1;
        }
    }

    fn question(
        &self,
        ask: &Ask<'_>,
        urgency: Urgency,
        grant: &Grant,
    ) -> Result<Question, SourceError> {
        let method = match ask.call {
            UpstreamCall::HeadManifest | UpstreamCall::HeadBlob => Method::HEAD,
            UpstreamCall::GetManifest
            | UpstreamCall::GetBlob
            | UpstreamCall::Token
            | UpstreamCall::List => Method::GET,
        };
        let url = self.base.join(&ask.path).map_err(SourceError::internal)?;
        let mut outgoing = Outgoing::new(method, url);
        outgoing.headers.extend(ask.header.clone());
        outgoing.credentials.clone_from(&grant.credentials);
        Ok(Question {
            call: ask.call,
            repository: ask.request.repository.to_string().into(),
            about: Some(About {
                request: ask.request.clone(),
                reference: ask.reference.cloned(),
            }),
            urgency,
            outgoing,
            login: None,
        })
    }

    async fn ask_manifest(
        &self,
        call: UpstreamCall,
        request: &Request,
        reference: &Reference,
    ) -> Result<Heard, SourceError> {
        let endpoint = Endpoint::Manifest {
            name: request.repository.clone(),
            reference: reference.clone(),
        };
        self.ask(&Ask {
            call,
            request,
            reference: Some(reference),
            path: endpoint.to_string(),
            header: value(&manifest::accept()).map(|value| (header::ACCEPT, value)),
        })
        .await
    }

    pub(crate) async fn get_manifest(
        &self,
        request: &Request,
        reference: &Reference,
    ) -> Result<ManifestContent, SourceError> {
        let call = UpstreamCall::GetManifest;
        let granted = match self.ask_manifest(call, request, reference).await? {
            Heard::Reply(granted) => *granted,
            Heard::Refusal(refusal) => return Err(refused(&refusal, Missing::Manifest)),
        };
        let giver = granted.giver;
        let headers = granted.reply.headers.clone();
        let bytes = read(granted, MAX_MANIFEST_BYTES).await?;
        let content = manifest::check(&headers, reference, bytes)?;
        let repository = &request.repository;
        self.wire.note_manifest(repository, &headers, giver);
        Ok(content)
    }

    /// What the manifest is now; `None` where the registry does not tell without giving it.
    pub(crate) async fn head_manifest(
        &self,
        request: &Request,
        reference: &Reference,
    ) -> Result<Option<Resolved>, SourceError> {
        let call = UpstreamCall::HeadManifest;
        match self.ask_manifest(call, request, reference).await? {
            Heard::Reply(granted) => {
                let headers = &granted.reply.headers;
                let described = manifest::describe(headers, reference)?;
                if described.is_some() {
                    let repository = &request.repository;
                    self.wire.note_manifest(repository, headers, granted.giver);
                }
                Ok(described)
            }
            Heard::Refusal(refusal) if refusal.status == StatusCode::METHOD_NOT_ALLOWED => Ok(None),
            Heard::Refusal(refusal) => Err(refused(&refusal, Missing::Manifest)),
        }
    }

    /// Asks for a blob; once more if where it was redirected to refuses, for signed addresses run out.
    async fn ask_blob(
        &self,
        call: UpstreamCall,
        (request, digest): (&Request, &Digest),
        range: Option<ByteRange>,
    ) -> Result<Heard, SourceError> {
        let endpoint = Endpoint::Blob {
            name: request.repository.clone(),
            digest: digest.clone(),
        };
        let range = range.and_then(|range| value(&blob::range_value(range)));
        let ask = Ask {
            call,
            request,
            reference: None,
            path: endpoint.to_string(),
            header: range.map(|range| (header::RANGE, range)),
        };
        let heard = self.ask(&ask).await?;
        if matches!(&heard, Heard::Refusal(refusal) if is_refused_elsewhere(refusal)) {
            return self.ask(&ask).await;
        }
        Ok(heard)
    }
}

#[async_trait]
impl ContentSource for Upstream {
    async fn resolve(
        &self,
        request: &Request,
        reference: &Reference,
    ) -> Result<Resolved, SourceError> {
        if let Some(resolved) = self.head_manifest(request, reference).await? {
            return Ok(resolved);
        }
        // Only here: the registry has answered, but not said which manifest it is. A HEAD that fails is never turned into a
        // GET, which costs a pull.
        let content = self.get_manifest(request, reference).await?;
        Ok(Resolved {
            digest: content.digest,
            media_type: content.media_type,
            size: Some(content.bytes.len() as u64),
            provenance: Provenance::Fetched,
        })
    }

    async fn manifest(
        &self,
        request: &Request,
        reference: &Reference,
    ) -> Result<ManifestContent, SourceError> {
        self.get_manifest(request, reference).await
    }

    async fn stat_blob(
        &self,
        request: &Request,
        digest: &Digest,
    ) -> Result<Option<u64>, SourceError> {
        let which = (request, digest);
        match self.ask_blob(UpstreamCall::HeadBlob, which, None).await? {
            Heard::Reply(granted) => Ok(manifest::content_length(&granted.reply.headers)),
            Heard::Refusal(refusal) => Err(refused(&refusal, Missing::Blob)),
        }
    }

    async fn blob(
        &self,
        request: &Request,
        digest: &Digest,
        range: Option<ByteRange>,
    ) -> Result<Blob, SourceError> {
        let which = (request, digest);
        let heard = self.ask_blob(UpstreamCall::GetBlob, which, range).await?;
        let Granted { reply, place, .. } = match heard {
            Heard::Reply(granted) => *granted,
            Heard::Refusal(refusal)
                if range.is_some() && refusal.status == StatusCode::RANGE_NOT_SATISFIABLE =>
            {
                let size = blob::unsatisfied_size(&refusal.headers);
                return Err(failure::of_unsatisfiable(size));
            }
            Heard::Refusal(refusal) => return Err(refused(&refusal, Missing::Blob)),
        };
        let extent = blob::measure(reply.status, &reply.headers, range)?;
        let expected = match &extent.range {
            Some(range) => Some(range.end - range.start),
            None => extent.size,
        };
        let host = reply.url.host_str().unwrap_or_default().to_owned();
        Ok(Blob {
            size: extent.size,
            range: extent.range,
            body: blob::stream_of(reply.body, expected, host, place).into(),
            provenance: Provenance::Fetched,
        })
    }

    async fn tags(&self, request: &Request, page: &Page) -> Result<List, SourceError> {
        tags::fetch(self, request, page).await
    }

    async fn referrers(
        &self,
        request: &Request,
        digest: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<List, SourceError> {
        referrers::fetch(self, request, digest, artifact_type).await
    }
}

impl Budget for Upstream {
    fn stopped_for(&self, call: UpstreamCall, repository: &RepositoryName) -> Option<Duration> {
        self.wire.stopped_for(call, repository)
    }

    fn counted(&self) -> Option<Identity> {
        self.wire.counted()
    }

    fn is_crowded(&self, call: UpstreamCall) -> bool {
        self.wire.is_crowded(call)
    }

    fn asked_about(&self, repository: &RepositoryName) -> u64 {
        self.wire.asked_about(repository)
    }

    fn keeps_back(&self) -> bool {
        self.wire.keeps_back()
    }

    fn purse(&self, repository: &RepositoryName) -> Purse {
        self.wire.purse(repository)
    }

    fn is_metered(&self, repository: &RepositoryName) -> Option<bool> {
        self.wire.is_metered(repository)
    }
}

/// Says what a refusal means.
pub(crate) fn refused(refusal: &Refusal, missing: Missing) -> SourceError {
    if is_refused_elsewhere(refusal) {
        // The registry has let us pass; what another host then refuses is its trouble, not our right.
        return SourceError::Unavailable {
            why: format!(
                "the host that it redirects to refuses: {}",
                failure::answered(refusal.status, &refusal.body)
            ),
            retry_after: None,
        };
    }
    failure::of_refusal(refusal.status, &refusal.body, missing)
}

/// The whole body, of at most `max_bytes`.
pub(crate) async fn read(granted: Granted, max_bytes: usize) -> Result<Bytes, SourceError> {
    let Granted { reply, place, .. } = granted;
    let host = reply.url.host_str().unwrap_or_default().to_owned();
    let read = reply.body.read_capped(max_bytes).await;
    drop(place);
    read.map_err(|error| failure::of_body(&error, &host))
}

/// True if the answer's type is that of a web page: an upstream's error, whatever its status says.
pub(crate) fn is_web_page(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| {
            let kind = value.trim_start().to_ascii_lowercase();
            kind.starts_with("text/html") || kind.starts_with("application/xhtml")
        })
}

fn is_refused_elsewhere(refusal: &Refusal) -> bool {
    refusal.part == Part::Blob
        && matches!(
            refusal.status,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        )
}

fn value(text: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(text).ok()
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upstream")
            .field("host", &self.base.host_str())
            .finish_non_exhaustive()
    }
}
