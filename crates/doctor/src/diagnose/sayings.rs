//! Why it worked before, and what is not the cause, though it is often said to be.
//!
//! Each is a sentence that people quote, and what is true of it (docs.docker.com/docker-hub/usage, docker/docs' history).

use forebay_failures::Class;
use serde::Serialize;

use super::cause::Trigger;
use super::scope::Scope;
use crate::{Egress, Evidence, Moment, What};

/// Something that is often said, and why it is not so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Myth {
    /// A name for it.
    pub kind: &'static str,
    /// What is said.
    pub said: &'static str,
    /// What is true.
    pub truth: &'static str,
}

/// Why it worked before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Before {
    /// A name for it.
    pub kind: &'static str,
    /// In a sentence.
    pub text: &'static str,
    /// Whether the evidence shows it.
    pub is_seen: bool,
}

const LAYERS: Myth = Myth {
    kind: "layers",
    said: "at most 300 layers can be pulled in six hours",
    truth: "layers are not counted: the pull limit counts manifests, 100 of an address or 200 of a free account in six hours",
};

const ANONYMOUS: Myth = Myth {
    kind: "only-anonymous",
    said: "limits are for anonymous users only",
    truth: "free accounts have a limit as well, and the abuse limit stops every account behind the address, paid ones too",
};

const ANOTHER_NAT: Myth = Myth {
    kind: "another-nat",
    said: "another NAT gateway or address helps",
    truth: "it helps until what floods the registry has used that address up, too: the cause moves along",
};

const TEN_AN_HOUR: Myth = Myth {
    kind: "ten-an-hour",
    said: "without an account there are 10 pulls an hour",
    truth: "that was announced for April 2025 and never enforced",
};

const HUB: Myth = Myth {
    kind: "docker-hub",
    said: "\"toomanyrequests\" means Docker Hub's pull limit",
    truth: "other registries use the same word for limits of their own: a Docker account changes nothing there",
};

const LIMIT: Myth = Myth {
    kind: "rate-limit",
    said: "ImagePullBackOff means a rate limit",
    truth: "it means only that a pull failed; here it failed for another reason",
};

/// What is not the cause.
pub(crate) fn myths(class: Class) -> Vec<Myth> {
    match class {
        Class::PullLimit => vec![LAYERS, ANONYMOUS, ANOTHER_NAT, TEN_AN_HOUR],
        Class::AbuseLimit => vec![LAYERS, ANONYMOUS, ANOTHER_NAT],
        Class::LoginLockout => vec![ANONYMOUS, ANOTHER_NAT],
        Class::OtherRegistryLimit | Class::HubApiLimit => vec![HUB],
        _ => vec![LIMIT],
    }
}

/// Why it worked before.
pub(crate) fn before(
    evidence: &Evidence,
    class: Class,
    scope: &Scope,
    trigger: Option<&Trigger>,
    since: Option<Moment>,
) -> Vec<Before> {
    let is_limit = matches!(class, Class::PullLimit | Class::AbuseLimit);
    let worked = evidence
        .events
        .iter()
        .any(|event| event.what == What::PullSucceeded && since.is_some() && event.first < since);
    let by_flood = matches!(
        trigger,
        Some(Trigger::CrashLoop { .. } | Trigger::WrongImage | Trigger::CiBurst)
    );
    let reasons = [
        (
            class == Class::PullLimit,
            worked,
            "earlier-in-window",
            "earlier in the six hours there were pulls left",
        ),
        (
            class == Class::PullLimit,
            false,
            "fewer-pulls",
            "fewer images were pulled from this address in the six hours before",
        ),
        (
            is_limit,
            scope.addresses.len() > 1,
            "other-address",
            "it was pulled from other addresses, such as those of CI runners, each with its own limit",
        ),
        (
            is_limit && scope.egress == Egress::Shared,
            true,
            "shared-address",
            "fewer machines and teams shared the address that the registry counts",
        ),
        (
            is_limit,
            false,
            "image-was-there",
            "the machines still had the image, and a pull of what is there is free",
        ),
        (
            by_flood,
            since.is_some(),
            "before-the-flood",
            "nothing asked for images again and again before that time",
        ),
        (
            matches!(class, Class::LoginLockout | Class::Auth),
            worked,
            "login-was-right",
            "the login was still right: passwords and tokens expire or are changed",
        ),
        (
            class == Class::NotFound,
            worked,
            "tag-was-there",
            "the tag was there then, or another was asked for",
        ),
        (
            class == Class::NoSpace,
            worked,
            "room-was-left",
            "there was room left then: old images and logs have filled the disk",
        ),
        (
            matches!(
                class,
                Class::Dns | Class::Timeout | Class::Network | Class::Tls
            ),
            worked,
            "network-worked",
            "the network answered then",
        ),
    ];
    let holds = reasons.into_iter().filter(|(holds, ..)| *holds);
    holds
        .map(|(_, is_seen, kind, text)| Before {
            kind,
            text,
            is_seen,
        })
        .collect()
}
