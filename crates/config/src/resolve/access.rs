//! Who may do what: whether the rules can be used together, and the users of the file that they name.

use std::path::Path;
use std::time::Duration;

use forebay_access::{
    Htpasswd, InvalidPolicy, MAX_HTPASSWD_BYTES, MAX_TOKEN_LIFETIME, Policy, Rule, Who,
    WorkloadRule, WorkloadRuleParts,
};
use url::Url;

use super::bounded;
use super::upstream::check_pem;
use crate::access_file::AccessFile;
use crate::error::{ConfigProblem, Problems, Wrong};
use crate::nearest::find_nearest;
use crate::origin::Origin;
use crate::resolved::{AccessConfig, AccessRule, IssuerConfig};
use crate::secret_file::read_private;
use crate::value::{TimeSpan, WorkloadFile};

/// The shortest life of a token: what clients take a token for that says nothing of its life.
const MIN_TOKEN_LIFETIME: Duration = Duration::from_mins(1);

/// The longest name of an installation, in bytes.
const MAX_SERVICE_BYTES: usize = 255;

/// What an installation is called that nobody gave a name.
const SERVICE: &str = "forebay";

/// Resolves it; `None` where nothing is written, and then all is as without it.
pub(super) fn resolve(access: &AccessFile, problems: &mut Problems) -> Option<AccessConfig> {
    // A section of which something could not be read is written all the same; its problem stops the start.
    if access.written_at() == Origin::Default {
        return None;
    }
    let lifetime = TimeSpan(MIN_TOKEN_LIFETIME)..=TimeSpan(MAX_TOKEN_LIFETIME);
    check_policy(access, problems);
    check_workload_names(access, problems);
    let rules = access.allow.value.iter();
    let workloads = access.workloads.value.iter();
    Some(AccessConfig {
        rules: rules.map(|allow| allow.rule.clone()).collect(),
        groups: access.groups.value.0.clone(),
        htpasswd: resolve_htpasswd(access, problems),
        workloads: workloads
            .filter_map(|workload| resolve_workload(workload, problems))
            .collect(),
        issuers: resolve_issuers(&access.workloads.value, problems),
        token_lifetime: bounded(
            "access.token_lifetime",
            &access.token_lifetime,
            &lifetime,
            problems,
        )
        .0,
        url: access.url.value.clone(),
        service: resolve_service(access, problems),
    })
}

/// Rules that name groups must find them, and all must be few enough to be looked through.
fn check_policy(access: &AccessFile, problems: &mut Problems) {
    if problems.is_doubtful(&["access", "allow"]) || problems.is_doubtful(&["access", "groups"]) {
        return;
    }
    let (allow, groups) = (&access.allow, &access.groups);
    let rules = allow.value.iter().map(|allow| {
        let AccessRule { who, right } = allow.rule.clone();
        Rule { who, right }
    });
    let Err(error) = Policy::new(rules.collect(), groups.value.0.clone()) else {
        return;
    };
    problems.push(match &error {
        InvalidPolicy::NoGroup(name) => {
            let group = Who::Group(name.clone());
            let mut named = allow.value.iter();
            let named = named.find(|allow| allow.rule.who.contains(&group));
            let place = named.map_or(&allow.origin, |allow| &allow.place);
            let problem = ConfigProblem::new(place, format!("`access.allow`: {error}"));
            match find_nearest(name, groups.value.0.keys().map(String::as_str)) {
                Some(nearest) => problem.hint(format!("the nearest is group:{nearest}")),
                None => problem.hint(format!("write [access.groups] {name} = [\"user:alice\"]")),
            }
        }
        InvalidPolicy::NestedGroup(_) => {
            ConfigProblem::new(&groups.origin, format!("`access.groups`: {error}"))
        }
        InvalidPolicy::TooMany(_) => {
            ConfigProblem::new(&allow.origin, format!("`access.allow`: {error}"))
        }
    });
}

/// Each workload has a name of its own, and a rule that names one finds it.
fn check_workload_names(access: &AccessFile, problems: &mut Problems) {
    if problems.is_doubtful(&["access", "workloads"]) {
        return;
    }
    let workloads = &access.workloads.value;
    for (place, workload) in workloads.iter().enumerate() {
        if workloads[..place]
            .iter()
            .any(|one| one.name == workload.name)
        {
            let what = format!(
                "`access.workloads` has two that are called {}",
                workload.name
            );
            problems.push(ConfigProblem::new(&workload.place, what));
        }
    }
    for allow in &access.allow.value {
        let mut who = allow.rule.who.iter();
        if let Some(unknown) = who.find(|who| !is_known(who, workloads)) {
            problems.push(unknown_workload(unknown, &allow.place, workloads));
        }
    }
}

fn is_known(who: &Who, workloads: &[WorkloadFile]) -> bool {
    match who {
        Who::Workload(pattern) => workloads
            .iter()
            .any(|workload| pattern.matches(workload.name.as_str())),
        _ => true,
    }
}

fn unknown_workload(who: &Who, place: &Origin, workloads: &[WorkloadFile]) -> ConfigProblem {
    let what = format!("`access.allow` has a rule for {who}, and no workload is called so");
    let problem = ConfigProblem::new(place, what);
    let written: Vec<String> = workloads
        .iter()
        .map(|workload| format!("workload:{}", workload.name))
        .collect();
    match find_nearest(&who.to_string(), written.iter().map(String::as_str)) {
        Some(nearest) => problem.hint(format!("the nearest is {nearest}")),
        None => problem.hint("write one as [[access.workloads]]"),
    }
}

fn resolve_htpasswd(access: &AccessFile, problems: &mut Problems) -> Htpasswd {
    let file = &access.htpasswd_file;
    let Some(path) = &file.value else {
        return Htpasswd::default();
    };
    read_htpasswd(path).unwrap_or_else(|wrong| {
        let key = format!("`access.htpasswd_file`: {}", path.display());
        problems.push(wrong.of(&key, &file.origin));
        Htpasswd::default()
    })
}

fn read_htpasswd(path: &Path) -> Result<Htpasswd, Wrong> {
    let text = read_private(path, MAX_HTPASSWD_BYTES as u64)?;
    Htpasswd::parse(&text).map_err(|error| Wrong::new(format!("is not taken: {error}")))
}

fn resolve_workload(workload: &WorkloadFile, problems: &mut Problems) -> Option<WorkloadRule> {
    let parts = WorkloadRuleParts {
        name: workload.name.clone(),
        issuer: workload.issuer.clone(),
        audience: workload.audience.clone(),
        claims: workload.claims.0.clone(),
        rights: workload.right.iter().cloned().collect(),
    };
    let rule = WorkloadRule::new(parts).map_err(|error| error.to_string());
    let checked = rule.and_then(|rule| match check_issuer(&workload.issuer) {
        Ok(()) => Ok(rule),
        Err(why) => Err(format!("the issuer of rule {} {why}", workload.name)),
    });
    checked
        .map_err(|what| {
            let what = format!("`access.workloads`: {what}");
            problems.push(ConfigProblem::new(&workload.place, what));
        })
        .ok()
}

/// `OpenID` Connect Discovery 1.0, section 3, `issuer`: https, and neither query nor fragment.
fn check_issuer(issuer: &str) -> Result<(), &'static str> {
    let url: Url = issuer.parse().map_err(|_| "is no URL with https")?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err("has a query or fragment");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("has a user or password");
    }
    Ok(())
}

/// How each issuer is asked for keys: in one way, whatever rules name it.
fn resolve_issuers(workloads: &[WorkloadFile], problems: &mut Problems) -> Vec<IssuerConfig> {
    let mut issuers: Vec<IssuerConfig> = Vec::new();
    for workload in workloads {
        let hosts = workload.key_hosts.iter();
        let issuer = IssuerConfig {
            issuer: workload.issuer.clone(),
            ca_file: workload.ca_file.clone(),
            private: workload.private,
            key_hosts: hosts.map(|host| host.0.clone()).collect(),
            token_file: workload.token_file.clone(),
        };
        match issuers.iter().find(|one| one.issuer == issuer.issuer) {
            None => {
                check_ca_file(workload, problems);
                issuers.push(issuer);
            }
            Some(same) if *same == issuer => {}
            Some(_) => {
                let what = format!(
                    "`access.workloads`: {} says otherwise than a rule before it how {} is reached",
                    workload.name, workload.issuer
                );
                problems.push(ConfigProblem::new(&workload.place, what).hint(
                    "rules of one issuer have the same `ca_file`, `private`, `key_hosts` and `token_file`",
                ));
            }
        }
    }
    issuers
}

fn check_ca_file(workload: &WorkloadFile, problems: &mut Problems) {
    if let Some(path) = &workload.ca_file
        && let Err(wrong) = check_pem(path)
    {
        let key = format!(
            "`access.workloads`: the `ca_file` of {}: {}",
            workload.name,
            path.display()
        );
        problems.push(wrong.of(&key, &workload.place));
    }
}

/// It stands between quotes in a header, and in tokens.
fn resolve_service(access: &AccessFile, problems: &mut Problems) -> String {
    let Some(service) = &access.service.value else {
        let host = access.url.value.as_ref().and_then(Url::host_str);
        return host.unwrap_or(SERVICE).to_owned();
    };
    let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:/".contains(&byte);
    if service.len() > MAX_SERVICE_BYTES || !service.bytes().all(is_name_byte) {
        let what = format!(
            "`access.service` is {service:?}, wanted at most {MAX_SERVICE_BYTES} letters, digits, '.', '-', '_', ':' and '/'"
        );
        problems.push(ConfigProblem::new(&access.service.origin, what));
    }
    service.clone()
}

#[cfg(test)]
mod tests;
