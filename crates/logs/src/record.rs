//! Lines of a log as journald and collectors keep them: in JSON, with who said them, where and when.
//!
//! Each collector has other names for these, and puts them at other depths: a member is known by the end of its path.

use serde_json::{Map, Value};

use crate::log_line::LogLine;
use crate::member;
use crate::origin::{is_of_containers, is_platform};
use crate::times::{parse_json, parse_unix_in};
use crate::{Context, Moment};

/// The members that hold what was said, the first that is there.
const SAID: [&str; 9] = [
    "log",
    "message",
    "msg",
    "MESSAGE",
    "line",
    "textPayload",
    "@message",
    "error",
    "stream",
];

/// The members that tell when.
const WHEN: [&str; 5] = ["time", "timestamp", "@timestamp", "ts", "date"];

/// What a member tells of who has said something.
enum Label {
    /// The program: what it calls itself, and what was seen to run.
    Program,
    /// The machine. A bare `host` is as often the one that a request was for.
    Machine,
    /// Only a container's record has it; of a node's, collectors name the node alone.
    Container,
    /// The file or the stream which a line was read from.
    Origin,
}

/// How the paths of such members end.
const LABELS: [(Label, &[&str]); 4] = [
    (
        Label::Program,
        &[
            "syslog_identifier",
            "ident",
            "app_name",
            "appname",
            "program",
            "programname",
            "process_name",
            "comm",
            "systemd_unit",
            "unit",
            "service",
        ],
    ),
    (Label::Machine, &["hostname", "host_name", "node_name"]),
    (
        Label::Container,
        &[
            "container_id",
            "container_id_full",
            "container_name",
            "pod_id",
            "pod_name",
            "pod_uid",
        ],
    ),
    (
        Label::Origin,
        &[
            "path",
            "file",
            "filename",
            "source",
            "logstream",
            "logstreamname",
        ],
    ),
];

/// What collectors call all that they know of a container, and Loki's labels its name.
const CONTAINERS: [&str; 3] = ["container", "docker", "pod"];

/// How deep members are looked for.
const MAX_DEPTH: usize = 4;

/// The longest name that is looked at, in bytes: what is longer is what was said.
const MAX_NAME_BYTES: usize = 512;

/// Who said something, and where.
#[derive(Debug, Default)]
struct Labels<'a> {
    host: Option<&'a str>,
    program: Option<&'a str>,
    is_of_container: bool,
}

/// The lines of a record: one, or all of a stream of Loki's.
pub fn lines_of_record<'a>(record: &'a Value, context: &Context) -> Vec<LogLine<'a>> {
    let streams = record
        .pointer("/data/result")
        .or_else(|| record.get("streams"))
        .and_then(Value::as_array);
    match streams {
        Some(streams) => streams
            .iter()
            .flat_map(|one| of_stream(one, context))
            .collect(),
        None if record.get("values").is_some() => of_stream(record, context),
        None => of_record(record, context).into_iter().collect(),
    }
}

/// `{"stream": {…}, "values": [["1768468198000000000", "text"], …]}`.
fn of_stream<'a>(stream: &'a Value, context: &Context) -> Vec<LogLine<'a>> {
    let origin = Labels::of(stream);
    let values = stream.get("values").and_then(Value::as_array);
    let told = values.into_iter().flatten().filter_map(|pair| {
        let at = pair.get(0).and_then(Value::as_str);
        let at = at.and_then(|at| parse_unix_in(at, 1_000_000));
        Some(origin.line(pair.get(1)?.as_str()?, at, context))
    });
    told.collect()
}

/// A record of one line; Google's has it inside of another.
fn of_record<'a>(record: &'a Value, context: &Context) -> Option<LogLine<'a>> {
    let inner = record.get("jsonPayload").unwrap_or(record);
    let text = SAID.iter().find_map(|key| member(inner, key))?;
    let of_journal = member(inner, "__REALTIME_TIMESTAMP").and_then(|at| parse_unix_in(at, 1_000));
    let named = || {
        let mut names = WHEN.iter();
        names.find_map(|key| parse_json(record.get(key)?, context))
    };
    Some(Labels::of(record).line(text, of_journal.or_else(named), context))
}

impl<'a> Labels<'a> {
    fn of(record: &'a Value) -> Self {
        let mut labels = Self::default();
        if let Some(members) = record.as_object() {
            labels.look(members, &mut String::new(), 0);
        }
        labels
    }

    fn look(&mut self, members: &'a Map<String, Value>, path: &mut String, depth: usize) {
        for (key, value) in members {
            let before = path.len();
            push_name(path, key);
            // A program's own record may name the container that it speaks of, but not in an object, nor as a label.
            let is_label = depth > 0 || value.as_object().is_some_and(|inner| !inner.is_empty());
            self.is_of_container |= is_label && CONTAINERS.contains(&key.as_str());
            match value {
                Value::Object(inner) if depth < MAX_DEPTH => self.look(inner, path, depth + 1),
                Value::String(text) if text.len() <= MAX_NAME_BYTES && !text.is_empty() => {
                    self.take(path, text);
                }
                _ => {}
            }
            path.truncate(before);
        }
    }

    fn take(&mut self, path: &str, text: &'a str) {
        let mut labels = LABELS.iter();
        let label = labels.find(|(_, names)| names.iter().any(|name| ends_with(path, name)));
        match label.map(|(label, _)| label) {
            Some(Label::Machine) => self.host = self.host.or(Some(text)),
            // Of several names that of a runtime: units start it by a shell, and journald sees what runs.
            Some(Label::Program) if self.program.is_none() || is_platform(text) => {
                self.program = Some(text);
            }
            Some(Label::Container) => self.is_of_container = true,
            Some(Label::Origin) => self.is_of_container |= is_of_containers(text),
            Some(Label::Program) | None => {}
        }
    }

    /// What was said, with what stands before it in the text itself.
    fn line(&self, text: &'a str, at: Option<Moment>, context: &Context) -> LogLine<'a> {
        let line = LogLine::parse(text, context);
        // An application's own record has its container's name there.
        let host = self.host.filter(|_| self.program.is_some());
        LogLine {
            at: line.at.or(at),
            host: line.host.or(host),
            program: self.program.or(line.program),
            is_of_container: line.is_of_container || self.is_of_container,
            ..line
        }
    }
}

/// Adds a member's name to a path: `_SYSTEMD_UNIT`, `systemd.unit` and `unit` inside of `systemd` are one.
fn push_name(path: &mut String, key: &str) {
    for c in std::iter::once('_').chain(key.chars()) {
        let c = match c {
            '.' | '-' | '_' => '_',
            c => c.to_ascii_lowercase(),
        };
        if c != '_' || !path.ends_with('_') {
            path.push(c);
        }
    }
}

/// Whether a path's last words are these.
fn ends_with(path: &str, name: &str) -> bool {
    let rest = path.strip_suffix(name);
    rest.is_some_and(|rest| rest.ends_with('_'))
}
