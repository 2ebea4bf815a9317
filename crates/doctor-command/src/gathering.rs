//! What was read so far, by the two who read it: the classifier, for findings, and the evidence's readers, for a diagnosis.
//!
//! Bytes are read once and held nowhere.

use forebay_doctor::{Context, Event, Evidence, Intake, find_places};
use forebay_failures::{Failure, Finding, Findings, Scanner};

/// Sources, being read one after the other.
pub(crate) struct Gathering {
    findings: Findings,
    scanner: Option<Scanner>,
    intake: Intake,
    /// Where the bytes that are being read may tell something: found once, for both.
    places: Vec<usize>,
    is_empty: bool,
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
}

impl Gathering {
    /// Nothing so far, to be read in the light of a context.
    pub(crate) fn new(context: Context) -> Self {
        Self {
            findings: Findings::new(),
            scanner: None,
            intake: Intake::new(context),
            places: Vec::new(),
            is_empty: true,
        }
    }

    /// Begins a source; the name is for people.
    pub(crate) fn begin(&mut self, name: &str) {
        self.end();
        self.scanner = Some(Scanner::new());
        self.intake.begin(name);
    }

    /// Reads on in the source.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.is_empty &= bytes.is_empty();
        self.places.clear();
        find_places(bytes, &mut self.places);
        self.intake.push_sifted(bytes, &self.places);
        if let Some(scanner) = &mut self.scanner {
            let found = &mut |failure: Failure| self.findings.add(failure);
            scanner.push_sifted(bytes, &self.places, found);
        }
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

    /// Whether not a byte was read so far, and nothing added.
    pub(crate) const fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// All that was read.
    pub(crate) fn finish(mut self) -> Gathered {
        self.end();
        let (findings, left_off) = self.findings.finish();
        Gathered {
            findings,
            left_off,
            evidence: self.intake.finish(),
            is_empty: self.is_empty,
        }
    }

    fn end(&mut self) {
        if let Some(scanner) = self.scanner.take() {
            scanner.finish(&mut |failure: Failure| self.findings.add(failure));
        }
    }
}
