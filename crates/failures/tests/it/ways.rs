//! What happens to a text on its way to us.

/// A way's name, and what becomes of a text.
pub(crate) type Way = (&'static str, fn(&str) -> String);

/// All ways.
pub(crate) const WAYS: [Way; 9] = [
    ("small letters", |text| text.to_ascii_lowercase()),
    ("capitals", |text| text.to_ascii_uppercase()),
    ("json", in_json),
    ("json in json", |text| in_json(&in_json(text))),
    ("colours", coloured),
    ("typography", typographic),
    ("wrapped inside words", |text| wrapped(text, 61)),
    ("folded between words", |text| folded(text, 80)),
    ("other names", renamed),
];

/// As a collector keeps it.
pub(crate) fn in_json(text: &str) -> String {
    serde_json::json!({ "message": text, "ingestionTime": 1_762_157_564_442_i64 }).to_string()
}

pub(crate) fn coloured(text: &str) -> String {
    let words = text
        .split(' ')
        .map(|word| format!("\u{1b}[31;1m{word}\u{1b}[0m"));
    words.collect::<Vec<_>>().join(" ")
}

pub(crate) fn typographic(text: &str) -> String {
    let mut is_open = false;
    let quote = |c: char| match c {
        '"' => {
            is_open = !is_open;
            if is_open { '“' } else { '”' }
        }
        '\'' => '’',
        '-' => '-',
        c => c,
    };
    text.chars()
        .map(quote)
        .collect::<String>()
        .replace(" - ", " – ")
}

/// Breaks the text after each `width` characters, also inside words.
pub(crate) fn wrapped(text: &str, width: usize) -> String {
    let chars: Vec<char> = text.replace('\n', " ").chars().collect();
    let lines: Vec<String> = chars
        .chunks(width)
        .map(|line| line.iter().collect())
        .collect();
    lines.join("\n")
}

/// Breaks the text between words, no line longer than `width` where that can be.
pub(crate) fn folded(text: &str, width: usize) -> String {
    let mut folded = String::new();
    let mut column = 0;
    for word in text.split_whitespace() {
        if column > 0 && column + word.len() >= width {
            folded.push('\n');
            column = 0;
        } else if column > 0 {
            folded.push(' ');
        }
        folded.push_str(word);
        column += word.len() + 1;
    }
    folded
}

/// Somebody else's accounts, images and nodes.
fn renamed(text: &str) -> String {
    const NAMES: [(&str, &str); 6] = [
        ("acme", "zeta-429"),
        ("nginx", "web-front"),
        ("metrics-agent", "n0tify"),
        ("search-indexer", "too-many"),
        ("123456789012", "429429429429"),
        ("scheduler", "hap-cron"),
    ];
    NAMES
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}
