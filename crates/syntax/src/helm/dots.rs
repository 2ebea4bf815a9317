//! What the dot of a template stands for, line by line: `with` and `range` change it until their `end`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::actions::VALUES;

/// What may be open at once.
const MAX_OPEN: usize = 64;

/// The longest path of a value, in bytes: a variable may be set to a part of itself again and again.
const MAX_PATH_BYTES: usize = 1024;

/// What stands between the words of an action.
const BETWEEN: [char; 5] = [' ', '\t', '|', '(', ')'];

/// What is open at a line of a template.
#[derive(Clone, Default)]
pub struct Dots {
    /// What the dot is within each of them.
    open: Vec<Dot>,
    /// How many are open beyond those; what they stand for is not known.
    beyond: usize,
    /// Variables that are values, by their names with the dollar.
    variables: BTreeMap<String, String>,
}

/// What a dot stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Dot {
    /// What the template was given.
    #[default]
    Root,
    /// The value of this path; `a[]` for each of a list.
    Value(String),
    /// Something else.
    Unknown,
}

impl Dots {
    /// The line with the whole path of each value; what it opens and closes holds from there on.
    pub fn pass<'t>(&mut self, line: &'t str) -> Cow<'t, str> {
        if !line.contains("{{") {
            return Cow::Borrowed(line);
        }
        let mut out = String::with_capacity(line.len());
        let mut rest = line;
        while let Some((before, behind)) = rest.split_once("{{") {
            out.push_str(before);
            out.push_str("{{");
            let Some((action, after)) = behind.split_once("}}") else {
                out.push_str(behind);
                return Cow::Owned(out);
            };
            out.push_str(&self.whole(action));
            out.push_str("}}");
            self.take(action);
            rest = after;
        }
        out.push_str(rest);
        Cow::Owned(out)
    }

    /// The action with the whole path of each value.
    pub fn whole<'t>(&self, action: &'t str) -> Cow<'t, str> {
        if self.variables.is_empty() && !matches!(self.dot(), Dot::Value(_)) {
            return Cow::Borrowed(action);
        }
        let mut out = String::with_capacity(action.len());
        let mut is_quoted = false;
        for part in action.split_inclusive('"') {
            if is_quoted {
                out.push_str(part);
            } else {
                self.add_words(part, &mut out);
            }
            is_quoted = !is_quoted;
        }
        Cow::Owned(out)
    }

    fn add_words(&self, text: &str, out: &mut String) {
        for piece in text.split_inclusive(BETWEEN) {
            let word = piece.trim_end_matches(BETWEEN);
            match self.path(word).filter(|_| !word.contains(VALUES)) {
                Some(path) => {
                    out.push_str(VALUES);
                    out.push_str(&path);
                    out.push_str(&piece[word.len()..]);
                }
                None => out.push_str(piece),
            }
        }
    }

    fn dot(&self) -> Dot {
        if self.beyond > 0 {
            return Dot::Unknown;
        }
        self.open.last().cloned().unwrap_or_default()
    }

    /// The path of the value that a word is.
    fn path(&self, word: &str) -> Option<String> {
        let word = word.trim_matches('-');
        if let Some(path) = word.trim_start_matches('$').strip_prefix(VALUES) {
            return Some(path.to_owned());
        }
        let (start, rest) = match word.strip_prefix('$') {
            Some(rest) => {
                let end = rest.find('.').unwrap_or(rest.len());
                let name = &word[..=end];
                (self.variables.get(name)?.clone(), &rest[end..])
            }
            None => match self.dot() {
                Dot::Value(path) if word.starts_with('.') => (path, word),
                _ => return None,
            },
        };
        match rest.strip_prefix('.') {
            None | Some("") => Some(start),
            Some(inner) => {
                let is_key = inner.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
                let is_short = start.len() + inner.len() < MAX_PATH_BYTES;
                // Helm's own begin with a capital, and so does hardly a value.
                (is_key && is_short).then(|| format!("{start}.{inner}"))
            }
        }
    }

    /// What an action opens, closes or sets.
    fn take(&mut self, action: &str) {
        let action = action.trim_matches(['-', ' ', '\t']);
        let (word, about) = action.split_once(' ').unwrap_or((action, ""));
        match word {
            "if" => self.push(self.dot()),
            "with" => {
                let dot = self.assign(about, "");
                self.push(dot);
            }
            "range" => {
                let dot = self.assign(about, "[]");
                self.push(dot);
            }
            "define" | "block" => self.push(Dot::Root),
            "else" => {
                self.pop();
                let about = about.trim();
                let dot = match about.strip_prefix("with ") {
                    Some(about) => self.assign(about, ""),
                    None => self.dot(),
                };
                self.push(dot);
            }
            "end" => self.pop(),
            _ if word.starts_with('$') => {
                self.assign(action, "");
            }
            _ => {}
        }
    }

    /// What an expression is, as a dot; a variable that it is assigned to is the same from then on.
    fn assign(&mut self, text: &str, each: &str) -> Dot {
        let (names, value) = text
            .split_once(":=")
            .or_else(|| text.split_once('='))
            .map_or(("", text), |(names, value)| (names, value));
        let value = value.trim();
        let path = self.path(value).map(|path| format!("{path}{each}"));
        if let Some(name) = names.split(',').next_back().map(str::trim)
            && name.starts_with('$')
        {
            match &path {
                Some(path) if self.variables.len() < MAX_OPEN => {
                    self.variables.insert(name.to_owned(), path.clone());
                }
                _ => {
                    self.variables.remove(name);
                }
            }
        }
        match (path, value) {
            (Some(path), _) => Dot::Value(path),
            (None, "." | "$") => Dot::Root,
            (None, _) => Dot::Unknown,
        }
    }

    fn push(&mut self, dot: Dot) {
        if self.open.len() < MAX_OPEN {
            self.open.push(dot);
        } else {
            self.beyond += 1;
        }
    }

    fn pop(&mut self) {
        match self.beyond.checked_sub(1) {
            Some(beyond) => self.beyond = beyond,
            None => {
                self.open.pop();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_beyond_the_bound_close_their_own_and_no_path_grows_for_ever() {
        let mut dots = Dots::default();
        dots.pass("{{ with .Values.a }}{{ $x := . }}");
        for _ in 0..2 * MAX_OPEN {
            dots.pass("{{ if .on }}{{ $x = $x.more }}");
        }
        assert_eq!(dots.pass("{{ .tag }}"), "{{ .tag }}");
        for _ in 0..2 * MAX_OPEN {
            dots.pass("{{ end }}");
        }
        assert_eq!(dots.pass("{{ .tag }}"), "{{ .Values.a.tag }}");
        for _ in 0..MAX_PATH_BYTES {
            dots.pass("{{ $x = $x.more }}");
        }
        assert_eq!(dots.pass("{{ $x.tag }}").len(), "{{ $x.tag }}".len());
    }

    #[test]
    fn a_value_within_a_block_has_its_whole_path() {
        let mut dots = Dots::default();
        for (line, whole) in [
            ("{{- with .Values.a.image }}", "{{- with .Values.a.image }}"),
            (
                "x: {{ .tag | default \".x\" }}",
                "x: {{ .Values.a.image.tag | default \".x\" }}",
            ),
            (
                "{{ if .on }}{{ . }}{{ end }}",
                "{{ if .Values.a.image.on }}{{ .Values.a.image }}{{ end }}",
            ),
            (
                "{{ $.Values.b }}{{ .Chart.Name }}",
                "{{ $.Values.b }}{{ .Chart.Name }}",
            ),
            (
                "{{ else }}{{ .tag }}{{- end }}",
                "{{ else }}{{ .tag }}{{- end }}",
            ),
            ("{{ .tag }}", "{{ .tag }}"),
            (
                "{{ range $k, $v := .Values.list }}{{ $v.tag }}{{ .tag }}",
                "{{ range $k, $v := .Values.list }}{{ .Values.list[].tag }}{{ .Values.list[].tag }}",
            ),
            (
                "{{ with include \"x\" . }}{{ .a }}{{ end }}{{ .a }}",
                "{{ with include \"x\" .Values.list[] }}{{ .a }}{{ end }}{{ .Values.list[].a }}",
            ),
            ("{{ end }}{{ .tag }}", "{{ end }}{{ .tag }}"),
        ] {
            assert_eq!(dots.pass(line), whole);
        }
    }
}
