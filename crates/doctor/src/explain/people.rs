//! Who makes the requests, and who suffers from it.
//!
//! The first few in full; how many more there are is told.

use forebay_limits::counted;

use crate::document::Section;
use crate::{AtRestart, Diagnosis, Requests, Suspect, Trigger};

/// The most suspects that are told in full.
const MAX_TOLD: usize = 5;

/// The most images and nodes of one that are told.
const MAX_NAMES: usize = 3;

/// The culprits; where nobody stands out, that.
pub(super) fn who(diagnosis: &Diagnosis) -> Section {
    let section = Section::new("Who makes the requests");
    let is_limit = diagnosis
        .cause
        .as_ref()
        .is_some_and(|cause| cause.class.is_limit());
    if diagnosis.culprits.is_empty() && is_limit {
        return section.paragraph("Nobody stands out in what was read: it may be all together, or somebody else behind the same address.");
    }
    let section = told(&diagnosis.culprits)
        .iter()
        .fold(section, |section, suspect| section.point(told_of(suspect)));
    let all = diagnosis.together.as_ref();
    let section = more(section, &diagnosis.culprits, diagnosis.more_culprits);
    match all.filter(|_| !diagnosis.culprits.is_empty()) {
        None => section,
        Some(all) => {
            let [least, most] = all.pulls;
            section.point(format!(
                "all that were seen, whoever made them: {}; {least} to {most} pulls as the limit counts them",
                asked(all)
            ))
        }
    }
}

/// The victims.
pub(super) fn whom(diagnosis: &Diagnosis) -> Section {
    let section = Section::new("Who only suffers from it");
    let section = told(&diagnosis.victims)
        .iter()
        .fold(section, |section, suspect| {
            let failed = match suspect.failed {
                0 => "waits".to_owned(),
                failed => format!("{failed} failed"),
            };
            section.point(format!("{}: {failed}{}", suspect.name, images(suspect)))
        });
    more(section, &diagnosis.victims, diagnosis.more_victims)
}

fn told(suspects: &[Suspect]) -> &[Suspect] {
    &suspects[..suspects.len().min(MAX_TOLD)]
}

/// How many there are beyond those that are told, of whom `unnamed` are named nowhere.
fn more(section: Section, named: &[Suspect], unnamed: usize) -> Section {
    match (named.len().saturating_sub(MAX_TOLD), unnamed) {
        (0, 0) => section,
        (more, 0) => section.point(format!("and {more} more; --json names them")),
        (more, _) => section.point(format!(
            "and {} more; --json names {more} of them",
            more + unnamed
        )),
    }
}

/// What was asked, and how fast at the most.
pub(super) fn asked(all: &Requests) -> String {
    let rate = match all.peak_requests_per_minute {
        [_, 0] => String::new(),
        [_, most] => format!(" (up to {most} requests a minute)"),
    };
    format!("{}{rate}", counted(all.attempts, "attempt"))
}

fn told_of(suspect: &Suspect) -> String {
    let requests = &suspect.requests;
    let [least, most] = requests.peak_requests_per_minute;
    let rate = if requests.minutes.is_some() && most > 0 {
        format!(
            ", {} in the busiest minute ({least} to {most} requests)",
            requests.peak_attempts_per_minute
        )
    } else {
        String::new()
    };
    let since = suspect
        .since
        .map_or_else(String::new, |since| format!(", since {since}"));
    let fault = fault(suspect).map_or_else(String::new, |fault| format!("; {fault}"));
    let asks = suspect
        .at_restart
        .as_ref()
        .map_or_else(String::new, |at_restart| {
            format!("; {}", self::at_restart(at_restart))
        });
    format!(
        "{}: {}{rate}{since}{}{fault}{asks}",
        suspect.name,
        often(suspect),
        images(suspect)
    )
}

/// How often it asked; where nothing tells that it did, how often it ended.
pub(super) fn often(suspect: &Suspect) -> String {
    match (suspect.requests.attempts, suspect.deaths) {
        (0, 1) => "ended once".to_owned(),
        (0, deaths) => format!("ended {deaths} times"),
        (attempts, _) => format!(
            "{}, {} % of all",
            counted(attempts, "attempt"),
            suspect.requests.share_percent
        ),
    }
}

fn images(suspect: &Suspect) -> String {
    match suspect.images.as_slice() {
        [] => String::new(),
        images => {
            let shown: Vec<&str> = images.iter().take(MAX_NAMES).map(String::as_str).collect();
            let more = if images.len() > MAX_NAMES {
                ", …"
            } else {
                ""
            };
            format!("; {}{more}", shown.join(", "))
        }
    }
}

/// What is wrong with it, in a clause.
pub(super) fn fault(suspect: &Suspect) -> Option<String> {
    Some(match suspect.trigger.as_ref()? {
        Trigger::CrashLoop { reason, exit_code } => {
            let code = exit_code.map_or_else(String::new, |code| format!(" with exit code {code}"));
            let reason = if reason.is_empty() {
                String::new()
            } else {
                format!(": {reason}")
            };
            format!("its containers end{code}{reason}")
        }
        Trigger::WrongImage => "its image is not there".to_owned(),
        Trigger::WrongCredentials => "its credentials are refused, or it has none".to_owned(),
        Trigger::CiBurst => "its jobs run at once, each on a machine without the image".to_owned(),
        Trigger::NoCredentials => {
            "it pulls without an account, so that the address pays".to_owned()
        }
        Trigger::ManyPulls => "nothing else is wrong with it".to_owned(),
        Trigger::ManyPullers => return None,
    })
}

/// What each new start asks, and what that comes to.
pub(super) fn at_restart(at: &AtRestart) -> String {
    let AtRestart { because, .. } = at;
    let rate = at.starts_per_hour.zip(at.requests_per_hour);
    let Some((starts, [few, many])) = rate else {
        return because.clone();
    };
    let pulls = at.pulls_per_hour.map_or_else(String::new, |[least, most]| {
        format!("{least} to {most} pulls that the limit counts, ")
    });
    let whose = if at.is_of_each_pod {
        " of each pod"
    } else {
        ""
    };
    let is_sure = if at.asks.is_none() { "; if so, " } else { "; " };
    format!(
        "{because}{is_sure}up to {}{whose} an hour: {pulls}{few} to {many} requests",
        counted(starts, "start")
    )
}

/// The first few, and how many more, of whom `unnamed` are named nowhere.
pub(super) fn names_of(suspects: &[Suspect], unnamed: usize, most: usize) -> String {
    let names: Vec<&str> = suspects
        .iter()
        .take(most)
        .map(|suspect| suspect.name.as_str())
        .collect();
    match suspects.len().saturating_sub(most) + unnamed {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}
