//! Texts in UTF-16, as Windows' PowerShell writes what `>` takes: read as UTF-8, part by part as they come.
//!
//! Pure. Known by their byte order mark; all else is what it is. Of a part no more than three bytes are held for the next.

use std::borrow::Cow;
use std::mem::take;

/// The byte order marks of UTF-16, little-endian and big-endian (Unicode, section 2.13).
const LITTLE: [u8; 2] = [0xff, 0xfe];
const BIG: [u8; 2] = [0xfe, 0xff];

/// A text that is being read.
#[derive(Debug, Default)]
pub(crate) struct Decoding {
    form: Form,
    /// What came and is not whole: a byte of a mark or of a unit, the first unit of a pair.
    held: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Form {
    /// Nothing came that would tell.
    #[default]
    Unknown,
    Bytes,
    Utf16 {
        is_big: bool,
    },
}

impl Decoding {
    /// The next part, in UTF-8 if it is of UTF-16.
    pub(crate) fn decode<'a>(&mut self, part: &'a [u8]) -> Cow<'a, [u8]> {
        if self.form == Form::Unknown {
            return self.begin(part);
        }
        match self.form {
            Form::Utf16 { is_big } => Cow::Owned(self.units(part, is_big)),
            _ => Cow::Borrowed(part),
        }
    }

    fn begin<'a>(&mut self, part: &'a [u8]) -> Cow<'a, [u8]> {
        let Some(first) = self.held.first().or(part.first()) else {
            return Cow::Borrowed(part);
        };
        if ![LITTLE[0], BIG[0]].contains(first) {
            self.form = Form::Bytes;
            return Cow::Borrowed(part);
        }
        let mut all = take(&mut self.held);
        all.extend_from_slice(part);
        let is_big = match all[..] {
            [_] => {
                self.held = all;
                return Cow::Owned(Vec::new());
            }
            [first, second, ..] if [first, second] == LITTLE => false,
            [first, second, ..] if [first, second] == BIG => true,
            _ => {
                self.form = Form::Bytes;
                return Cow::Owned(all);
            }
        };
        self.form = Form::Utf16 { is_big };
        Cow::Owned(self.units(&all[LITTLE.len()..], is_big))
    }

    fn units(&mut self, part: &[u8], is_big: bool) -> Vec<u8> {
        let mut all = take(&mut self.held);
        all.extend_from_slice(part);
        let of_bytes = if is_big {
            u16::from_be_bytes
        } else {
            u16::from_le_bytes
        };
        let (units, _) = all.as_chunks();
        let mut units: Vec<u16> = units.iter().copied().map(of_bytes).collect();
        // The first of a pair waits for the second.
        if units
            .last()
            .is_some_and(|unit| (0xd800..0xdc00).contains(unit))
        {
            units.pop();
        }
        self.held = all.split_off(2 * units.len());
        let text = char::decode_utf16(units);
        let text = text.map(|char| char.unwrap_or(char::REPLACEMENT_CHARACTER));
        text.collect::<String>().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    const TEXT: &str = "Error: zu viele – 429 🐳\r\ntoomanyrequests\r\n";

    fn read(bytes: &[u8], part_bytes: usize) -> Vec<u8> {
        let mut decoding = Decoding::default();
        let parts = bytes.chunks(part_bytes);
        let mut text = Vec::new();
        for part in parts {
            text.extend_from_slice(&decoding.decode(part));
        }
        assert!(decoding.held.len() <= 3);
        text
    }

    #[test]
    fn utf16_with_its_mark_is_read_in_whatever_parts_it_comes() {
        let units = || TEXT.encode_utf16();
        let little: Vec<u8> = units().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = units().flat_map(u16::to_be_bytes).collect();
        for bytes in [[&LITTLE[..], &little].concat(), [&BIG[..], &big].concat()] {
            for part_bytes in [1, 2, 3, 5, 64, 1_000] {
                assert_eq!(read(&bytes, part_bytes), TEXT.as_bytes(), "{part_bytes}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_are_read_alike_in_whatever_parts_they_come(mark in select(vec![&b""[..], &LITTLE, &BIG]), rest in any::<Vec<u8>>(), part_bytes in 1..9_usize) {
            let bytes = [mark, &rest].concat();
            prop_assert_eq!(read(&bytes, part_bytes), read(&bytes, bytes.len().max(1)));
        }
    }

    #[test]
    fn what_has_no_mark_is_as_it_is() {
        for bytes in [
            TEXT.as_bytes(),
            b"",
            b"a",
            b"\xff\xd8\xff\xe0 JFIF",
            b"\xfex",
            b"a\xff\xfe",
        ] {
            for part_bytes in [1, 2, 1_000] {
                assert_eq!(read(bytes, part_bytes), bytes, "{part_bytes}");
            }
        }
    }

    #[test]
    fn a_half_of_a_pair_and_a_text_that_breaks_off_break_nothing() {
        let halves = [&LITTLE[..], &[0x3d, 0xd8, b'a', 0, 0x33, 0xdc, b'b']].concat();
        assert_eq!(read(&halves, 3), "\u{fffd}a\u{fffd}".as_bytes());
        assert_eq!(read(&LITTLE, 1), b"");
        assert_eq!(read(&LITTLE[..1], 1), b"");
    }
}
