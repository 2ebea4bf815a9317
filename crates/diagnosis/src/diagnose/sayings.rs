//! Why it worked before, and what is not the cause, though it is often said to be.
//!
//! Each is a sentence that people quote, and what is true of it (docs.docker.com/docker-hub/usage, docker/docs' history).

use forebay_evidence::{Class, Event, Evidence, Moment, What};
use serde::Serialize;

use super::cause::Trigger;
use super::scope::Scope;
use crate::Egress;

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

const SYMPTOM: Myth = Myth {
    kind: "symptom",
    said: "ImagePullBackOff means a rate limit",
    truth: "it means only that a pull failed: why, its own message says, which is not among what was read",
};

/// What is not the cause.
pub(crate) fn myths(class: Class) -> Vec<Myth> {
    match class {
        Class::PullLimit => vec![LAYERS, ANONYMOUS, ANOTHER_NAT, TEN_AN_HOUR],
        Class::AbuseLimit => vec![LAYERS, ANONYMOUS, ANOTHER_NAT],
        Class::LoginLockout => vec![ANONYMOUS, ANOTHER_NAT],
        Class::OtherRegistryLimit | Class::HubApiLimit => vec![HUB],
        Class::SymptomOnly | Class::Other => vec![SYMPTOM],
        _ => vec![LIMIT],
    }
}

/// What is known of the time before.
pub(crate) struct Earlier<'a> {
    pub(crate) class: Class,
    pub(crate) scope: &'a Scope,
    pub(crate) trigger: Option<&'a Trigger>,
    pub(crate) since: Option<Moment>,
}

/// A reason why it worked before.
struct Reason {
    kind: &'static str,
    text: &'static str,
    /// Whether it can be one.
    holds: fn(&Earlier<'_>) -> bool,
    /// Whether it is shown, given whether pulls went well before.
    is_seen: fn(&Earlier<'_>, bool) -> bool,
}

const REASONS: [Reason; 10] = [
    Reason {
        kind: "earlier-in-window",
        text: "earlier in the six hours there were pulls left",
        holds: |earlier| earlier.class == Class::PullLimit,
        is_seen: |_, worked| worked,
    },
    Reason {
        kind: "fewer-pulls",
        text: "fewer images were pulled from this address in the six hours before",
        holds: |earlier| earlier.class == Class::PullLimit,
        is_seen: |_, _| false,
    },
    Reason {
        kind: "other-address",
        text: "it was pulled from other addresses, such as those of CI runners, each with its own limit",
        holds: counts_addresses,
        is_seen: |earlier, _| earlier.scope.addresses.len() > 1,
    },
    Reason {
        kind: "shared-address",
        text: "fewer machines and teams shared the address that the registry counts",
        holds: |earlier| counts_addresses(earlier) && earlier.scope.egress == Egress::Shared,
        is_seen: |_, _| true,
    },
    Reason {
        kind: "image-was-there",
        text: "the machines still had the image, and a pull of what is there is free",
        holds: counts_addresses,
        is_seen: |_, _| false,
    },
    Reason {
        kind: "before-the-flood",
        text: "nothing asked for images again and again before that time",
        holds: |earlier| {
            let floods = |trigger: &Trigger| {
                matches!(
                    trigger,
                    Trigger::CrashLoop { .. } | Trigger::WrongImage | Trigger::CiBurst
                )
            };
            earlier.trigger.is_some_and(floods)
        },
        is_seen: |earlier, _| earlier.since.is_some(),
    },
    Reason {
        kind: "login-was-right",
        text: "the login was still right: passwords and tokens expire or are changed",
        holds: |earlier| matches!(earlier.class, Class::LoginLockout | Class::Auth),
        is_seen: |_, worked| worked,
    },
    Reason {
        kind: "tag-was-there",
        text: "the tag was there then, or another was asked for",
        holds: |earlier| earlier.class == Class::NotFound,
        is_seen: |_, worked| worked,
    },
    Reason {
        kind: "room-was-left",
        text: "there was room left then: old images and logs have filled the disk",
        holds: |earlier| earlier.class == Class::NoSpace,
        is_seen: |_, worked| worked,
    },
    Reason {
        kind: "network-worked",
        text: "the network answered then",
        holds: |earlier| {
            matches!(
                earlier.class,
                Class::Dns | Class::Timeout | Class::Network | Class::Tls
            )
        },
        is_seen: |_, worked| worked,
    },
];

/// Why it worked before.
pub(crate) fn before(evidence: &Evidence, earlier: &Earlier<'_>) -> Vec<Before> {
    let is_earlier = |event: &Event| {
        let times = event.first.zip(earlier.since);
        event.what == What::PullSucceeded && times.is_some_and(|(first, since)| first < since)
    };
    let worked = evidence.events.iter().any(is_earlier);
    let holding = REASONS.iter().filter(|reason| (reason.holds)(earlier));
    holding
        .map(|reason| Before {
            kind: reason.kind,
            text: reason.text,
            is_seen: (reason.is_seen)(earlier, worked),
        })
        .collect()
}

fn counts_addresses(earlier: &Earlier<'_>) -> bool {
    matches!(earlier.class, Class::PullLimit | Class::AbuseLimit)
}
