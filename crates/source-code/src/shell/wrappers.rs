//! Programs that run the command behind them, as data: `sudo`, `timeout`, `ssh`, `xargs` and their like.
//!
//! One that is not known here is passed over with all its words: they may be a text and no command.

use super::tools::{is_tool, program_of};

/// A program that runs the command behind it.
pub(super) struct Wrapper {
    pub(super) name: &'static str,
    /// Its options that take a value from the next word.
    values: &'static [&'static str],
    /// How many words stand before the command: the duration of `timeout`, the host of `ssh`.
    arguments: usize,
    pub(super) runs: Runs,
}

/// What a wrapper runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runs {
    /// The words behind it.
    Words,
    /// These, or a text that they are.
    Script,
    /// These, with more that it reads.
    Input,
    /// What begins with the first tool behind it: its own words are nobody's standard.
    Tool,
}

const fn wrapper(
    name: &'static str,
    values: &'static [&'static str],
    arguments: usize,
    runs: Runs,
) -> Wrapper {
    Wrapper {
        name,
        values,
        arguments,
        runs,
    }
}

const SUDO: &[&str] = &[
    "-u", "-g", "-h", "-p", "-C", "-D", "-R", "-T", "-U", "-r", "-t", "--user", "--group", "--host",
];
const SSH: &[&str] = &[
    "-p", "-i", "-l", "-o", "-F", "-J", "-L", "-R", "-D", "-W", "-b", "-c", "-e", "-m", "-E", "-S",
];
const XARGS: &[&str] = &[
    "-n",
    "-P",
    "-I",
    "-L",
    "-s",
    "-d",
    "-a",
    "-E",
    "--max-args",
    "--max-procs",
];

const WRAPPERS: [Wrapper; 24] = [
    wrapper("sudo", SUDO, 0, Runs::Words),
    wrapper("doas", &["-u", "-C"], 0, Runs::Words),
    wrapper("env", &["-u", "-C", "--unset", "--chdir"], 0, Runs::Words),
    wrapper("nice", &["-n"], 0, Runs::Words),
    wrapper("ionice", &["-c", "-n"], 0, Runs::Words),
    wrapper(
        "time",
        &["-f", "-o", "--format", "--output"],
        0,
        Runs::Words,
    ),
    wrapper(
        "timeout",
        &["-k", "-s", "--kill-after", "--signal"],
        1,
        Runs::Words,
    ),
    wrapper(
        "gtimeout",
        &["-k", "-s", "--kill-after", "--signal"],
        1,
        Runs::Words,
    ),
    wrapper("nohup", &[], 0, Runs::Words),
    wrapper("setsid", &[], 0, Runs::Words),
    wrapper("command", &[], 0, Runs::Words),
    wrapper("exec", &["-a"], 0, Runs::Words),
    wrapper("stdbuf", &["-i", "-o", "-e"], 0, Runs::Words),
    wrapper("chroot", &[], 1, Runs::Words),
    wrapper(
        "flock",
        &["-w", "-E", "--wait", "--timeout"],
        1,
        Runs::Words,
    ),
    wrapper("sshpass", &["-p", "-f"], 0, Runs::Words),
    wrapper("watch", &["-n", "--interval"], 0, Runs::Script),
    wrapper("eval", &[], 0, Runs::Script),
    wrapper("ssh", SSH, 1, Runs::Script),
    wrapper("xargs", XARGS, 0, Runs::Input),
    wrapper("run", &[], 0, Runs::Tool),
    wrapper("try", &[], 0, Runs::Tool),
    wrapper("repeat", &[], 0, Runs::Tool),
    wrapper("attempt", &[], 0, Runs::Tool),
];
/// A program with one of these words in its name: `retry.sh`, `with_retries`, `retry3`.
const RETRYING: Wrapper = wrapper("retry", &[], 0, Runs::Tool);
const RETRYING_WORDS: [&str; 4] = ["retry", "retries", "retrying", "retrier"];

/// How many words of a wrapper's own are passed over.
const MAX_OWN_WORDS: usize = 6;

/// The wrapper of this name.
pub(super) fn find_wrapper(program: &str) -> Option<&'static Wrapper> {
    let mut words = program.split(['-', '_', '.']);
    let is_retrying = words.any(|word| {
        let word = word.trim_end_matches(|c: char| c.is_ascii_digit());
        RETRYING_WORDS.contains(&word)
    });
    if is_retrying {
        return Some(&RETRYING);
    }
    WRAPPERS.iter().find(|wrapper| wrapper.name == program)
}

impl Wrapper {
    /// Where the command begins that it runs, if its own words begin at `at`.
    pub(super) fn find_command(&self, words: &[Option<String>], mut at: usize) -> Option<usize> {
        if self.runs == Runs::Tool {
            let own = words.iter().skip(at).take(MAX_OWN_WORDS);
            let mut names = own.map(|word| word.as_deref().map(program_of));
            let first = names.position(|name| {
                name.is_some_and(|name| is_tool(name) || find_wrapper(name).is_some())
            });
            return first.map(|first| at + first);
        }
        while let Some(option) = words.get(at)?.as_deref().filter(|word| is_option(word)) {
            at += 1 + usize::from(self.values.contains(&option));
            if option == "--" {
                break;
            }
        }
        at += self.arguments;
        let ends = words
            .get(at)
            .is_some_and(|word| word.as_deref() == Some("--"));
        Some(at + usize::from(ends))
    }
}

fn is_option(word: &str) -> bool {
    word.len() > 1 && word.starts_with('-')
}
