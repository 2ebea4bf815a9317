//! Runs cases one after the other, and keeps what each came to.

use std::fmt;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::groups;
use crate::registry::Registry;
use crate::repository::Repository;
use crate::verdict::{Stop, Verdict};

/// A run of the suite against a registry.
pub struct Suite {
    pub(crate) registry: Registry,
    only: Option<String>,
    tell: Box<dyn Fn(&CaseResult) + Send + Sync>,
    results: Mutex<Vec<CaseResult>>,
}

/// What a case came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseResult {
    /// The case's name: `group/…/what-is-so`.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All of it was as it should be.
    Passed,
    /// Something was not: which answer to which request.
    Failed(String),
    /// The registry said that it has not what the spec lets it not have.
    Skipped(String),
}

/// What all cases came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// In the order in which they were run.
    pub cases: Vec<CaseResult>,
}

// === impl Suite ===

impl Suite {
    /// A run against this registry. `tell` hears of every case as it ends.
    pub fn new(registry: Registry, tell: impl Fn(&CaseResult) + Send + Sync + 'static) -> Self {
        Self {
            registry,
            only: None,
            tell: Box::new(tell),
            results: Mutex::default(),
        }
    }

    /// Only the cases whose names contain this. Where it begins with a group's name, other groups are not run at all.
    #[must_use]
    pub fn only(mut self, pattern: Option<String>) -> Self {
        self.only = pattern;
        self
    }

    /// Runs all cases, in their order.
    pub async fn run(self) -> Report {
        groups::run(&self).await;
        Report {
            cases: self.lock().clone(),
        }
    }

    /// A repository that nobody has used before.
    pub(crate) fn repository(&self, name: &str) -> Repository {
        self.registry.repository(name)
    }

    /// Whether a group is wanted, of all that there are.
    pub(crate) fn wants(&self, group: &str, groups: &[&str]) -> bool {
        let Some(only) = &self.only else { return true };
        let first = only.split('/').next().unwrap_or_default();
        first == group || !groups.contains(&first)
    }

    /// Runs a case to its end, and says how it ended.
    pub(crate) async fn case(
        &self,
        name: impl Into<String>,
        check: impl Future<Output = Verdict>,
    ) -> Outcome {
        let outcome = match check.await {
            Ok(()) => Outcome::Passed,
            Err(Stop::Failed(why)) => Outcome::Failed(why),
            Err(Stop::Skipped(why)) => Outcome::Skipped(why),
        };
        let name = name.into();
        let result = CaseResult { name, outcome };
        let outcome = result.outcome.clone();
        let wanted = self.only.as_ref();
        if wanted.is_none_or(|only| result.name.contains(only)) {
            (self.tell)(&result);
            self.lock().push(result);
        }
        outcome
    }

    fn lock(&self) -> MutexGuard<'_, Vec<CaseResult>> {
        // What is kept is whole whoever panicked.
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suite")
            .field("registry", &self.registry)
            .field("only", &self.only)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for CaseResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Outcome::Passed => write!(f, "ok   {}", self.name),
            Outcome::Failed(why) => write!(f, "FAIL {} — {why}", self.name),
            Outcome::Skipped(why) => write!(f, "skip {} — {why}", self.name),
        }
    }
}

// === impl Report ===

impl Report {
    /// The cases that failed.
    pub fn failed(&self) -> impl Iterator<Item = &CaseResult> {
        self.cases
            .iter()
            .filter(|case| matches!(case.outcome, Outcome::Failed(_)))
    }

    /// The cases that were skipped.
    pub fn skipped(&self) -> impl Iterator<Item = &CaseResult> {
        self.cases
            .iter()
            .filter(|case| matches!(case.outcome, Outcome::Skipped(_)))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (failed, skipped) = (self.failed().count(), self.skipped().count());
        let passed = self.cases.len() - failed - skipped;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}
