//! What is logged, and what never is, at whatever level.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use hub_sim::{Fault, On, hours};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::rig::{Setup, nginx};

/// Everything that was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

// One thread: the subscriber is this thread's, and sees the tasks that run on it too.
#[tokio::test]
async fn no_password_token_or_signature_is_ever_logged() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let hub = nginx()
        .account("alice", "hunter2", Some((1, hours(6))))
        .start()
        .await;
    let rig = Setup::of(&hub).login("alice", "hunter2").start();
    rig.manifest("library/nginx:1").await.unwrap();
    rig.manifest("library/nginx:1").await.unwrap_err();
    let layer = hub.layers("library/nginx:1")[0].digest().to_owned();
    rig.blob("library/nginx", &layer).await.unwrap();
    hub.fault(Fault::SignatureExpired).times(2);
    rig.blob("library/nginx", &layer).await.unwrap_err();
    hub.revoke_tokens();
    hub.fault(Fault::Realm(
        "http://alice:hunter2@evil.example/token".to_owned(),
    ))
    .once();
    rig.resolve("library/nginx:1").await.unwrap_err();
    let wrong = Setup::of(&hub).login("alice", "hunter3").start();
    wrong.resolve("library/nginx:1").await.unwrap_err();
    assert!(hub.count(|record| record.is(On::Token)) >= 2);

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for expected in [
        "asked an upstream",
        "call=\"get_manifest\" method=GET host=\"127.0.0.1\" path=\"/v2/library/nginx/manifests/1\" status=200",
        "the token service refuses our credentials",
        "is not asked",
    ] {
        assert!(text.contains(expected), "{expected} is not in:\n{text}");
    }
    // In clear, in base64 after `alice:`, as a token, and as a signed address.
    for secret in ["hunter", "YWxpY2U6", "eyJ", "signature="] {
        let line = text.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
}
