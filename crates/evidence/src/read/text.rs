//! A line of any log: each reader in turn, the classifier last.
//!
//! The readers know structure; what a failed pull's message means is the classifier's to say.

use forebay_logs::LogLine;

use super::ci::Ci;
use super::{docker_events, dockerd, ecs, image_sizes, kubelet};
use crate::event::{Event, Lines, Place, What};
use crate::gathered::{Setting, SettingKind};
use crate::{Context, Evidence};

/// The option that sends the registry's login along with a Swarm service.
const REGISTRY_AUTH: &str = "--with-registry-auth";

/// What is said of lines that are no witness.
pub const HEARSAY: &str = "not counted for the workloads that they name: lines that look like a container runtime's or a kubelet's and were written by another program, as any container can";

/// What the line says.
pub(crate) fn read(
    line: &LogLine<'_>,
    lines: Lines,
    context: &Context,
    ci: &mut Ci,
    out: &mut Evidence,
) -> Option<Event> {
    let is_of_platform = line.is_of_platform();
    if is_of_platform && let Some(system) = ci.notice(line) {
        out.note_ci(system);
    }
    if line.text.contains(REGISTRY_AUTH) {
        out.set(registry_auth(line.text, lines));
    }
    image_sizes::read_pulled(line.text, lines, out);
    let known = dockerd::read(line, context)
        .or_else(|| kubelet::read(line, context))
        .or_else(|| docker_events::read_text(line))
        .or_else(|| ecs::read_message(line.text, line.at));
    if !is_of_platform && let Some(known) = &known {
        note_hearsay(lines, out);
        // A limit is one whoever meets it; that something died or did not start, nobody else can say.
        if !matches!(known.what, What::PullFailed | What::Told | What::BackedOff) {
            return None;
        }
    }
    let mut event = known
        .filter(|_| is_of_platform)
        .or_else(|| ci.read(line))
        .unwrap_or_else(|| ecs::note_reason(ci.failed(What::Unread, line)));
    event.is_hearsay = !is_of_platform;
    Some(event)
}

/// Tells of such lines, once.
fn note_hearsay(lines: Lines, out: &mut Evidence) {
    if !out.notes.iter().any(|note| note.text == HEARSAY) {
        out.note(lines, HEARSAY);
    }
}

/// `docker stack deploy --with-registry-auth -c stack.yml web`: the stack is named last.
fn registry_auth(text: &str, lines: Lines) -> Setting {
    let is_deploy = text.contains("stack deploy");
    let stack = text
        .split_ascii_whitespace()
        .next_back()
        .filter(|word| is_deploy && !word.starts_with('-'));
    let place = Place {
        cluster: stack.map(str::to_owned),
        ..Place::default()
    };
    Setting {
        place,
        image: None,
        kind: SettingKind::RegistryAuthSent,
        lines,
    }
}
