//! A kubelet's log, in klog's form, with and without structured fields.
//!
//! A failed pull is told twice, first without its pod: only the telling that names the pod is the pull, where there is one.

use forebay_logs::{Fields, LogLine, find_klog, parse_klog, take_quoted};

use super::kube::{KubeEvent, image_in, owner_of};
use crate::Context;
use crate::event::{Event, Format, Place, What};

/// Why a pod could not be synced, by a part of the error. The first that fits holds.
const ERRORS: [(&str, What); 9] = [
    ("ImagePullBackOff", What::BackedOff),
    ("ErrImagePull", What::PullFailed),
    ("ImageInspectError", What::PullFailed),
    ("InvalidImageName", What::PullFailed),
    ("CrashLoopBackOff", What::Restarted),
    ("RunContainerError", What::StartFailed),
    ("CreateContainerError", What::StartFailed),
    ("CreateContainerConfigError", What::StartFailed),
    ("unmounted volumes", What::StartFailed),
];

/// Reads a line of klog; `None` if it is none, or tells of nothing.
pub(crate) fn read(line: &LogLine<'_>, context: &Context) -> Option<Event> {
    let (stamp, text) = line.text[find_klog(line.text)?..].split_once("] ")?;
    let mut words = stamp.split_ascii_whitespace();
    let (severity, time) = (words.next()?, words.next()?);
    let at = parse_klog(severity.get(1..)?, time, context).or(line.at);
    let event = match take_quoted(text) {
        Some((title, rest)) => structured(&title, &Fields::parse(rest)),
        None => plain(text),
    }?;
    let node = event
        .place
        .node
        .clone()
        .or_else(|| line.host.map(str::to_owned));
    let mut event = event.at(at);
    event.format = Format::Kubelet;
    event.place.node = node;
    Some(event)
}

fn structured(title: &str, fields: &Fields<'_>) -> Option<Event> {
    let pod = fields.find("pod").or_else(|| fields.find("object"));
    let (namespace, name) = pod.and_then(|pod| pod.split_once('/')).unzip();
    if title == "Event occurred" {
        let kind = fields.find("kind").unwrap_or("pod").to_ascii_lowercase();
        let message = fields.find("message").unwrap_or("");
        let kube = KubeEvent {
            reason: fields.find("reason")?,
            message,
            kind: &kind,
            name: name?,
            namespace,
            node: None,
        };
        return kube.read();
    }
    // Errors quote errors: their quotes are escaped once more.
    let error = fields.find("err").unwrap_or("").replace('\\', "");
    let what = match title {
        "PullImage from image service failed" => What::PullFailed,
        "Failed to pull image" => What::Told,
        "Probe failed" => What::HealthFailed,
        _ if title.starts_with("Error syncing pod") => cause(&error)?,
        _ if title.contains("PLEG")
            && fields
                .find("event")
                .is_some_and(|event| event.contains("ContainerDied")) =>
        {
            What::Died(None)
        }
        _ => return None,
    };
    let image = fields
        .find("image")
        .map(str::to_owned)
        .or_else(|| image_in(&error));
    Some(
        Event::new(what, Format::Kubelet)
            .of(image)
            .within(place(name, namespace))
            .saying(&error),
    )
}

/// `Error syncing pod UID ("web-0_default(UID)"), skipping: failed to "StartContainer" …`.
fn plain(text: &str) -> Option<Event> {
    let rest = text.strip_prefix("Error syncing pod ")?;
    let pod = rest.split_once("(\"")?.1.split_once('(')?.0;
    let (name, namespace) = pod.split_once('_')?;
    let error = rest.split_once("skipping: ")?.1.replace('\\', "");
    let what = cause(&error)?;
    let event = Event::new(what, Format::Kubelet)
        .of(image_in(&error))
        .within(place(Some(name), Some(namespace)));
    Some(event.saying(&error))
}

fn cause(error: &str) -> Option<What> {
    ERRORS
        .iter()
        .find(|(part, _)| error.contains(part))
        .map(|(_, what)| *what)
}

fn place(pod: Option<&str>, namespace: Option<&str>) -> Place {
    Place {
        owner: pod.map(|pod| owner_of("pod", pod)),
        namespace: namespace.map(str::to_owned),
        task: pod.map(str::to_owned),
        ..Place::default()
    }
}
