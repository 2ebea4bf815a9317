//! How fast evidence is read.
//!
//! `cargo test --release -p forebay-evidence --test it -- --ignored --nocapture speed`

use std::time::Instant;

use forebay_evidence::{Context, Intake, Moment};

/// What is read in each run.
const LOG_BYTES: usize = 128 << 20;

/// Lines as applications, proxies, the kernel and container engines write them every day.
const NOISE: [&str; 7] = [
    r#"2026-01-15T08:12:44.120394812Z stdout F {"level":"info","ts":1762157564.12,"caller":"http/server.go:142","msg":"request served","path":"/api/v1/orders/429","status":200}"#,
    r#"10.244.3.17 - - [15/Jan/2026:08:12:44 +0000] "GET /static/app.4f29c1.js HTTP/1.1" 200 48213 "https://shop.example/" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36""#,
    "Jan 15 08:12:44 node-7 kernel: [429123.442190] IPv6: ADDRCONF(NETDEV_CHANGE): veth1a2b3c4: link becomes ready",
    r#"Jan 15 08:12:44 node-7 kubelet[1911]: I0115 08:12:44.442190    1911 kubelet_volumes.go:163] "Cleaned up orphaned pod volumes dir" podUID="0f9a" path="/var/lib/kubelet/pods/0f9a/volumes""#,
    r#"Jan 15 08:12:44 node-7 dockerd[911]: time="2026-01-15T08:12:44.120394812Z" level=info msg="ignoring event" container=4f29c1 module=libcontainerd namespace=moby topic=/tasks/delete type="*events.TaskDelete""#,
    r#"time="2026-01-15T08:12:44Z" level=debug msg="garbage collected" d=1.442ms"#,
    "2026-01-15 08:12:44,120 WARN  [pool-4-thread-2] c.a.s.OrderService - retry 2 of 5 after timeout of 429 ms for order 1442",
];

const FAILURE: &str = r#"Jan 15 08:12:45 node-7 dockerd[911]: time="2026-01-15T08:12:45.120394812Z" level=error msg="pulling image failed" error="toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit" module=node/agent/taskmanager service.id=abc task.id=t"#;

/// A log in which one line in `every` tells of a failure.
fn log(every: usize) -> Vec<u8> {
    let mut log = Vec::with_capacity(LOG_BYTES + 512);
    let mut line = 0;
    while log.len() < LOG_BYTES {
        let is_failure = line % every == every - 1;
        let text = if is_failure {
            FAILURE
        } else {
            NOISE[line % NOISE.len()]
        };
        log.extend_from_slice(text.as_bytes());
        log.push(b'\n');
        line += 1;
    }
    log
}

#[test]
#[ignore = "prints figures and checks none"]
#[expect(clippy::disallowed_methods, reason = "measures on a real clock")]
fn speed() {
    let context = Context {
        now: Moment::from_unix_ms(1_768_478_400_000),
        utc_offset_seconds: 0,
    };
    for every in [10_000, 100, 10] {
        let log = log(every);
        let begin = Instant::now();
        let mut intake = Intake::new(context);
        intake.begin("log");
        for piece in log.chunks(128 << 10) {
            intake.push(piece);
        }
        let evidence = intake.finish();
        let seconds = begin.elapsed().as_secs_f64();
        let per_gigabyte = seconds * 1e9 / LOG_BYTES as f64;
        println!(
            "1 failure in {every}: {per_gigabyte:.2} s per GB, {} events",
            evidence.events.len()
        );
    }
}
