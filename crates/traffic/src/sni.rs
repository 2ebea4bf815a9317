//! The server name in a TLS `ClientHello`, which is sent in the clear (RFC 8446, section 4.1.2; RFC 6066, section 3).
//!
//! Read of its first packet alone.

use crate::bytes::{u8_at, u16_at};

/// The most extensions that are looked at.
const MAX_EXTENSIONS: usize = 64;

/// The extension that hides the name (Encrypted Client Hello).
const ENCRYPTED_HELLO: u16 = 0xfe0d;

/// What a `ClientHello` shows of where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hello {
    /// This name.
    Name(String),
    /// A name that stands for the true one, which is encrypted.
    Hidden,
}

/// What a `ClientHello` shows; `None` if it is none, or shows nothing.
pub(crate) fn read(payload: &[u8]) -> Option<Hello> {
    let is_hello = u8_at(payload, 0)? == 22 && u8_at(payload, 5)? == 1;
    if !is_hello {
        return None;
    }
    // Record, handshake, version, random.
    let session = 5 + 4 + 2 + 32;
    let suites = session + 1 + usize::from(u8_at(payload, session)?);
    let methods = suites + 2 + usize::from(u16_at(payload, suites)?);
    let mut at = methods + 1 + usize::from(u8_at(payload, methods)?) + 2;
    let mut name = None;
    for _ in 0..MAX_EXTENSIONS {
        let (Some(kind), Some(length)) = (u16_at(payload, at), u16_at(payload, at + 2)) else {
            break;
        };
        let data = at + 4;
        if kind == ENCRYPTED_HELLO {
            return Some(Hello::Hidden);
        }
        if kind == 0 {
            name = read_name(payload, data);
        }
        at = data + usize::from(length);
    }
    name.map(Hello::Name)
}

fn read_name(payload: &[u8], list: usize) -> Option<String> {
    if u8_at(payload, list + 2)? != 0 {
        return None;
    }
    let length = usize::from(u16_at(payload, list + 3)?);
    let name = payload.get(list + 5..list + 5 + length)?;
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let name = std::str::from_utf8(name).ok()?;
    let is_fit = !name.is_empty() && name.bytes().all(|byte| is_name(&byte));
    is_fit.then(|| name.to_ascii_lowercase())
}
