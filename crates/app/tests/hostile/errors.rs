//! The form of errors: the spec's JSON with a code, whoever in the program it is that refuses.

use forebay_oci::{ErrorBody, MAX_MANIFEST_BYTES};
use tempfile::TempDir;

use crate::program::{Program, Setup};
use crate::wire::{Answer, exchange};

const PUT: &str = "PUT /v2/app/manifests/1 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n";

/// Requests as they go over the wire, each with the status and the code that it is refused with.
fn refused() -> Vec<(String, u16, &'static str)> {
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let with = |headers: &str| format!("GET /v2/ HTTP/1.1\r\n{headers}connection: close\r\n\r\n");
    let method = |method: &str, path: &str| get(path).replacen("GET", method, 1);
    let long = "a".repeat(9 * 1024);
    vec![
        // What cannot be read, or is for nobody.
        (with(""), 400, "UNSUPPORTED"),
        (with("host: a\r\nhost: b\r\n"), 400, "UNSUPPORTED"),
        (with("host: a b\r\n"), 400, "UNSUPPORTED"),
        (with("host: x\r\nno colon\r\n"), 400, "UNSUPPORTED"),
        (
            with("host: x\r\ncontent-length: many\r\n"),
            400,
            "UNSUPPORTED",
        ),
        (
            with("host: x\r\ntransfer-encoding: br\r\n"),
            400,
            "UNSUPPORTED",
        ),
        (
            "GET /v2/ HTTP/4.2\r\nhost: x\r\n\r\n".to_owned(),
            400,
            "UNSUPPORTED",
        ),
        ("no request at all\r\n\r\n".to_owned(), 400, "UNSUPPORTED"),
        // What is too long.
        (get(&format!("/v2/{long}")), 414, "UNSUPPORTED"),
        (
            with(&format!("host: x\r\na: {}\r\n", long.repeat(8))),
            431,
            "UNSUPPORTED",
        ),
        (
            with(&format!("host: x\r\n{}", "a: b\r\n".repeat(101))),
            431,
            "UNSUPPORTED",
        ),
        (
            format!(
                "{PUT}content-length: {}\r\n\r\n{}",
                MAX_MANIFEST_BYTES + 1,
                "x".repeat(MAX_MANIFEST_BYTES + 1)
            ),
            413,
            "SIZE_INVALID",
        ),
        // What leads nowhere.
        (get("/"), 200, ""),
        (get("/v1/_ping"), 404, "UNSUPPORTED"),
        (get("//v2/"), 404, "UNSUPPORTED"),
        (get("/v2/app/nothing"), 404, "UNSUPPORTED"),
        (get("/v2/App/manifests/1"), 400, "NAME_INVALID"),
        (get("/v2/app/manifests/sha256:no"), 400, "DIGEST_INVALID"),
        (get("/v2/app/manifests/1"), 404, "NAME_UNKNOWN"),
        (get("/v2/?ns=nowhere.test"), 200, ""),
        (
            get("/v2/app/manifests/1?ns=nowhere.test"),
            404,
            "NAME_UNKNOWN",
        ),
        // What is not done there.
        (method("POST", "/healthz"), 405, "UNSUPPORTED"),
        (method("POST", "/v2/"), 405, "UNSUPPORTED"),
        (method("TRACE", "/v2/"), 405, "UNSUPPORTED"),
        (method("BREW", "/v2/app/manifests/1"), 405, "UNSUPPORTED"),
        (
            "CONNECT x:443 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".to_owned(),
            404,
            "UNSUPPORTED",
        ),
        (
            "OPTIONS * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".to_owned(),
            404,
            "UNSUPPORTED",
        ),
        // An expectation that nobody knows is none (RFC 9110, section 10.1.1, lets a server ignore it).
        (with("host: x\r\nexpect: a miracle\r\n"), 200, ""),
    ]
}

async fn raw(program: &Program, request: &str) -> Answer {
    Answer::parse(&exchange(program.address, request.as_bytes()).await, false)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_is_the_specs_json_with_a_code_and_a_message() {
    let folder = TempDir::new().unwrap();
    let setup = Setup::new(folder.path()).with("[clients]\nloopback_push = true");
    let program = setup.start();
    let mut odd = Vec::new();
    for (request, status, code) in refused() {
        let answer = raw(&program, &request).await;
        if let Err(why) = check(&answer, status, code) {
            let shown: String = request.chars().take(80).collect();
            odd.push(format!("{why}: {shown:?}"));
        }
    }
    assert!(odd.is_empty(), "{odd:#?}");
}

/// What is wrong with the answer; a good one need not be an error.
fn check(answer: &Answer, status: u16, code: &str) -> Result<(), String> {
    let told = (answer.status, answer.whole, answer.rest.is_empty());
    if told != (status, true, true) {
        return Err(format!("{told:?}, not {status}"));
    }
    if status == 200 {
        return Ok(());
    }
    let kind = answer.header("content-type");
    if kind != Some("application/json") {
        return Err(format!("{status} with {kind:?}"));
    }
    let body: Result<ErrorBody, _> = serde_json::from_slice(&answer.body);
    let errors = body.map_err(|why| why.to_string())?.errors;
    match &errors[..] {
        [error] if serde_json::to_value(error.code).unwrap() == code => {
            let is_told = !error.message.is_empty();
            is_told.then_some(()).ok_or("no message".to_owned())
        }
        _ => Err(format!("{errors:?}, not {code}")),
    }
}
