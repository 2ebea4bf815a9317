//! VPC flow logs, version 2 and later: lines of fields, in the order that their header says.
//!
//! Fields by <https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html>. Without a header, the fields of version 2.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;

use crate::error::{Error, START_BYTES};
use crate::tally::{Conversation, Tally};

/// The longest line; what is longer is skipped.
pub const MAX_LINE_BYTES: usize = 8 << 10;

/// The most flows that are remembered, so that one that goes on is one connection.
const MAX_FLOWS: usize = 200_000;

/// The longest name of a machine or an interface that is kept; theirs have some 20 bytes.
const MAX_WHO_BYTES: usize = 64;

/// The last second of the year 9999: what claims to be later is no time.
pub(crate) const MAX_UNIX_S: u64 = 253_402_300_799;

/// The fields of version 2, in their order.
const VERSION_2: [&str; 14] = [
    "version",
    "account-id",
    "interface-id",
    "srcaddr",
    "dstaddr",
    "srcport",
    "dstport",
    "protocol",
    "packets",
    "bytes",
    "start",
    "end",
    "action",
    "log-status",
];

/// TCP's number.
const TCP: &str = "6";

/// In `tcp-flags`: a connection began in this window.
const SYN: u64 = 2;

/// In `tcp-flags`: the other side's answer to it.
const SYN_ACK: u64 = 18;

/// A log that is being read.
#[derive(Debug, Default)]
pub struct FlowLog {
    partial: Vec<u8>,
    is_too_long: bool,
    /// Where each field stands; empty until the first line.
    fields: Vec<String>,
    flows: Flows,
    /// Its first bytes, which tell what is packed.
    start: Vec<u8>,
    /// Lines that made sense.
    read: u64,
    /// Whether there were others.
    has_unread: bool,
}

/// The flows that were met: by a hash of each, as so many take up room. Of all that are remembered, two are taken for one once
/// in a billion logs.
#[derive(Debug, Default)]
struct Flows {
    hashes: HashSet<u64>,
    hasher: RandomState,
}

impl FlowLog {
    /// A log of which nothing was read.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads on, and counts. Lines may be cut anywhere between two calls.
    pub fn push(&mut self, bytes: &[u8], tally: &mut Tally) {
        let missing = START_BYTES.saturating_sub(self.start.len());
        self.start.extend(bytes.iter().take(missing));
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.gather(&rest[..end], tally);
            self.end_line(tally);
            rest = &rest[end + 1..];
        }
        self.gather(rest, tally);
    }

    /// Ends it.
    ///
    /// # Errors
    /// Nothing of it could be read. A header alone is a log of nothing.
    pub fn finish(mut self, tally: &mut Tally) -> Result<(), Error> {
        self.end_line(tally);
        if self.read > 0 {
            return Ok(());
        }
        if let Some(packed) = Error::of_start(&self.start) {
            return Err(packed);
        }
        if self.has_unread {
            return Err(Error::Unreadable("no line of it is one of a flow log"));
        }
        if self.fields.is_empty() {
            return Err(Error::Empty);
        }
        Ok(())
    }

    fn gather(&mut self, bytes: &[u8], tally: &mut Tally) {
        if self.partial.len() + bytes.len() > MAX_LINE_BYTES {
            self.is_too_long = true;
            self.partial.clear();
            self.has_unread = true;
            tally.note("lines of a flow log are too long, and were skipped");
        }
        if !self.is_too_long {
            self.partial.extend_from_slice(bytes);
        }
    }

    fn end_line(&mut self, tally: &mut Tally) {
        let bytes = std::mem::take(&mut self.partial);
        if std::mem::take(&mut self.is_too_long) {
            return;
        }
        let line = String::from_utf8_lossy(&bytes);
        let words: Vec<&str> = line
            .split([' ', '\t', ',', '\r'])
            .filter(|word| !word.is_empty())
            .collect();
        if words.is_empty() {
            return;
        }
        if words
            .iter()
            .any(|word| matches!(*word, "dstaddr" | "pkt-dstaddr" | "log-status"))
        {
            self.fields = words
                .iter()
                .map(|word| word.trim_matches('"').replace('_', "-"))
                .collect();
            return;
        }
        if self.fields.is_empty() {
            self.fields = VERSION_2.map(str::to_owned).to_vec();
        }
        if self.count(&words, tally).is_some() {
            self.read += 1;
        } else {
            self.has_unread = true;
            tally.note("lines of a flow log do not fit its header, and were skipped");
        }
    }

    /// Counts a line; `None` if it makes no sense.
    fn count(&mut self, words: &[&str], tally: &mut Tally) -> Option<()> {
        let find = |name: &str| {
            let at = self.fields.iter().position(|field| field == name)?;
            words.get(at).copied().filter(|word| *word != "-")
        };
        if words.len() != self.fields.len() {
            return None;
        }
        if matches!(find("log-status"), Some("NODATA" | "SKIPDATA")) {
            if find("log-status") == Some("SKIPDATA") {
                tally.note("the flow log says itself that it skipped some (SKIPDATA)");
            }
            return Some(());
        }
        if find("protocol").is_some_and(|protocol| protocol != TCP) {
            return Some(());
        }
        let number = |name: &str| find(name)?.parse::<u64>().ok();
        let address =
            |own: &str, seen: &str| find(own).or_else(|| find(seen))?.parse::<IpAddr>().ok();
        let source = address("pkt-srcaddr", "srcaddr")?;
        let destination = address("pkt-dstaddr", "dstaddr")?;
        let minute = number("start").filter(|second| *second <= MAX_UNIX_S)? / 60;
        let port = |name: &str| find(name)?.parse::<u16>().ok();
        let flow = (
            source,
            destination,
            port("srcport").unwrap_or_default(),
            port("dstport").unwrap_or_default(),
        );
        let begins = match number("tcp-flags") {
            Some(flags) => flags & SYN != 0 && flags & SYN_ACK != SYN_ACK,
            None => self.flows.is_new(&flow, tally),
        };
        let who = find("instance-id")
            .or_else(|| find("interface-id"))
            .filter(|who| who.len() <= MAX_WHO_BYTES)
            .map(str::to_owned);
        let conversation = Conversation {
            minute,
            source,
            who,
            destination,
        };
        tally.add_settled(
            &conversation,
            u64::from(begins),
            number("packets").unwrap_or_default(),
        );
        Some(())
    }
}

impl Flows {
    /// Whether a flow was not met yet: one that lasts is written down every minute or ten.
    fn is_new(&mut self, flow: &(IpAddr, IpAddr, u16, u16), tally: &mut Tally) -> bool {
        let hash = self.hasher.hash_one(flow);
        if self.hashes.len() >= MAX_FLOWS {
            tally.note("too many flows: those that last may be counted more than once");
            return !self.hashes.contains(&hash);
        }
        self.hashes.insert(hash)
    }
}
