//! The cause in one sentence.
//!
//! Who, what, and what the registry makes of it.

use forebay_evidence::{Class, Event, Evidence, Format, What};

use super::cause::Trigger;
use super::culprit::{Parted, Suspect};
use super::pull_through::{PullThrough, RIGHTS};
use super::unready;

/// The sentence.
pub(crate) fn summary(
    class: Class,
    registry: Option<&str>,
    trigger: Option<&Trigger>,
    parted: &Parted,
) -> String {
    let mut what = what(class, registry.unwrap_or("the registry"));
    if class == Class::StartFailure && parted.culprits.iter().all(|one| one.failed == 0) {
        what += "; their images are good";
    }
    let Some(culprit) = parted.culprits.first() else {
        return match trigger {
            Some(Trigger::ManyPullers) => format!("{what}; many pull there, and nobody stands out"),
            _ => what,
        };
    };
    let others = parted.culprits.len() - 1 + parted.more_culprits;
    let who = who(culprit, others);
    let is_of_pulls = class.is_limit() && class != Class::LoginLockout;
    if is_of_pulls && trigger == Some(&Trigger::ManyPulls) {
        let verb = if others == 0 { "pulls" } else { "pull" };
        return format!("{what}; of those that were seen, {who} {verb} most");
    }
    match trigger.and_then(|trigger| fault(trigger, others == 0)) {
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

/// The sentence where no line even says that a pull has failed.
pub(crate) fn of_waiting(evidence: &Evidence) -> String {
    let mut waiting = waiting_events(evidence);
    // Of pods Kubernetes says what they wait for before anything is pulled.
    let first = waiting.next().filter(|event| is_of_volume(event));
    if let Some(first) = first
        && waiting.all(is_of_volume)
    {
        let owner = first.place.owner.as_ref();
        let name = owner.map_or_else(|| "a pod".to_owned(), ToString::to_string);
        return format!("{name} waits for its volume: nothing is pulled before it is there");
    }
    let symptoms: Vec<&Event> = waiting_events(evidence).collect();
    if symptoms.iter().all(|event| unready::is_probe(event))
        && let Some(summary) = unready::summary(&symptoms)
    {
        return summary;
    }
    "it does not come up, but what was read does not say why: a pull that fails, a container that ends, a health check, or no room for it".to_owned()
}

fn waiting_events(evidence: &Evidence) -> impl Iterator<Item = &Event> {
    evidence.events.iter().filter(|event| {
        let failure = event.failure.as_ref();
        failure.is_some_and(|failure| failure.class == Class::SymptomOnly)
    })
}

fn is_of_volume(event: &Event) -> bool {
    event.what == What::Waits
        && event.format == Format::KubeEvents
        && event.message.to_ascii_lowercase().contains("volume")
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
        Class::Tls => format!("no TLS comes about with {registry}"),
        Class::Timeout => format!("{registry} does not answer in time"),
        Class::Network => format!("{registry} cannot be reached"),
        Class::NoSpace => "the disk is full: layers cannot be stored".to_owned(),
        Class::KubeletThrottle => "the kubelet holds pulls back by its own limit".to_owned(),
        Class::StartFailure => {
            "containers cannot start, or end at once".to_owned()
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

/// What is wrong with one, or with several.
fn fault(trigger: &Trigger, is_one: bool) -> Option<&'static str> {
    Some(match (trigger, is_one) {
        (Trigger::CrashLoop { .. }, _) => "cannot run, and each new start asks for the image",
        (Trigger::WrongImage, true) => "asks for an image that is not there, again and again",
        (Trigger::WrongImage, false) => "ask for images that are not there, again and again",
        (Trigger::WrongCredentials, true) => {
            "asks without credentials or with wrong ones, again and again"
        }
        (Trigger::WrongCredentials, false) => {
            "ask without credentials or with wrong ones, again and again"
        }
        (Trigger::CiBurst, true) => "pulls on many fresh machines at once",
        (Trigger::CiBurst, false) => "pull on many fresh machines at once",
        (Trigger::NoCredentials, true) => "pulls without an account",
        (Trigger::NoCredentials, false) => "pull without an account",
        (Trigger::ManyPulls | Trigger::ManyPullers, _) => return None,
    })
}
