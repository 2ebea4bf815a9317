//! Secrets in files: read once, small, one line, and not for everybody's eyes.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::error::{ConfigProblem, Wrong};
use super::secret::Secret;
use super::section::Setting;

/// The longest secret, in bytes.
const MAX_SECRET_BYTES: u64 = 64 << 10;

/// The bit that lets every account of the machine read a file.
const WORLD_READABLE: u32 = 0o004;

/// The secret of a key `x` or its `x_file`, whichever was written.
pub(super) fn choose_secret(
    key: &str,
    inline: &Setting<Option<Secret>>,
    file: &Setting<Option<PathBuf>>,
) -> Result<Option<Secret>, ConfigProblem> {
    match (&inline.value, &file.value) {
        (None, None) => Ok(None),
        (Some(secret), None) => Ok(Some(secret.clone())),
        (None, Some(path)) => match read_secret(path) {
            Ok(secret) => Ok(Some(secret)),
            Err(wrong) => Err(wrong.of(&format!("`{key}_file`: {}", path.display()), &file.origin)),
        },
        (Some(_), Some(_)) => {
            let what = format!(
                "`{key}` and `{key}_file` are both written ({} and {})",
                inline.origin, file.origin
            );
            Err(ConfigProblem::new(&file.origin, what).hint("leave one of them out"))
        }
    }
}

fn read_secret(path: &Path) -> Result<Secret, Wrong> {
    let text = read_private(path, MAX_SECRET_BYTES)?;
    one_line(&text).map(Secret::new)
}

/// The text of a file of at most `max_bytes` that is not for everybody's eyes.
pub(super) fn read_private(path: &Path, max_bytes: u64) -> Result<String, Wrong> {
    let told = |error: std::io::Error| Wrong::unread(&error);
    // Asked before opening, for opening a pipe would wait for its writer.
    if !std::fs::metadata(path).map_err(told)?.is_file() {
        return Err(Wrong::new("is no file"));
    }
    let file = File::open(path).map_err(told)?;
    // Of the open file, not of the path: what is checked is what is read.
    let metadata = file.metadata().map_err(told)?;
    if metadata.permissions().mode() & WORLD_READABLE != 0 {
        return Err(Wrong::new("can be read by everybody on this machine")
            .hint(format!("chmod 600 {}", path.display()))
            .hint(
                "mounted by Kubernetes: defaultMode: 0440 and a fsGroup; by Compose: on the host, chown 65532 and chmod 400",
            ));
    }
    let mut bytes = Vec::new();
    file.take(max_bytes + 1)
        .read_to_end(&mut bytes)
        .map_err(told)?;
    if bytes.len() as u64 > max_bytes {
        return Err(Wrong::new(format!("is longer than {max_bytes} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| Wrong::new("is not UTF-8"))
}

/// The text without the one line end that editors add.
fn one_line(text: &str) -> Result<&str, Wrong> {
    let line = text.strip_suffix('\n').unwrap_or(text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err(Wrong::new("is empty"));
    }
    if line.chars().any(char::is_control) {
        return Err(Wrong::new("holds more than one line").hint("one secret, one line, one file"));
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_end_is_dropped_and_nothing_else() {
        assert_eq!(one_line("s3cret\n").ok(), Some("s3cret"));
        assert_eq!(one_line("s3cret\r\n").ok(), Some("s3cret"));
        assert_eq!(one_line(" s3cret ").ok(), Some(" s3cret "));
        for text in ["", "\n", "one\ntwo\n", "s3cret\n\n", "s3\0cret"] {
            assert!(one_line(text).is_err(), "{text:?}");
        }
    }
}
