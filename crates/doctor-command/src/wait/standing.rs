//! Whether something runs, with why: what several things come to together.

/// How something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It runs; what.
    Runs(String),
    /// It does not yet; what is missing.
    Waits(String),
    /// It will not, unless somebody changes it; why.
    Failed(String),
}

/// The most things that are named in one line.
const MAX_NAMED: usize = 3;

/// How several things stand, as far as it is told.
#[derive(Default)]
pub(super) struct Standings {
    runs: Vec<String>,
    waits: Named,
    failed: Named,
}

/// The first of many, and how many more there are.
#[derive(Default)]
struct Named {
    first: Vec<String>,
    more: usize,
}

impl Standing {
    /// All of them together: one that has failed decides, then one that waits.
    pub(super) fn of_all(all: impl IntoIterator<Item = Self>) -> Self {
        let mut standings = Standings::default();
        for one in all {
            standings.add(one);
        }
        standings.told()
    }
}

impl Standings {
    pub(super) fn add(&mut self, one: Standing) {
        match one {
            Standing::Runs(what) => self.runs.push(what),
            Standing::Waits(why) => self.waits.add(why),
            Standing::Failed(why) => self.failed.add(why),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.waits.first.is_empty() && self.failed.first.is_empty()
    }

    /// All of them together.
    pub(super) fn told(self) -> Standing {
        if !self.failed.first.is_empty() {
            Standing::Failed(self.failed.told())
        } else if !self.waits.first.is_empty() || self.runs.is_empty() {
            Standing::Waits(self.waits.told())
        } else {
            Standing::Runs(self.runs.join(", "))
        }
    }
}

impl Named {
    fn add(&mut self, why: String) {
        if self.first.len() < MAX_NAMED {
            self.first.push(why);
        } else {
            self.more += 1;
        }
    }

    fn told(&self) -> String {
        let first = self.first.join("; ");
        match self.more {
            0 => first,
            more => format!("{first}; and {more} more"),
        }
    }
}
