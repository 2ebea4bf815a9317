//! Signs that are escaped, as in a URL that is a parameter of another: `%3A`, and where that is escaped again `%253A`.

/// How often a sign is escaped at most.
const MAX_DEPTH: usize = 3;

/// Behind the percent sign, in hexadecimal.
const CODE_BYTES: usize = 2;

/// The length of a sign at the front, which may be escaped, and how often it is.
pub(super) fn sign_at(text: &str, sign: char) -> Option<(usize, usize)> {
    if text.starts_with(sign) {
        return Some((sign.len_utf8(), 0));
    }
    let mut start = text.strip_prefix('%')?;
    let mut depth = 1;
    while let Some(inner) = start.strip_prefix("25").filter(|_| depth < MAX_DEPTH) {
        start = inner;
        depth += 1;
    }
    let is_sign = code_at(start).is_some_and(|code| char::from(code) == sign);
    is_sign.then_some((text.len() - start.len() + CODE_BYTES, depth))
}

/// Where `find` finds something in a text whose signs are escaped so often, as a place in the text as it stands.
pub(super) fn find_within(
    text: &str,
    depth: usize,
    find: impl Fn(&str) -> Option<usize>,
) -> Option<usize> {
    if depth == 0 {
        return find(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut starts = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let (c, length) = escaped_at(&text[at..], depth).unwrap_or((c, c.len_utf8()));
        starts.extend(std::iter::repeat_n(at, c.len_utf8()));
        plain.push(c);
        at += length;
    }
    starts.get(find(&plain)?).copied()
}

/// The sign that is escaped so often, and the length of its escape; one that is escaped less often is, too.
fn escaped_at(text: &str, depth: usize) -> Option<(char, usize)> {
    let mut start = text.strip_prefix('%')?;
    for _ in 1..depth {
        start = start.strip_prefix("25").unwrap_or(start);
    }
    let code = code_at(start)?;
    let length = text.len() - start.len() + CODE_BYTES;
    code.is_ascii().then_some((char::from(code), length))
}

fn code_at(text: &str) -> Option<u8> {
    u8::from_str_radix(text.get(..CODE_BYTES)?, 16).ok()
}
