//! Characters that are obeyed or not seen, wherever a stranger's text is shown: here they are left out, elsewhere escaped.
//!
//! Source: Unicode 16, general category `Cf`, without the signs that stand before numbers and are seen (U+0600 and its like).

/// Controls (C0, DEL, C1), the separators of lines and paragraphs, and what hides or reorders the text around it.
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_or_reorders_text_is_unseen_and_what_is_read_is_not() {
        for c in
            "\u{1b}\u{7f}\u{9b}\n\u{ad}\u{200b}\u{202e}\u{2028}\u{2066}\u{feff}\u{e0041}".chars()
        {
            assert!(is_unseen(c), "{c:?}");
        }
        for c in "a é漢😀\u{301}\u{600}\u{fe0f}".chars() {
            assert!(!is_unseen(c), "{c:?}");
        }
    }
}
