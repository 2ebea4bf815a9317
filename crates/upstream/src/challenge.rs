//! What a registry asks for in `WWW-Authenticate`.
//!
//! Pure. Sources: RFC 9110 §11.6.1; the distribution project's token specification. What cannot be read is skipped, for
//! one header may hold challenges of schemes that we do not know beside the one that we do.

/// The longest header value that is looked at, in bytes.
const MAX_VALUE_BYTES: usize = 8 * 1024;
/// The most challenges that are looked at in one answer.
const MAX_CHALLENGES: usize = 8;

/// A challenge that we can answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// Name and password, to the registry itself.
    Basic,
    /// A token that a token service gives out.
    Bearer {
        /// The token service's URL, as written.
        realm: String,
        /// What it calls the registry.
        service: Option<String>,
    },
}

/// One comma-separated element of the header.
enum Element<'a> {
    /// A scheme, and the parameter that follows it in the same element.
    Scheme(&'a str, Option<(&'a str, String)>),
    /// A further parameter of the scheme before it.
    Parameter(&'a str, String),
}

/// A challenge as it is put together.
#[derive(Default)]
struct Draft {
    scheme: String,
    realm: Option<String>,
    service: Option<String>,
}

/// The challenge to answer among all those of the answer's `WWW-Authenticate` headers: a token's before a password's.
pub(crate) fn choose<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Option<Challenge> {
    let mut challenges: Vec<Challenge> = values
        .into_iter()
        .filter_map(|value| str::from_utf8(value).ok())
        .filter(|value| value.len() <= MAX_VALUE_BYTES)
        .flat_map(parse)
        .take(MAX_CHALLENGES)
        .collect();
    let bearer = challenges
        .iter()
        .position(|challenge| matches!(challenge, Challenge::Bearer { .. }));
    (!challenges.is_empty()).then(|| challenges.swap_remove(bearer.unwrap_or(0)))
}

/// The challenges of one header value that we can answer.
fn parse(value: &str) -> Vec<Challenge> {
    let mut drafts: Vec<Draft> = Vec::new();
    for element in split_elements(value) {
        match read_element(element) {
            Some(Element::Scheme(scheme, parameter)) => {
                drafts.push(Draft {
                    scheme: scheme.to_ascii_lowercase(),
                    ..Draft::default()
                });
                if let (Some(draft), Some((name, value))) = (drafts.last_mut(), parameter) {
                    draft.take(name, value);
                }
            }
            Some(Element::Parameter(name, value)) => {
                if let Some(draft) = drafts.last_mut() {
                    draft.take(name, value);
                }
            }
            None => {}
        }
    }
    drafts.into_iter().filter_map(Draft::finish).collect()
}

impl Draft {
    /// Keeps a parameter; of a doubled one the first counts.
    fn take(&mut self, name: &str, value: String) {
        let slot = if name.eq_ignore_ascii_case("realm") {
            &mut self.realm
        } else if name.eq_ignore_ascii_case("service") {
            &mut self.service
        } else {
            return;
        };
        slot.get_or_insert(value);
    }

    fn finish(self) -> Option<Challenge> {
        match self.scheme.as_str() {
            "basic" => Some(Challenge::Basic),
            "bearer" => Some(Challenge::Bearer {
                realm: self.realm?,
                service: self.service,
            }),
            _ => None,
        }
    }
}

/// Splits at commas that stand outside quotes.
fn split_elements(value: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    let mut is_escaped = false;
    value
        .split(move |c| {
            let is_split = c == ',' && !is_quoted;
            if c == '"' && !is_escaped {
                is_quoted = !is_quoted;
            }
            is_escaped = is_quoted && c == '\\' && !is_escaped;
            is_split
        })
        .map(str::trim)
}

fn read_element(element: &str) -> Option<Element<'_>> {
    if let Some((name, value)) = read_parameter(element) {
        return Some(Element::Parameter(name, value));
    }
    let (scheme, rest) = element.split_once([' ', '\t']).unwrap_or((element, ""));
    is_token(scheme).then(|| Element::Scheme(scheme, read_parameter(rest.trim())))
}

/// Reads `name=value` or `name="value"`.
fn read_parameter(text: &str) -> Option<(&str, String)> {
    let (name, value) = text.split_once('=')?;
    let (name, value) = (name.trim_end(), value.trim_start());
    if !is_token(name) {
        return None;
    }
    match value.strip_prefix('"') {
        Some(quoted) => Some((name, unquote(quoted)?)),
        None => is_token(value).then(|| (name, value.to_owned())),
    }
}

/// What stands before the closing quote; nothing may follow it.
fn unquote(text: &str) -> Option<String> {
    let mut value = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            '"' => return characters.next().is_none().then_some(value),
            '\\' => value.push(characters.next()?),
            c => value.push(c),
        }
    }
    None
}

/// RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))
}

#[cfg(test)]
mod tests;
