//! Compares versions: three numbers are all that our floors need.

/// Major, minor, patch.
pub(crate) type Version = (u64, u64, u64);

/// Reads `1.2.3`, also with what may follow it; `None` if there are no three numbers.
pub(crate) fn parse(text: &str) -> Option<Version> {
    let core = text.split(['-', '+']).next()?;
    let mut parts = core.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??, parts.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(parse("0.4.16"), Some((0, 4, 16)));
        assert_eq!(parse("1.2.1+spec-1.1.0"), Some((1, 2, 1)));
        assert_eq!(parse("2.0.0-rc.1"), Some((2, 0, 0)));
        assert_eq!(parse("1.2"), None);
        assert_eq!(parse("a.b.c"), None);
        assert!(parse("0.4.9") < parse("0.4.16"));
    }
}
