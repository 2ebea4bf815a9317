//! Clients' own rights at an upstream: how long its word is taken, what is asked for it, and what wrong passwords cost.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use forebay_access::{ClientLogins, RememberedRights};
use forebay_content::{
    Caller, Client, ClientKind, ClientLogin, ClientRight, ClientRights, ClientVisit, ManualClock,
    Missing, Request, Secret, Sought, SourceError, Standing,
};
use forebay_limits::{Limited, Limiter};
use futures::future::join_all;
use tokio::sync::Semaphore;

use crate::rig::Counting;

const GIVEN: ClientRight = ClientRight::Given {
    is_login_proven: true,
};
/// To whoever asks.
const OPEN: ClientRight = ClientRight::Given {
    is_login_proven: false,
};
const REFUSED: ClientRight = ClientRight::Refused {
    is_login_proven: true,
};
/// By what is said, the login may be good or not.
const REFUSED_UNSAID: ClientRight = ClientRight::Refused {
    is_login_proven: false,
};
const FIVE_MINUTES: Duration = Duration::from_mins(5);

/// What it says to a question.
type Rule = Box<dyn Fn(&str) -> Result<ClientRight, SourceError> + Send>;

/// A registry by a rule, that takes down what it is asked, as `alice app@sought` or `alice`.
struct Registry {
    rule: Mutex<Rule>,
    asked: Mutex<Vec<String>>,
    /// What it was told of the logins.
    standings: Mutex<Vec<Standing>>,
    /// Answers go out through here.
    gate: Semaphore,
}

struct Rig {
    rights: RememberedRights,
    registry: Arc<Registry>,
    clock: ManualClock,
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
    fn move_to(&mut self, address: &str) {
        self.from = Some(address.parse().unwrap());
    }

    /// The same, asked from another address.
    fn at(&self, address: &str) -> Self {
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
    fn reload(&mut self) {
        let logins = Arc::clone(self.rights.logins());
        self.rights = remembered(&self.registry, &self.clock, logins);
    }

    fn caller(&self) -> Arc<Caller> {
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
    async fn right(&self, question: &str) -> Result<ClientRight, SourceError> {
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

    async fn greet(&self, who: &str) -> Result<ClientRight, SourceError> {
        let visit = ClientVisit {
            caller: self.caller(),
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

fn remembered(
    registry: &Arc<Registry>,
    clock: &ManualClock,
    logins: Arc<ClientLogins>,
) -> RememberedRights {
    let clock = Arc::new(clock.clone());
    RememberedRights::new(Arc::clone(registry) as _, FIVE_MINUTES, clock, logins)
}

fn login(who: &str) -> ClientLogin {
    let (name, password) = who.split_once(':').unwrap();
    ClientLogin {
        name: name.to_owned(),
        password: Secret::new(password),
        standing: Standing::default(),
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
        GIVEN
    } else {
        REFUSED
    })
}

#[tokio::test]
async fn a_right_is_asked_for_once_in_its_time_and_is_out_after_it() {
    let rig = Rig::new(only_alice);
    for tag in ["1", "2", "1"] {
        let right = rig.right(&format!("alice:secret app@{tag}")).await;
        assert_eq!(right.unwrap(), GIVEN);
    }
    assert_eq!(rig.registry.asked(), ["alice:secret app@1"]);
    // Taken back there, it holds here until its time is over, and not a second longer.
    rig.registry.says(|_| Ok(REFUSED));
    rig.seconds_later(299);
    let right = rig.right("alice:secret app@1").await.unwrap();
    assert_eq!(right, GIVEN);
    assert_eq!(rig.registry.asked(), [""; 0]);
    rig.seconds_later(1);
    assert_eq!(rig.right("alice:secret app@1").await.unwrap(), REFUSED);
    assert_eq!(rig.registry.asked().len(), 1);
}

#[tokio::test]
async fn no_right_is_another_clients_repositorys_or_passwords() {
    let rig = Rig::new(only_alice);
    let given = rig.right("alice:secret app@1").await.unwrap();
    assert_eq!(given, GIVEN);
    for other in ["alice:secre app@1", "bob:secret app@1", "nobody app@1"] {
        assert_eq!(rig.right(other).await.unwrap(), REFUSED, "{other}");
    }
    rig.registry.says(|question| {
        Ok(if question.contains("app@") {
            GIVEN
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
    rig.registry.says(|_| Ok(GIVEN));
    rig.seconds_later(29);
    assert_eq!(rig.right("alice:a app@1").await.unwrap(), REFUSED);
    rig.seconds_later(1);
    let right = rig.right("alice:a app@gone").await.unwrap();
    assert_eq!(right, GIVEN);
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
    assert_eq!(right, GIVEN);
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
    assert_eq!(right, GIVEN);
}

#[tokio::test]
async fn a_hundred_at_once_are_one_question_and_an_absence_is_nobody_elses() {
    let rig = Rig::new(|question| {
        Ok(match question.rsplit_once('@').unwrap().1 {
            "gone" => ClientRight::Absent(Missing::Manifest),
            _ => GIVEN,
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
    assert!(rights[1..].iter().all(|right| *right == GIVEN));
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
    assert_eq!(right, GIVEN);
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
            "bob:right" => GIVEN,
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
    assert_eq!(bob, GIVEN);
    assert!(rig.greet("alice:right").await.is_err());
}

#[tokio::test]
async fn a_login_that_has_worked_goes_on_while_others_guess() {
    let rig = Rig::new(|question| {
        Ok(if question.starts_with("alice:secret") {
            GIVEN
        } else {
            ClientRight::WrongLogin
        })
    });
    rig.right("alice:secret app@1").await.unwrap();
    rig.registry.asked();
    let guesses: Vec<String> = (0..50).map(|guess| format!("alice:{guess}")).collect();
    rig.at_once(guesses.iter().map(|guess| rig.greet(guess)))
        .await;
    // Those that are under way together count as well.
    assert_eq!(rig.registry.asked().len(), 5);
    let right = rig.right("alice:secret other@1").await.unwrap();
    assert_eq!(right, GIVEN);
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
async fn what_is_given_to_everybody_proves_no_login() {
    // Greets everybody, and gives `open` to everybody; `app` to alice alone.
    let rule = |question: &str| {
        Ok(match question.split_once(' ') {
            None => ClientRight::Unknown,
            Some((_, open)) if open.starts_with("open") => OPEN,
            Some(("alice:secret", _)) => GIVEN,
            _ => REFUSED_UNSAID,
        })
    };
    let rig = Rig::new(rule);
    for guess in 0..5 {
        let guess = format!("bob:{guess}");
        assert_eq!(rig.greet(&guess).await.unwrap(), ClientRight::Unknown);
        assert_eq!(rig.right(&format!("{guess} open@1")).await.unwrap(), OPEN);
        let refused = rig.right(&format!("{guess} app@1")).await.unwrap();
        assert_eq!(refused, REFUSED_UNSAID);
    }
    // None of them has worked, so that they count as those that fail.
    let sixth = rig.right("bob:0 other@1").await;
    assert!(matches!(sixth, Err(SourceError::Limited { .. })));
    rig.seconds_later(60);
    assert_eq!(rig.right("alice:secret app@1").await.unwrap(), GIVEN);
    // So she goes on while others fail.
    rig.seconds_later(60);
    for guess in 5..10 {
        let _ = rig.right(&format!("eve{guess}:x app@1")).await;
    }
    assert!(rig.right("eve:x third@1").await.is_err());
    assert_eq!(rig.right("alice:secret third@1").await.unwrap(), GIVEN);
}

#[tokio::test]
async fn a_login_that_is_not_said_to_be_wrong_is_doubted_when_it_has_not_worked_for_a_while() {
    let rig = Rig::new(|question| {
        Ok(if question.ends_with("app@1") {
            GIVEN
        } else {
            REFUSED_UNSAID
        })
    });
    assert_eq!(rig.right("alice:secret app@1").await.unwrap(), GIVEN);
    for number in 0..10 {
        let refused = rig.right(&format!("alice:secret other{number}@1")).await;
        assert_eq!(refused.unwrap(), REFUSED_UNSAID);
    }
    rig.seconds_later(300);
    for number in 0..10 {
        let refused = rig.right(&format!("alice:secret other{number}@1")).await;
        assert_eq!(refused.is_ok(), number < 5, "{number}: {refused:?}");
    }
}

#[tokio::test]
async fn one_stranger_who_tries_passwords_keeps_nobody_else_waiting() {
    let mut rig = Rig::new(|question| {
        Ok(match question {
            "bob:right" | "carol:right" => GIVEN,
            _ => ClientRight::WrongLogin,
        })
    });
    // From all of one network of IPv6, many at once, minute after minute.
    for minute in 0..20 {
        rig.move_to("2001:db8::1");
        let guesses: Vec<String> = (0..30)
            .map(|guess| format!("eve{minute}-{guess}:x"))
            .collect();
        rig.at_once(guesses.iter().map(|guess| rig.greet(guess)))
            .await;
        assert_eq!(rig.registry.asked().len(), 2);
        rig.move_to("2001:db8::2");
        let more = rig.greet(&format!("eve{minute}-x:x")).await;
        assert!(more.is_err(), "{more:?}");
        rig.move_to("192.0.2.7");
        let other = rig.greet(&format!("other{minute}:x")).await.unwrap();
        assert_eq!(other, ClientRight::WrongLogin);
        rig.seconds_later(60);
        rig.registry.asked();
    }
    assert_eq!(rig.greet("bob:right").await.unwrap(), GIVEN);
    // However many addresses they have, where a login has worked others are let try as well.
    for host in 1..10 {
        rig.move_to(&format!("198.51.100.{host}"));
        let _ = rig.greet(&format!("eve{host}:x")).await;
    }
    rig.move_to("198.51.100.99");
    assert!(rig.greet("carol:right").await.is_err());
    rig.move_to("192.0.2.7");
    assert_eq!(rig.greet("carol:right").await.unwrap(), GIVEN);
}

#[tokio::test]
async fn questions_of_one_address_that_wait_are_in_nobody_elses_way() {
    let mut rig = Rig::new(|_| Ok(ClientRight::WrongLogin));
    rig.move_to("192.0.2.1");
    let closed = rig.registry.gate.acquire_many(100).await.unwrap();
    let guesses: Vec<String> = (0..50).map(|guess| format!("eve{guess}:x")).collect();
    let mut waiting: Vec<_> = guesses
        .iter()
        .map(|guess| Box::pin(rig.greet(guess)))
        .collect();
    for greeting in &mut waiting {
        assert!(futures::poll!(greeting).is_pending());
    }
    assert_eq!(rig.registry.asked().len(), 1);
    let other = rig.at("192.0.2.2");
    let mut bob = Box::pin(other.greet("bob:right"));
    assert!(futures::poll!(&mut bob).is_pending());
    assert_eq!(rig.registry.asked(), ["bob:right"]);
    drop(closed);
    bob.await.unwrap();
}

#[tokio::test]
async fn a_password_that_was_changed_is_shown_once_however_many_come_with_it() {
    let rig = Rig::new(only_alice);
    rig.right("alice:secret app@1").await.unwrap();
    rig.registry.asked();
    let questions: Vec<String> = (0..50).map(|n| format!("alice:secret app{n}@1")).collect();
    let ask = || questions.iter().map(|question| rig.right(question));
    // As long as it works, they go at once when the first is answered.
    rig.seconds_later(60);
    for right in rig.at_once(ask()).await {
        assert_eq!(right.unwrap(), GIVEN);
    }
    assert_eq!(rig.registry.asked().len(), 50);
    rig.registry.says(|_| Ok(ClientRight::WrongLogin));
    rig.seconds_later(300);
    for right in rig.at_once(ask()).await {
        assert_eq!(right.unwrap(), ClientRight::WrongLogin);
    }
    assert_eq!(rig.registry.asked().len(), 1);
}

#[tokio::test]
async fn a_reload_forgets_rights_and_neither_logins_that_work_nor_those_that_failed() {
    let mut rig = Rig::new(|question| {
        Ok(if question.starts_with("alice:secret") {
            GIVEN
        } else {
            ClientRight::WrongLogin
        })
    });
    rig.right("alice:secret app@1").await.unwrap();
    for guess in 0..5 {
        rig.greet(&format!("bob:{guess}")).await.unwrap();
    }
    rig.reload();
    rig.registry.asked();
    let bob = rig.greet("bob:6").await;
    assert!(matches!(bob, Err(SourceError::Limited { .. })), "{bob:?}");
    assert_eq!(rig.right("alice:secret app@1").await.unwrap(), GIVEN);
    assert_eq!(rig.registry.asked(), ["alice:secret app@1"]);
}

#[tokio::test]
async fn strangers_who_try_at_once_leave_what_is_for_addresses_where_a_login_works() {
    let rig = Rig::new(|question| {
        Ok(match question {
            "bob:right" | "carol:right" => GIVEN,
            _ => ClientRight::WrongLogin,
        })
    });
    let known = rig.at("192.0.2.7");
    known.greet("bob:right").await.unwrap();
    for host in 1..3 {
        let stranger = rig.at(&format!("198.51.100.{host}"));
        stranger.greet(&format!("eve{host}:x")).await.unwrap();
    }
    rig.registry.asked();
    let strangers: Vec<Rig> = (3..20)
        .map(|host| rig.at(&format!("198.51.100.{host}")))
        .collect();
    let names: Vec<String> = (3..20).map(|number| format!("eve{number}:y")).collect();
    let all = strangers.iter().zip(&names);
    let told = rig.at_once(all.map(|(stranger, name)| stranger.greet(name)));
    let told = told.await;
    assert_eq!(rig.registry.asked().len(), 1, "what is theirs is three");
    let early = |told: &&Result<_, _>| matches!(told, Err(SourceError::Limited { .. }));
    assert_eq!(told.iter().filter(early).count(), 16);
    assert_eq!(known.greet("carol:right").await.unwrap(), GIVEN);
}

#[tokio::test]
async fn logins_that_work_wait_for_others_that_may_fail_and_are_not_refused_for_them() {
    let rig = Rig::new(|_| Ok(GIVEN));
    let clients: Vec<Rig> = (1..50)
        .map(|host| rig.at(&format!("192.0.2.{host}")))
        .collect();
    let names: Vec<String> = (1..50).map(|number| format!("user{number}:x")).collect();
    let all = clients.iter().zip(&names);
    let told = rig.at_once(all.map(|(client, name)| client.greet(name)));
    let told = told.await;
    assert!(told.iter().all(|right| *right.as_ref().unwrap() == GIVEN));
}

#[tokio::test]
async fn who_leaves_before_the_answer_has_tried_all_the_same() {
    let rig = Rig::new(|_| Ok(ClientRight::WrongLogin));
    let closed = rig.registry.gate.acquire_many(100).await.unwrap();
    for host in 1..20 {
        let stranger = rig.at(&format!("198.51.100.{host}"));
        let guess = format!("alice:{host}");
        let greeting = stranger.greet(&guess);
        assert!(futures::FutureExt::now_or_never(greeting).is_none() == (host <= 3));
    }
    drop(closed);
    assert_eq!(rig.registry.asked().len(), 3);
}

#[tokio::test]
async fn the_registry_is_told_what_is_known_of_a_login() {
    let rig = Rig::new(only_alice);
    for (seconds, expected) in [
        (0, Standing::Unproven),
        (9, Standing::Fresh),
        (10, Standing::Proven),
        (1, Standing::Fresh),
    ] {
        rig.seconds_later(seconds);
        let question = format!("alice:secret app{seconds}@1");
        assert_eq!(rig.right(&question).await.unwrap(), GIVEN);
        let told = std::mem::take(&mut *rig.registry.standings.lock().unwrap());
        assert_eq!(told, [expected], "{seconds}");
    }
    rig.registry.says(|_| Ok(ClientRight::WrongLogin));
    rig.right("alice:secret more@1").await.unwrap();
    rig.seconds_later(31);
    rig.registry.standings.lock().unwrap().clear();
    rig.right("alice:secret more@1").await.unwrap();
    let told = rig.registry.standings.lock().unwrap().clone();
    assert_eq!(told, [Standing::Unproven]);
}

#[tokio::test]
async fn nothing_of_a_login_is_shown() {
    let rig = Rig::new(only_alice);
    rig.right("alice:secret app@1").await.unwrap();
    let shown = format!("{:?} {:?}", rig.rights, login("alice:secret"));
    assert!(!shown.contains("secret"), "{shown}");
}
