//! The allowed image that was probably meant: the one that the fewest slips of a finger lead to from what was asked for.
//!
//! Pure. An entry with wildcards is made concrete with the parts of the asked name that stand in their places, so that what is
//! named can be pulled.

use forebay_oci::RepositoryName;

/// The most entries that one entry with alternatives (`{a,b}`) is taken for.
const MAX_ALTERNATIVES: usize = 64;

/// In how many parts shares of a whole are counted.
const WHOLE: usize = 1000;

/// Where Docker Hub has the images whose names have one part.
const OFFICIAL: &str = "library/";

/// What one place of a pattern takes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// This character.
    Exactly(char),
    /// One character: `?`, `[a-z]`.
    One(Class),
    /// Characters of one path part: `*`.
    Part,
    /// Whole path parts, each with its slash, or none: `**/`.
    Parts,
    /// Everything: `**`.
    All,
}

/// Characters by their ranges; none are all.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Class {
    ranges: Vec<(char, char)>,
    is_negated: bool,
}

/// How a place of the asked name came to be what the pattern takes.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// One of its characters was dropped.
    Drop,
    /// One of its characters became this one, or was it.
    Put(char),
    /// This character came in between.
    Add(char),
    /// It stands where the wildcard does, as what came before it may.
    Take,
    /// All from here on stands where the wildcard does.
    Span(usize),
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    cost: usize,
    step: Step,
}

/// The cheapest ways from each beginning of the asked name to each beginning of the pattern.
struct Fit {
    asked: Vec<char>,
    rows: Vec<Vec<Cell>>,
}

/// The name nearest to `asked` that `is_allowed`, found by way of the `entries` of the allow-list; an entry as it stands where
/// no name can be made of it, and `None` if there are none.
pub(crate) fn find_nearest<'a>(
    entries: impl IntoIterator<Item = &'a str>,
    asked: &RepositoryName,
    is_allowed: impl Fn(&str) -> bool,
) -> Option<String> {
    let spellings = spellings(asked.as_str());
    // By how much of what an entry spells out had to be mended: `library/*` is not near to all that has two parts.
    let mut best: Option<(usize, String)> = None;
    for entry in entries {
        for pattern in alternatives(entry) {
            let tokens = tokens(&pattern);
            let length = tokens
                .iter()
                .filter(|token| token.is_spelt_out())
                .count()
                .max(1);
            for spelling in &spellings {
                let nearest = best.as_ref().map(|(share, _)| *share);
                let limit = nearest.map_or(usize::MAX, |share| (share * length).div_ceil(WHOLE));
                if let Some(fit) = Fit::find(&tokens, spelling, limit) {
                    let name = Some(fit.text()).filter(|name| is_name(name) && is_allowed(name));
                    let name = name.unwrap_or_else(|| entry.to_owned());
                    best = Some((fit.cost() * WHOLE / length, name));
                }
            }
        }
    }
    best.map(|(_, name)| name)
}

/// The ways in which the name may have been meant: a client that spares itself `library/` means it.
fn spellings(asked: &str) -> Vec<String> {
    let mut spellings = vec![asked.to_owned()];
    if !asked.contains('/') {
        spellings.push(format!("{OFFICIAL}{asked}"));
    }
    spellings
}

fn is_name(text: &str) -> bool {
    text.parse::<RepositoryName>().is_ok()
}

/// The pattern once for each of its alternatives.
fn alternatives(pattern: &str) -> Vec<String> {
    let mut open = vec![pattern.to_owned()];
    let mut plain = Vec::new();
    while let Some(pattern) = open.pop() {
        match split_alternatives(&pattern) {
            Some(mut patterns) if open.len() + plain.len() + patterns.len() <= MAX_ALTERNATIVES => {
                // The first is taken first.
                patterns.reverse();
                open.append(&mut patterns);
            }
            _ => plain.push(pattern),
        }
    }
    plain
}

fn split_alternatives(pattern: &str) -> Option<Vec<String>> {
    let (before, rest) = pattern.split_once('{')?;
    let (mut depth, mut from, mut choices) = (0, 0, Vec::new());
    for (at, c) in rest.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                choices.push(&rest[from..at]);
                from = at + 1;
                if c == '}' {
                    let whole = |choice: &&str| format!("{before}{choice}{}", &rest[from..]);
                    return Some(choices.iter().map(whole).collect());
                }
            }
            _ => {}
        }
    }
    None
}

fn tokens(pattern: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let is_part_begun = !matches!(
            tokens.last(),
            None | Some(Token::Exactly('/') | Token::Parts)
        );
        let (token, length) = match c {
            '*' if rest.starts_with("**/") && !is_part_begun => (Token::Parts, 3),
            '*' if rest == "**" && !is_part_begun => (Token::All, 2),
            '*' => (Token::Part, 1),
            '?' => (Token::One(Class::any()), 1),
            '[' => match Class::read(&rest[1..]) {
                Some((class, length)) => (Token::One(class), length + 1),
                None => (Token::Exactly(c), 1),
            },
            c => (Token::Exactly(c), c.len_utf8()),
        };
        tokens.push(token);
        rest = &rest[length..];
    }
    tokens
}

impl Token {
    fn is_spelt_out(&self) -> bool {
        matches!(self, Self::Exactly(_))
    }
}

// === impl Class ===

impl Class {
    fn any() -> Self {
        Self {
            ranges: Vec::new(),
            is_negated: true,
        }
    }

    /// Reads what follows the opening bracket; with the length of what was read, in bytes.
    fn read(text: &str) -> Option<(Self, usize)> {
        let is_negated = text.starts_with(['!', '^']);
        let begin = usize::from(is_negated);
        // A bracket that comes first is one of the characters.
        let end = begin + 1 + text.get(begin + 1..)?.find(']')?;
        let inside: Vec<char> = text[begin..end].chars().collect();
        let mut ranges = Vec::new();
        let mut rest = inside.as_slice();
        while let Some((&first, after)) = rest.split_first() {
            let (last, after) = match after {
                ['-', last, after @ ..] => (*last, after),
                _ => (first, after),
            };
            ranges.push((first, last));
            rest = after;
        }
        Some((Self { ranges, is_negated }, end + 1))
    }

    fn takes(&self, c: char) -> bool {
        let is_in = self
            .ranges
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&c));
        c != '/' && is_in != self.is_negated
    }
}

// === impl Fit ===

impl Fit {
    /// The cheapest fit of `asked` to the pattern; `None` if it costs `limit` or more.
    fn find(tokens: &[Token], asked: &str, limit: usize) -> Option<Self> {
        let asked: Vec<char> = asked.chars().collect();
        let cell = |cost| Cell {
            cost,
            step: Step::Drop,
        };
        let mut rows = vec![(0..=asked.len()).map(cell).collect::<Vec<_>>()];
        for token in tokens {
            let row = next_row(token, rows.last()?, &asked);
            // Costs never fall from row to row.
            if row.iter().all(|cell| cell.cost >= limit) {
                return None;
            }
            rows.push(row);
        }
        let fit = Self { asked, rows };
        (fit.cost() < limit).then_some(fit)
    }

    fn cost(&self) -> usize {
        let last = self.rows.last().and_then(|row| row.last());
        last.map_or(usize::MAX, |cell| cell.cost)
    }

    /// What the asked name became, read from its end.
    fn text(&self) -> String {
        let (mut row, mut at) = (self.rows.len() - 1, self.asked.len());
        let mut reversed = Vec::new();
        while row > 0 || at > 0 {
            match self.rows[row][at].step {
                Step::Drop => at -= 1,
                Step::Put(c) => {
                    reversed.push(c);
                    row -= 1;
                    at -= 1;
                }
                Step::Add(c) => {
                    reversed.push(c);
                    row -= 1;
                }
                Step::Take => {
                    at -= 1;
                    reversed.push(self.asked[at]);
                }
                Step::Span(from) => {
                    reversed.extend(self.asked[from..at].iter().rev());
                    row -= 1;
                    at = from;
                }
            }
        }
        reversed.iter().rev().collect()
    }
}

/// The row of the pattern's next token, from the row before it.
fn next_row(token: &Token, before: &[Cell], asked: &[char]) -> Vec<Cell> {
    let mut row: Vec<Cell> = Vec::with_capacity(before.len());
    // Where a wildcard best begins.
    let mut from = 0;
    for at in 0..before.len() {
        let previous = at.checked_sub(1).map(|before| asked[before]);
        if before[at].cost < before[from].cost {
            from = at;
        }
        let mut cell = fit_token(token, before, (from, at), previous);
        if *token == Token::Part
            && let Some(last) = row.last()
            && previous != Some('/')
            && last.cost <= cell.cost
        {
            cell = Cell {
                cost: last.cost,
                step: Step::Take,
            };
        }
        if let Some(dropped) = row.last().map(|last| last.cost.saturating_add(1))
            && dropped < cell.cost
        {
            cell = Cell {
                cost: dropped,
                step: Step::Drop,
            };
        }
        row.push(cell);
    }
    row
}

/// The cheapest way to end this token after `at` characters, the last of which is `previous`.
fn fit_token(
    token: &Token,
    before: &[Cell],
    (from, at): (usize, usize),
    previous: Option<char>,
) -> Cell {
    let nothing = Cell {
        cost: usize::MAX,
        step: Step::Drop,
    };
    let span = |from: usize| Cell {
        cost: before[from].cost,
        step: Step::Span(from),
    };
    let put = |c: char, is_right: bool| match at.checked_sub(1) {
        Some(last) => Cell {
            cost: before[last].cost.saturating_add(usize::from(!is_right)),
            step: Step::Put(c),
        },
        None => nothing,
    };
    match token {
        Token::Exactly(c) => {
            let put = put(*c, previous == Some(*c));
            let add = Cell {
                cost: before[at].cost.saturating_add(1),
                step: Step::Add(*c),
            };
            if put.cost <= add.cost { put } else { add }
        }
        Token::One(class) => match previous.filter(|c| class.takes(*c)) {
            Some(c) => put(c, true),
            None => nothing,
        },
        Token::All => span(from),
        Token::Parts if previous == Some('/') => span(from),
        Token::Part | Token::Parts => span(at),
    }
}

#[cfg(test)]
mod tests;
