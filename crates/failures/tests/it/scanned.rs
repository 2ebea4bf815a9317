//! Texts as they come: one message is one failure, whatever is around it and however it is wrapped.

use forebay_failures::{Class, Failure, Finding, Findings, Scanner};

use crate::lines::{Line, heldout, none, reported, written};

pub(crate) fn scan(text: &str) -> Vec<Failure> {
    let mut failures = Vec::new();
    let mut scanner = Scanner::new();
    scanner.push(text.as_bytes(), &mut |failure| failures.push(failure));
    scanner.finish(&mut |failure| failures.push(failure));
    failures
}

pub(crate) fn findings(text: &str) -> Vec<Finding> {
    let mut findings = Findings::new();
    for failure in scan(text) {
        findings.add(failure);
    }
    findings.finish().0
}

/// Noise that no mark is in, long enough that the text is no pasted one.
fn log_around(text: &str) -> String {
    let noise = "2025-11-03T08:12:44Z INFO served request 429 in 4 ms\n".repeat(400);
    format!("{noise}{text}\n{noise}")
}

fn check(lines: &[Line], told: impl Fn(&str) -> Vec<Finding>) {
    let mut wrong = Vec::new();
    for line in lines {
        let expected = forebay_failures::classify(&line.text).map(|verdict| verdict.class);
        let found = told(&line.text);
        let classes: Vec<_> = found.iter().map(|finding| finding.class).collect();
        if classes != expected.into_iter().collect::<Vec<_>>() {
            wrong.push(format!("{classes:?}, not {expected:?}: {}", line.text));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        lines.len(),
        wrong.join("\n")
    );
}

#[test]
fn one_pasted_message_is_one_finding() {
    check(&reported(), findings);
    check(&written(), findings);
    check(&none(), findings);
}

#[test]
fn one_message_in_a_log_is_one_finding() {
    check(&reported(), |text| findings(&log_around(text)));
    check(&written(), |text| findings(&log_around(text)));
    check(&none(), |text| findings(&log_around(text)));
}

#[test]
fn an_unseen_text_is_found_pasted_and_in_a_log() {
    let mut wrong = Vec::new();
    for line in heldout() {
        let expected = forebay_failures::classify(&line.text).map(|verdict| verdict.class);
        // In a log each line is a record, and what was said before it is not looked for.
        let in_log = (!line.text.trim().contains('\n')).then(|| log_around(&line.text));
        for text in [Some(line.text.clone()), in_log].into_iter().flatten() {
            let found = findings(&text);
            let is_right = expected.map_or(found.is_empty(), |class| {
                found.iter().any(|finding| finding.class == class)
            });
            if !is_right {
                let classes: Vec<_> = found.iter().map(|finding| finding.class).collect();
                wrong.push(format!("{classes:?}, not {expected:?}: {}", line.text));
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_another_service_answers_is_no_limit_of_the_image_beside_it() {
    for text in [
        "$ docker pull docker.io/library/nginx:1\n$ curl -f https://api.example/x\ncurl: (22) The requested URL returned error: 429\n",
        "2025-11-03T00:10:01Z WARN toomanyrequests: slow down tenant 5\n2025-11-03T00:10:02Z rate limit exceeded for docker.io client\n",
        "#4 [internal] load metadata for docker.io/library/node:20-alpine\n#4 DONE 0.8s\n > [4/5] RUN npm ci:\n3.211 npm ERR! code E429\n3.212 npm ERR! 429 Too Many Requests - GET https://packages.example/lodash\n------\n",
    ] {
        let found = findings(text);
        let is_docker_hubs = |finding: &Finding| finding.registry.as_deref() == Some("docker.io");
        assert!(!found.iter().any(is_docker_hubs), "{found:?} of {text}");
    }
}

#[test]
fn a_command_is_told_of_by_its_own_answer() {
    let text = "$ docker pull ghcr.io/acme/tool:1\nStatus: Image is up to date for ghcr.io/acme/tool:1\n$ docker pull docker.io/acme/web:1\n429 Too Many Requests\n";
    let found = findings(text);
    let [finding] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(finding.registry.as_deref(), Some("docker.io"));
}

#[test]
fn a_limit_in_docker_hubs_words_is_the_registrys_that_calls_it_its_own() {
    for (text, class, registry) in [
        (
            "Failed to pull image \"quay.io/a/b:1\": toomanyrequests: You have reached your pull rate limit for quay.io",
            Class::OtherRegistryLimit,
            "quay.io",
        ),
        (
            "Failed to pull image \"harbor.example/hub/a:1\": toomanyrequests: You have reached your pull rate limit. You may increase the limit",
            Class::PullLimit,
            "docker.io",
        ),
    ] {
        let verdict = forebay_failures::classify(text).unwrap();
        assert_eq!(verdict.class, class, "{text}");
        assert_eq!(verdict.registry.as_deref(), Some(registry), "{text}");
    }
}

/// Behind anything else they may be any program's.
#[test]
fn bare_words_of_a_client_are_told_where_they_stand_alone() {
    for words in [
        "net/http: TLS handshake timeout",
        "Error: net/http: TLS handshake timeout",
    ] {
        let found = findings(words);
        let classes: Vec<_> = found.iter().map(|finding| finding.class).collect();
        assert_eq!(classes, [Class::Timeout], "{words}");
        assert!(findings(&format!("api-7 worker: {words}")).is_empty());
    }
}
