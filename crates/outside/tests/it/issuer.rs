//! An issuer on loopback: what it says, what it was asked, and Forebay before it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use forebay_content::{KeySet, Keys as _, KeysError, ManualClock};
use forebay_http_kit::ClientPolicy;
use forebay_jobs::Supervisor;
use forebay_outside::{Issuer, Issuers};
use http::HeaderValue;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Where an issuer's configuration is.
pub(crate) const CONFIGURATION: &str = "/.well-known/openid-configuration";

/// Where this one has its keys.
pub(crate) const KEYS: &str = "/keys";

/// An issuer. Clones are the same.
#[derive(Clone)]
pub(crate) struct FakeIssuer {
    pub(crate) url: String,
    /// Status line, headers and body by path; nothing for a path hangs.
    answers: Arc<Mutex<BTreeMap<String, (String, String)>>>,
    asked: watch::Sender<Vec<String>>,
    /// The `Authorization` of each request.
    shown: Arc<Mutex<Vec<Option<String>>>>,
}

impl FakeIssuer {
    /// One that says where its keys are, and has those of these ids.
    pub(crate) async fn start(ids: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let issuer = Self::at(&listener, "http");
        let serving = issuer.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = serving.clone();
                tokio::spawn(async move { serving.answer(stream).await });
            }
        });
        issuer.publish(ids, "");
        issuer
    }

    /// One that will listen there.
    pub(crate) fn at(listener: &TcpListener, scheme: &str) -> Self {
        let address = listener.local_addr().expect("an address");
        let issuer = Self {
            url: format!("{scheme}://{address}"),
            answers: Arc::default(),
            asked: watch::Sender::new(Vec::new()),
            shown: Arc::default(),
        };
        let configuration = format!(
            r#"{{"issuer":"{0}","jwks_uri":"{0}{KEYS}","response_types_supported":["id_token"]}}"#,
            issuer.url
        );
        issuer.say(CONFIGURATION, "200 OK", &configuration);
        issuer
    }

    /// Answers `path` so from now on; `head` is the status and perhaps headers.
    pub(crate) fn say(&self, path: &str, head: &str, body: &str) {
        let answer = (head.to_owned(), body.to_owned());
        let mut answers = self.answers.lock().expect("whole");
        answers.insert(path.to_owned(), answer);
    }

    /// Has keys of these ids, with these headers.
    pub(crate) fn publish(&self, ids: &[&str], headers: &str) {
        let keys = ids
            .iter()
            .map(|id| format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"{id}","x":"AA"}}"#));
        let keys: Vec<_> = keys.collect();
        let body = format!(r#"{{"keys":[{}]}}"#, keys.join(","));
        self.say(KEYS, &format!("200 OK{headers}"), &body);
    }

    /// Answers nothing to `path` from now on.
    pub(crate) fn hang(&self, path: &str) {
        self.answers.lock().expect("whole").remove(path);
    }

    /// The paths that it was asked for.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.borrow().clone()
    }

    /// The `Authorization` that each request came with.
    pub(crate) fn shown(&self) -> Vec<Option<String>> {
        self.shown.lock().expect("whole").clone()
    }

    /// How often its keys were asked for.
    pub(crate) fn key_requests(&self) -> usize {
        self.asked().iter().filter(|path| *path == KEYS).count()
    }

    /// Waits until it was asked so often.
    pub(crate) async fn was_asked(&self, count: usize) {
        let mut asked = self.asked.subscribe();
        let enough = asked.wait_for(|asked| asked.len() >= count);
        let enough = tokio::time::timeout(crate::receiver::PATIENCE, enough).await;
        enough.expect("in time").expect("it runs");
    }

    pub(crate) async fn answer(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let mut text = String::new();
        let mut buffer = [0; 4_096];
        while !text.contains("\r\n\r\n") {
            let read = stream.read(&mut buffer).await.unwrap_or(0);
            if read == 0 {
                return;
            }
            text.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
        let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut lines = text.lines().filter_map(|line| line.split_once(": "));
        let shown = lines.find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        let shown = shown.map(|(_, value)| value.to_owned());
        self.shown.lock().expect("whole").push(shown);
        let answer = self.answers.lock().expect("whole").get(&path).cloned();
        self.asked.send_modify(|asked| asked.push(path));
        let Some((head, body)) = answer else {
            return std::future::pending().await;
        };
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        let _ = stream.write_all(answer.as_bytes()).await;
    }
}

/// Forebay, as far as it asks issuers.
pub(crate) struct Asker {
    pub(crate) clock: ManualClock,
    pub(crate) tasks: Supervisor,
    pub(crate) issuers: Arc<Issuers>,
}

impl Asker {
    pub(crate) fn of(issuer: &FakeIssuer) -> Self {
        Self::with(Issuer::new(&issuer.url).expect("an issuer"))
    }

    pub(crate) fn with(issuer: Issuer) -> Self {
        let (clock, tasks) = (ManualClock::default(), Supervisor::new());
        let issuers = Issuers::new(Arc::new(clock.clone()), tasks.clone());
        let asker = Self {
            clock,
            tasks,
            issuers: Arc::new(issuers),
        };
        asker.set(vec![issuer]);
        asker
    }

    pub(crate) fn set(&self, issuers: Vec<Issuer>) {
        let policy = ClientPolicy::new(HeaderValue::from_static("forebay/test"));
        self.issuers.set(issuers, &policy).expect("issuers");
    }

    pub(crate) async fn keys(
        &self,
        issuer: &FakeIssuer,
        missing: Option<&str>,
    ) -> Result<Vec<String>, KeysError> {
        let keys = self.issuers.keys(&issuer.url, missing).await;
        keys.map(|keys| ids(&keys))
    }

    /// Why the keys cannot be had, to the last cause.
    pub(crate) async fn why(&self, issuer: &FakeIssuer) -> String {
        let error = self.keys(issuer, None).await.expect_err("no keys");
        let first: &dyn std::error::Error = &error;
        let causes = std::iter::successors(Some(first), |error| error.source());
        let causes: Vec<_> = causes.map(ToString::to_string).collect();
        causes.join(": ")
    }
}

fn ids(keys: &KeySet) -> Vec<String> {
    let ids = keys.keys.iter().map(|key| key.id.clone());
    ids.map(Option::unwrap_or_default).collect()
}
