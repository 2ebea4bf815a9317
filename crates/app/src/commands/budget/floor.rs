//! The floor that a budget should not fall under, and what the shell is told of it.
//!
//! Pure. For cron and Nagios: enough is 0, less is 1, and what nobody knows is 3. A registry that refuses manifests for its
//! pull limit has none left, whatever it last said.

use std::fmt;
use std::str::FromStr;

use forebay_ledger::{BudgetReport, Metering, RestReport, RestWhy, Rested, UpstreamReport};
use forebay_terminal::ExitStatus;
use forebay_terminal::amounts::moment;

/// The least that should be left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Floor {
    /// So many pulls.
    Pulls(u64),
    /// So much of the limit, in per cent.
    Percent(u64),
}

impl FromStr for Floor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let floor = match text.strip_suffix('%') {
            Some(percent) => percent
                .parse()
                .ok()
                .filter(|part| *part <= 100)
                .map(Self::Percent),
            None => text.parse().ok().map(Self::Pulls),
        };
        floor.ok_or_else(|| "wanted a number of pulls, or a part such as 20%".to_owned())
    }
}

impl Floor {
    /// What the shell is told of these upstreams; `is_named` if somebody asked for them by name.
    pub(super) fn judge(self, upstreams: &[UpstreamReport], is_named: bool) -> ExitStatus {
        let budgets = || upstreams.iter().flat_map(|upstream| &upstream.budgets);
        let verdicts: Vec<_> = budgets().map(|budget| self.is_missed_by(budget)).collect();
        let is_silent = |upstream: &UpstreamReport| upstream.metering == Metering::Unknown;
        let is_unknown = if is_named {
            upstreams.iter().any(is_silent)
        } else {
            upstreams.iter().all(is_silent)
        };
        let is_refused = upstreams
            .iter()
            .any(|upstream| self.is_missed_while(upstream));
        if is_refused || verdicts.contains(&Some(true)) {
            ExitStatus::Findings
        } else if is_unknown || verdicts.contains(&None) {
            ExitStatus::Failed
        } else {
            ExitStatus::Ok
        }
    }

    /// What monitoring shows, in one line: the word of the verdict, and the budget that it rests on.
    pub(super) fn line(self, verdict: ExitStatus, upstreams: &[UpstreamReport]) -> String {
        let word = match verdict {
            ExitStatus::Ok => "OK",
            ExitStatus::Findings => "WARNING",
            ExitStatus::Usage | ExitStatus::Failed => "UNKNOWN",
        };
        let budgets = upstreams.iter().flat_map(|upstream| {
            let name = upstream.upstream.as_str();
            upstream.budgets.iter().map(move |budget| (name, budget))
        });
        let rests = rests_told(upstreams);
        // The one that misses the floor, then one of which nobody knows, then any: the least of them.
        let worst = budgets.min_by_key(|(_, budget)| {
            let is_missed = self.is_missed_by(budget);
            (
                is_missed.map_or(1, |is_missed| 2 * u8::from(!is_missed)),
                budget.remaining,
            )
        });
        let silent = upstreams
            .iter()
            .find(|upstream| upstream.metering == Metering::Unknown);
        match (worst, silent) {
            (None, Some(silent)) => {
                format!("{word} nothing is known of {}{rests}", silent.upstream)
            }
            (None, None) => format!("{word} nothing is metered{rests}"),
            (Some((name, budget)), _) => {
                let of = budget
                    .limit
                    .map_or_else(String::new, |limit| format!(" of {limit}"));
                let left = budget.remaining;
                format!("{word} {name} {left}{of} left (floor {self}){rests}")
            }
        }
    }

    /// Whether there is nothing to pull for now, although some should be left.
    fn is_missed_while(self, upstream: &UpstreamReport) -> bool {
        let is_refused =
            |rest: &RestReport| rest.what == Rested::Pulls && rest.why == RestWhy::PullLimit;
        let wants_some = !matches!(self, Self::Pulls(0) | Self::Percent(0));
        wants_some && upstream.rests.iter().any(is_refused)
    }

    /// Whether less is left of it; `None` if nobody knows. A number that the registry itself does not go by misses no floor.
    fn is_missed_by(self, budget: &BudgetReport) -> Option<bool> {
        match self {
            _ if budget.contradicted => Some(false),
            Self::Pulls(pulls) => Some(budget.remaining < pulls),
            Self::Percent(percent) => {
                let limit = u128::from(budget.limit.filter(|limit| *limit > 0)?);
                Some(u128::from(budget.remaining) * 100 < limit * u128::from(percent))
            }
        }
    }
}

/// What rests, for the end of a line: a budget may be full and nothing be asked for.
fn rests_told(upstreams: &[UpstreamReport]) -> String {
    let rests = upstreams.iter().flat_map(|upstream| {
        let told = |rest: &RestReport| {
            format!(
                "; {} resting until {}: {rest}",
                upstream.upstream,
                moment(rest.until_unix_ms)
            )
        };
        upstream.rests.iter().map(told)
    });
    rests.collect()
}

/// As it was written.
impl fmt::Display for Floor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pulls(pulls) => write!(f, "{pulls}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use forebay_ledger::ForecastReport;

    use super::*;

    fn budget(remaining: u64, limit: Option<u64>) -> BudgetReport {
        BudgetReport {
            account: None,
            source: None,
            credentials_not_applied: false,
            limit,
            remaining,
            contradicted: false,
            window_seconds: 21_600,
            seen_unix_ms: 0,
            age_seconds: 0,
            spent_since: 0,
            forecast: ForecastReport {
                per_hour: None,
                runs_out_in_seconds: None,
                opens_in_seconds: None,
                is_full_in_seconds: None,
            },
        }
    }

    fn upstream(metering: Metering, budgets: Vec<BudgetReport>) -> UpstreamReport {
        UpstreamReport {
            metering,
            budgets,
            ..UpstreamReport::unknown("docker.io")
        }
    }

    #[test]
    fn a_floor_is_pulls_or_a_part() {
        assert_eq!("20".parse(), Ok(Floor::Pulls(20)));
        assert_eq!("20%".parse(), Ok(Floor::Percent(20)));
        for wrong in ["", "%", "-1", "101%", "many", "2.5%"] {
            assert!(wrong.parse::<Floor>().is_err(), "{wrong:?}");
        }
    }

    fn resting(what: Rested, why: RestWhy, upstream: UpstreamReport) -> UpstreamReport {
        let rest = RestReport {
            what,
            account: None,
            why,
            since_unix_ms: 0,
            until_unix_ms: 1_795_239_759_000,
            left_seconds: 60,
        };
        UpstreamReport {
            rests: vec![rest],
            ..upstream
        }
    }

    #[test]
    fn a_refusal_by_the_pull_limit_is_nothing_left_and_another_rest_is_told_beside_what_is() {
        let full = || upstream(Metering::Metered, vec![budget(99, Some(100))]);
        let unknown = || upstream(Metering::Unknown, Vec::new());
        let pulls = |of| resting(Rested::Pulls, RestWhy::PullLimit, of);
        let floor = Floor::Percent(20);
        for (upstream, floor, code, line) in [
            (
                pulls(full()),
                floor,
                1,
                "WARNING docker.io 99 of 100 left (floor 20%); docker.io resting until \
                 2026-11-21T05:42:39Z: manifests without an account, by its pull limit",
            ),
            (
                pulls(unknown()),
                floor,
                1,
                "WARNING nothing is known of docker.io; docker.io resting until \
                 2026-11-21T05:42:39Z: manifests without an account, by its pull limit",
            ),
            (
                pulls(full()),
                Floor::Pulls(0),
                0,
                "OK docker.io 99 of 100 left (floor 0); docker.io resting until \
                 2026-11-21T05:42:39Z: manifests without an account, by its pull limit",
            ),
            (
                resting(Rested::Everything, RestWhy::AbuseLimit, full()),
                floor,
                0,
                "OK docker.io 99 of 100 left (floor 20%); docker.io resting until \
                 2026-11-21T05:42:39Z: everything from our address, by its abuse limit",
            ),
        ] {
            let upstreams = [upstream];
            let verdict = floor.judge(&upstreams, true);
            assert_eq!(verdict.code(), code, "{line}");
            assert_eq!(floor.line(verdict, &upstreams), line);
        }
    }

    #[test]
    fn monitoring_is_told_in_one_line_what_the_verdict_rests_on() {
        let metered = |budgets| upstream(Metering::Metered, budgets);
        let floor = Floor::Percent(80);
        for (upstreams, expected) in [
            (
                vec![metered(vec![budget(9, Some(10)), budget(4, Some(10))])],
                "WARNING docker.io 4 of 10 left (floor 80%)",
            ),
            (
                vec![metered(vec![budget(9, Some(10))])],
                "OK docker.io 9 of 10 left (floor 80%)",
            ),
            (
                vec![metered(vec![budget(9, Some(10)), budget(4, None)])],
                "UNKNOWN docker.io 4 left (floor 80%)",
            ),
            (
                vec![upstream(Metering::Unknown, Vec::new())],
                "UNKNOWN nothing is known of docker.io",
            ),
            (
                vec![upstream(Metering::Unmetered, Vec::new())],
                "OK nothing is metered",
            ),
        ] {
            let verdict = floor.judge(&upstreams, true);
            assert_eq!(floor.line(verdict, &upstreams), expected);
        }
    }

    #[test]
    fn the_shell_is_told_of_the_worst() {
        let metered = |budgets| upstream(Metering::Metered, budgets);
        let unmetered = || upstream(Metering::Unmetered, Vec::new());
        let unknown = || upstream(Metering::Unknown, Vec::new());
        let (pulls, part) = (Floor::Pulls(20), Floor::Percent(20));
        let table = [
            (
                "enough",
                pulls,
                vec![metered(vec![budget(20, None)])],
                true,
                0,
            ),
            (
                "less",
                pulls,
                vec![metered(vec![budget(19, None)])],
                true,
                1,
            ),
            (
                "enough of it",
                part,
                vec![metered(vec![budget(20, Some(100))])],
                true,
                0,
            ),
            (
                "less of it",
                part,
                vec![metered(vec![budget(19, Some(100))])],
                true,
                1,
            ),
            (
                "of what?",
                part,
                vec![metered(vec![budget(19, None)])],
                true,
                3,
            ),
            (
                "one of two",
                pulls,
                vec![metered(vec![budget(99, None), budget(1, None)])],
                true,
                1,
            ),
            ("unmetered is not empty", pulls, vec![unmetered()], true, 0),
            ("nothing is known", pulls, vec![unknown()], true, 3),
            (
                "nothing of any",
                pulls,
                vec![unknown(), unknown()],
                false,
                3,
            ),
            (
                "something of one",
                pulls,
                vec![unknown(), unmetered()],
                false,
                0,
            ),
            (
                "less, and nothing",
                pulls,
                vec![metered(vec![budget(1, None)]), unknown()],
                true,
                1,
            ),
        ];
        for (what, floor, upstreams, is_named, expected) in table {
            let status = floor.judge(&upstreams, is_named);
            assert_eq!(status.code(), expected, "{what}");
        }
    }
}
