//! Reads files and standard input to their ends, as evidence.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::gathering::Gathering;
use crate::source::{INPUT_NAME, STDIN, name_of, read_to_end};
use forebay_terminal::Failure;

/// Reads all that was named; standard input too, if it `reads_input`. The names of those that hold nothing.
///
/// # Errors
/// Which file cannot be read, and why.
pub(crate) fn read_all(
    files: &[PathBuf],
    reads_input: bool,
    gathering: &mut Gathering,
) -> Result<Vec<String>, Failure> {
    let input = reads_input.then_some(Path::new(STDIN));
    let mut empty = Vec::new();
    for path in input.into_iter().chain(files.iter().map(PathBuf::as_path)) {
        if read(path, gathering)? == 0 {
            empty.push(name_of(path));
        }
    }
    Ok(empty)
}

/// All of it is empty: no word that all is well, as a program before the pipe that failed leaves as little as one with nothing
/// to say.
pub(crate) fn nothing_read(files: &[PathBuf]) -> Failure {
    let mut names: Vec<String> = files.iter().map(|file| name_of(file)).collect();
    if names.is_empty() {
        names.push(INPUT_NAME.to_owned());
    }
    let has_input = names.iter().any(|name| name == INPUT_NAME);
    let verb = if names.len() == 1 { "was" } else { "were" };
    let names = names.join(", ");
    let failure = Failure::plain(format!(
        "nothing was read: {names} {verb} empty, so that nothing is known"
    ));
    if !has_input {
        return failure.with_hint(
            "look whether what should have written it has failed, or has begun another file",
        );
    }
    failure
        .with_hint(
            "either there is nothing to tell, or the command before the pipe has failed, which a pipe hides: run it alone, and look",
        )
        .with_hint(
            "kubectl says \"No resources found\" where a cluster has no events; it keeps them for an hour. Pods tell of failed \
             pulls for longer: forebay doctor --kube asks for both, and says when nobody answers",
        )
}

/// None of it can be read, which is no word that all is well.
pub(crate) fn nothing_understood(files: &[PathBuf], why: &str) -> Failure {
    let mut names: Vec<String> = files.iter().map(|file| name_of(file)).collect();
    if names.is_empty() {
        names.push(INPUT_NAME.to_owned());
    }
    let failure = Failure::plain(format!(
        "nothing is known: of {} nothing was understood: {why}",
        names.join(", ")
    ));
    failure
        .with_hint("what is packed has to be unpacked first: zcat, xzcat, zstdcat, journalctl --file")
        .with_hint("UTF-16 is read where it begins with its byte order mark, as what Windows' PowerShell writes with >: else write it with Out-File -Encoding utf8")
}

/// Whoever was asked for a cluster of ECS told of nothing in it, which is no word that all is well.
pub(crate) fn nothing_of_ecs(cluster: &str) -> Failure {
    let failure = Failure::plain(format!(
        "aws tells of no service, no task and no event of cluster {cluster}: nothing is known"
    ));
    failure
        .with_hint("look whether the name, the region and the account are right: aws ecs list-clusters, aws sts get-caller-identity; --region and --profile choose others")
        .with_hint("stopped tasks are told of for an hour: after that, give the events of the stack or service as a file")
}

/// Reads one to its end; how many bytes there were.
fn read(path: &Path, gathering: &mut Gathering) -> Result<u64, Failure> {
    gathering.begin(&name_of(path));
    let mut all = 0;
    read_to_end(path, &mut |part| {
        gathering.push(part);
        all += part.len() as u64;
        ControlFlow::Continue(())
    })?;
    Ok(all)
}
