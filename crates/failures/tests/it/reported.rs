//! Lines that people reported: their coarser classes and subclasses are mapped onto ours by one table.

use forebay_failures::{Class, classify};

use crate::lines::{Line, differences, reported};

/// Class and subclass of a reported line, and ours.
const TABLE: [(&str, &str, Class); 16] = [
    ("pull-limit", "", Class::PullLimit),
    ("abuse-limit", "", Class::AbuseLimit),
    ("auth", "login-lockout", Class::LoginLockout),
    ("auth", "", Class::Auth),
    ("not-found", "", Class::NotFound),
    ("network", "dns", Class::Dns),
    ("network", "tls", Class::Tls),
    ("network", "timeout", Class::Timeout),
    ("network", "upstream-5xx", Class::Network),
    ("network", "", Class::Network),
    (
        "other",
        "rate-limit-other-registry",
        Class::OtherRegistryLimit,
    ),
    ("other", "no-space", Class::NoSpace),
    ("other", "kubelet-local-throttle", Class::KubeletThrottle),
    ("other", "masked-symptom", Class::SymptomOnly),
    ("other", "symptom-only", Class::SymptomOnly),
    ("other", "", Class::Other),
];

/// Registries that the reporter knew and whose line does not always tell them.
const UNTOLD: [&str; 3] = [
    "third-party proxy on Cloudflare Workers",
    "ecr",
    "registry.k8s.io",
];

fn class_of(line: &Line) -> Class {
    let found = TABLE
        .iter()
        .find(|(class, subclass, _)| line.class == *class && line.subclass == *subclass);
    found
        .unwrap_or_else(|| panic!("{} {}", line.class, line.subclass))
        .2
}

/// What may be answered too, where the reporter left it open.
fn is_accepted(line: &Line, class: Class) -> bool {
    line.accept
        .iter()
        .any(|accepted| class.as_str() == accepted)
}

#[test]
fn every_reported_line_is_told_right() {
    let mut wrong = Vec::new();
    for line in reported() {
        let Some(verdict) = classify(&line.text) else {
            wrong.push(format!("nothing, not {}: {}", class_of(&line), line.text));
            continue;
        };
        if verdict.class != class_of(&line) && !is_accepted(&line, verdict.class) {
            wrong.push(format!(
                "{}, not {}: {}",
                verdict.class,
                class_of(&line),
                line.text
            ));
        }
        let is_untold = line
            .registry
            .as_deref()
            .is_some_and(|registry| UNTOLD.contains(&registry));
        if !is_untold {
            let differences = differences(&line, &verdict);
            wrong.extend(
                differences
                    .into_iter()
                    .map(|what| format!("{what}: {}", line.text)),
            );
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_reported_line_that_was_cut_before_its_cause_is_never_certain() {
    for line in reported().iter().filter(|line| line.truncated) {
        let verdict = classify(&line.text).unwrap();
        let names_it_itself = line.text.contains("reached your pull rate limit")
            || line.text.contains("unexpected EOF");
        assert_eq!(verdict.is_certain, names_it_itself, "{}", line.text);
    }
}
