//! What is logged of a webhook, and told to who tries it: never its address.

use std::io::Write;
use std::sync::{Arc, Mutex};

use forebay_outside::Form;
use tracing_subscriber::fmt::MakeWriter;

use crate::receiver::{OK, Receiver, SECRET, World, alert};

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Written {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn an_address_is_never_logged_nor_told() {
    let written = Written::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(written.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let receiver = Receiver::start(|number| match number {
        0 => OK,
        1 => "404 Not Found\r\n",
        _ => "302 Found\r\nlocation: /T0/B0/s3cret\r\n",
    })
    .await;
    let world = World::with(&[(&receiver.url, Form::Slack)]);
    world.tell(&alert("one"));
    world.delivered(1).await;
    world.tell(&alert("two"));
    world.failed(1).await;
    let nobody = format!("http://127.0.0.1:1/{SECRET}");
    world.set(&[(&receiver.url, Form::Slack), (&nobody, Form::Json)]);
    let tried = world.webhooks.try_all(&alert("three")).await;
    let told: Vec<String> = tried
        .iter()
        .map(|(webhook, sent)| {
            let error = sent.as_ref().expect_err("nobody takes it");
            format!("{webhook}: {error} {error:?}")
        })
        .collect();
    assert!(
        told[0].starts_with("1 (slack): nothing is sent there: it redirects"),
        "{told:?}"
    );
    assert!(
        told[1].starts_with("2 (json): it cannot be reached: no connection"),
        "{told:?}"
    );
    let log = String::from_utf8(written.0.lock().expect("no panic").clone()).expect("text");
    assert!(log.contains("an alert could not be delivered"), "{log}");
    for secret in [SECRET, "s3cret"] {
        assert!(!log.contains(secret), "{log}");
        assert!(!told.concat().contains(secret), "{told:?}");
    }
}
