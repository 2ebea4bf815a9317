//! A number with what is counted, as people are told it.
//!
/// `1 failure`, `2 failures`: of what has its plural by an `s`.
pub fn counted(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// `1 repository`, `2 repositories`.
pub fn counted_as(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_no_plural() {
        let told = [0, 1, 2].map(|number| counted(number, "failed pull"));
        assert_eq!(told, ["0 failed pulls", "1 failed pull", "2 failed pulls"]);
        let told = [0, 1, 2].map(|number| counted_as(number, "repository", "repositories"));
        assert_eq!(told, ["0 repositories", "1 repository", "2 repositories"]);
    }
}
