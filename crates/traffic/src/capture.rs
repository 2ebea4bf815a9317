//! Captures: classic pcap and pcapng, read as they come.
//!
//! Formats by draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng. One record is held at a time.

use crate::dns;
use crate::error::{Error, START_BYTES};
use crate::flow_log::MAX_UNIX_S;
use crate::packet::{self, Packet, Transport};
use crate::sni::{self, Hello};
use crate::tally::{Conversation, Tally};

/// The most bytes of one record; what says that it is longer is broken.
pub const MAX_FRAME_BYTES: usize = 1 << 20;

/// The most interfaces of a pcapng section that are told apart.
const MAX_INTERFACES: usize = 256;

/// Where names are asked for.
const DNS: u16 = 53;

/// What is said of one that was cut off.
const CUT: &str = "a capture ends in the middle of a record";

/// A section of pcapng begins with this, in either order of bytes.
const SECTION: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// A capture that is being read.
#[derive(Debug, Default)]
pub struct Capture {
    bytes: Vec<u8>,
    format: Format,
    is_little: bool,
    interfaces: Vec<Interface>,
    /// Whether a packet was read.
    has_read: bool,
    /// Why nothing, or not all, can be read.
    why: Option<Error>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Format {
    #[default]
    Unknown,
    Classic,
    Blocks,
    /// Nothing more can be read.
    Broken,
}

#[derive(Clone, Copy, Debug)]
struct Interface {
    link: u32,
    /// Units of its stamps in a second.
    units: u64,
}

/// What the next bytes are.
enum Next {
    /// More of them are wanted.
    Wanting,
    /// So many were read.
    Took(usize),
    Broken(&'static str),
    /// It is no capture.
    Alien(Error),
}

impl Capture {
    /// A capture of which nothing was read.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads on, and counts.
    pub fn push(&mut self, bytes: &[u8], tally: &mut Tally) {
        if self.format == Format::Broken {
            return;
        }
        self.bytes.extend_from_slice(bytes);
        let mut at = 0;
        loop {
            match self.read(at, tally) {
                Next::Wanting => break,
                Next::Took(length) => at += length,
                Next::Broken(why) => {
                    tally.note(why);
                    return self.give_up(Error::Unreadable(why));
                }
                Next::Alien(why) => return self.give_up(why),
            }
        }
        self.bytes.drain(..at);
    }

    /// Whether nothing more can be read of it.
    pub fn is_broken(&self) -> bool {
        self.format == Format::Broken
    }

    /// Ends it.
    ///
    /// # Errors
    /// Nothing of it could be read. A capture in which nobody sent anything is none.
    pub fn finish(self, tally: &mut Tally) -> Result<(), Error> {
        let mut why = self.why;
        if !self.bytes.is_empty() {
            tally.note(CUT);
            why = why.or(Some(Error::Unreadable(CUT)));
        } else if self.format == Format::Unknown {
            why = Some(Error::Empty);
        }
        why.filter(|_| !self.has_read).map_or(Ok(()), Err)
    }

    fn give_up(&mut self, why: Error) {
        self.format = Format::Broken;
        self.bytes = Vec::new();
        self.why = Some(why);
    }

    /// Tells of packets that cannot be counted.
    fn pass_over(&mut self, why: &'static str, tally: &mut Tally) {
        tally.note(why);
        self.why = self.why.or(Some(Error::Unreadable(why)));
    }

    fn read(&mut self, at: usize, tally: &mut Tally) -> Next {
        match self.format {
            Format::Unknown => self.begin(),
            Format::Classic => self.record(at, tally),
            Format::Blocks => self.block(at, tally),
            Format::Broken => Next::Wanting,
        }
    }

    fn begin(&mut self) -> Next {
        let Some(&[a, b, c, d]) = self.bytes.first_chunk() else {
            return Next::Wanting;
        };
        if [a, b, c, d] == SECTION {
            self.format = Format::Blocks;
            return Next::Took(0);
        }
        let (little, big) = (
            u32::from_le_bytes([a, b, c, d]),
            u32::from_be_bytes([a, b, c, d]),
        );
        let units = |magic| match magic {
            0xa1b2_c3d4_u32 => Some(1_000_000),
            0xa1b2_3c4d => Some(1_000_000_000),
            _ => None,
        };
        let Some(units) = units(little).or_else(|| units(big)) else {
            if self.bytes.len() < START_BYTES {
                return Next::Wanting;
            }
            return Error::of_start(&self.bytes).map_or(
                Next::Broken("a capture is neither pcap nor pcapng"),
                Next::Alien,
            );
        };
        self.is_little = matches!(little, 0xa1b2_c3d4 | 0xa1b2_3c4d);
        let Some(link) = self.u32(20) else {
            return Next::Wanting;
        };
        // The upper bits tell of the frame check sequence.
        let link = link & 0x0fff_ffff;
        self.interfaces = vec![Interface { link, units }];
        self.format = Format::Classic;
        if packet::is_known(link) {
            Next::Took(24)
        } else {
            Next::Broken("a capture is of a kind of link that is not known")
        }
    }

    fn record(&mut self, at: usize, tally: &mut Tally) -> Next {
        let (Some(seconds), Some(length)) = (self.u32(at), self.u32(at + 8)) else {
            return Next::Wanting;
        };
        let length = length as usize;
        if length > MAX_FRAME_BYTES {
            return Next::Broken("a capture is broken: a record is too long");
        }
        let Some(frame) = self.bytes.get(at + 16..at + 16 + length) else {
            return Next::Wanting;
        };
        let link = self
            .interfaces
            .first()
            .map_or(0, |interface| interface.link);
        self.has_read = true;
        count(link, frame, u64::from(seconds) / 60, tally);
        Next::Took(16 + length)
    }

    fn block(&mut self, at: usize, tally: &mut Tally) -> Next {
        let Some(kind) = self.bytes.get(at..at + 4) else {
            return Next::Wanting;
        };
        if kind == SECTION {
            match self.bytes.get(at + 8..at + 12) {
                None => return Next::Wanting,
                Some([0x4d, 0x3c, 0x2b, 0x1a]) => self.is_little = true,
                Some([0x1a, 0x2b, 0x3c, 0x4d]) => self.is_little = false,
                Some(_) => return Next::Broken("a capture is broken: no order of bytes"),
            }
            self.interfaces.clear();
        }
        let (Some(kind), Some(length)) = (self.u32(at), self.u32(at + 4)) else {
            return Next::Wanting;
        };
        let length = length as usize;
        if length < 12 || !length.is_multiple_of(4) || length > MAX_FRAME_BYTES {
            return Next::Broken("a capture is broken: a block has no right length");
        }
        if self.bytes.len() < at + length {
            return Next::Wanting;
        }
        match kind {
            1 => self.interface(at, at + length - 4, tally),
            6 => self.enhanced(at, at + length - 4, tally),
            // One without a time.
            3 => self.pass_over("packets without a time were not counted", tally),
            _ => {}
        }
        Next::Took(length)
    }

    /// An interface's description: its link, and in what its stamps count.
    fn interface(&mut self, at: usize, end: usize, tally: &mut Tally) {
        let link = self.u16(at + 8).map_or(0, u32::from);
        if !packet::is_known(link) {
            self.pass_over(
                "a capture has packets of a kind of link that is not known",
                tally,
            );
        }
        let mut units = 1_000_000;
        let mut option = at + 16;
        while let (Some(code), Some(length)) = (self.u16(option), self.u16(option + 2)) {
            if code == 0 || option >= end {
                break;
            }
            if code == 9
                && let Some(&resolution) = self.bytes.get(option + 4)
            {
                let power = u32::from(resolution & 0x7f);
                let base: u64 = if resolution & 0x80 == 0 { 10 } else { 2 };
                units = base.checked_pow(power).unwrap_or(units);
            }
            option += 4 + usize::from(length).next_multiple_of(4);
        }
        if self.interfaces.len() < MAX_INTERFACES {
            self.interfaces.push(Interface { link, units });
        }
    }

    fn enhanced(&mut self, at: usize, end: usize, tally: &mut Tally) {
        let number = |offset: usize| self.u32(at + offset).unwrap_or_default();
        let Some(interface) = self.interfaces.get(number(8) as usize).copied() else {
            let why = "packets of an interface that is not described were not counted";
            self.pass_over(why, tally);
            return;
        };
        let stamp = u64::from(number(12)) << 32 | u64::from(number(16));
        let length = number(20) as usize;
        let last = (at + 28).saturating_add(length).min(end);
        let second = stamp / interface.units.max(1);
        if second > MAX_UNIX_S {
            self.pass_over("packets of an impossible time were not counted", tally);
            return;
        }
        let minute = second / 60;
        if let Some(frame) = self.bytes.get(at + 28..last) {
            self.has_read |= packet::is_known(interface.link);
            count(interface.link, frame, minute, tally);
        }
    }

    fn u16(&self, at: usize) -> Option<u16> {
        let part: [u8; 2] = self.bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if self.is_little {
            u16::from_le_bytes(part)
        } else {
            u16::from_be_bytes(part)
        })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let part: [u8; 4] = self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.is_little {
            u32::from_le_bytes(part)
        } else {
            u32::from_be_bytes(part)
        })
    }
}

/// Counts a frame, and learns names from it.
fn count(link: u32, frame: &[u8], minute: u64, tally: &mut Tally) {
    let Some(packet) = packet::read(link, frame) else {
        return;
    };
    learn(&packet, tally);
    let begins = match packet.transport {
        Transport::Tcp { begins } => begins,
        // Names are asked for by UDP; QUIC is spoken by no client of a registry.
        Transport::Udp => return,
    };
    tally.add(
        &Conversation {
            minute,
            source: packet.source.0,
            who: None,
            destination: packet.destination.0,
        },
        u64::from(begins),
        1,
    );
}

fn learn(packet: &Packet<'_>, tally: &mut Tally) {
    match packet.transport {
        Transport::Udp if packet.source.1 == DNS => {
            if let Some((name, addresses)) = dns::read(packet.payload) {
                for address in addresses {
                    tally.learn(address, &name);
                }
            }
        }
        Transport::Tcp { .. } => match sni::read(packet.payload) {
            Some(Hello::Name(name)) => tally.learn(packet.destination.0, &name),
            Some(Hello::Hidden) => tally.hide_name(),
            None => {}
        },
        Transport::Udp => {}
    }
}
