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

impl Standing {
    /// All of them together: one that has failed decides, then one that waits.
    pub(super) fn of_all(all: impl IntoIterator<Item = Self>) -> Self {
        let (mut runs, mut waits, mut failed) = (Vec::new(), Vec::new(), Vec::new());
        for one in all {
            match one {
                Self::Runs(what) => runs.push(what),
                Self::Waits(why) => waits.push(why),
                Self::Failed(why) => failed.push(why),
            }
        }
        if !failed.is_empty() {
            Self::Failed(some_of(&failed))
        } else if !waits.is_empty() || runs.is_empty() {
            Self::Waits(some_of(&waits))
        } else {
            Self::Runs(runs.join(", "))
        }
    }
}

fn some_of(all: &[String]) -> String {
    let named = all.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>();
    let more = all.len() - named.len();
    match more {
        0 => named.join("; "),
        more => format!("{}; and {more} more", named.join("; ")),
    }
}
