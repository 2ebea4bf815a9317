//! The cause in one sentence.
//!
//! Who, what, and what the registry makes of it.

use super::cause::Trigger;
use super::culprit::{Parted, Suspect};
use super::pull_through::{PullThrough, RIGHTS};
use crate::Class;

/// The sentence.
pub(crate) fn summary(
    class: Class,
    registry: Option<&str>,
    trigger: Option<&Trigger>,
    parted: &Parted,
) -> String {
    let what = what(class, registry.unwrap_or("the registry"));
    let Some(culprit) = parted.culprits.first() else {
        return match trigger {
            Some(Trigger::ManyPullers) => format!("{what}; many pull there, and nobody stands out"),
            _ => what,
        };
    };
    let who = who(culprit, parted.culprits.len() - 1);
    if class.is_limit() && trigger == Some(&Trigger::ManyPulls) {
        return format!("{what}; of those that were seen, {who} pulls most");
    }
    match trigger.and_then(fault) {
        Some(fault) if class.is_limit() => format!("{what}, because {who} {fault}"),
        _ => format!("{what}: {who}"),
    }
}

/// The sentence where a pull-through cache of ECR could not be filled.
pub(crate) fn of_pull_through(cache: &PullThrough, class: Class) -> String {
    let [import, create] = RIGHTS;
    let PullThrough { prefix, image, .. } = cache;
    let role = cache.role.as_deref().unwrap_or("the role that pulls");
    if cache.is_said {
        return format!(
            "ECR's pull-through cache could not bring {image} in: {role} may not do it ({import} and {create} on {prefix}/*)"
        );
    }
    let seen = match class {
        Class::NotFound => {
            format!("{image} is not in ECR, and its pull-through cache has not brought it in")
        }
        _ => format!("ECR refuses {image}, which its pull-through cache has to bring in"),
    };
    format!("{seen}: most likely {role} lacks {import} and {create} on {prefix}/*")
}

fn what(class: Class, registry: &str) -> String {
    match class {
        Class::PullLimit => format!("{registry} refuses pulls: the pull limit is used up"),
        Class::AbuseLimit => {
            format!("{registry} refuses every request: its abuse limit is reached")
        }
        Class::LoginLockout => format!("{registry} has locked the account out after wrong logins"),
        Class::HubApiLimit => "Docker Hub's web API refuses calls: its limit is reached".to_owned(),
        Class::OtherRegistryLimit => {
            format!("{registry} refuses pulls: a limit of its own is reached")
        }
        Class::Auth => format!("{registry} refuses the credentials, or wants some"),
        Class::NotFound => format!("the image is not at {registry}"),
        Class::Dns => format!("DNS cannot resolve {registry}"),
        Class::Tls => format!("the certificate of {registry} is not accepted"),
        Class::Timeout => format!("{registry} does not answer in time"),
        Class::Network => format!("{registry} cannot be reached"),
        Class::NoSpace => "the disk is full: layers cannot be stored".to_owned(),
        Class::KubeletThrottle => "the kubelet holds pulls back by its own limit".to_owned(),
        Class::StartFailure => {
            "containers cannot start, or end at once; their images are good".to_owned()
        }
        Class::SymptomOnly => {
            "pulls fail, but what was read does not say why: a limit, a login, a wrong name, the network or a full disk".to_owned()
        }
        Class::Other => {
            "pulls fail, in words of which it is not known here whether they mean a limit, a login, a wrong name or the network".to_owned()
        }
    }
}

fn who(culprit: &Suspect, others: usize) -> String {
    match others {
        0 => culprit.name.clone(),
        1 => format!("{} and one more", culprit.name),
        others => format!("{} and {others} more", culprit.name),
    }
}

fn fault(trigger: &Trigger) -> Option<&'static str> {
    Some(match trigger {
        Trigger::CrashLoop { .. } => "cannot run and asks for the image at each start",
        Trigger::WrongImage => "asks for an image that is not there, again and again",
        Trigger::WrongCredentials => "shows credentials that are refused, again and again",
        Trigger::CiBurst => "pulls on many fresh machines at once",
        Trigger::NoCredentials => "pulls without an account",
        Trigger::ManyPulls | Trigger::ManyPullers => return None,
    })
}
