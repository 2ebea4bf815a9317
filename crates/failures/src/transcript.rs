//! Short texts that are a conversation: somebody's command, or a program's request, and what was answered.
//!
//! Each command has its own answer.

use std::ops::Range;

use crate::message::decode;
use crate::prefix::split;
use crate::quoted::is_quoted;

/// A text of up to so many lines may be one message though none of its lines tells of anything.
const MAX_LINES: usize = 12;

/// The longest prompt before a command, in bytes: user, host and directory.
const MAX_PROMPT_BYTES: usize = 80;

/// The commands and requests of a short text, each with what follows it up to the next command.
pub(crate) fn conversations(text: &[u8]) -> Vec<Range<usize>> {
    if text.split(|byte| *byte == b'\n').count() > MAX_LINES {
        return Vec::new();
    }
    let mut parts: Vec<Range<usize>> = Vec::new();
    let mut has_command = false;
    let mut at = 0;
    for line in text.split(|byte| *byte == b'\n') {
        let range = at..at + line.len();
        at = range.end + 1;
        let begins = is_command(&decode(line)) && !is_quoted(text, &range);
        match parts.last_mut() {
            // What a shell traces may stand below what it was answered.
            Some(part) if !(begins && has_command) => part.end = range.end,
            _ => parts.push(range),
        }
        has_command |= begins;
    }
    parts.retain(|part| is_conversation(&text[part.clone()]));
    parts
}

/// Whether a line is a shell's prompt with a command, or a command that a shell traces.
pub(crate) fn is_command(line: &str) -> bool {
    let prompted = line.split_once("$ ").or_else(|| line.split_once("# "));
    let command = match prompted {
        // Two hashes and more are a title's.
        Some((prompt, command)) if prompt.len() <= MAX_PROMPT_BYTES && !prompt.ends_with('#') => {
            command
        }
        _ => line.strip_prefix("+ ").unwrap_or_default(),
    };
    command.starts_with(|c: char| c.is_ascii_alphabetic())
}

fn is_conversation(text: &[u8]) -> bool {
    let text = decode(text);
    text.contains('\n')
        && text
            .lines()
            .any(|line| is_command(line) || is_request(line))
}

/// Whether a line names a request of HTTP, or of a pull as the oldest clients write it.
fn is_request(line: &str) -> bool {
    const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
    let (_, says) = split(line);
    let is_pull = says.trim_start().starts_with("Pulling repository ");
    let mut words = says.split_whitespace();
    let has_method = words.any(|word| METHODS.contains(&word));
    is_pull || has_method && words.any(|word| word.trim_start_matches('"').starts_with("http"))
}
