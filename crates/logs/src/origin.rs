//! Who has said a line: by the name that syslog, journald or a tool has put before it.
//!
//! A container may write what a runtime writes, and both stand in one log: only what the platform says of workloads that are not
//! its own is believed. Where nobody is named, it is.

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

/// First words of `docker events`, which look like a host's name.
const KINDS: [&str; 2] = ["container", "image"];

/// Words before a line that name nobody: levels, and what a container's runtime calls its streams.
const NOBODY: [&str; 10] = [
    "debug", "error", "fatal", "info", "notice", "stderr", "stdout", "trace", "warn", "warning",
];

/// Days and months as a stamp has them.
const DATES: [&str; 19] = [
    "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "Jan", "Feb", "Mar", "Apr", "May", "Jun",
    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// What only the path of a container's output has, as kubelets, Docker and their collectors call it.
const OF_CONTAINERS: [&str; 4] = ["/containers/", "/pods/", ".containers.", "[pod/"];

/// How many hexadecimal digits the id of a task of ECS has.
const TASK_DIGITS: usize = 32;

/// The most bytes of a host's or a program's name.
pub(crate) const MAX_NAME_BYTES: usize = 255;

/// How far into a line its program's own words begin, in bytes.
const MAX_LEAD_BYTES: usize = 512;

/// Whom what stands before a line names.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin<'a> {
    pub(crate) host: Option<&'a str>,
    pub(crate) program: Option<&'a str>,
    /// A container said it, whatever it calls itself.
    pub(crate) is_of_container: bool,
}

impl<'a> Origin<'a> {
    /// `host dockerd[2445]: text`, and the text.
    pub(crate) fn split(rest: &'a str) -> Option<(Self, &'a str)> {
        let (host, rest) = rest.split_once(' ')?;
        let (name, text) = rest.split_once(": ")?;
        let program = speaker(name)?;
        let is_origin = !KINDS.contains(&host) && is_name(host);
        is_origin.then_some((Self::of(host, program), text))
    }

    /// `host dockerd 2445 - - text`, as RFC 5424 has it, and the text.
    pub(crate) fn split_structured(rest: &'a str) -> Option<(Self, &'a str)> {
        let mut parts = rest.splitn(5, ' ');
        let (host, program) = (parts.next()?, parts.next()?);
        let (_process, _kind, rest) = (parts.next()?, parts.next()?, parts.next()?);
        let text = match rest.strip_prefix('-') {
            Some(text) => text,
            None => rest.strip_prefix('[')?.split_once("] ")?.1,
        };
        (is_name(host) && is_name(program)).then_some((Self::of(host, program), text.trim_start()))
    }

    /// Whom the words name that stand before those of dockerd, containerd or a kubelet, behind whatever stamp.
    pub(crate) fn before(text: &'a str, is_stamped: bool) -> Self {
        let start = find_logfmt(text).or_else(|| find_klog(text)).unwrap_or(0);
        Self::of_lead(&text[..start], is_stamped)
    }

    fn of(host: &'a str, program: &'a str) -> Self {
        Self {
            host: Some(host),
            program: Some(program),
            is_of_container: is_of_containers(host),
        }
    }

    /// Takes the first that is named as syslog does, or in brackets; else the last of several names: `stern` writes the pod's and the
    /// container's. A single one is a machine's, or a stream's.
    fn of_lead(lead: &'a str, is_stamped: bool) -> Self {
        let mut words = lead.split_ascii_whitespace().peekable();
        let mut found = Self::default();
        let mut is_first = !is_stamped;
        while let Some(word) = words.next() {
            // Compose parts a container's name from its words by a bar.
            if is_of_containers(word) || word == "|" {
                found.is_of_container = true;
                return found;
            }
            let was_first = std::mem::take(&mut is_first);
            let inside = word.trim_matches(['[', ']', '(', ')', '{', '}']);
            if names_nobody(inside) {
                continue;
            }
            if let Some(name) = word.strip_suffix(':').and_then(speaker) {
                // What asks several machines begins each line by the machine's name.
                let is_host = was_first && words.peek().is_some_and(|next| next.ends_with(':'));
                if is_host {
                    found.host = Some(name);
                    continue;
                }
                found.program = Some(name);
                return found;
            }
            if inside.len() < word.len() {
                found.program = Some(inside);
                return found;
            }
            match found.host {
                None => found.host = Some(word),
                Some(_) => found.program = Some(word),
            }
        }
        found
    }
}

/// Whether a program, with its folder or as a unit, is one of the platform's.
pub(crate) fn is_platform(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or(program);
    PLATFORM.contains(&name.strip_suffix(".service").unwrap_or(name))
}

/// Whether a path, or the name of a stream of `CloudWatch`, is of a container's output: `prefix/container/task` is the one of ECS.
pub(crate) fn is_of_containers(name: &str) -> bool {
    let is_task =
        |id: &str| id.len() == TASK_DIGITS && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut parts = name.rsplit('/');
    let has_task = parts.next().is_some_and(is_task) && parts.count() > 1;
    has_task || OF_CONTAINERS.iter().any(|part| name.contains(part))
}

/// Where the words of a kubelet begin: `E1121 20:00:00.1  1234 pod_workers.go:1301] …`.
pub fn find_klog(text: &str) -> Option<usize> {
    let head = head(text);
    memchr::memmem::find(head, b".go:")?;
    let is_klog = |at: &usize| match &head[*at..] {
        [b'I' | b'W' | b'E' | b'F', a, b, c, d, b' ', rest @ ..] => {
            [a, b, c, d].iter().all(|digit| digit.is_ascii_digit()) && rest.get(2) == Some(&b':')
        }
        _ => false,
    };
    let mut starts =
        std::iter::once(0).chain(memchr::memchr2_iter(b' ', b':', head).map(|at| at + 1));
    starts.find(is_klog)
}

/// Where the pairs of dockerd or containerd begin.
fn find_logfmt(text: &str) -> Option<usize> {
    let head = head(text);
    let message = memchr::memmem::find(head, b"msg=")?;
    let keys: [&[u8]; 2] = [b"time=", b"level="];
    let before = |key: &[u8]| memchr::memmem::find(&head[..message], key);
    keys.iter()
        .filter_map(|key| before(key))
        .min()
        .or(Some(message))
}

fn head(text: &str) -> &[u8] {
    let bytes = text.as_bytes();
    &bytes[..bytes.len().min(MAX_LEAD_BYTES)]
}

/// The name in `dockerd[2445]`, `dockerd`.
fn speaker(origin: &str) -> Option<&str> {
    let program = origin.split('[').next().unwrap_or(origin);
    let is_whole = origin.len() == program.len() || origin.ends_with(']');
    (is_whole && is_name(program)).then_some(program)
}

fn is_name(name: &str) -> bool {
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    !name.is_empty() && name.len() <= MAX_NAME_BYTES && name.bytes().all(is_of_name)
}

/// Whether a word is a part of a stamp, a zone or a level.
fn names_nobody(word: &str) -> bool {
    let is_number = || !word.contains(|c: char| c.is_ascii_alphabetic());
    let is_time = || word.starts_with(|c: char| c.is_ascii_digit()) && word.contains([':', ',']);
    // `UTC`, `WARN`, and the `F` of a line that a container's runtime has not cut.
    let is_capital = || word.len() <= 5 && word.bytes().all(|byte| byte.is_ascii_uppercase());
    let word_alone = word.trim_end_matches(':');
    is_number()
        || is_time()
        || is_capital()
        || DATES.contains(&word)
        || NOBODY
            .iter()
            .any(|nobody| word_alone.eq_ignore_ascii_case(nobody))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_named_before_a_runtimes_words_has_said_them() {
        let (free, container) = ((None, false), (None, true));
        let of = |program| (Some(program), false);
        for (lead, expected) in [
            ("", free),
            ("Sat 2026-11-21 20:00:00 UTC node1 evil[9]: ", of("evil")),
            (
                "Sat 2026-11-21 20:00:00 UTC node1 evil: dockerd: ",
                of("evil"),
            ),
            ("[ 123.456789] node1 dockerd[9]: ", of("dockerd")),
            ("1795291200.123 node1 evil[9]: dockerd[1]: ", of("evil")),
            ("172.20.0.2: ", free),
            ("node1: kubelet: ", of("kubelet")),
            ("evil: ", of("evil")),
            ("i-0abc ", free),
            ("ecs/evil/0123456789abcdef0123456789abcdef ", container),
            ("/var/log/containers/evil.log:", container),
            ("evil-1  | ", container),
            ("[pod/evil-0/dockerd] ", container),
            ("evil-6d4cf56db6-abcde evil ", of("evil")),
            ("[evil-0] ", of("evil-0")),
            ("2026-11-21T20:00:00Z stderr F ", free),
            ("2026/11/21 20:00:00 [INFO] ", free),
            ("WARNING: ", free),
        ] {
            for words in [
                r#"time="2026" level=error msg="x""#,
                "level=error msg=x",
                r#"E1121 20:00:00.1    1234 pod_workers.go:1301] "x""#,
            ] {
                let text = format!("{lead}{words}");
                let found = Origin::before(&text, false);
                assert_eq!((found.program, found.is_of_container), expected, "{text}");
            }
        }
    }

    #[test]
    fn a_kubelets_words_are_found_behind_any_lead() {
        assert_eq!(find_klog("E1121 20:00:00.1 1 a.go:1] x"), Some(0));
        assert_eq!(find_klog("[a] E1121 20:00:00.1 1 a.go:1] x"), Some(4));
        assert_eq!(find_klog("E1121 of a.go:1] x"), None);
        assert_eq!(find_klog("panic in a.go:1"), None);
    }
}
