//! Who asks a server, and what they show for it: people, robots and jobs of the same rights, each in every way there is.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::client::Ask;
use crate::issuer::Issuer;
use crate::program::{Forebay, Program};
use crate::repositories::run;

/// Who asks, in the order of the columns.
pub(crate) const ROLES: [Role; 5] = [
    Role::Stranger,
    Role::Wrong,
    Role::Named("puller"),
    Role::Named("pusher"),
    Role::Named("admin"),
];

/// All ways to show who one is.
pub(crate) const WAYS: [(Kind, Scheme); 7] = [
    (Kind::User, Scheme::Basic),
    (Kind::User, Scheme::Traded),
    (Kind::Robot, Scheme::Basic),
    (Kind::Robot, Scheme::Bearer),
    (Kind::Robot, Scheme::Traded),
    (Kind::Job, Scheme::Basic),
    (Kind::Job, Scheme::Traded),
];

/// Those that have a name, what they may do, and where.
const NAMED: [(&str, &str, &[&str]); 3] = [
    ("puller", "team/*", &["pull"]),
    ("pusher", "team/*", &["pull", "push"]),
    ("admin", "**", &["pull", "push", "delete", "admin"]),
];

const PASSWORD: &str = "correct horse";

#[derive(Clone, Copy, Debug)]
pub(crate) enum Role {
    /// Whoever shows nothing.
    Stranger,
    /// Whoever shows what is almost the administrator's.
    Wrong,
    Named(&'static str),
}

/// What they have.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// A password; a policy says what they may do.
    User,
    /// A token of ours, which says what it is for.
    Robot,
    /// A token of another issuer; its rule says what it is for.
    Job,
}

/// How they show it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scheme {
    /// As a password, each time.
    Basic,
    /// As it is, each time.
    Bearer,
    /// By a token that it was shown for, good for all that is asked of the repositories that were named.
    Traded,
}

/// Who may come, and what each has to show.
pub(crate) struct Credentials {
    issuer: Issuer,
    /// What robots have, by their names.
    robots: BTreeMap<&'static str, String>,
}

impl Credentials {
    /// Lets them in: users by a policy, jobs by rules. Robots come once the server runs.
    pub(crate) async fn configured(setup: Forebay) -> (Self, Forebay) {
        let issuer = Issuer::start().await;
        write_private(&setup, "users", &users());
        write_private(&setup, "ca.pem", &issuer.authority_pem);
        let rules = NAMED.map(|(name, repositories, actions)| {
            format!(
                "[[access.allow]]\nwho = [\"user:{name}\"]\nrepositories = [\"{repositories}\"]\nactions = {actions:?}\n\
                 [[access.workloads]]\nname = \"{name}\"\nissuer = \"{}\"\naudience = \"registry\"\nca_file = \"ca.pem\"\n\
                 claims = {{ ref = \"{name}\" }}\nrepositories = [\"{repositories}\"]\nactions = {actions:?}\n",
                issuer.url
            )
        });
        let access = "[access]\nhtpasswd_file = \"users\"\n";
        let setup = setup.with(&format!("{access}{}", rules.concat()));
        let robots = BTreeMap::new();
        (Self { issuer, robots }, setup)
    }

    /// Makes the robots' tokens.
    pub(crate) async fn make_robots(&mut self, program: &Program) {
        for (name, repositories, actions) in NAMED {
            let actions = actions.join(",");
            let words = ["token", "create", "--name", name, "--repo", repositories];
            let words = [&words[..], &["--actions", &actions]].concat();
            let printed = run(&program.setup, &words).await;
            self.robots.insert(name, printed.trim().to_owned());
        }
    }

    /// What stands in their `Authorization`; `repositories` are those for which a token is asked for, where one is.
    pub(crate) async fn shown(
        &self,
        program: &Program,
        ((kind, scheme), role): ((Kind, Scheme), Role),
        repositories: &[&str],
    ) -> Option<String> {
        let as_they_are = |role| {
            let secret = match role {
                Role::Stranger => return None,
                Role::Wrong => otherwise(&self.secret(kind, "admin")),
                Role::Named(name) => self.secret(kind, name),
            };
            Some(match scheme {
                Scheme::Bearer => format!("Bearer {secret}"),
                Scheme::Basic | Scheme::Traded => basic(name_of(kind, role), &secret),
            })
        };
        if !matches!(scheme, Scheme::Traded) {
            return as_they_are(role);
        }
        // A stranger's token says that it is nobody's, and a wrong one was changed after it was given.
        let (shown, is_wrong) = match role {
            Role::Wrong => (as_they_are(Role::Named("admin")), true),
            role => (as_they_are(role), false),
        };
        let token = trade(program, shown, repositories).await;
        let token = if is_wrong { otherwise(&token) } else { token };
        Some(format!("Bearer {token}"))
    }

    fn secret(&self, kind: Kind, name: &str) -> String {
        match kind {
            Kind::User => PASSWORD.to_owned(),
            Kind::Robot => self.robots[name].clone(),
            Kind::Job => self.issuer.token("registry", name),
        }
    }
}

/// By which name they log in. Only a user's means anything.
fn name_of(kind: Kind, role: Role) -> &'static str {
    match (kind, role) {
        (Kind::User, Role::Named(name)) => name,
        (Kind::User, _) => "admin",
        (Kind::Robot, _) => "token",
        (Kind::Job, _) => "oidc",
    }
}

fn basic(name: &str, password: &str) -> String {
    let login = BASE64_STANDARD.encode(format!("{name}:{password}"));
    format!("Basic {login}")
}

/// The same but for its last character.
fn otherwise(secret: &str) -> String {
    let last = if secret.ends_with('0') { '4' } else { '0' };
    format!("{}{last}", &secret[..secret.len() - 1])
}

/// What a server gives for what is shown to it.
async fn trade(program: &Program, shown: Option<String>, repositories: &[&str]) -> String {
    let scopes = repositories
        .iter()
        .map(|name| format!("&scope=repository:{name}:pull,push,delete,*"));
    let path = format!(
        "/token?service=forebay&scope=registry:catalog:*{}",
        scopes.collect::<String>()
    );
    let mut ask = Ask::get(&path);
    if let Some(shown) = &shown {
        ask = ask.header("authorization", shown);
    }
    let given = ask.to(program.address).await;
    assert_eq!(given.status, 200, "{}", given.text());
    let given: Value = serde_json::from_slice(&given.body).expect("JSON");
    given["token"].as_str().expect("a token").to_owned()
}

fn users() -> String {
    let hash = bcrypt::hash(PASSWORD, 4).expect("a hash");
    let lines = NAMED.map(|(name, ..)| format!("{name}:{hash}\n"));
    lines.concat()
}

fn write_private(setup: &Forebay, name: &str, text: &str) {
    let path = setup.file(name);
    std::fs::write(&path, text).expect("a file");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("a mode");
}
