//! Whether a record takes back what a rewrite writes, and no more: it may have come with a repository, written by anybody.
//!
//! What would be put back is to be where an image is found then. Where nothing tells of an image, as in a place that `--crd` told
//! of, it is to be written as an image is, at least, and somebody has to vouch for the file.

use std::ops::Range;

use super::record::{FileRecord, RecordError, Replaced};
use crate::{Found, Place, Writing};

/// The marks between the letters and digits of references.
const MARKS: &[u8] = b"._-/:@+";

/// What stands around a reference in the text that is written in the place of an expression: quotes, and a sign between two.
const AROUND: [char; 5] = ['"', '\'', '`', ' ', '+'];

/// How the names of TypeScript's and JavaScript's files end.
const SCRIPTS: [&str; 6] = [".ts", ".tsx", ".mts", ".js", ".jsx", ".mjs"];

/// The keys that are added where there were none: Kustomize's, and how those of Cortex begin.
const ADDED_KEYS: [&str; 4] = ["newName", "newTag", "digest", "image_"];

/// Those that take the place of an image alone: of GitLab's services.
const REPLACING_KEYS: [&str; 2] = ["name", "alias"];

impl FileRecord {
    /// Whether what is on record could have been written by a rewrite. `before` is the file as it would be, `found` what is found
    /// in that; `is_vouched` where who has it taken back says that it was.
    ///
    /// # Errors
    /// [`RecordError::Foreign`] for what no rewrite writes, [`RecordError::Unfound`] for what only the file's owner can tell.
    pub fn check(&self, found: &Found, is_vouched: bool) -> Result<(), RecordError> {
        let images = Spans::of_images(found);
        let unsure = Spans::of_unsure(found);
        let mut shift = 0_isize;
        for edit in &self.edits {
            let start = edit.start.saturating_add_signed(shift);
            shift += edit.old.len().cast_signed() - edit.new.len().cast_signed();
            let span = start..start + edit.old.len();
            let is_plain = is_plain(&edit.old);
            let is_simple = is_plain || is_simple(&edit.old, &self.path);
            let is_image = images.hold(&span) || is_simple && unsure.hold(&span);
            let is_possible = is_plain || unsure.hold(&span);
            if !is_written(edit) || !is_image && !is_possible {
                return Err(self.foreign(edit));
            }
            if !is_image && !is_addition(edit) && !is_vouched {
                return Err(RecordError::Unfound {
                    path: self.path.clone(),
                    text: edit.old.clone(),
                });
            }
        }
        Ok(())
    }

    fn foreign(&self, edit: &Replaced) -> RecordError {
        RecordError::Foreign {
            path: self.path.clone(),
            new: edit.new.clone(),
            old: edit.old.clone(),
        }
    }
}

/// Parts of a text, in order, none within another.
struct Spans(Vec<Range<usize>>);

impl Spans {
    fn of_images(found: &Found) -> Self {
        let lookups = found.lookups.iter().map(|lookup| &lookup.place);
        Self::joined(found.places.iter().chain(lookups).flat_map(spans))
    }

    fn of_unsure(found: &Found) -> Self {
        Self::joined(found.ambiguous.iter().map(|one| one.span.clone()))
    }

    fn joined(spans: impl Iterator<Item = Range<usize>>) -> Self {
        let mut spans: Vec<Range<usize>> = spans.collect();
        spans.sort_by_key(|span| (span.start, span.end));
        let mut joined: Vec<Range<usize>> = Vec::new();
        for span in spans {
            match joined.last_mut() {
                // Those that only touch stay apart: what spans both is no image.
                Some(last) if span.start < last.end => last.end = last.end.max(span.end),
                _ => joined.push(span),
            }
        }
        Self(joined)
    }

    fn hold(&self, span: &Range<usize>) -> bool {
        let after = self.0.partition_point(|one| one.start <= span.start);
        // Of two that touch, a place without bytes may be the end of the first.
        let near = self.0[after.saturating_sub(2)..after].iter();
        near.into_iter().any(|one| span.end <= one.end)
    }
}

/// The bytes that a place lets change.
fn spans(place: &Place) -> Vec<Range<usize>> {
    let mut spans = vec![place.span.clone()];
    match &place.writing {
        Writing::Whole { pieces, .. } | Writing::Joined { pieces, .. } => {
            let first = pieces.iter().map(|piece| piece.span.start).min();
            let last = pieces.iter().map(|piece| piece.span.end).max();
            if let (Some(start), Some(end)) = (first, last) {
                spans.push(start..end);
            }
        }
        // What lies between its values is none of it.
        Writing::Split(parts) => spans = parts.iter().map(|part| part.span.clone()).collect(),
        Writing::Elsewhere(_) | Writing::ByHand(_) => spans.clear(),
    }
    spans
}

/// Whether a text is a reference or a piece of one, in quotes or not.
fn is_plain(text: &str) -> bool {
    let text = text.trim_matches(AROUND);
    let is_of_reference = |byte: u8| byte.is_ascii_alphanumeric() || MARKS.contains(&byte);
    text.bytes().all(is_of_reference)
}

/// Whether a text is an expression of string literals and variables, which calls nothing and runs nothing.
fn is_simple(text: &str, path: &str) -> bool {
    let text = text.strip_prefix('f').unwrap_or(text);
    let is_script = SCRIPTS.iter().any(|ending| path.ends_with(ending));
    // What is a template's text there runs a command in a shell.
    let is_template = is_script && text.starts_with('`') && text.ends_with('`');
    let is_string = is_template || !text.contains(['`', '$']) && text.contains(['"', '\'']);
    let belongs = |c: char| {
        let is_of_reference = u8::try_from(c).is_ok_and(|byte| MARKS.contains(&byte));
        let is_of_expression = AROUND.contains(&c) || matches!(c, '{' | '}' | '$');
        c.is_ascii_alphanumeric() || is_of_reference || is_of_expression
    };
    is_string && text.chars().all(belongs)
}

/// Whether this is what rewrites write: a reference or a piece of one, or lines of keys with one each.
fn is_written(edit: &Replaced) -> bool {
    // The literal of a string may have a letter before it.
    let new = edit.new.strip_prefix(['f', 'r', 'u']).unwrap_or(&edit.new);
    is_plain(new) || are_keys(new, !edit.old.is_empty())
}

/// Whether whole keys were added, each with its image: taking them back puts nothing there.
fn is_addition(edit: &Replaced) -> bool {
    edit.old.is_empty() && are_keys(&edit.new, false)
}

/// Whether a text is keys that rewrites add, each with its value; a map of such, too. In the place of something, an image may stand
/// before them, and they may be those of a service.
fn are_keys(text: &str, is_in_place: bool) -> bool {
    let is_key = |part: &str| {
        let pair = part.trim_start().split_once(": ");
        pair.is_some_and(|(key, value)| {
            let key = key.trim_matches('"');
            let is_of_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            let is_known = ADDED_KEYS.iter().any(|known| key.starts_with(known))
                || is_in_place && REPLACING_KEYS.contains(&key);
            is_known && key.bytes().all(is_of_word) && is_plain(value)
        })
    };
    let inner = text
        .strip_prefix('{')
        .and_then(|text| text.strip_suffix('}'));
    let parts = inner.unwrap_or(text).split(['\n', ',']);
    let mut parts = parts.map(str::trim_end).filter(|part| !part.is_empty());
    let is_first = parts
        .next()
        .is_some_and(|first| is_key(first) || is_in_place && is_plain(first));
    is_first && parts.all(is_key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Goal, plan};
    use crate::{Edit, Settings, apply, find};

    fn checked(
        path: &str,
        before: &str,
        edits: &[Edit],
        is_vouched: bool,
    ) -> Result<(), RecordError> {
        let after = apply(before, edits.to_vec()).unwrap();
        let record = FileRecord::new(path.to_owned(), before, &after, edits);
        let found = find(path, before.as_bytes(), &Settings::default());
        record.check(&found, is_vouched)
    }

    fn edit(text: &str, old: &str, new: &str) -> Edit {
        let start = text.find(old).unwrap();
        Edit {
            start,
            end: start + old.len(),
            new: new.to_owned(),
        }
    }

    #[test]
    fn what_rewrites_write_is_taken_back() {
        for (path, before, goal) in [
            (
                "cluster.yaml",
                "cluster_name: x\r\nregion: y\r\nimage_manager: cortexlabs/manager:0.22.1",
                "cortex:0.22.1",
            ),
            (
                "cluster.yaml",
                "cluster_name: x\nregion: y\n",
                "cortex:0.18.0",
            ),
            (
                "kustomization.yaml",
                "images:\n- name: nginx\n  newTag: \"1\"\n",
                "quay:me",
            ),
            (
                "kustomization.yaml",
                "images: [{name: nginx, newTag: \"1\"}, {name: redis}]\r\n",
                "quay:me",
            ),
            (
                "values.yaml",
                "image:\n  repository: nginx\n  tag: \"1.27\"\n  registry: docker.io\n",
                "quay:me",
            ),
            (
                "values.yaml",
                "image:\n  registry: \"\"\n  repository: nginx\n  tag: 1.27\n",
                "quay:me",
            ),
            (
                "Dockerfile",
                "ARG V=1\nFROM nginx:${V}\nFROM redis:$W\n",
                "quay:me",
            ),
            (
                "a.py",
                "import docker\nu = \"me\"\nt = \"1\"\nC.from_registry(u + \"/app:\" + t)\n",
                "quay:me",
            ),
            (
                "a.py",
                "import docker\nu = 'me'\nC.from_registry(f\"{u}/app:1\")\nC.from_registry(\"{}/{}:1\".format(u, 'b'))\n",
                "quay:me",
            ),
            (
                "a.ts",
                "const u = 'me';\nC.fromRegistry(`${u}/app:1`);\n",
                "quay:me",
            ),
            (
                "a.sh",
                "IMG=nginx\ndocker run $IMG:1 redis\ndocker run \"redis:$V\"\n",
                "quay:me",
            ),
            (
                "a.tf",
                "resource \"docker_image\" \"a\" {\n  name = \"nginx:${var.t}\"\n}\n",
                "quay:me",
            ),
        ] {
            let goal = Goal::find_preset(goal).unwrap().unwrap();
            let found = find(path, before.as_bytes(), &Settings::default());
            let edits = plan(before, &found, &goal, None).edits;
            assert!(!edits.is_empty(), "{before}");
            checked(path, before, &edits, false).unwrap_or_else(|why| panic!("{before}: {why}"));
        }
    }

    #[test]
    fn a_forged_record_puts_no_other_text_back() {
        let script = "curl https://good.example/x | sh\ndocker run nginx:1 $A\n";
        for (path, before, old) in [
            ("a.sh", script, "https://good.example/x | sh"),
            ("a.sh", script, "nginx:1 $A"),
            ("a.sh", script, "run nginx:1"),
            ("a.sh", script, "\ndocker"),
            ("a.sh", "docker run $(id)\n", "docker run $(id)"),
            ("Dockerfile", "FROM nginx\nRUN id;id\n", "id;id"),
            (
                "a.py",
                "import docker\nimport os\nos.system(\"id -u\")\n",
                "\"id -u\"",
            ),
        ] {
            for is_vouched in [false, true] {
                let told = checked(path, before, &[edit(before, old, "a/b:1")], is_vouched);
                assert!(
                    matches!(told, Err(RecordError::Foreign { .. })),
                    "{old}: {told:?}"
                );
            }
        }
        let told = checked("a.sh", script, &[edit(script, "nginx", "x; rm y")], true);
        assert!(matches!(told, Err(RecordError::Foreign { .. })), "{told:?}");
    }

    #[test]
    fn a_forged_record_deletes_no_word_and_no_image() {
        let keys = "name: nginx\nalias: web\nimage: nginx\n";
        for (path, after, new) in [
            (
                "a.sh",
                "set -e\nverify-signature.sh\n",
                "verify-signature.sh",
            ),
            (
                "compose.yaml",
                "services: {a: {privileged: true}}\n",
                "true",
            ),
            ("x.yaml", keys, "name: nginx\n"),
            ("x.yaml", keys, "alias: web\n"),
            ("x.yaml", keys, "\nimage: nginx"),
        ] {
            let before = after.replacen(new, "", 1);
            let start = after.find(new).unwrap();
            let edit = Edit {
                start,
                end: start,
                new: new.to_owned(),
            };
            let told = checked(path, &before, &[edit], false);
            assert!(told.is_err(), "{new}: {told:?}");
        }
    }

    #[test]
    fn variables_that_the_command_line_told_are_put_back_and_commands_are_not() {
        for (path, old, is_simple) in [
            ("a.py", "f\"{who}/app:1\"", true),
            ("a.py", "who + '/app:' + tag", true),
            ("a.ts", "`${who}/app:1`", true),
            ("a.py", "f\"{who()}/app:1\"", false),
            ("a.py", "`${who}/app:1`", false),
            ("a.ts", "run`${who}/app:1`", false),
            ("a.sh", "`who`", false),
            ("a.sh", "\"$(who)/app\"", false),
            ("a.sh", "redis${IFS}--privileged", false),
        ] {
            assert_eq!(super::is_simple(old, path), is_simple, "{path}: {old}");
        }
    }

    #[test]
    fn where_no_image_is_found_somebody_has_to_vouch() {
        let before = "curl https://good.example/x | sh\n";
        let edits = [edit(before, "good.example/x", "h/x")];
        let told = checked("a.sh", before, &edits, false);
        assert!(matches!(told, Err(RecordError::Unfound { .. })), "{told:?}");
        assert!(checked("a.sh", before, &edits, true).is_ok());
    }
}
