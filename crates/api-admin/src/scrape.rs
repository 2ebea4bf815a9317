//! The metrics over HTTP.

use forebay_http_kit::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};

use crate::{Metrics, Readings};

/// The content type of the rendered metrics: `OpenMetrics` 1.0.
const CONTENT: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// All that was counted, with what is read now.
pub fn scrape(metrics: &Metrics, readings: &Readings) -> Response<Body> {
    let mut response = Response::new(Body::from(metrics.render(readings)));
    response.headers_mut().insert(CONTENT_TYPE, CONTENT);
    response
}
