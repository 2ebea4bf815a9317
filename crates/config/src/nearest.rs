//! The word that was probably meant.

/// How alike two words must be for one to be offered for the other (0 to 1).
const LIKENESS: f64 = 0.55;

/// The candidate that is most like `word`, if any is like it at all.
pub fn find_nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| {
            let likeness = strsim::normalized_damerau_levenshtein(word, candidate);
            (likeness, candidate)
        })
        .filter(|(likeness, _)| *likeness >= LIKENESS)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_the_word_and_another_word_finds_nothing() {
        let keys = ["max_size", "tag_ttl", "version_ttl", "on_gone"];
        for (slip, meant) in [
            ("max_sze", "max_size"),
            ("maxsize", "max_size"),
            ("tagttl", "tag_ttl"),
            ("ongone", "on_gone"),
        ] {
            assert_eq!(find_nearest(slip, keys), Some(meant));
        }
        assert_eq!(find_nearest("colour", keys), None);
    }
}
