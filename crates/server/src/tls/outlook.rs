//! How long a certificate still holds, and whether somebody should know. Pure.

use forebay_http_kit::Certificate;
use forebay_terminal::amounts::moment;

/// So long before its end, in seconds, somebody should know: 14 days.
const SOON: i64 = 14 * 24 * 60 * 60;

/// Of one that is short-lived, this part of its time: who renews has done so at a third, and it is news only that nobody has.
const PART_OF_SHORT: i64 = 6;

/// How a certificate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outlook {
    Good,
    /// It begins in the future, then.
    NotYet(i64),
    /// It ends before long, then.
    EndsSoon(i64),
    /// It has ended, then.
    Ended(i64),
}

impl Outlook {
    /// At `now`, in seconds since the UNIX epoch.
    pub(super) fn of(certificate: &Certificate, now: i64) -> Self {
        let (from, until) = (certificate.not_before, certificate.not_after);
        let lifetime = until.saturating_sub(from);
        let soon = SOON.min(lifetime / PART_OF_SHORT);
        if now > until {
            Self::Ended(until)
        } else if now < from {
            Self::NotYet(from)
        } else if until.saturating_sub(now) < soon {
            Self::EndsSoon(until)
        } else {
            Self::Good
        }
    }

    /// What an operator should know.
    pub(super) fn trouble(self) -> Option<String> {
        let at = |seconds: i64| moment(seconds.saturating_mul(1000));
        match self {
            Self::Good => None,
            Self::NotYet(from) => Some(format!(
                "the certificate holds from {} only: clients refuse it, unless this machine's clock is wrong",
                at(from)
            )),
            Self::EndsSoon(until) => Some(format!(
                "the certificate ends soon, at {}: renew it, and Forebay takes it over from its file",
                at(until)
            )),
            Self::Ended(until) => Some(format!(
                "the certificate has ended at {}: clients refuse it; renew it, and Forebay takes it over from its file",
                at(until)
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 60 * 60;

    fn outlook(days: i64, now: i64) -> Outlook {
        let certificate = Certificate {
            subject: String::new(),
            names: Vec::new(),
            not_before: 0,
            not_after: days * DAY,
        };
        Outlook::of(&certificate, now)
    }

    #[test]
    fn somebody_should_know_fourteen_days_before_or_a_sixth_of_a_short_life() {
        let (year, day) = (365 * DAY, DAY);
        assert_eq!(outlook(365, -1), Outlook::NotYet(0));
        assert_eq!(outlook(365, 0), Outlook::Good);
        assert_eq!(outlook(365, year - 14 * DAY), Outlook::Good);
        assert_eq!(outlook(365, year - 14 * DAY + 1), Outlook::EndsSoon(year));
        assert_eq!(outlook(365, year), Outlook::EndsSoon(year));
        assert_eq!(outlook(365, year + 1), Outlook::Ended(year));
        assert_eq!(outlook(1, day - DAY / 6), Outlook::Good);
        assert_eq!(outlook(1, day - DAY / 6 + 1), Outlook::EndsSoon(day));
    }

    #[test]
    fn what_is_told_has_the_time_in_it() {
        assert_eq!(Outlook::Good.trouble(), None);
        for outlook in [Outlook::NotYet(0), Outlook::EndsSoon(0), Outlook::Ended(0)] {
            assert!(outlook.trouble().unwrap().contains("1970-01-01T00:00:00Z"));
        }
    }
}
