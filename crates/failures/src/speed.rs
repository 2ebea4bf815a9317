//! How fast a log is read.
//!
//! `cargo test --release -p forebay-failures --lib -- --ignored --nocapture speed`

#![expect(clippy::disallowed_methods, reason = "measures on a real clock")]
#![expect(clippy::cast_precision_loss, reason = "figures are rounded")]

use std::time::Instant;

use crate::{Findings, Scanner};

/// What is read in each run.
const LOG_BYTES: usize = 256 << 20;

/// Lines as applications, proxies, the kernel and container engines write them every day.
const NOISE: &[&str] = &[
    r#"2025-11-03T08:12:44.120394812Z stdout F {"level":"info","ts":1762157564.12,"caller":"http/server.go:142","msg":"request served","method":"GET","path":"/api/v1/orders/429","status":200,"duration_ms":12.9}"#,
    r#"10.244.3.17 - - [03/Nov/2025:08:12:44 +0000] "GET /static/app.4f29c1.js HTTP/1.1" 200 48213 "https://shop.example/" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36""#,
    "Nov  3 08:12:44 node-7 kernel: [429123.442190] IPv6: ADDRCONF(NETDEV_CHANGE): veth1a2b3c4: link becomes ready",
    r#"Nov  3 08:12:44 node-7 kubelet[1911]: I1103 08:12:44.442190    1911 kubelet_volumes.go:163] "Cleaned up orphaned pod volumes dir" podUID="0f9a" path="/var/lib/kubelet/pods/0f9a/volumes""#,
    r#"Nov  3 08:12:44 node-7 dockerd[911]: time="2025-11-03T08:12:44.120394812Z" level=info msg="ignoring event" container=4f29c1 module=libcontainerd namespace=moby topic=/tasks/delete type="*events.TaskDelete""#,
    r#"time="2025-11-03T08:12:44Z" level=debug msg="garbage collected" d=1.442ms"#,
    "2025-11-03 08:12:44,120 WARN  [pool-4-thread-2] c.a.s.OrderService - retry 2 of 5 after timeout of 429 ms for order 1442",
    "web-1  | [2025-11-03 08:12:44 +0000] [7] [INFO] Booting worker with pid: 29",
];

const FAILURES: &[&str] = &[
    r#"Nov  3 08:12:44 node-7 kubelet[1911]: E1103 08:12:44.442190    1911 pod_workers.go:1298] "Error syncing pod, skipping" err="failed to \"StartContainer\" for \"web\" with ImagePullBackOff: \"Back-off pulling image \\\"acme/web:1.4\\\"\"" pod="shop/web-7c9d8""#,
    r#"Nov  3 08:12:45 node-7 dockerd[911]: time="2025-11-03T08:12:45.120394812Z" level=error msg="Handler for POST /v1.43/images/create returned error: toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit""#,
];

/// A log in which one line in `every` tells of a failure.
fn log(every: usize) -> Vec<u8> {
    let mut log = Vec::with_capacity(LOG_BYTES + 512);
    let mut line = 0;
    while log.len() < LOG_BYTES {
        let text = if line % every == every - 1 {
            FAILURES[line / every % FAILURES.len()]
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
fn speed() {
    for every in [10_000, 1_000, 100, 10] {
        let log = log(every);
        let begin = Instant::now();
        let mut findings = Findings::new();
        let mut scanner = Scanner::new();
        for piece in log.chunks(128 * 1024) {
            scanner.push(piece, &mut |failure| findings.add(failure));
        }
        scanner.finish(&mut |failure| findings.add(failure));
        let (findings, _) = findings.finish();
        let count: u64 = findings.iter().map(|finding| finding.count).sum();
        println!(
            "one failure in {every} lines: {:.2} s per GB, {count} messages in {} findings",
            begin.elapsed().as_secs_f64() * 1e9 / LOG_BYTES as f64,
            findings.len()
        );
    }
}
