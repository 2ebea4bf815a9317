//! Classifies one message after the other, and repetitions of one at little cost.
//!
//! For readers that cut their messages themselves; who has a log's bytes takes a `Scanner`.

use crate::Verdict;
use crate::classify::classify;
use crate::memo::Memo;

/// Says what messages tell, and remembers what it said of the last thousands.
#[derive(Debug, Default)]
pub struct Classifier {
    memo: Memo<Verdict>,
}

impl Classifier {
    /// What [`classify`] says of a message, or of one that differs from it in nothing but times and ids of traces.
    pub fn classify(&mut self, message: &str) -> Option<&Verdict> {
        self.memo.said(message, classify)
    }
}
