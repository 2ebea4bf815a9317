//! What was read so far, by the two who read it: the classifier, for findings, and the evidence's readers, for a diagnosis.
//!
//! Bytes are read once and held nowhere.

use forebay_doctor::{Context, Event, Evidence, Intake, sift};
use forebay_failures::{Failure, Finding, Findings, Scanner, Sifted};
use forebay_logs::ByteLists;

use crate::decoding::Decoding;

/// Sources, being read one after the other.
pub(crate) struct Gathering {
    context: Context,
    findings: Findings,
    scanner: Option<Scanner>,
    decoding: Decoding,
    lists: ByteLists,
    intake: Intake,
    /// Where the bytes that are being read may tell something: found once, for both.
    sifted: Sifted,
    is_empty: bool,
    /// How often something was lost before the source.
    lost: u64,
    /// How often something was begun or read.
    steps: u64,
    /// How many bytes were sampled, and how many of them stand in no text.
    bytes: (u64, u64),
}

/// All that was read.
pub(crate) struct Gathered {
    /// What the classifier found.
    pub(crate) findings: Vec<Finding>,
    /// How many messages found no place among the findings.
    pub(crate) left_off: u64,
    /// What happened.
    pub(crate) evidence: Evidence,
    /// There was nothing to read.
    pub(crate) is_empty: bool,
    /// It was no text.
    is_binary: bool,
}

/// One byte in so many is none of a text in what is no text.
const BINARY_PART: u64 = 50;

/// How much of each piece is sampled for it, in bytes: of a long log a few per cent.
const SAMPLE_BYTES: usize = 4_096;

impl Gathering {
    /// Nothing so far, to be read in the light of a context.
    pub(crate) fn new(context: Context) -> Self {
        Self {
            context,
            findings: Findings::new(),
            scanner: None,
            decoding: Decoding::default(),
            lists: ByteLists::default(),
            intake: Intake::new(context),
            sifted: Sifted::default(),
            is_empty: true,
            lost: 0,
            steps: 0,
            bytes: (0, 0),
        }
    }

    /// Takes what is read for answers of programs: they tell of how it is now.
    pub(crate) const fn note_asked(&mut self) {
        self.intake.note_asked();
    }

    /// Begins a source; the name is for people.
    pub(crate) fn begin(&mut self, name: &str) {
        self.end();
        self.steps += 1;
        self.scanner = Some(Scanner::new());
        self.decoding = Decoding::default();
        self.intake.begin(name);
        self.lost = self.so_far().lost;
    }

    /// Reads on in the source.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.is_empty &= bytes.is_empty();
        self.steps += u64::from(!bytes.is_empty());
        let bytes = self.decoding.decode(bytes);
        let bytes = self.lists.decode(&bytes);
        self.read(&bytes);
    }

    fn read(&mut self, bytes: &[u8]) {
        let sample = &bytes[..bytes.len().min(SAMPLE_BYTES)];
        self.bytes.0 += sample.len() as u64;
        self.bytes.1 += sample.iter().filter(|byte| is_of_no_text(**byte)).count() as u64;
        sift(bytes, &mut self.sifted);
        self.intake.push_sifted(bytes, &self.sifted);
        if let Some(scanner) = &mut self.scanner {
            let found = &mut |failure: Failure| self.findings.add(failure);
            scanner.push_sifted(bytes, &self.sifted, found);
        }
    }

    /// Ends the source; whether all of it could be read: of an answer that is cut off, what was lost is not known.
    pub(crate) fn settle(&mut self) -> bool {
        self.end();
        self.intake.settle();
        self.so_far().lost == self.lost
    }

    /// Adds what is known without reading a text.
    pub(crate) fn add(&mut self, event: Event) {
        self.is_empty = false;
        self.intake.add(event);
    }

    /// What happened so far.
    pub(crate) fn so_far(&self) -> &Evidence {
        self.intake.so_far()
    }

    /// How often something was begun or read: as long as that is the same, nothing else follows.
    pub(crate) const fn steps(&self) -> u64 {
        self.steps
    }

    /// In which light it is read.
    pub(crate) const fn context(&self) -> Context {
        self.context
    }

    /// Whether not a byte was read so far, and nothing added.
    pub(crate) const fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// All that was read.
    pub(crate) fn finish(mut self) -> Gathered {
        self.end();
        let (findings, left_off) = self.findings.finish();
        let (bytes, binary) = self.bytes;
        Gathered {
            findings,
            left_off,
            evidence: self.intake.finish(),
            is_empty: self.is_empty,
            is_binary: binary > bytes / BINARY_PART,
        }
    }

    fn end(&mut self) {
        let rest = self.lists.finish();
        if !rest.is_empty() {
            self.read(&rest);
        }
        if let Some(scanner) = self.scanner.take() {
            scanner.finish(&mut |failure: Failure| self.findings.add(failure));
        }
    }
}

impl Gathered {
    /// Whether nothing in it was understood: nothing that happened, and nothing that is set.
    pub(crate) fn tells_nothing(&self) -> bool {
        let evidence = &self.evidence;
        self.findings.is_empty() && evidence.events.is_empty() && evidence.settings.is_empty()
    }

    /// Why nothing was understood, if most of it cannot be read.
    pub(crate) fn why_rubbish(&self) -> Option<&str> {
        if !self.tells_nothing() {
            return None;
        }
        if self.is_binary {
            return Some("it is no text");
        }
        let notes = &self.evidence.notes;
        let is_most = notes.len() as u64 * 2 >= self.evidence.lines;
        let first = notes.first().filter(|_| is_most)?;
        Some(&first.text)
    }
}

/// Whether a byte is a control that no terminal and no log has: nothing but tabs, ends of lines and of pages, colours, backspaces.
const fn is_of_no_text(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, 0x07..=0x0d | 0x1b)
}

#[cfg(test)]
mod tests {
    use forebay_doctor::Moment;

    use super::*;

    fn why(bytes: &[u8]) -> Option<String> {
        let mut gathering = Gathering::new(Context {
            now: Moment::from_unix_ms(1_768_478_400_000),
            utc_offset_seconds: 0,
        });
        gathering.begin("any");
        gathering.push(bytes);
        gathering.finish().why_rubbish().map(str::to_owned)
    }

    #[test]
    fn what_is_no_text_or_has_no_lines_is_not_understood() {
        assert_eq!(why(&[0; 5_000]).as_deref(), Some("it is no text"));
        assert!(why("a".repeat(200_000).as_bytes()).is_some());
        assert_eq!(
            why("\u{1b}[32mgrün\u{1b}[0m\r\nall is well\n".as_bytes()),
            None
        );
        let failure: &[u8] = b"toomanyrequests: You have reached your pull rate limit.\n\0\0\0\0";
        assert_eq!(why(failure), None);
    }
}
