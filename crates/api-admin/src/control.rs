//! What a command may ask of a running server, over the Unix socket in its data directory.
//!
//! The socket's file mode (0600) is its access rule: whoever may open it may do what the data's owner may.

use std::future::Future;

use forebay_access::{AccountOrder, AccountOutcome};
use forebay_content::{PullCursor, PullOrder};
use forebay_forecast::{Survey, SurveyRequest};
use forebay_http_kit::{Body, Peer, RequestBody};
use forebay_ledger::{BudgetsReport, ExportPage, TopReport};
use forebay_registry::{RepositoryOrder, RepositoryOutcome};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The socket's file name in the data directory.
pub const CONTROL_SOCKET: &str = "control.sock";

/// The longest request body, in bytes.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Acts on the running server.
pub trait Control: Send + Sync + 'static {
    /// Asks an image's upstream what its tag is now, and fetches it if it changed; a line for the person who asked.
    fn refresh(&self, image: &str) -> impl Future<Output = Result<String, ControlError>> + Send;

    /// Checks everything at rest, at the word of `who`; the report as JSON.
    fn fsck(
        &self,
        request: FsckRequest,
        who: &str,
    ) -> impl Future<Output = Result<serde_json::Value, ControlError>> + Send;

    /// What is known of the upstreams' budgets.
    fn budget(
        &self,
        request: BudgetRequest,
    ) -> impl Future<Output = Result<BudgetsReport, ControlError>> + Send;

    /// Who spent most.
    fn top(
        &self,
        request: TopRequest,
    ) -> impl Future<Output = Result<TopReport, ControlError>> + Send;

    /// A page of what was written down.
    fn export(
        &self,
        request: ExportRequest,
    ) -> impl Future<Output = Result<ExportPage, ControlError>> + Send;

    /// What is known of images and budgets, after asking registries what costs no pull, if that is wanted.
    fn survey(
        &self,
        request: SurveyRequest,
    ) -> impl Future<Output = Result<Survey, ControlError>> + Send;

    /// Fetches an image into the cache, as far as the reserve allows.
    fn warm(
        &self,
        request: WarmRequest,
    ) -> impl Future<Output = Result<Warmed, ControlError>> + Send;

    /// Makes, changes or lists accounts, at the word of `who`.
    fn accounts(
        &self,
        order: AccountOrder,
        who: &str,
    ) -> impl Future<Output = Result<AccountOutcome, ControlError>> + Send;

    /// Makes, changes, looks at or lists local repositories, applies rules to them, collects garbage, at the word of `who`.
    fn repositories(
        &self,
        order: RepositoryOrder,
        who: &str,
    ) -> impl Future<Output = Result<RepositoryOutcome, ControlError>> + Send;

    /// Backs the local repositories up; the report as JSON.
    fn back_up(
        &self,
        request: BackupRequest,
    ) -> impl Future<Output = Result<serde_json::Value, ControlError>> + Send;

    /// How far the backup that is under way has come; `None` if none is.
    fn backup_progress(&self) -> Option<BackupProgress>;

    /// Sends an alert to each webhook; what came of it, in their order.
    fn test_alerts(&self) -> impl Future<Output = Result<Vec<Delivery>, ControlError>> + Send;
}

/// What `POST /refresh` takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefreshRequest {
    /// The image as people write it.
    pub image: String,
}

/// What `POST /fsck` takes.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FsckRequest {
    /// True to mend what is found.
    pub mend: bool,
    /// True to mend local repositories, too, of which nothing is there: it is taken for lost.
    #[serde(default)]
    pub accept_loss: bool,
}

/// What `POST /backup` takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupRequest {
    /// The directory of the backup, an absolute path as the server sees it.
    pub to: String,
    /// Whether what it has already is read and hashed.
    pub verify: bool,
}

/// How far a backup has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupProgress {
    /// Blobs and manifests that are in it now.
    pub objects: u64,
    /// Of how many.
    pub of_objects: u64,
    /// Bytes that this run copied.
    pub copied_bytes: u64,
}

/// What `POST /budget` takes.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetRequest {
    /// True to ask Docker Hub first, by a request that costs nothing.
    pub probe: bool,
}

/// What `POST /top` takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopRequest {
    /// How far back to look, in milliseconds.
    pub within_ms: u64,
    /// What to order by.
    pub order: PullOrder,
    /// How many spenders at most.
    pub limit: u32,
    /// Of which repository alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<OneRepository>,
}

/// A repository of an upstream, by their names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneRepository {
    /// The upstream's.
    pub upstream: String,
    /// The repository's.
    pub repository: String,
}

/// What `POST /ledger` takes. Times are milliseconds since the UNIX epoch.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportRequest {
    /// From this time.
    pub since_unix_ms: i64,
    /// Up to this time, which does not belong to it.
    pub until_unix_ms: i64,
    /// After which row to go on.
    pub after: Option<PullCursor>,
}

/// What `POST /warm` takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarmRequest {
    /// The image's full name.
    pub image: String,
    /// The platforms that are wanted of it, `linux/arm64`; each that it has, if there are none.
    pub platforms: Vec<String>,
}

/// What came of fetching an image into the cache.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warmed {
    /// Manifests that were fetched.
    pub manifests: u64,
    /// Blobs that were read through the cache, those that were there included.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Platforms that are wanted, and that it does not have.
    pub missing: Vec<String>,
}

/// What came of an alert that was sent to a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Which webhook, in words that hold no secret.
    pub webhook: String,
    /// Why it did not arrive; `None` if it did.
    pub trouble: Option<String>,
}

/// What went wrong, with its causes, for the person at the terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlError {
    /// What failed, then its causes.
    pub messages: Vec<String>,
}

impl ControlError {
    /// The error with all its causes.
    pub fn of(error: &dyn std::error::Error) -> Self {
        let mut messages = vec![error.to_string()];
        let mut cause = error.source();
        while let Some(error) = cause {
            messages.push(error.to_string());
            cause = error.source();
        }
        Self { messages }
    }
}

/// Answers one request on the control socket, which `peer` sent.
pub async fn handle_control(
    control: &impl Control,
    request: Request<RequestBody>,
    peer: Peer,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let who = &*who(peer);
    if head.method != Method::POST {
        return unknown_act();
    }
    let answer = match head.uri.path() {
        "/refresh" => {
            act(body, |request: RefreshRequest| async move {
                control.refresh(&request.image).await
            })
            .await
        }
        "/fsck" => act(body, |request| control.fsck(request, who)).await,
        "/budget" => act(body, |request| control.budget(request)).await,
        "/top" => act(body, |request| control.top(request)).await,
        "/ledger" => act(body, |request| control.export(request)).await,
        "/survey" => act(body, |request| control.survey(request)).await,
        "/warm" => act(body, |request| control.warm(request)).await,
        "/accounts" => act(body, |order| control.accounts(order, who)).await,
        "/repositories" => act(body, |order| control.repositories(order, who)).await,
        "/backup" => act(body, |request| control.back_up(request)).await,
        "/backup/progress" => act(body, |()| async { Ok(control.backup_progress()) }).await,
        "/alerts/test" => act(body, |()| control.test_alerts()).await,
        _ => return unknown_act(),
    };
    answer.unwrap_or_else(std::convert::identity)
}

/// Who changes something by the control socket, as the audit log has it: whoever may open it, the data's owner or root, by the number
/// that the kernel tells.
fn who(peer: Peer) -> String {
    match peer.uid {
        Some(uid) => format!("control socket (uid {uid})"),
        None => "control socket".to_owned(),
    }
}

/// Reads what an act takes, and does it.
async fn act<Q: DeserializeOwned, A: Serialize, F>(
    body: RequestBody,
    act: impl FnOnce(Q) -> F,
) -> Result<Response<Body>, Response<Body>>
where
    F: Future<Output = Result<A, ControlError>>,
{
    let request = read(body)
        .await
        .map_err(|error| respond(StatusCode::BAD_REQUEST, &error))?;
    match act(request).await {
        Ok(answer) => Ok(respond(StatusCode::OK, &answer)),
        Err(error) => Err(respond(StatusCode::UNPROCESSABLE_ENTITY, &error)),
    }
}

fn unknown_act() -> Response<Body> {
    respond(
        StatusCode::NOT_FOUND,
        &refused("the running server knows no such act"),
    )
}

async fn read<T: DeserializeOwned>(body: RequestBody) -> Result<T, ControlError> {
    let bytes = body
        .read_capped(MAX_BODY_BYTES)
        .await
        .map_err(|error| ControlError::of(&error))?;
    serde_json::from_slice(&bytes).map_err(|error| ControlError::of(&error))
}

fn refused(message: &str) -> ControlError {
    ControlError {
        messages: vec![message.to_owned()],
    }
}

fn respond(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    let mut response = Response::new(Body::from(serde_json::to_vec(value).unwrap_or_default()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
