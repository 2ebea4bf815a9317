//! The front door: one handler for all that comes over the network, and one for the control socket.

use std::sync::Arc;

use forebay_api_admin::{METRICS_CONTENT_TYPE, Metrics, Readings, handle_control, healthz, readyz};
use forebay_api_registry::RegistryApi;
use forebay_cache::Kept;
use forebay_content::Timestamp;
use forebay_http_kit::{Body, Connections, Handler, Peer, RequestBody};
use forebay_jobs::Supervisor;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};

use super::control::Controls;
use super::process;

/// What somebody reads who looks here with a browser.
const WHAT_THIS_IS: &str = "This is Forebay, a pull-through cache for container registries. Its registry API is at /v2/.\n";

/// Answers what comes over the network.
pub(super) struct Front {
    pub(super) registry: RegistryApi,
    pub(super) metrics: Arc<Metrics>,
    pub(super) state: State,
}

/// What is looked up when somebody asks how the program is.
#[derive(Clone)]
pub(super) struct State {
    pub(super) kept: Arc<Kept>,
    pub(super) supervisor: Supervisor,
    pub(super) connections: Connections,
    pub(super) started: Timestamp,
}

impl State {
    fn readings(&self) -> Readings {
        Readings {
            cache_bytes: self.kept.bytes(),
            cache_max_bytes: self.kept.max_bytes(),
            disk_trouble: self.kept.health().trouble(),
            connections: self.connections.open(),
            is_draining: self.supervisor.is_stopping(),
            process: process::read(self.started),
        }
    }
}

impl Handler for Front {
    async fn handle(&self, request: Request<RequestBody>, peer: Peer) -> Response<Body> {
        let (head, _body) = request.into_parts();
        match head.uri.path() {
            path if path.starts_with("/v2") => self.registry.answer(&head, peer).await,
            // Probes come from wherever the orchestrator runs, and learn nothing from these two.
            "/" => front_page(),
            "/healthz" => healthz(),
            "/readyz" => readyz(&self.state.readings()),
            "/metrics" if self.registry.admits(peer) => self.metrics(),
            "/metrics" => status(StatusCode::FORBIDDEN),
            _ => status(StatusCode::NOT_FOUND),
        }
    }
}

impl Front {
    fn metrics(&self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.metrics.render(&self.state.readings())));
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static(METRICS_CONTENT_TYPE));
        response
    }
}

fn front_page() -> Response<Body> {
    let mut response = Response::new(Body::from(WHAT_THIS_IS));
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    response
}

/// Answers what comes over the control socket.
pub(super) struct ControlDoor {
    pub(super) controls: Controls,
}

impl Handler for ControlDoor {
    async fn handle(&self, request: Request<RequestBody>, _peer: Peer) -> Response<Body> {
        handle_control(&self.controls, request).await
    }
}
