//! What stands before a log's text: syslog's and journald's prefix, a stamp of its own, a CI job's name.
//!
//! Taken off from the left, each once; what remains is the program's own text.

use serde_json::Value;

use super::kube_json::text as member;
use super::times::{parse_iso, parse_syslog};
use crate::{Context, Moment};

/// First words of `docker events`, which look like a host's name.
const KINDS: [&str; 2] = ["container", "image"];

/// Who tells of workloads that are not its own, by the names under which logs keep them: container runtimes, and what starts
/// containers. Anybody else may write what looks the same, and a container's output stands in the same log.
const PLATFORM: [&str; 27] = [
    "balena-engine-daemon",
    "balenad",
    "containerd",
    "cri-dockerd",
    "docker",
    "docker-containerd",
    "docker.dockerd",
    "dockerd",
    "dockerd-current",
    "dockerd-rootless.sh",
    "ecs-agent",
    // A unit that starts its program by `/usr/bin/env`, as Flatcar's do.
    "env",
    "host-containerd",
    "hyperkube",
    "k0s",
    "k3s",
    "k8s.containerd",
    "k8s.kubelet",
    "kube-controller-manager",
    "kubelet",
    "kubelite",
    "microk8s.daemon-containerd",
    "microk8s.daemon-kubelite",
    "rke2",
    "snap.docker.dockerd",
    "snap.microk8s.daemon-containerd",
    "snap.microk8s.daemon-kubelite",
];

/// What only a container's record has: runtimes that write to the journal and collectors name it so.
const OF_CONTAINER: [&str; 5] = [
    "CONTAINER_ID",
    "CONTAINER_ID_FULL",
    "CONTAINER_NAME",
    "container_id",
    "container_name",
];

/// What collectors call a pod's own part of what they add; of a node's records they name the node alone.
const OF_POD: [&str; 5] = ["pod", "pod_name", "pod_id", "container", "container_name"];

/// The most bytes of a host's or a program's name.
const MAX_NAME_BYTES: usize = 255;

/// A line without what stood before it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct LogLine<'a> {
    pub(crate) at: Option<Moment>,
    pub(crate) host: Option<&'a str>,
    pub(crate) program: Option<&'a str>,
    /// A container said it, whatever it calls itself.
    pub(crate) is_of_container: bool,
    /// The CI job, as `gh run view --log` names it.
    pub(crate) job: Option<&'a str>,
    /// The step of it, which is named there as well.
    pub(crate) step: Option<&'a str>,
    pub(crate) text: &'a str,
}

impl<'a> LogLine<'a> {
    /// Takes off what stands before the text.
    pub(crate) fn parse(line: &'a str, context: &Context) -> Self {
        let mut parsed = Self {
            text: line.trim_end(),
            ..Self::default()
        };
        if let Some((job, step, text)) = split_job(parsed.text) {
            (parsed.job, parsed.step, parsed.text) = (Some(job), Some(step), text);
        }
        let Some((at, rest)) = take_stamp(parsed.text, context) else {
            return parsed;
        };
        (parsed.at, parsed.text) = (Some(at), rest);
        if let Some((host, program, text)) = take_origin(rest) {
            (parsed.host, parsed.program, parsed.text) = (Some(host), Some(program), text);
        }
        parsed
    }

    /// A record of `journalctl -o json`.
    pub(crate) fn of_journal(record: &'a Value) -> Option<Self> {
        let microseconds: i64 = member(record, "__REALTIME_TIMESTAMP")?.parse().ok()?;
        let called = member(record, "SYSLOG_IDENTIFIER");
        // What journald itself has seen run, where the name that was given is nobody's.
        let seen = member(record, "_COMM");
        let program = called.filter(|name| is_platform(name)).or(seen).or(called);
        Some(Self {
            at: Some(Moment::from_unix_ms(microseconds / 1_000)),
            host: member(record, "_HOSTNAME"),
            program,
            is_of_container: is_of_container(record),
            job: None,
            step: None,
            text: member(record, "MESSAGE")?,
        })
    }

    /// Whether what it says of workloads can be taken for true: nobody else is named who has said it.
    pub(crate) fn is_of_platform(&self) -> bool {
        // A job of CI is no log of a machine: what looks like a program there is the beginning of a sentence.
        let is_free = self.job.is_some() || self.program.is_none_or(is_platform);
        is_free && !self.is_of_container
    }
}

/// Whether a program, with its folder or as a unit, is one of the platform's.
fn is_platform(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or(program);
    PLATFORM.contains(&name.strip_suffix(".service").unwrap_or(name))
}

/// When a line of syslog's, or one that begins with RFC 3339's time, was written; of a line, its beginning is enough.
pub fn find_stamp(line: &str, context: &Context) -> Option<Moment> {
    take_stamp(line, context).map(|(at, _)| at)
}

/// Whether a record is of a container's output.
pub(crate) fn is_of_container(record: &Value) -> bool {
    let of_pod = |added: &Value| OF_POD.iter().any(|key| added.get(key).is_some());
    OF_CONTAINER.iter().any(|key| record.get(key).is_some())
        || record.get("kubernetes").is_some_and(of_pod)
}

/// `build (18)\tRun tests\t2026-01-15T10:00:00.0000000Z text`.
fn split_job(line: &str) -> Option<(&str, &str, &str)> {
    let mut parts = line.splitn(3, '\t');
    let (job, step, text) = (parts.next()?, parts.next()?, parts.next()?);
    let is_stamped = text
        .trim_start_matches('\u{feff}')
        .as_bytes()
        .first()
        .is_some_and(u8::is_ascii_digit);
    (is_stamped && !job.is_empty() && job.len() <= MAX_NAME_BYTES)
        .then(|| (job, step, text.trim_start_matches('\u{feff}')))
}

fn take_stamp<'a>(line: &'a str, context: &Context) -> Option<(Moment, &'a str)> {
    if line.as_bytes().first()?.is_ascii_digit() {
        let (stamp, rest) = line.split_once(' ')?;
        return Some((parse_iso(stamp, context)?, rest));
    }
    // The day is padded with a space.
    let (month, rest) = line.split_at_checked(3)?;
    let rest = rest.strip_prefix(' ')?.trim_start();
    let (day, rest) = rest.split_once(' ')?;
    let (time, rest) = rest.split_once(' ')?;
    Some((parse_syslog(month, day, time, context)?, rest))
}

/// `host dockerd[2445]: text`.
fn take_origin(rest: &str) -> Option<(&str, &str, &str)> {
    let (host, rest) = rest.split_once(' ')?;
    let (origin, text) = rest.split_once(": ")?;
    let program = origin.split('[').next().unwrap_or(origin);
    let is_name = |name: &str| {
        !name.is_empty()
            && name.len() <= MAX_NAME_BYTES
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte))
    };
    let is_origin = origin.len() == program.len() || origin.ends_with(']');
    (is_origin && !KINDS.contains(&host) && is_name(host) && is_name(program))
        .then_some((host, program, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> Context {
        Context {
            now: Moment::from_unix_ms(1_770_000_000_000),
            utc_offset_seconds: 0,
        }
    }

    #[test]
    fn each_prefix_is_taken_off_once() {
        let context = context();
        let table = [
            (
                "Jan 15 10:09:58 app03 dockerd[2445]: time=x",
                Some("app03"),
                "time=x",
            ),
            (
                "Jan  5 10:09:58.123456 app03 kernel: oom",
                Some("app03"),
                "oom",
            ),
            (
                "2026-01-15T10:09:58+0100 app03 dockerd[1]: a: b",
                Some("app03"),
                "a: b",
            ),
            (
                "2026-01-15T10:09:58.1Z container die abc (x=1)",
                None,
                "container die abc (x=1)",
            ),
            ("plain text", None, "plain text"),
        ];
        for (line, host, text) in table {
            let parsed = LogLine::parse(line, &context);
            assert_eq!((parsed.host, parsed.text), (host, text), "{line}");
        }
        let parsed = LogLine::parse("build (18)\tRun x\t2026-01-15T10:09:58.1Z text", &context);
        assert_eq!((parsed.job, parsed.text), (Some("build (18)"), "text"));
        assert!(parsed.at.is_some());
    }
}
