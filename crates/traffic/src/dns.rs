//! A DNS answer: the name that was asked for, and the addresses that it has.
//!
//! RFC 1035, section 4. Names are followed through compression a bounded number of steps.

use std::net::IpAddr;

use crate::bytes::{ipv4_at, ipv6_at, u8_at, u16_at};

/// The most records that are read of an answer.
const MAX_RECORDS: u16 = 64;

/// The most labels and pointers of a name.
const MAX_STEPS: usize = 64;

/// The longest name (RFC 1035, section 2.3.4).
const MAX_NAME_BYTES: usize = 255;

const A: u16 = 1;
const AAAA: u16 = 28;

/// The name that an answer is about, and its addresses, of whatever alias; `None` if it is no answer.
pub(crate) fn read(message: &[u8]) -> Option<(String, Vec<IpAddr>)> {
    let is_answer = u8_at(message, 2)? & 0x80 != 0;
    if !is_answer || u16_at(message, 4)? != 1 {
        return None;
    }
    let (name, mut at) = read_name(message, 12)?;
    at += 4;
    let mut addresses = Vec::new();
    for _ in 0..u16_at(message, 6)?.min(MAX_RECORDS) {
        let Some((_, after)) = read_name(message, at) else {
            break;
        };
        let (Some(kind), Some(length)) = (u16_at(message, after), u16_at(message, after + 8))
        else {
            break;
        };
        let data = after + 10;
        addresses.extend(match (kind, length) {
            (A, 4) => ipv4_at(message, data),
            (AAAA, 16) => ipv6_at(message, data),
            _ => None,
        });
        at = data + usize::from(length);
    }
    (!addresses.is_empty()).then_some((name, addresses))
}

/// A name in lower case, and where what follows it begins.
fn read_name(message: &[u8], from: usize) -> Option<(String, usize)> {
    let mut name = String::new();
    let mut at = from;
    let mut end = None;
    for _ in 0..MAX_STEPS {
        let length = u8_at(message, at)?;
        if length & 0xc0 == 0xc0 {
            end.get_or_insert(at + 2);
            at = usize::from(u16_at(message, at)? & 0x3fff);
            continue;
        }
        if length == 0 {
            return Some((name, end.unwrap_or(at + 1)));
        }
        let label = message.get(at + 1..at + 1 + usize::from(length & 0x3f))?;
        if name.len() + label.len() > MAX_NAME_BYTES || !label.is_ascii() {
            return None;
        }
        if !name.is_empty() {
            name.push('.');
        }
        name.extend(
            label
                .iter()
                .map(|byte| char::from(byte.to_ascii_lowercase())),
        );
        at += 1 + label.len();
    }
    None
}
