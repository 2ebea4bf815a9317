//! The one door: who comes with which credential, and what they may do.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use forebay_content::{AccountName, Accounts, Clock, KeptRobot, Keys, Secret, Stamp};
use forebay_oci::{Act, Target};

use crate::access_token::{Bearer, IssuedToken, Statement, Terms, TokenKey};
use crate::desk::Desk;
use crate::grant::{Grant, Narrowing};
use crate::hashing::{Busy, Hashing};
use crate::jws::{self, BadToken};
use crate::known::{Changes, Known};
use crate::password::{self, MAX_PASSWORD_BYTES, hash_password};
use crate::policy::{Verdict, decide, decide_everywhere};
use crate::principal::Principal;
use crate::random::{NoRandomness, Random, draw};
use crate::refusal::{Refusal, Why, Wrong};
use crate::remembered::Remembered;
use crate::robot_token::{ROBOT_TOKEN_PREFIX, RobotToken};
use crate::rules::Rules;
use crate::workload;

/// What a request's `Authorization` holds, split by the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A name and a password, which may be a robot's token or an issuer's token under any name.
    Basic {
        /// The name, as it was sent.
        name: String,
        /// The password.
        password: Secret,
    },
    /// A token: one of ours of the token flow, or a robot's.
    Bearer(Secret),
}

/// Who asks, and what their credential brings along. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Who.
    pub principal: Principal,
    /// What the credential brings along.
    pub grant: Grant,
    /// The stamp of the account or rule as it is; none for anonymous.
    stamp: Option<Stamp>,
    /// What is left of the credential's own time, if it has one.
    left: Option<Duration>,
}

/// What access needs of others.
pub struct AccessSeams {
    /// Users and robots.
    pub accounts: Arc<dyn Accounts>,
    /// Issuers' keys.
    pub keys: Arc<dyn Keys>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
}

/// Who is let in, and what they may do.
pub struct Access {
    rules: ArcSwap<Rules>,
    key: TokenKey,
    known: Known,
    remembered: Remembered,
    hashing: Arc<Hashing>,
    dummy: Secret,
    desk: Arc<Desk>,
    keys: Arc<dyn Keys>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Identity {
    /// Whoever comes without a credential.
    pub fn anonymous() -> Self {
        Self {
            principal: Principal::Anonymous,
            grant: Grant::default(),
            stamp: None,
            left: None,
        }
    }
}

impl Access {
    /// Lets in by these rules, with tokens signed by `key`. Takes as long as checking a password.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn new(seams: AccessSeams, key: TokenKey, rules: Rules) -> Result<Self, NoRandomness> {
        let AccessSeams {
            accounts,
            keys,
            clock,
            random,
        } = seams;
        let changes = Changes::default();
        let hashing = Arc::new(Hashing::new());
        let dummy = dummy_hash(&*random, &rules)?;
        let desk = Desk::sharing(
            (
                Arc::clone(&accounts),
                Arc::clone(&clock),
                Arc::clone(&random),
            ),
            Arc::clone(&hashing),
            changes.clone(),
            rules.hash_cost,
        );
        Ok(Self {
            key,
            known: Known::new(accounts, Arc::clone(&clock), changes),
            remembered: Remembered::new(&*random)?,
            hashing,
            dummy,
            desk: Arc::new(desk),
            rules: ArcSwap::from_pointee(rules),
            keys,
            clock,
            random,
        })
    }

    /// Goes on by other rules: from the next request on, tokens that were given before included. New passwords cost what the
    /// first rules said.
    pub fn replace_rules(&self, rules: Rules) {
        self.rules.store(Arc::new(rules));
    }

    /// The rules as they are.
    pub fn rules(&self) -> Arc<Rules> {
        self.rules.load_full()
    }

    /// Where accounts are changed, so that it counts at once.
    pub fn desk(&self) -> &Arc<Desk> {
        &self.desk
    }

    /// How often a password was hashed so far.
    pub fn hashes_done(&self) -> u64 {
        self.hashing.done()
    }

    /// Who comes with this credential, `None` being none, from this address, of which no more than some may have passwords checked
    /// at a time.
    pub async fn authenticate(
        &self,
        credential: Option<&Credential>,
        from: Option<IpAddr>,
    ) -> Result<Identity, Refusal> {
        match credential {
            None => Ok(Identity::anonymous()),
            Some(Credential::Basic { name, password }) => self.basic((name, password), from).await,
            Some(Credential::Bearer(token)) if is_robots(token) => self.robot(token).await,
            Some(Credential::Bearer(token)) => self.bearer(token).await,
        }
    }

    /// Who an issuer's token vouches for, by the first rule that takes it.
    pub async fn vouched(&self, token: &Secret) -> Result<Identity, Refusal> {
        let token = token.expose();
        let header = jws::read_header(token)?;
        let algorithm = workload::algorithm(&header)?;
        let rules = self.rules.load_full();
        let claimed = jws::read_claims_unchecked(token)?;
        let issuer = claimed.get("iss").and_then(serde_json::Value::as_str);
        let issuer = issuer.ok_or(BadToken::Claims)?;
        // Asked for keys is only who is trusted.
        let of_issuer = || {
            rules
                .workloads
                .iter()
                .filter(|rule| **rule.issuer() == *issuer)
        };
        if of_issuer().next().is_none() {
            return Err(BadToken::Issuer.into());
        }
        let keys = self.keys.keys(issuer, None).await.map_err(Refusal::Keys)?;
        let mut key = workload::key_for(&header, algorithm, &keys)?;
        if key.is_none() {
            let missing = header.kid.as_deref();
            let keys = self.keys.keys(issuer, missing).await;
            key = workload::key_for(&header, algorithm, &*keys.map_err(Refusal::Keys)?)?;
        }
        let key = key.ok_or(BadToken::Key)?;
        let claims: serde_json::Map<_, _> = jws::verify(token, &key, algorithm)?;
        let left = workload::check_times(&claims, self.clock.now())?;
        let not_taken = |why| {
            Refusal::Wrong(Wrong {
                nearest: workload::find_nearest(of_issuer(), &claims).map(Box::new),
                ..Why::Token(why).into()
            })
        };
        let mut meant = of_issuer().filter(|rule| rule.is_meant(&claims)).peekable();
        if meant.peek().is_none() {
            return Err(not_taken(BadToken::Audience));
        }
        let rule = meant.find(|rule| rule.takes(&claims));
        let rule = rule.ok_or_else(|| not_taken(BadToken::Rule))?;
        Ok(Identity {
            principal: Principal::Workload {
                rule: rule.name().clone(),
                issuer: Arc::clone(rule.issuer()),
                subject: workload::subject_of(&claims)?,
            },
            grant: Grant {
                rights: Arc::clone(rule.rights()),
                narrowing: None,
            },
            stamp: Some(rule.stamp()),
            left: Some(Duration::from_secs(left)),
        })
    }

    /// What they may do.
    pub fn decide(&self, identity: &Identity, target: &Target, act: Act) -> Verdict {
        let rules = self.rules.load();
        decide(
            &rules.policy,
            &identity.principal,
            &identity.grant,
            target,
            act,
        )
    }

    /// Whether they may do it to all repositories there are and will be, as what is about the whole asks.
    pub fn decide_everywhere(&self, identity: &Identity, act: Act) -> Verdict {
        let rules = self.rules.load();
        decide_everywhere(&rules.policy, &identity.principal, &identity.grant, act)
    }

    /// A token that says who they are, for what it is asked for and no more than their credential is good for. It lives no
    /// longer than that either.
    pub fn issue(&self, identity: &Identity, asked: Narrowing) -> Result<IssuedToken, Refusal> {
        let rules = self.rules.load();
        let narrowing = match &identity.grant.narrowing {
            Some(bounds) => asked.within(bounds),
            None => asked,
        };
        let statement = Statement {
            bearer: Bearer::of(&identity.principal),
            stamp: identity.stamp,
            narrowing,
        };
        let left = identity.left.unwrap_or(Duration::MAX);
        if left < Duration::from_secs(1) {
            // In whole seconds it would be over when it is given.
            return Err(BadToken::Expired.into());
        }
        let terms = Terms {
            service: &rules.service,
            now: self.clock.now(),
            lifetime: rules.token_lifetime.min(left),
            id: draw(&*self.random)?,
        };
        self.key
            .sign(&statement, &terms)
            .map_err(|_| Refusal::Signing)
    }

    async fn basic(
        &self,
        (name, password): (&str, &Secret),
        from: Option<IpAddr>,
    ) -> Result<Identity, Refusal> {
        if is_robots(password) {
            return self.robot(password).await;
        }
        if looks_signed(password) {
            return self.vouched(password).await;
        }
        self.user((name, password), from).await
    }

    async fn user(
        &self,
        (name, password): (&str, &Secret),
        from: Option<IpAddr>,
    ) -> Result<Identity, Refusal> {
        if password.expose().len() > MAX_PASSWORD_BYTES {
            return Err(Why::Password.into());
        }
        let name: AccountName = name.parse().map_err(|_| Why::NoUser)?;
        let user = || Principal::User { name: name.clone() };
        let rules = self.rules.load_full();
        let kept = self.known.user(&name).await?;
        // An account of ours hides one of a file: whoever was disabled does not come in by the other door.
        let (hash, of_file, stamp) = if let Some(user) = &kept {
            (Some(user.password.clone()), None, Some(user.stamp))
        } else {
            let of_file = rules.htpasswd.find(&name).cloned();
            (None, of_file, rules.htpasswd.stamp(&name))
        };
        let now = self.clock.monotonic();
        let remembered = self.remembered.find(&name, password, stamp, now);
        let is_right = if let Some(is_right) = remembered {
            is_right
        } else {
            let check = check(password, (hash, &self.dummy), (of_file, &rules));
            let is_right = self.hashing.run(from, check).await;
            let is_right = is_right.map_err(|Busy| Refusal::Busy)?;
            self.remembered
                .keep(&name, password, stamp, (is_right, now));
            is_right
        };
        match (stamp, is_right) {
            (None, _) => Err(Why::NoUser.into()),
            (Some(_), false) => Err(Why::Password.of(user())),
            (Some(_), true) if kept.is_some_and(|user| user.is_disabled) => {
                Err(Why::Disabled.of(user()))
            }
            (Some(stamp), true) => Ok(Identity {
                principal: user(),
                grant: Grant::default(),
                stamp: Some(stamp),
                left: None,
            }),
        }
    }

    async fn robot(&self, text: &Secret) -> Result<Identity, Refusal> {
        let token = RobotToken::parse(text.expose()).ok_or(Why::NoRobot)?;
        let kept = self.known.robot(&token.id).await?.ok_or(Why::NoRobot)?;
        if !token.is_kept_as(&kept.secret_hash) {
            return Err(Why::RobotSecret.of(robot_of(&kept)));
        }
        self.robot_as_kept(&kept)
    }

    fn robot_as_kept(&self, kept: &KeptRobot) -> Result<Identity, Refusal> {
        if kept.revoked_at.is_some() {
            return Err(Why::RobotRevoked.of(robot_of(kept)));
        }
        let now = self.clock.now();
        let left = kept
            .expires_at
            .map(|at| now.age_at(at).filter(|left| !left.is_zero()));
        if left == Some(None) {
            return Err(Why::RobotExpired.of(robot_of(kept)));
        }
        Ok(Identity {
            principal: robot_of(kept),
            grant: Grant {
                rights: kept.rights.clone().into(),
                narrowing: None,
            },
            stamp: Some(kept.stamp),
            left: left.flatten(),
        })
    }

    /// Whom a token of ours says, as they are by now: whoever was changed since has to log in anew.
    async fn bearer(&self, token: &Secret) -> Result<Identity, Refusal> {
        let rules = self.rules.load_full();
        let checked = self
            .key
            .check(token.expose(), &rules.service, self.clock.now());
        let (statement, left) = checked?;
        let Statement {
            bearer,
            stamp,
            narrowing,
        } = statement;
        let mut identity = match bearer {
            Bearer::Anonymous => Identity::anonymous(),
            Bearer::User(name) => self.user_by_name(name, &rules).await?,
            Bearer::Robot(id) => {
                let kept = self.known.robot(&id).await?.ok_or(Why::NoRobot)?;
                self.robot_as_kept(&kept)?
            }
            Bearer::Workload {
                rule,
                issuer,
                subject,
            } => {
                let mut workloads = rules.workloads.iter();
                let found = workloads.find(|found| *found.name() == rule);
                let found = found.ok_or(BadToken::Revoked)?;
                Identity {
                    principal: Principal::Workload {
                        rule,
                        issuer,
                        subject,
                    },
                    grant: Grant {
                        rights: Arc::clone(found.rights()),
                        narrowing: None,
                    },
                    stamp: Some(found.stamp()),
                    left: None,
                }
            }
        };
        if identity.stamp != stamp {
            return Err(Why::Token(BadToken::Revoked).of(identity.principal));
        }
        identity.grant.narrowing = Some(Arc::new(narrowing));
        // A token does not make itself last by asking for the next one.
        identity.left = Some(left);
        Ok(identity)
    }

    async fn user_by_name(&self, name: AccountName, rules: &Rules) -> Result<Identity, Refusal> {
        let stamp = match self.known.user(&name).await? {
            Some(user) if user.is_disabled => {
                return Err(Why::Disabled.of(Principal::User { name }));
            }
            Some(user) => user.stamp,
            None => rules.htpasswd.stamp(&name).ok_or(Why::NoUser)?,
        };
        Ok(Identity {
            principal: Principal::User { name },
            grant: Grant::default(),
            stamp: Some(stamp),
            left: None,
        })
    }
}

/// Checks a password, by the same work whether there is such a user or not: of each kind that users have here, as much as the costliest.
fn check(
    password: &Secret,
    (hash, dummy): (Option<Secret>, &Secret),
    (of_file, rules): (Option<Secret>, &Rules),
) -> impl FnOnce() -> bool + Send + 'static {
    let password = password.clone();
    let is_kept = hash.is_some();
    let hash = hash.unwrap_or_else(|| dummy.clone());
    let of_file = rules.htpasswd.check(of_file.as_ref());
    move || {
        let kept = password::is_password(&password, &hash) && is_kept;
        let filed = of_file.is_some_and(|check| check.is_password(&password));
        kept || filed
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").finish_non_exhaustive()
    }
}

fn robot_of(kept: &KeptRobot) -> Principal {
    Principal::Robot {
        id: kept.id.clone(),
        name: kept.name.clone(),
    }
}

fn is_robots(secret: &Secret) -> bool {
    secret.expose().starts_with(ROBOT_TOKEN_PREFIX)
}

/// True for what has the shape of a signed token with a header of JSON: `{"` is `eyJ` in base64.
fn looks_signed(secret: &Secret) -> bool {
    let text = secret.expose();
    text.starts_with("eyJ") && text.split('.').count() == 3
}

/// A hash of a password that nobody has, as costly to check as a user's.
fn dummy_hash(random: &dyn Random, rules: &Rules) -> Result<Secret, NoRandomness> {
    let nobodys = draw::<32>(random)?.map(|byte| char::from(b'a' + byte % 16));
    let nobodys = Secret::new(String::from_iter(nobodys));
    // Only a password's length can be wrong, and this one's is not.
    Ok(hash_password(&nobodys, draw(random)?, rules.hash_cost).unwrap_or(nobodys))
}
