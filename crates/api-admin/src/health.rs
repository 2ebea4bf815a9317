//! Health and readiness.
//!
//! A full disk, a certificate that ends or an upstream that is down is no reason to be taken out of service: warm images are
//! served and cold ones passed on. So the answer stays 200 and says `degraded`; only a program that is stopping is not ready.

use forebay_http_kit::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;

use crate::Readings;

/// How the server does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// `ready`, `degraded` or `stopping`.
    pub status: &'static str,
    /// What is wrong, in words for an operator.
    pub problems: Vec<String>,
}

/// What `/readyz` says.
#[derive(Serialize)]
struct Told {
    status: &'static str,
    /// None to those who may not know: no list says that there is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    problems: Option<Vec<String>>,
}

impl Readiness {
    /// Judges the readings.
    pub fn judge(readings: &Readings) -> Self {
        let tls = readings.tls.iter().flat_map(|tls| &tls.troubles);
        let stores = readings
            .disk_trouble
            .iter()
            .chain(&readings.registry_troubles);
        let problems: Vec<String> = stores.chain(tls).cloned().collect();
        let status = match (readings.is_draining, problems.is_empty()) {
            (true, _) => "stopping",
            (false, true) => "ready",
            (false, false) => "degraded",
        };
        Self { status, problems }
    }
}

/// The process lives and answers.
pub fn healthz() -> Response<Body> {
    Response::new(Body::from("ok\n"))
}

/// Whether pulls are served, and how well; what is wrong is told to those who may know how the server does.
pub fn readyz(readings: &Readings, is_let_watch: bool) -> Response<Body> {
    let Readiness { status, problems } = Readiness::judge(readings);
    let told = Told {
        status,
        problems: is_let_watch.then_some(problems),
    };
    let mut response = Response::new(Body::from(serde_json::to_vec(&told).unwrap_or_default()));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if readings.is_draining {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TlsReadings;

    #[test]
    fn a_full_disk_degrades_and_only_a_stop_is_unready() {
        let full = Readings {
            disk_trouble: Some("no space left".into()),
            ..Readings::default()
        };
        assert_eq!(readyz(&full, true).status(), 200);
        assert_eq!(Readiness::judge(&full).status, "degraded");
        assert_eq!(Readiness::judge(&full).problems, ["no space left"]);
        assert_eq!(Readiness::judge(&Readings::default()).status, "ready");
        let stopping = Readings {
            is_draining: true,
            ..full
        };
        assert_eq!(readyz(&stopping, false).status(), 503);
        assert_eq!(Readiness::judge(&stopping).status, "stopping");
    }

    /// Not unready: what the cache has is served, and who pushes those images again needs to get through.
    #[test]
    fn lost_repositories_and_refused_pushes_degrade() {
        let lost = Readings {
            registry_troubles: vec!["nothing is there".into(), "pushes are refused".into()],
            ..Readings::default()
        };
        assert_eq!(readyz(&lost, true).status(), 200);
        assert_eq!(Readiness::judge(&lost).status, "degraded");
        assert_eq!(
            Readiness::judge(&lost).problems,
            ["nothing is there", "pushes are refused"]
        );
    }

    #[test]
    fn a_certificate_that_ends_degrades() {
        let ending = Readings {
            tls: Some(TlsReadings {
                troubles: vec!["the certificate ends soon".into()],
                ..TlsReadings::default()
            }),
            ..Readings::default()
        };
        assert_eq!(readyz(&ending, true).status(), 200);
        assert_eq!(Readiness::judge(&ending).status, "degraded");
        assert_eq!(
            Readiness::judge(&ending).problems,
            ["the certificate ends soon"]
        );
    }

    #[test]
    fn a_stranger_hears_the_status_alone() {
        let full = Readings {
            disk_trouble: Some("/secret/path: no space left".into()),
            ..Readings::default()
        };
        for (is_let_watch, told) in [
            (
                true,
                r#"{"status":"degraded","problems":["/secret/path: no space left"]}"#,
            ),
            (false, r#"{"status":"degraded"}"#),
        ] {
            let Body::Full(bytes) = readyz(&full, is_let_watch).into_body() else {
                panic!("a body")
            };
            assert_eq!(bytes, told);
        }
    }
}
