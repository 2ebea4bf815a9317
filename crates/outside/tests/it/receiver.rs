//! A receiver of alerts: what was posted to it, and how it answers. A world for webhooks around it.

use std::sync::Arc;
use std::time::Duration;

use forebay_content::{Alert, AlertKind, ManualClock, Notify as _, Timestamp};
use forebay_http_kit::{ClientPolicy, ProxyRule};
use forebay_jobs::Supervisor;
use forebay_outside::{Form, Webhook, Webhooks};
use http::HeaderValue;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A generous time for what happens at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The part of a webhook's address that is a secret.
pub(crate) const SECRET: &str = "T0/B0/s3cret";

/// How a receiver answers: the head of its answer; nothing at all if it is empty.
pub(crate) type Script = fn(usize) -> &'static str;

pub(crate) const OK: &str = "200 OK\r\n";

/// A receiver.
pub(crate) struct Receiver {
    pub(crate) url: String,
    posted: watch::Receiver<Vec<String>>,
}

impl Receiver {
    /// One that answers the first, second … request as `script` has it.
    pub(crate) async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (note, posted) = watch::channel(Vec::new());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, note.clone(), script));
            }
        });
        Self {
            url: format!("http://{address}/{SECRET}"),
            posted,
        }
    }

    /// All that was posted once there are so many.
    pub(crate) async fn posted(&self, count: usize) -> Vec<String> {
        let mut posted = self.posted.clone();
        let enough = posted.wait_for(|posted| posted.len() >= count);
        let enough = tokio::time::timeout(PATIENCE, enough).await;
        enough.expect("in time").expect("it runs").clone()
    }

    pub(crate) fn so_far(&self) -> usize {
        self.posted.borrow().len()
    }
}

async fn answer(mut stream: TcpStream, note: watch::Sender<Vec<String>>, script: Script) {
    let mut text = String::new();
    let mut buffer = [0; 4_096];
    loop {
        let read = stream.read(&mut buffer).await.unwrap_or(0);
        if read == 0 {
            return;
        }
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.to_ascii_lowercase();
            let length = length.split("content-length: ").nth(1).unwrap_or("0");
            let length: usize = length
                .lines()
                .next()
                .unwrap_or("0")
                .parse()
                .expect("a length");
            if body.len() >= length {
                break;
            }
        }
    }
    let (_, body) = text.split_once("\r\n\r\n").expect("a body");
    let mut number = 0;
    note.send_modify(|posted| {
        number = posted.len();
        posted.push(body.to_owned());
    });
    let head = script(number);
    if head.is_empty() {
        std::future::pending::<()>().await;
    }
    let answer = format!("HTTP/1.1 {head}content-length: 0\r\nconnection: close\r\n\r\n");
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// Webhooks with what they need.
pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) webhooks: Arc<Webhooks>,
    pub(crate) tasks: Supervisor,
}

impl World {
    pub(crate) fn new() -> Self {
        let (clock, tasks) = (ManualClock::at(Timestamp(7_000)), Supervisor::new());
        let webhooks = Webhooks::new(Arc::new(clock.clone()), tasks.clone(), "node1");
        Self {
            clock,
            webhooks: Arc::new(webhooks),
            tasks,
        }
    }

    /// With these webhooks: the address, and the form.
    pub(crate) fn with(webhooks: &[(&str, Form)]) -> Self {
        let world = Self::new();
        world.set(webhooks);
        world
    }

    pub(crate) fn set(&self, webhooks: &[(&str, Form)]) {
        self.set_by(ProxyRule::None, webhooks);
    }

    pub(crate) fn set_by(&self, proxy: ProxyRule, webhooks: &[(&str, Form)]) {
        let webhooks = webhooks
            .iter()
            .map(|(url, form)| Webhook::new(url, *form, false).expect("an address"));
        let mut policy = ClientPolicy::new(HeaderValue::from_static("forebay/test"));
        policy.proxy = proxy;
        let set = self.webhooks.set(webhooks.collect(), &policy);
        set.expect("webhooks");
    }

    /// Waits until so many were given up.
    pub(crate) async fn failed(&self, count: u64) {
        self.until(|world| world.webhooks.counts().failed >= count)
            .await;
    }

    /// Waits until so many were delivered.
    pub(crate) async fn delivered(&self, count: u64) {
        self.until(|world| world.webhooks.counts().delivered >= count)
            .await;
    }

    /// Tells it, and that somebody takes it over.
    pub(crate) fn tell(&self, alert: &Alert) {
        assert!(self.webhooks.notify(alert), "{alert:?}");
    }

    /// What became of the next ones.
    pub(crate) async fn settled(&self) -> Vec<bool> {
        let settled = tokio::time::timeout(PATIENCE, self.webhooks.settled()).await;
        let settled = settled.expect("in time").into_iter();
        settled.map(|settled| settled.has_reached).collect()
    }

    async fn until(&self, holds: impl Fn(&Self) -> bool) {
        let held = async {
            while !holds(self) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, held).await.expect("in time");
    }
}

pub(crate) fn alert(text: &str) -> Alert {
    alert_of(AlertKind::BudgetLow, text)
}

pub(crate) fn alert_of(kind: AlertKind, text: &str) -> Alert {
    Alert {
        kind,
        subject: "docker.io anonymous".to_owned(),
        text: text.to_owned(),
        at: Timestamp(7_000),
    }
}
