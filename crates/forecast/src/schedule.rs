//! The timetable of a `CronJob`: how often it starts its pod while a registry counts pulls.
//!
//! Days are not looked at: some six hours are on one that it names. Of Kubernetes' form, by
//! <https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax>.

/// Docker Hub counts pulls for six hours.
const WINDOW_MINUTES: usize = 6 * 60;

const DAY_MINUTES: usize = 24 * 60;

/// What stands for a whole timetable.
const MACROS: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// The most starts in six hours; `None` for what is no timetable.
pub(crate) fn most_starts(schedule: &str) -> Option<u64> {
    let schedule = schedule.trim();
    let named = MACROS.iter().find(|(name, _)| *name == schedule);
    let schedule = named.map_or(schedule, |(_, fields)| fields);
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    let [minutes, hours, _, _, _] = fields.as_slice() else {
        return None;
    };
    let minutes = values(minutes, 60)?;
    let hours = values(hours, 24)?;
    let starts = |minute: usize| hours[minute / 60 % 24] && minutes[minute % 60];
    let most = (0..DAY_MINUTES).map(|from| {
        let window = from..from + WINDOW_MINUTES;
        window.filter(|minute| starts(*minute)).count() as u64
    });
    most.max()
}

/// Which of `count` values a field names: `*`, `1,5`, `8-18`, `*/15`, `5/20`.
fn values(field: &str, count: usize) -> Option<Vec<bool>> {
    let mut named = vec![false; count];
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step.parse().ok().filter(|step| *step > 0)?)),
            None => (part, None),
        };
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (first.parse().ok()?, last.parse().ok()?),
            None if matches!(range, "*" | "?") => (0, count - 1),
            None => {
                let first: usize = range.parse().ok()?;
                (first, if step.is_some() { count - 1 } else { first })
            }
        };
        if first > last || last >= count {
            return None;
        }
        for value in (first..=last).step_by(step.unwrap_or(1)) {
            named[value] = true;
        }
    }
    Some(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_are_counted_in_the_busiest_six_hours() {
        for (schedule, starts) in [
            ("* * * * *", Some(360)),
            ("*/5 * * * *", Some(72)),
            ("5/20 * * * *", Some(18)),
            ("0,30 8-10 * * 1-5", Some(6)),
            ("0 23,1 * * *", Some(2)),
            ("0 3 1 JAN *", Some(1)),
            ("@hourly", Some(6)),
            ("@every 5m", None),
            ("60 * * * *", None),
            ("*/0 * * * *", None),
            ("9-8 * * * *", None),
            ("H * * * *", None),
            ("", None),
        ] {
            assert_eq!(most_starts(schedule), starts, "{schedule}");
        }
    }
}
