//! Clients' own rights at an upstream: how long its word is taken, what is asked for it, and what wrong passwords cost.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use forebay_access::RememberedRights;
use forebay_content::{
    Caller, ClientLogin, ClientRight, ClientRights, ClientVisit, ManualClock, Missing, Request,
    Secret, Sought, SourceError,
};
use forebay_limits::{Limited, Limiter};
use futures::future::join_all;
use tokio::sync::Semaphore;

use crate::rig::Counting;

const REFUSED: ClientRight = ClientRight::Refused {
    is_login_good: true,
};
const FIVE_MINUTES: Duration = Duration::from_mins(5);

/// What it says to a question.
type Rule = Box<dyn Fn(&str) -> Result<ClientRight, SourceError> + Send>;

/// A registry by a rule, that takes down what it is asked, as `alice app@sought` or `alice`.
struct Registry {
    rule: Mutex<Rule>,
    asked: Mutex<Vec<String>>,
    /// Answers go out through here.
    gate: Semaphore,
}

struct Rig {
    rights: RememberedRights,
    registry: Arc<Registry>,
    clock: ManualClock,
}

#[async_trait]
impl ClientRights for Registry {
    async fn check_login(
        &self,
        _: &ClientVisit,
        login: &ClientLogin,
    ) -> Result<ClientRight, SourceError> {
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

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    fn says(
        &self,
        rule: impl Fn(&str) -> Result<ClientRight, SourceError> + Send + 'static,
    ) -> &Self {
        *self.rule.lock().unwrap() = Box::new(rule);
        self
    }
}

impl Rig {
    fn new(rule: impl Fn(&str) -> Result<ClientRight, SourceError> + Send + 'static) -> Self {
        let registry = Arc::new(Registry {
            rule: Mutex::new(Box::new(rule)),
            asked: Mutex::default(),
            gate: Semaphore::new(100),
        });
        let clock = ManualClock::default();
        let rights = RememberedRights::new(
            Arc::clone(&registry) as _,
            FIVE_MINUTES,
            Arc::new(clock.clone()),
            &Counting::default(),
        );
        Self {
            rights: rights.unwrap(),
            registry,
            clock,
        }
    }

    /// `alice:secret app@1`; `nobody app@1`.
    async fn right(&self, question: &str) -> Result<ClientRight, SourceError> {
        let (who, what) = question.split_once(' ').unwrap();
        let (repository, tag) = what.split_once('@').unwrap();
        let request = Request {
            patience: Duration::from_secs(20),
            ..Request::in_background(repository.parse().unwrap())
        };
        let login = (who != "nobody").then(|| login(who));
        let sought = Sought::Manifest(tag.parse::<forebay_oci::Tag>().unwrap().into());
        self.rights
            .check_right(&request, login.as_ref(), &sought)
            .await
    }

    async fn greet(&self, who: &str) -> Result<ClientRight, SourceError> {
        let visit = ClientVisit {
            caller: Caller::ourselves(),
            patience: Duration::from_secs(20),
        };
        self.rights.check_login(&visit, &login(who)).await
    }

    /// Lets all of them ask before the first is answered.
    async fn at_once<F: Future>(&self, all: impl Iterator<Item = F>) -> Vec<F::Output> {
        let closed = self.registry.gate.acquire_many(100).await.unwrap();
        let open = async {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            drop(closed);
        };
        tokio::join!(join_all(all), open).0
    }

    fn seconds_later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn login(who: &str) -> ClientLogin {
    let (name, password) = who.split_once(':').unwrap();
    ClientLogin {
        name: name.to_owned(),
        password: Secret::new(password),
    }
}

fn unavailable() -> Result<ClientRight, SourceError> {
    Err(SourceError::Unavailable {
        why: "down".to_owned(),
        retry_after: None,
    })
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it is one of the rules, of which others fail"
)]
fn only_alice(question: &str) -> Result<ClientRight, SourceError> {
    Ok(if question.starts_with("alice:secret") {
        ClientRight::Given
    } else {
        REFUSED
    })
}

#[tokio::test]
async fn a_right_is_asked_for_once_in_its_time_and_is_out_after_it() {
    let rig = Rig::new(only_alice);
    for tag in ["1", "2", "1"] {
        let right = rig.right(&format!("alice:secret app@{tag}")).await;
        assert_eq!(right.unwrap(), ClientRight::Given);
    }
    assert_eq!(rig.registry.asked(), ["alice:secret app@1"]);
    // Taken back there, it holds here until its time is over, and not a second longer.
    rig.registry.says(|_| Ok(REFUSED));
    rig.seconds_later(299);
    let right = rig.right("alice:secret app@1").await.unwrap();
    assert_eq!(right, ClientRight::Given);
    assert_eq!(rig.registry.asked(), [""; 0]);
    rig.seconds_later(1);
    assert_eq!(rig.right("alice:secret app@1").await.unwrap(), REFUSED);
    assert_eq!(rig.registry.asked().len(), 1);
}

#[tokio::test]
async fn no_right_is_another_clients_repositorys_or_passwords() {
    let rig = Rig::new(only_alice);
    let given = rig.right("alice:secret app@1").await.unwrap();
    assert_eq!(given, ClientRight::Given);
    for other in ["alice:secre app@1", "bob:secret app@1", "nobody app@1"] {
        assert_eq!(rig.right(other).await.unwrap(), REFUSED, "{other}");
    }
    rig.registry.says(|question| {
        Ok(if question.contains("app@") {
            ClientRight::Given
        } else {
            REFUSED
        })
    });
    assert_eq!(rig.right("alice:secret own@1").await.unwrap(), REFUSED);
}

#[tokio::test]
async fn a_refusal_is_remembered_for_half_a_minute_and_an_absence_only_for_what_was_sought() {
    let rig = Rig::new(|question| {
        Ok(match question.rsplit_once('@').unwrap().1 {
            "gone" => ClientRight::Absent(Missing::Manifest),
            _ => REFUSED,
        })
    });
    for _ in 0..2 {
        let gone = rig.right("alice:a app@gone").await.unwrap();
        assert_eq!(gone, ClientRight::Absent(Missing::Manifest));
    }
    for _ in 0..2 {
        assert_eq!(rig.right("alice:a app@1").await.unwrap(), REFUSED);
    }
    assert_eq!(rig.registry.asked(), ["alice:a app@gone", "alice:a app@1"]);
    rig.registry.says(|_| Ok(ClientRight::Given));
    rig.seconds_later(29);
    assert_eq!(rig.right("alice:a app@1").await.unwrap(), REFUSED);
    rig.seconds_later(1);
    let right = rig.right("alice:a app@gone").await.unwrap();
    assert_eq!(right, ClientRight::Given);
    assert_eq!(rig.registry.asked().len(), 1);
}

#[tokio::test]
async fn while_the_upstream_cannot_be_asked_what_was_given_holds_its_time_and_nothing_new_is_given()
{
    let rig = Rig::new(only_alice);
    rig.right("alice:secret app@1").await.unwrap();
    rig.registry.says(|_| unavailable());
    rig.seconds_later(299);
    let right = rig.right("alice:secret app@1").await.unwrap();
    assert_eq!(right, ClientRight::Given);
    let never_asked = rig.right("alice:secret own@1").await;
    assert!(matches!(never_asked, Err(SourceError::Unavailable { .. })));
    rig.seconds_later(1);
    for _ in 0..2 {
        let over = rig.right("alice:secret app@1").await;
        assert!(matches!(over, Err(SourceError::Unavailable { .. })));
    }
    // Trouble is no answer, so each comes to it anew.
    assert_eq!(rig.registry.asked().len(), 4);
    rig.registry.says(only_alice);
    let right = rig.right("alice:secret app@1").await.unwrap();
    assert_eq!(right, ClientRight::Given);
}

#[tokio::test]
async fn a_hundred_at_once_are_one_question_and_an_absence_is_nobody_elses() {
    let rig = Rig::new(|question| {
        Ok(match question.rsplit_once('@').unwrap().1 {
            "gone" => ClientRight::Absent(Missing::Manifest),
            _ => ClientRight::Given,
        })
    });
    let all = (0..100).map(|number| {
        let tag = if number == 0 { "gone" } else { "1" };
        let question = format!("alice:a app@{tag}");
        let rig = &rig;
        async move { rig.right(&question).await.unwrap() }
    });
    let rights = rig.at_once(all).await;
    assert_eq!(rights[0], ClientRight::Absent(Missing::Manifest));
    assert!(rights[1..].iter().all(|right| *right == ClientRight::Given));
    assert_eq!(rig.registry.asked(), ["alice:a app@gone", "alice:a app@1"]);
    // Trouble is told to all who waited for it.
    rig.registry.says(|_| unavailable());
    let all = (0..100).map(|_| rig.right("alice:a other@1"));
    let rights = rig.at_once(all).await;
    assert!(rights.iter().all(Result::is_err));
    assert_eq!(rig.registry.asked().len(), 1);
}

#[tokio::test]
async fn a_question_that_nobody_waits_for_ends_and_the_next_one_is_put_anew() {
    let rig = Rig::new(only_alice);
    let closed = rig.registry.gate.acquire_many(100).await.unwrap();
    let question = rig.right("alice:secret app@1");
    assert!(futures::FutureExt::now_or_never(question).is_none());
    drop(closed);
    let right = rig.right("alice:secret app@1").await.unwrap();
    assert_eq!(right, ClientRight::Given);
    assert_eq!(rig.registry.asked().len(), 2);
}

#[tokio::test]
async fn a_wrong_password_is_shown_seldom_and_its_name_is_not_locked_out() {
    let rig = Rig::new(|_| Ok(ClientRight::WrongLogin));
    // A client that crashes and comes back each second, for a quarter of an hour.
    for second in 0..900 {
        let repository = format!("app{}", second % 7);
        let right = rig.right(&format!("alice:wrong {repository}@1")).await;
        assert_eq!(right.unwrap(), ClientRight::WrongLogin, "{second}");
        rig.seconds_later(1);
    }
    assert_eq!(rig.registry.asked().len(), 5);
    // The greeting is no other door.
    let greeted = rig.greet("alice:wrong").await.unwrap();
    assert_eq!(greeted, ClientRight::WrongLogin);

    // Neither are other passwords for the same name; other names wait their minute at most.
    let rig = Rig::new(|question| {
        Ok(match question {
            "bob:right" => ClientRight::Given,
            _ => ClientRight::WrongLogin,
        })
    });
    let mut refused = 0;
    for guess in 0..100 {
        match rig.greet(&format!("alice:{guess}")).await {
            Ok(right) => assert_eq!(right, ClientRight::WrongLogin),
            Err(SourceError::Limited {
                limited,
                retry_after,
            }) => {
                assert_eq!(limited, Limited::by(Limiter::LoginLockout));
                assert!(retry_after <= Duration::from_mins(15));
                refused += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!((rig.registry.asked().len(), refused), (5, 95));
    assert!(rig.greet("bob:right").await.is_err());
    rig.seconds_later(60);
    let bob = rig.greet("bob:right").await.unwrap();
    assert_eq!(bob, ClientRight::Given);
    assert!(rig.greet("alice:right").await.is_err());
}

#[tokio::test]
async fn a_login_that_has_worked_goes_on_while_others_guess() {
    let rig = Rig::new(|question| {
        Ok(if question.starts_with("alice:secret") {
            ClientRight::Given
        } else {
            ClientRight::WrongLogin
        })
    });
    rig.right("alice:secret app@1").await.unwrap();
    let guesses: Vec<String> = (0..50).map(|guess| format!("alice:{guess}")).collect();
    rig.at_once(guesses.iter().map(|guess| rig.greet(guess)))
        .await;
    // Those that were under way together count as well.
    let asked = rig.registry.asked().len();
    assert!((5..10).contains(&asked), "{asked}");
    let right = rig.right("alice:secret other@1").await.unwrap();
    assert_eq!(right, ClientRight::Given);
    // Once it is refused, it is one of them.
    rig.registry.says(|_| Ok(ClientRight::WrongLogin));
    let right = rig.right("alice:secret third@1").await.unwrap();
    assert_eq!(right, ClientRight::WrongLogin);
    rig.seconds_later(31);
    rig.registry.asked();
    let right = rig.right("alice:secret third@1").await.unwrap();
    assert_eq!(right, ClientRight::WrongLogin);
    assert_eq!(rig.registry.asked(), [""; 0]);
}

#[tokio::test]
async fn nothing_of_a_login_is_shown() {
    let rig = Rig::new(only_alice);
    rig.right("alice:secret app@1").await.unwrap();
    let shown = format!("{:?} {:?}", rig.rights, login("alice:secret"));
    assert!(!shown.contains("secret"), "{shown}");
}
