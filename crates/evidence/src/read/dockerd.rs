//! dockerd's and containerd's logs, line by line.
//!
//! A Swarm node's log names the service: it is where the culprit stands when `docker service ps` shows only symptoms.

use forebay_logs::{Fields, LogLine, parse_iso, quoted_after, word_after};

use super::kube::{image_in, owner_of};
use crate::Context;
use crate::event::{Event, Format, Owner, OwnerKind, Place, What};

/// What a message of dockerd means, by a part of it. The first that fits holds.
const DOCKERD: [(&str, What); 11] = [
    ("pulling image failed", What::PullFailed),
    ("/images/create returned error", What::PullFailed),
    ("underweighting node", What::Restarted),
    ("Trying to pull ", What::PullAttempted),
    // These are said once more when the pull has failed for good.
    ("Attempting next endpoint for pull after error", What::Told),
    ("Not continuing with pull after error", What::Told),
    ("Error trying v2 registry", What::Told),
    ("Health check for container", What::HealthFailed),
    ("/start returned error", What::StartFailed),
    ("Failed to start container", What::StartFailed),
    ("failed to start container", What::StartFailed),
];

/// What a message of containerd means.
const CONTAINERD: [(&str, What); 8] = [
    ("returns image reference", What::PullSucceeded),
    ("StartContainer for ", What::StartFailed),
    ("CreateContainer within sandbox", What::StartFailed),
    ("RunPodSandbox for ", What::StartFailed),
    ("trying next host", What::Told),
    ("TaskOOM event", What::Died(Some(137))),
    ("TaskExit event", What::Died(None)),
    ("received exit event", What::Died(None)),
];

/// Reads a line of logfmt; `None` if it is none, or tells of nothing.
pub(crate) fn read(line: &LogLine<'_>, context: &Context) -> Option<Event> {
    if !line.text.contains("msg=") {
        return None;
    }
    let fields = Fields::parse(line.text);
    let message = fields.find("msg")?;
    let is_containerd = line
        .program
        .is_some_and(|program| program.contains("containerd"))
        || message.starts_with("PullImage")
        || message.contains("PodSandbox")
        || message.starts_with("StartContainer");
    let (what, format) = if is_containerd {
        (containerd(message, &fields)?, Format::Containerd)
    } else {
        (dockerd(message, &fields)?, Format::Dockerd)
    };
    let error = fields.find("error").or_else(|| fields.find("err"));
    let told = error.map_or_else(|| message.to_owned(), |error| format!("{message}: {error}"));
    let image = image_of(message, error, &fields);
    let at = fields
        .find("time")
        .and_then(|time| parse_iso(time, context))
        .or(line.at);
    let count = word_after(message, "it experienced ").and_then(|count| count.parse().ok());
    Some(
        Event::new(what, format)
            .at(at)
            .of(image)
            .within(place(message, &fields, line))
            .saying(&told)
            .times(count.unwrap_or(1)),
    )
}

/// What ended a task, as the error of an agent says it.
pub(crate) fn death(error: &str) -> What {
    if let Some(code) = word_after(error, "non-zero exit (") {
        return What::Died(code.trim_end_matches(':').parse().ok());
    }
    let is_of_pull = error.contains("No such image")
        || error.contains("toomanyrequests")
        || error.contains("pull access denied");
    if is_of_pull {
        What::PullFailed
    } else {
        What::StartFailed
    }
}

fn dockerd(message: &str, fields: &Fields<'_>) -> Option<What> {
    if message.contains("fatal task error") {
        return Some(death(fields.find("error").or_else(|| fields.find("err"))?));
    }
    find(&DOCKERD, message)
}

fn containerd(message: &str, fields: &Fields<'_>) -> Option<What> {
    let has_failed = message.contains("failed") || fields.find("error").is_some();
    match find(&CONTAINERD, message) {
        // Without a failure these tell of success.
        Some(What::StartFailed) if !has_failed => None,
        Some(what) => Some(what),
        None if message.starts_with("PullImage") && has_failed => Some(What::PullFailed),
        None => message
            .starts_with("PullImage")
            .then_some(What::PullAttempted),
    }
}

fn find(table: &[(&str, What)], message: &str) -> Option<What> {
    table
        .iter()
        .find(|(part, _)| message.contains(part))
        .map(|(_, what)| *what)
}

fn image_of(message: &str, error: Option<&str>, fields: &Fields<'_>) -> Option<String> {
    let named = fields
        .find("image")
        .filter(|image| !image.contains(' '))
        .map(str::to_owned);
    named
        .or_else(|| quoted_after(message, "PullImage ").map(std::borrow::Cow::into_owned))
        .or_else(|| word_after(message, "Trying to pull ").map(str::to_owned))
        .or_else(|| error.and_then(image_in))
        .or_else(|| image_in(message))
}

fn place(message: &str, fields: &Fields<'_>, line: &LogLine<'_>) -> Place {
    let own = |key: &str| fields.find(key).map(str::to_owned);
    let service = own("service.name")
        .or_else(|| own("service.id"))
        .or_else(|| word_after(message, "for service ").map(str::to_owned));
    // containerd names the pod: `&PodSandboxMetadata{Name:web-0,Uid:…,Namespace:default,Attempt:0,}`.
    let pod = word_after(message, "PodSandboxMetadata{Name:").map(str::to_owned);
    let owner = match (service, &pod) {
        (Some(service), _) => Some(Owner::new(OwnerKind::SwarmService, service)),
        (None, Some(pod)) => Some(owner_of("pod", pod)),
        (None, None) => None,
    };
    Place {
        owner,
        namespace: word_after(message, "Namespace:")
            .filter(|_| pod.is_some())
            .map(str::to_owned),
        task: own("task.id").or(pod),
        container: own("container"),
        node: line.host.map(str::to_owned).or_else(|| own("node.id")),
        cluster: None,
    }
}
