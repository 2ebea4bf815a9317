//! Whom a limit counts, or whom a registry refused.

use std::net::IpAddr;
use std::sync::LazyLock;

use regex::Regex;

use crate::registry::pattern;
use crate::views::Views;
use crate::{Account, Class, Identity};

/// An address that the text says is ours.
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?i)(?:docker-ratelimit-source|x-ratelimit-ip|rate limit for ip|client with ip|for ip|your ip(?: address)?)["']?[:=]? ?["']?([0-9a-f.:]{2,45})"#,
    )
});

/// An account that the text names.
static ACCOUNT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"(?i)pull rate limit as ["'`]{0,2}([^"'`:,\s]+)|[?&]account=([^&"'\s:]+)"#)
});

/// Whom the message speaks of, where it tells.
pub(crate) fn find_identity(class: Class, views: &Views) -> Option<Identity> {
    match class {
        Class::PullLimit => of_pull_limit(views),
        Class::AbuseLimit | Class::HubApiLimit => Some(Identity::Address(address(views))),
        Class::LoginLockout => Some(Identity::Account(account(views))),
        Class::OtherRegistryLimit | Class::Auth => address(views)
            .map(|address| Identity::Address(Some(address)))
            .or_else(|| account(views).map(|account| Identity::Account(Some(account)))),
        _ => None,
    }
}

fn of_pull_limit(views: &Views) -> Option<Identity> {
    if views.tight.contains("unauthenticatedpullratelimit") {
        Some(Identity::Address(address(views)))
    } else if views.tight.contains("pullratelimitas") {
        Some(Identity::Account(account(views)))
    } else {
        address(views).map(|address| Identity::Address(Some(address)))
    }
}

fn address(views: &Views) -> Option<IpAddr> {
    let found = ADDRESS.captures(&views.spaced)?;
    found
        .get(1)?
        .as_str()
        .trim_end_matches(['.', ':'])
        .parse()
        .ok()
}

fn account(views: &Views) -> Option<Account> {
    let found = ACCOUNT.captures(&views.spaced)?;
    let name = found.get(1).or_else(|| found.get(2))?;
    Account::new(name.as_str().to_owned())
}
