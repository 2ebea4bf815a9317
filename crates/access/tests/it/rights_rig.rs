//! A registry by a rule, asked through what is remembered of its clients' rights, at a clock that the story moves.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use forebay_access::{ClientLogins, RememberedRights};
use forebay_content::{
    Caller, Client, ClientKind, ClientLogin, ClientRight, ClientRights, ClientVisit, ManualClock,
    Request, Secret, Sought, SourceError, Standing,
};
use futures::future::join_all;
use tokio::sync::Semaphore;

use crate::rig::Counting;

pub(crate) const GIVEN: ClientRight = ClientRight::Given {
    is_login_proven: true,
};
/// To whoever asks.
pub(crate) const OPEN: ClientRight = ClientRight::Given {
    is_login_proven: false,
};
pub(crate) const REFUSED: ClientRight = ClientRight::Refused {
    is_login_proven: true,
};
/// By what is said, the login may be good or not.
pub(crate) const REFUSED_UNSAID: ClientRight = ClientRight::Refused {
    is_login_proven: false,
};
const FIVE_MINUTES: Duration = Duration::from_mins(5);

/// What it says to a question.
type Rule = Box<dyn Fn(&str) -> Result<ClientRight, SourceError> + Send>;

/// A registry by a rule, that takes down what it is asked, as `alice app@sought` or `alice`.
pub(crate) struct Registry {
    rule: Mutex<Rule>,
    pub(crate) asked: Mutex<Vec<String>>,
    /// What it was told of the logins.
    pub(crate) standings: Mutex<Vec<Standing>>,
    /// Answers go out through here.
    pub(crate) gate: Semaphore,
}

pub(crate) struct Rig {
    pub(crate) rights: RememberedRights,
    pub(crate) registry: Arc<Registry>,
    pub(crate) clock: ManualClock,
    /// The address that asks; none is our own.
    from: Option<IpAddr>,
}

#[async_trait]
impl ClientRights for Registry {
    async fn check_login(
        &self,
        _: &ClientVisit,
        login: &ClientLogin,
    ) -> Result<ClientRight, SourceError> {
        self.standings.lock().unwrap().push(login.standing);
        self.hear(format!("{}:{}", login.name, login.password.expose()))
            .await
    }

    async fn check_right(
        &self,
        request: &Request,
        login: Option<&ClientLogin>,
        sought: &Sought,
    ) -> Result<ClientRight, SourceError> {
        let who = login.map_or("nobody".to_owned(), |login| {
            self.standings.lock().unwrap().push(login.standing);
            format!("{}:{}", login.name, login.password.expose())
        });
        let sought = match sought {
            Sought::Manifest(reference) => reference.to_string(),
            Sought::Blob(digest) => digest.to_string(),
            Sought::Lists => "lists".to_owned(),
        };
        self.hear(format!("{who} {}@{sought}", request.repository))
            .await
    }
}

impl Registry {
    async fn hear(&self, question: String) -> Result<ClientRight, SourceError> {
        self.asked.lock().unwrap().push(question.clone());
        let _through = self.gate.acquire().await.unwrap();
        (self.rule.lock().unwrap())(&question)
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    pub(crate) fn says(
        &self,
        rule: impl Fn(&str) -> Result<ClientRight, SourceError> + Send + 'static,
    ) -> &Self {
        *self.rule.lock().unwrap() = Box::new(rule);
        self
    }
}

impl Rig {
    pub(crate) fn new(
        rule: impl Fn(&str) -> Result<ClientRight, SourceError> + Send + 'static,
    ) -> Self {
        let registry = Arc::new(Registry {
            rule: Mutex::new(Box::new(rule)),
            asked: Mutex::default(),
            standings: Mutex::default(),
            gate: Semaphore::new(100),
        });
        let clock = ManualClock::default();
        let logins = ClientLogins::new(&Counting::default()).unwrap();
        let rights = remembered(&registry, &clock, Arc::new(logins));
        Self {
            rights,
            registry,
            clock,
            from: None,
        }
    }

    /// From now on, who asks comes from this address.
    pub(crate) fn move_to(&mut self, address: &str) {
        self.from = Some(address.parse().unwrap());
    }

    /// The same, asked from another address.
    pub(crate) fn at(&self, address: &str) -> Self {
        Self {
            rights: remembered(
                &self.registry,
                &self.clock,
                Arc::clone(self.rights.logins()),
            ),
            registry: Arc::clone(&self.registry),
            clock: self.clock.clone(),
            from: Some(address.parse().unwrap()),
        }
    }

    /// As after a reload that changes the upstream's section.
    pub(crate) fn reload(&mut self) {
        let logins = Arc::clone(self.rights.logins());
        self.rights = remembered(&self.registry, &self.clock, logins);
    }

    pub(crate) fn caller(&self) -> Arc<Caller> {
        let ourselves = Caller::ourselves();
        Arc::new(Caller {
            client: Arc::new(Client {
                address: self.from,
                ..(*ourselves.client).clone()
            }),
            kind: ClientKind::Other,
        })
    }

    /// `alice:secret app@1`; `nobody app@1`.
    pub(crate) async fn right(&self, question: &str) -> Result<ClientRight, SourceError> {
        let (who, what) = question.split_once(' ').unwrap();
        let (repository, tag) = what.split_once('@').unwrap();
        let request = Request {
            patience: Duration::from_secs(20),
            caller: self.caller(),
            ..Request::in_background(repository.parse().unwrap())
        };
        let login = (who != "nobody").then(|| login(who));
        let sought = Sought::Manifest(tag.parse::<forebay_oci::Tag>().unwrap().into());
        self.rights
            .check_right(&request, login.as_ref(), &sought)
            .await
    }

    pub(crate) async fn greet(&self, who: &str) -> Result<ClientRight, SourceError> {
        let visit = ClientVisit {
            caller: self.caller(),
            patience: Duration::from_secs(20),
        };
        self.rights.check_login(&visit, &login(who)).await
    }

    /// Lets all of them ask before the first is answered.
    pub(crate) async fn at_once<F: Future>(&self, all: impl Iterator<Item = F>) -> Vec<F::Output> {
        let closed = self.registry.gate.acquire_many(100).await.unwrap();
        let open = async {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            drop(closed);
        };
        tokio::join!(join_all(all), open).0
    }

    pub(crate) fn seconds_later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn remembered(
    registry: &Arc<Registry>,
    clock: &ManualClock,
    logins: Arc<ClientLogins>,
) -> RememberedRights {
    let clock = Arc::new(clock.clone());
    RememberedRights::new(Arc::clone(registry) as _, FIVE_MINUTES, clock, logins)
}

pub(crate) fn login(who: &str) -> ClientLogin {
    let (name, password) = who.split_once(':').unwrap();
    ClientLogin {
        name: name.to_owned(),
        password: Secret::new(password),
        standing: Standing::default(),
    }
}

pub(crate) fn unavailable() -> Result<ClientRight, SourceError> {
    Err(SourceError::Unavailable {
        why: "down".to_owned(),
        retry_after: None,
    })
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it is one of the rules, of which others fail"
)]
pub(crate) fn only_alice(question: &str) -> Result<ClientRight, SourceError> {
    Ok(if question.starts_with("alice:secret") {
        GIVEN
    } else {
        REFUSED
    })
}
