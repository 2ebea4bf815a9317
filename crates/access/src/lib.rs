#![doc = include_str!("../README.md")]

mod access;
mod access_token;
mod addresses;
mod attempts;
mod client_logins;
mod client_rights;
mod desk;
mod grant;
mod handle;
mod hashing;
mod held_table;
mod htpasswd;
mod jws;
mod known;
mod orders;
mod password;
mod policy;
mod principal;
mod random;
mod refusal;
mod remembered;
mod robot_token;
mod rules;
mod scope;
mod turns;
mod verdicts;
mod who;
mod wildcard;
mod workload;

pub use access::{Access, AccessSeams, Credential, Identity};
pub use access_token::{
    IssuedToken, MAX_TOKEN_LIFETIME, MAX_TOKEN_REPOSITORIES, TOKEN_LIFETIME, TokenKey,
};
pub use client_logins::ClientLogins;
pub use client_rights::RememberedRights;
pub use desk::{
    Desk, DeskError, MAX_RIGHTS, MAX_ROBOT_LIFETIME, MIN_ROBOT_LIFETIME, MadeRobot, NewRobot,
};
pub use grant::{Grant, Narrowing};
pub use htpasswd::{Htpasswd, InvalidHtpasswd, MAX_HTPASSWD_BYTES, WrongLine};
pub use jws::{BadToken, MAX_TOKEN_PART_BYTES};
pub use known::ACCOUNT_MEMORY;
pub use orders::{
    ACCOUNTS_AT_A_TIME, AccountOrder, AccountOrderError, AccountOutcome, RightText, RobotText,
    UserText,
};
pub use password::{
    HashCost, InvalidPassword, MAX_PASSWORD_BYTES, MIN_PASSWORD_BYTES, hash_password,
};
pub use policy::{InvalidPolicy, Policy, Rule, Verdict, decide, decide_everywhere};
pub use principal::Principal;
pub use random::{NoRandomness, Random, SystemRandom};
pub use refusal::{NearestRule, Refusal, Why, Wrong};
pub use remembered::{RIGHT_MEMORY, WRONG_MEMORY};
pub use robot_token::ROBOT_TOKEN_PREFIX;
pub use rules::Rules;
pub use scope::{InvalidScope, MAX_SCOPE_BYTES, MAX_SCOPES, MOUNTS_SCOPE, Scope};
pub use who::{InvalidWho, Who};
pub use wildcard::{InvalidWildcard, Wildcard};
pub use workload::{InvalidWorkloadRule, MAX_WORKLOAD_RULES, WorkloadRule, WorkloadRuleParts};
