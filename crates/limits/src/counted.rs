//! A number with what is counted, as people are told it.
//!
//! For what has its plural by an `s`.

/// `1 failure`, `2 failures`.
pub fn counted(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_no_plural() {
        let told = [0, 1, 2].map(|number| counted(number, "failed pull"));
        assert_eq!(told, ["0 failed pulls", "1 failed pull", "2 failed pulls"]);
    }
}
