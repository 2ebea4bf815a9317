//! Lines that differ from one before in nothing but times, ids and what journald counts: they tell what they would tell alone.

use std::collections::{BTreeMap, BTreeSet};

use forebay_evidence::{Event, Evidence, Moment};
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, Strategy, proptest};

use crate::formats::read_all;

// In all lines `%` is the time of day, `@` a number, `$` an id, `&` one of three services, `U` and `#S` the time as journald and
// applications count it.

const JOURNAL: &str = r#"{"__CURSOR":"s=9f2c;i=@;b=4bf9;m=$;t=6427;x=5c1d","__REALTIME_TIMESTAMP":"U","__MONOTONIC_TIMESTAMP":"@@","__SEQNUM":"@","_BOOT_ID":"4bf92f3577b34da6a3ce929d0e0e4736","PRIORITY":"3","_HOSTNAME":"node-7","#;

const LINES: [&str; 16] = [
    r#"Jan 15 % node-7 dockerd[911]: time="2026-01-15T%.5Z" level=error msg="Handler for POST /v1.52/images/create returned error: toomanyrequests: You have reached your unauthenticated pull rate limit." spanID=$ traceID=$"#,
    r#"Jan 15 % node-7 kubelet[1911]: E0115 %.442190    1911 pod_workers.go:1298] "Error syncing pod, skipping" err="failed to \"StartContainer\" for \"web\" with ImagePullBackOff: \"Back-off pulling image \\\"acme/svc-&:1.4\\\"\"" pod="shop/svc-&-7c9d8f6b5-x2x7k" podUID="5d9a-&""#,
    r#"Jan 15 % node-7 containerd[812]: time="2026-01-15T%.5Z" level=error msg="PullImage \"docker.io/acme/svc-&:1.4\" failed" error="failed to resolve reference \"docker.io/acme/svc-&:1.4\": docker.io/acme/svc-&:1.4: not found""#,
    r#"Jan 15 % node-7 dockerd[911]: time="2026-01-15T%.5Z" level=error msg="fatal task error" error="task: non-zero exit (@)" service.id=svc-& task.id=t@"#,
    r#"#J"SYSLOG_IDENTIFIER":"dockerd","_COMM":"dockerd","MESSAGE":"time=\"2026-01-15T%.5Z\" level=error msg=\"Handler for POST /v1.52/images/create returned error: toomanyrequests: You have reached your unauthenticated pull rate limit.\" spanID=$ traceID=$"}"#,
    r#"#J"SYSLOG_IDENTIFIER":"containerd","_COMM":"containerd","MESSAGE":"PullImage \"docker.io/acme/svc-&:1.4\" failed: docker.io/acme/svc-&:1.4: not found"}"#,
    r#"#J"SYSLOG_IDENTIFIER":"kubelet","_COMM":"kubelet","MESSAGE":"E0115 %.442190    1911 pod_workers.go:1298] \"Error syncing pod, skipping\" err=\"failed to \\\"StartContainer\\\" for \\\"web\\\" with ImagePullBackOff: \\\"Back-off pulling image \\\\\\\"acme/svc-&:1.4\\\\\\\"\\\"\" pod=\"shop/svc-&-7c9d8f6b5-x2x7k\" podUID=\"5d9a-&\""}"#,
    r#"{"log":"Error response from daemon: pull access denied for acme/svc-&, repository does not exist or may require docker login\n","stream":"stderr","time":"2026-01-15T%.120394812Z"}"#,
    r#"{"time":"2026-01-15T%.120Z","level":"error","msg":"job failed","error":"Error response from daemon: manifest for acme/svc-&:1.4 not found: manifest unknown","n":@}"#,
    r#"{"ts":#S.5,"level":"error","msg":"docker pull acme/svc-&:1.4: toomanyrequests: You have reached your pull rate limit.","pid":@}"#,
    r#"{"ts":#S.5,"level":"error","msg":"job @ failed: docker pull acme/svc-&:1.4: manifest unknown","job":@}"#,
    r#"{"kind":"Event","metadata":{"uid":"$"},"reason":"Failed","message":"Failed to pull image \"acme/svc-&:1.4\": manifest unknown","involvedObject":{"kind":"Pod","name":"svc-&-7c9d8f6b5-x2x7k","namespace":"shop"},"count":@,"firstTimestamp":"2026-01-15T%Z","lastTimestamp":"2026-01-15T%Z"}"#,
    r#"{"timestamp":"2026-01-15T%.120Z","message":"payment provider answered 429 Too Many Requests","trace.id":"$","n":@}"#,
    r#"#J"SYSLOG_IDENTIFIER":"kubelet","_COMM":"kubelet","_CMDLINE":"/usr/bin/kubelet --pod-infra-container-image=registry.k8s.io/pause:3.9","MESSAGE":"I0115 %.442190    1911 kubelet_volumes.go:163] \"Cleaned up orphaned pod volumes dir\" podUID=\"0f9a@\""}"#,
    r#"{"time":"2026-01-15T%.120Z","level":"error","msg":"docker pull acme/svc-&:1.4 failed: manifest unknown","error":"toomanyrequests: You have reached your pull rate limit.","n":@}"#,
    "\tat com.acme.shop.orders.OrderService.place(OrderService.java:@) ~[shop.jar:na]",
];

/// One of the lines, when it was written, its number and its service.
type Told = (usize, u64, u64, u64);

fn line((which, second, number, service): Told) -> String {
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    let time = format!("{hour:02}:{minute:02}:{:02}", second % 60);
    // 2026-01-15, before noon.
    let seconds = 1_768_435_200 + second;
    let micros = seconds * 1_000_000 + 442_190;
    let id = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let text = LINES[which].replace("#J", JOURNAL);
    let text = text.replace("\"U\"", &format!("\"{micros}\""));
    let text = text.replace("#S", &seconds.to_string());
    let text = text.replace('%', &time).replace('@', &number.to_string());
    text.replace('$', &format!("{id:016x}"))
        .replace('&', &service.to_string())
        + "\n"
}

/// So much that no source is a text that somebody has pasted.
fn noise() -> String {
    "10.244.3.17 - - \"GET /static/app.js HTTP/1.1\" 200 48213\n".repeat(300)
}

/// How often something happened and was tried, and when first and last.
#[derive(Debug, Default, PartialEq)]
struct Sum {
    counts: [u64; 3],
    times: BTreeSet<Option<Moment>>,
}

/// What happened in each minute, how often, and when first and last.
fn sums<'a>(evidence: impl IntoIterator<Item = &'a Evidence>) -> BTreeMap<String, Sum> {
    let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
    for event in evidence
        .into_iter()
        .flat_map(|read| read.events.iter().chain(&read.past))
    {
        let Event {
            what,
            place,
            image,
            failure,
            is_hearsay,
            ..
        } = event;
        let minute = event.first.map(|first| first.unix_ms() / 60_000);
        let key = format!("{what:?} {place:?} {image:?} {failure:?} {is_hearsay} {minute:?}");
        let sum = sums.entry(key).or_default();
        let counts = [event.count, event.said, event.tries];
        for (sum, count) in sum.counts.iter_mut().zip(counts) {
            *sum += count;
        }
        sum.times.extend([event.first, event.last]);
    }
    for sum in sums.values_mut() {
        sum.times = [sum.times.first(), sum.times.last()]
            .into_iter()
            .flatten()
            .copied()
            .collect();
    }
    sums
}

fn told() -> impl Strategy<Value = Told> {
    (0..LINES.len(), 0..7_200_u64, 0..20_000_u64, 0..3_u64)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_log_tells_what_its_lines_tell_each_alone(lines in vec(told(), 1..40)) {
        let lines: Vec<String> = lines
            .into_iter()
            .zip(0..)
            // What has an id of its own is told of once.
            .map(|((which, second, number, service), index)| line((which, second, number * 64 + index, service)))
            .collect();
        let noise = noise();
        let whole = read_all(&[("log", &format!("{noise}{}{noise}", lines.concat()))]);
        let alone: Vec<Evidence> = lines
            .iter()
            .map(|line| read_all(&[("log", &format!("{noise}{line}{noise}"))]))
            .collect();
        assert_eq!(sums([&whole]), sums(&alone), "{}", lines.concat());
    }
}
