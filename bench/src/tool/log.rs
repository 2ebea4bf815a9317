//! A node's log: applications, proxies, the kernel, kubelet and container engines; and here and there a pull that failed.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use crate::error::Error;

/// Lines as they are written every day. `@` is a number that differs from line to line.
const NOISE: [&str; 12] = [
    r#"2025-11-03T08:12:44.120394812Z stdout F {"level":"info","ts":1762157564.12,"caller":"http/server.go:142","msg":"request served","method":"GET","path":"/api/v1/orders/@","status":200,"duration_ms":12.9}"#,
    r#"10.244.3.17 - - [03/Nov/2025:08:12:44 +0000] "GET /static/app.@.js HTTP/1.1" 200 48213 "https://shop.example/" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36""#,
    "Nov  3 08:12:44 node-7 kernel: [429123.442190] IPv6: ADDRCONF(NETDEV_CHANGE): veth@: link becomes ready",
    r#"Nov  3 08:12:44 node-7 kubelet[1911]: I1103 08:12:44.442190    1911 kubelet_volumes.go:163] "Cleaned up orphaned pod volumes dir" podUID="0f9a@" path="/var/lib/kubelet/pods/0f9a/volumes""#,
    r#"Nov  3 08:12:44 node-7 dockerd[911]: time="2025-11-03T08:12:44.120394812Z" level=info msg="ignoring event" container=4f29c1@ module=libcontainerd namespace=moby topic=/tasks/delete type="*events.TaskDelete""#,
    r#"time="2025-11-03T08:12:44Z" level=debug msg="garbage collected" d=1.@ms"#,
    "2025-11-03 08:12:44,120 WARN  [pool-4-thread-2] c.a.s.OrderService - retry 2 of 5 after timeout of @ ms for order 1442",
    "web-1  | [2025-11-03 08:12:44 +0000] [7] [INFO] Booting worker with pid: @",
    "\tat com.acme.shop.orders.OrderService.place(OrderService.java:@) ~[shop.jar:na]",
    "Nov  3 08:12:44 node-7 sshd[@]: Connection closed by 10.0.4.9 port 50312 [preauth]",
    r#"{"log":"GET /static/app.@.js 200 48213\n","stream":"stdout","time":"2025-11-03T08:12:44.120394812Z"}"#,
    "[2025-11-03 08:12:44.120] [worker-@] DEBUG queue is empty",
];

/// Lines that are no news either, but have the words of those that are: one in [`ONE_LOOKS_IN`].
const LOOKALIKES: [&str; 3] = [
    r#"Nov  3 08:12:44 node-7 containerd[812]: time="2025-11-03T08:12:44.120394812Z" level=info msg="ImageUpdate event name:\"docker.io/library/redis:7\" labels:{key:\"io.cri-containerd.image\" value:\"managed\"}" n=@"#,
    r#"{"timestamp":"2025-11-03T08:12:44.120Z","log.level":"ERROR","message":"payment provider answered 429 Too Many Requests","trace.id":"4bf92f3577b34da6","n":@}"#,
    "api-1  | WARN giving up on https://hooks.example/in: 429 too many requests, @ in the queue",
];

/// How seldom such a line comes.
const ONE_LOOKS_IN: u64 = 100;

/// Pulls that failed, as kubelet, dockerd and containerd tell.
const FAILURES: [&str; 4] = [
    r#"Nov  3 08:12:44 node-7 kubelet[1911]: E1103 08:12:44.442190    1911 pod_workers.go:1298] "Error syncing pod, skipping" err="failed to \"StartContainer\" for \"web\" with ImagePullBackOff: \"Back-off pulling image \\\"acme/web:1.@\\\"\"" pod="shop/web-7c9d8""#,
    r#"Nov  3 08:12:45 node-7 dockerd[911]: time="2025-11-03T08:12:45.120394812Z" level=error msg="Handler for POST /v1.43/images/create returned error: toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit""#,
    r#"Nov  3 08:12:45 node-7 containerd[812]: time="2025-11-03T08:12:45.120394812Z" level=error msg="PullImage \"docker.io/acme/api:@\" failed" error="failed to pull and unpack image \"docker.io/acme/api:@\": failed to resolve reference \"docker.io/acme/api:@\": docker.io/acme/api:@: not found""#,
    r#"Nov  3 08:12:46 node-7 dockerd[911]: time="2025-11-03T08:12:46.120394812Z" level=error msg="Not continuing with pull after error: error pulling image configuration: download failed after attempts=6: dial tcp: lookup production.cloudflare.docker.com: no such host""#,
];

/// Writes a log of at least `bytes`, in which one line in `one_in` tells of a failed pull.
pub(crate) fn write(path: &Path, bytes: u64, one_in: u64) -> Result<(), Error> {
    let cannot = || Error::io(format!("cannot write {}", path.display()));
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path).map_err(cannot())?);
    let (mut written, mut line) = (0_u64, 0_u64);
    while written < bytes {
        let text = if line % one_in == one_in - 1 {
            pick(&FAILURES, line / one_in)
        } else if line % ONE_LOOKS_IN == ONE_LOOKS_IN / 2 {
            pick(&LOOKALIKES, line / ONE_LOOKS_IN)
        } else {
            pick(&NOISE, line)
        };
        let text = text.replace('@', &(line % 7919).to_string());
        file.write_all(text.as_bytes()).map_err(cannot())?;
        file.write_all(b"\n").map_err(cannot())?;
        written += text.len() as u64 + 1;
        line += 1;
    }
    file.flush().map_err(cannot())
}

fn pick<'a>(lines: &[&'a str], number: u64) -> &'a str {
    let count = lines.len() as u64;
    let at = usize::try_from(number % count).unwrap_or_default();
    lines[at]
}
