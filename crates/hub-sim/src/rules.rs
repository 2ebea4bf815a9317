//! Which requests the faults strike, and how often.
//!
//! Rules are tried in the order in which they were made; all that match a request strike it.

use crate::fault::{Fault, Stage};
use crate::record::Record;
use crate::route::On;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

type Matcher = Arc<dyn Fn(&Record) -> bool + Send + Sync>;

/// A fault on its way to becoming a rule; one of [`once`](Self::once), [`times`](Self::times) and
/// [`always`](Self::always) makes it one.
#[must_use = "a fault strikes only after once(), times(n) or always()"]
pub struct Arming<'a> {
    rules: &'a Rules,
    fault: Fault,
    on: On,
    matchers: Vec<Matcher>,
    skip: u64,
}

/// A rule in force.
#[derive(Clone, Debug)]
pub struct Armed {
    id: u64,
    strikes: Arc<AtomicU64>,
}

/// All rules in force.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    rules: Mutex<Vec<Rule>>,
    made: AtomicU64,
}

struct Rule {
    armed: Armed,
    fault: Fault,
    on: On,
    matchers: Vec<Matcher>,
    skip: u64,
    left: u64,
}

/// The faults that strike one request, by stage.
#[derive(Debug, Default)]
pub(crate) struct Strike {
    pub(crate) before: Vec<Fault>,
    pub(crate) instead: Option<Fault>,
    pub(crate) after: Vec<Fault>,
}

// === impl Arming ===

impl<'a> Arming<'a> {
    pub(crate) fn new(rules: &'a Rules, fault: Fault) -> Self {
        Self {
            rules,
            on: fault.default_target(),
            fault,
            matchers: Vec::new(),
            skip: 0,
        }
    }

    /// Only requests for this; see [`Fault`] for what a fault strikes otherwise.
    pub fn on(mut self, on: On) -> Self {
        self.on = on;
        self
    }

    /// Only requests about this repository.
    pub fn repository(self, name: &str) -> Self {
        let name = name.to_owned();
        self.when(move |request| request.repository.as_deref() == Some(&name))
    }

    /// Only requests for this tag or digest.
    pub fn reference(self, reference: &str) -> Self {
        let reference = reference.to_owned();
        self.when(move |request| request.reference.as_deref() == Some(&reference))
    }

    /// Only requests with this method.
    pub fn method(self, method: &str) -> Self {
        let method = method.to_owned();
        self.when(move |request| request.method == method)
    }

    /// Only requests of which this is true (their status is not known yet).
    pub fn when(mut self, matches: impl Fn(&Record) -> bool + Send + Sync + 'static) -> Self {
        self.matchers.push(Arc::new(matches));
        self
    }

    /// Lets the first `n` matching requests pass.
    pub fn after(mut self, n: u64) -> Self {
        self.skip = n;
        self
    }

    /// Strikes the next matching request.
    pub fn once(self) -> Armed {
        self.times(1)
    }

    /// Strikes the `n`-th matching request (the first is 1).
    pub fn nth(self, n: u64) -> Armed {
        self.after(n.saturating_sub(1)).once()
    }

    /// Strikes the next `n` matching requests.
    pub fn times(self, n: u64) -> Armed {
        self.rules
            .add(self.fault, self.on, self.matchers, (self.skip, n))
    }

    /// Strikes every matching request until lifted.
    pub fn always(self) -> Armed {
        self.times(u64::MAX)
    }
}

impl fmt::Debug for Arming<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arming({:?} on {:?})", self.fault, self.on)
    }
}

// === impl Armed ===

impl Armed {
    /// How many requests it has struck.
    pub fn strikes(&self) -> u64 {
        self.strikes.load(Ordering::SeqCst)
    }
}

// === impl Rules ===

impl Rules {
    fn add(&self, fault: Fault, on: On, matchers: Vec<Matcher>, (skip, left): (u64, u64)) -> Armed {
        let armed = Armed {
            id: self.made.fetch_add(1, Ordering::SeqCst),
            strikes: Arc::default(),
        };
        let rule = Rule {
            armed: armed.clone(),
            fault,
            on,
            matchers,
            skip,
            left,
        };
        self.rules
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(rule);
        armed
    }

    pub(crate) fn lift(&self, armed: &Armed) {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        rules.retain(|rule| rule.armed.id != armed.id);
    }

    pub(crate) fn clear(&self) {
        self.rules
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// What strikes this request. Counts it against the rules that do.
    pub(crate) fn strike(&self, request: &Record) -> Strike {
        let mut strike = Strike::default();
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        for rule in rules.iter_mut().filter(|rule| rule.matches(request)) {
            if rule.skip > 0 {
                rule.skip -= 1;
                continue;
            }
            rule.left -= 1;
            rule.armed.strikes.fetch_add(1, Ordering::SeqCst);
            let fault = rule.fault.clone();
            match fault.stage() {
                Stage::Before => strike.before.push(fault),
                Stage::Instead => strike.instead = Some(fault),
                Stage::After => strike.after.push(fault),
            }
        }
        rules.retain(|rule| rule.left > 0);
        strike
    }
}

impl Rule {
    fn matches(&self, request: &Record) -> bool {
        self.on.covers(request.endpoint, request.role)
            && self.matchers.iter().all(|matches| matches(request))
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} on {:?}, {} left", self.fault, self.on, self.left)
    }
}
