//! Expressions of a pipeline's own in a script: a variable stands in the place of each, as long as it was.

/// What opens and closes an expression of a pipeline's own, which no script knows.
const EXPRESSIONS: [(&str, &str); 2] = [("${{", "}}"), ("$[[", "]]")];

/// Puts `${___}` in the place of each expression, as long as it was.
pub fn mask(text: &mut String) {
    for (open, close) in EXPRESSIONS {
        let mut from = 0;
        while let Some(start) = text[from..].find(open).map(|at| from + at) {
            let inner = start + open.len();
            let Some(end) = text[inner..].find(close).map(|at| inner + at + close.len()) else {
                break;
            };
            let name = "_".repeat(end - start - "${}".len());
            text.replace_range(start..end, &format!("${{{name}}}"));
            from = end;
        }
    }
}

/// Whether a variable is one that stands for an expression that nobody knows.
pub fn is_mask(name: &str) -> bool {
    name.len() > 1 && name.bytes().all(|byte| byte == b'_')
}

/// Puts a variable of its own in the place of each expression that is a name, as long as it was; and what these are, by
/// the names of the expressions.
pub fn masked<T>(text: &mut String, value_of: &dyn Fn(String) -> T) -> Vec<(String, T)> {
    let mut variables = Vec::new();
    for (open, close) in EXPRESSIONS {
        let mut from = 0;
        while let Some(start) = text[from..].find(open).map(|at| from + at) {
            let inner = start + open.len();
            let Some(length) = text[inner..].find(close) else {
                break;
            };
            from = inner + length + close.len();
            let name = text[inner..inner + length].trim().to_owned();
            let mut variable = format!("_{}", variables.len());
            let room = from - start - "${}".len();
            if !is_settable(&name) || variable.len() >= room {
                continue;
            }
            variable.push_str(&"_".repeat(room - variable.len()));
            text.replace_range(start..from, &format!("${{{variable}}}"));
            variables.push((variable, value_of(name)));
        }
    }
    variables
}

/// Whether an expression is a name that `--set` may say. A matrix has a value of it for each of its jobs.
fn is_settable(expression: &str) -> bool {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    !expression.is_empty()
        && expression.chars().all(is_of_name)
        && !expression.starts_with("matrix.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_masked_at_their_length() {
        let mut text = "a ${{ b }} $[[ c ]] ${{ d".to_owned();
        mask(&mut text);
        assert_eq!(text, "a ${_____} ${_____} ${{ d");
    }

    #[test]
    fn expressions_that_are_names_have_a_variable_each() {
        let mut text = "${{ a.b }} ${{ f(1) }} ${{ matrix.x }} ${{a}} ${{ a.b".to_owned();
        let variables = masked(&mut text, &|name| name);
        mask(&mut text);
        assert_eq!(
            text,
            "${_0_____} ${________} ${____________} ${_1_} ${{ a.b"
        );
        let expected = [("_0_____", "a.b"), ("_1_", "a")];
        let owned = |(one, other): (&str, &str)| (one.to_owned(), other.to_owned());
        assert_eq!(variables, expected.map(owned));
    }
}
