//! Text that means nothing to a reader of Markdown: no markup, no HTML, no link, no mention.
//!
//! A backslash keeps markup from being read; but GitHub and GitLab look for addresses, names and numbers once more in what
//! was read. Words with any are put into spans of code, where nobody looks.

use super::markdown::longest_run;

/// Characters that would begin markup, or a character's name in HTML.
const MARKUP: [char; 12] = ['\\', '`', '*', '_', '[', ']', '<', '>', '|', '#', '~', '&'];

/// Beginnings of what is made a link, wherever they stand in a word, in lower case.
const LINKS: [&str; 4] = ["://", "www.", "mailto:", "xmpp:"];

/// A text that goes on in a line.
pub(super) fn inert(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let mut out = String::with_capacity(word.len());
        write_word(word, &mut out);
        out
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A text that begins a paragraph or a point: what would begin a list or a heading there, does not.
pub(super) fn begin_inert(text: &str) -> String {
    let text = text.trim_start();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let is_number = digits > 0 && text[digits..].starts_with(['.', ')']);
    let before = if is_number { digits } else { 0 };
    let is_mark = is_number || text.starts_with(['-', '+', '=']);
    let word = text.split(char::is_whitespace).next().unwrap_or("");
    if is_mark && !is_looked_for(word) {
        return format!("{}\\{}", &text[..before], inert(&text[before..]));
    }
    inert(text)
}

fn write_word(word: &str, out: &mut String) {
    let core = word.trim_end_matches(|c: char| ".,;:!?)".contains(c));
    let (core, rest) = word.split_at(core.len());
    let rest = if is_looked_for(core) {
        write_span(core, out);
        rest
    } else {
        word
    };
    for c in rest.chars() {
        if MARKUP.contains(&c) {
            out.push('\\');
        }
        out.push(c);
    }
}

/// A span of code; a bar would end a table's cell even there.
fn write_span(word: &str, out: &mut String) {
    let word = word.replace('|', "\u{a6}");
    let fence = "`".repeat(longest_run(&word, '`') + 1);
    let is_at_edge = word.starts_with('`') || word.ends_with('`');
    let gap = if is_at_edge { " " } else { "" };
    out.extend([&*fence, gap, &*word, gap, &*fence]);
}

/// Whether somebody may make a link or a mention of a word.
fn is_looked_for(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    LINKS.iter().any(|link| lower.contains(link)) || is_mention(word) || is_issue(&lower)
}

/// `@name`, `name@example.com`; not `image@sha256:…`, which nobody takes for a name.
fn is_mention(word: &str) -> bool {
    word.match_indices('@').any(|(at, _)| {
        let (before, behind) = (&word[..at], &word[at + 1..]);
        let is_named = behind.starts_with(|c: char| c.is_alphanumeric());
        let is_alone = !before.ends_with(|c: char| c.is_ascii_alphanumeric());
        let host = behind.split(|c: char| !(c.is_alphanumeric() || ".-_".contains(c)));
        let is_host = host
            .into_iter()
            .next()
            .is_some_and(|host| host.trim_end_matches('.').contains('.'));
        is_named && (is_alone || is_host)
    })
}

/// `#123`, `GH-123`, `!123`, as GitHub and GitLab number what they keep.
fn is_issue(lower: &str) -> bool {
    ["#", "gh-", "!"].iter().any(|mark| {
        lower
            .match_indices(mark)
            .any(|(at, _)| lower[at + mark.len()..].starts_with(|c: char| c.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_quoted_becomes_markup() {
        let table = [
            ("plain words", "plain words"),
            ("a*b_c", "a\\*b\\_c"),
            ("<img src=x>", "\\<img src=x\\>"),
            ("&lt;b&gt;", "\\&lt;b\\&gt;"),
            ("[a](b)", "\\[a\\](b)"),
            ("a|b", "a\\|b"),
            ("acme/web:2@sha256:0a1b", "acme/web:2@sha256:0a1b"),
            ("a   b", "a   b"),
        ];
        for (text, expected) in table {
            assert_eq!(inert(text), expected, "{text}");
        }
    }

    #[test]
    fn what_others_would_make_links_and_mentions_of_is_code() {
        for word in [
            "https://evil.example/a|b",
            "(see",
            "WWW.evil.example",
            "@everyone",
            "(@acme/team)",
            "root@evil.example",
            "#42",
            "acme/web#42",
            "GH-42",
            "!42",
            "<https://evil.example>",
            "`@everyone`",
            "``@everyone",
        ] {
            let told = inert(word);
            let is_span = told.starts_with('`') && told.trim_end_matches(')').ends_with('`');
            assert_eq!(is_span, word != "(see", "{told}");
            assert!(!told.contains('|'), "{told}");
        }
        assert_eq!(inert("``@a"), "``` ``@a ```");
        assert_eq!(inert("a @b c"), "a `@b` c");
        assert_eq!(
            inert("at https://a.example/b, and"),
            "at `https://a.example/b`, and"
        );
    }

    #[test]
    fn what_begins_a_line_begins_no_list_and_no_heading() {
        let table = [
            ("- a", "\\- a"),
            ("+ a", "\\+ a"),
            ("=== a", "\\=== a"),
            ("1. a", "1\\. a"),
            ("12) a", "12\\) a"),
            ("# a", "\\# a"),
            ("> a", "\\> a"),
            ("100 pulls", "100 pulls"),
        ];
        for (text, expected) in table {
            assert_eq!(begin_inert(text), expected, "{text}");
        }
    }
}
