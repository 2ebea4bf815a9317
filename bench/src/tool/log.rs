//! Logs of a node: applications, proxies, the kernel, kubelet and container engines; and here and there a pull that failed.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use crate::error::Error;

/// How lines are written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// As syslog, `kubectl logs` and Compose show them.
    Text,
    /// An object of JSON each: journald's export, and programs that log JSON.
    Json,
}

/// What a log is made of: lines of every day, those that have the words of news and are none, and news.
struct Stock {
    noise: &'static [&'static str],
    lookalikes: &'static [&'static str],
    failures: &'static [&'static str],
}

// In all lines `@` is a number that differs from line to line, `$` an id that does, `%` the time of day, `&` one of a few
// dozen services.

const TEXT: Stock = Stock {
    noise: &NOISE,
    lookalikes: &LOOKALIKES,
    failures: &FAILURES,
};

const JSON: Stock = Stock {
    noise: &JSON_NOISE,
    lookalikes: &JSON_LOOKALIKES,
    failures: &JSON_FAILURES,
};

/// How many services there are whose images cannot be pulled.
const SERVICES: u64 = 60;

/// How many lines come in a second.
const LINES_PER_SECOND: u64 = 40;

/// Lines as they are written every day.
const NOISE: [&str; 14] = [
    r#"2025-11-03T%.120394812Z stdout F {"level":"info","ts":1762157564.12,"caller":"http/server.go:142","msg":"request served","method":"GET","path":"/api/v1/orders/@","status":200,"duration_ms":12.9}"#,
    r#"10.244.3.17 - - [03/Nov/2025:% +0000] "GET /static/app.$.js HTTP/1.1" 200 48213 "https://shop.example/" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36""#,
    "Nov  3 % node-7 kernel: [429123.442190] IPv6: ADDRCONF(NETDEV_CHANGE): veth@: link becomes ready",
    r#"Nov  3 % node-7 kubelet[1911]: I1103 %.442190    1911 kubelet_volumes.go:163] "Cleaned up orphaned pod volumes dir" podUID="0f9a@" path="/var/lib/kubelet/pods/0f9a/volumes""#,
    r#"Nov  3 % node-7 dockerd[911]: time="2025-11-03T%.120394812Z" level=info msg="ignoring event" container=$4f29c1 module=libcontainerd namespace=moby topic=/tasks/delete type="*events.TaskDelete""#,
    r#"time="2025-11-03T%Z" level=debug msg="garbage collected" d=1.@ms"#,
    "2025-11-03 %,120 WARN  [pool-4-thread-2] c.a.s.OrderService - retry 2 of 5 after timeout of @ ms for order 1442",
    "web-1  | [2025-11-03 % +0000] [7] [INFO] Booting worker with pid: @",
    "\tat com.acme.shop.orders.OrderService.place(OrderService.java:@) ~[shop.jar:na]",
    "Nov  3 % node-7 sshd[@]: Connection closed by 10.0.4.9 port 50312 [preauth]",
    r#"{"log":"GET /static/app.@.js 200 48213\n","stream":"stdout","time":"2025-11-03T%.120394812Z"}"#,
    "[2025-11-03 %.120] [worker-@] DEBUG queue is empty",
    r#"Nov  3 % node-7 containerd[812]: time="2025-11-03T%.120394812Z" level=info msg="RemoveContainer for \"$\" returns successfully""#,
    "Nov  3 % node-7 systemd[1]: run-docker-runtime\\x2drunc-moby-$-runc.mount: Deactivated successfully.",
];

/// Lines that are no news either, but have the words of those that are: one in [`ONE_LOOKS_IN`].
const LOOKALIKES: [&str; 4] = [
    r#"Nov  3 % node-7 containerd[812]: time="2025-11-03T%.120394812Z" level=info msg="ImageUpdate event name:\"docker.io/library/redis:7\" labels:{key:\"io.cri-containerd.image\" value:\"managed\"}" n=@"#,
    r#"{"timestamp":"2025-11-03T%.120Z","log.level":"ERROR","message":"payment provider answered 429 Too Many Requests","trace.id":"$","n":@}"#,
    "api-1  | WARN giving up on https://hooks.example/in: 429 too many requests, @ in the queue",
    r#"10.244.3.17 - - [03/Nov/2025:% +0000] "GET /images/@.png HTTP/1.1" 200 48213 "https://shop.example/" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36""#,
];

/// How seldom such a line comes.
const ONE_LOOKS_IN: u64 = 100;

/// Pulls that failed, as kubelet, dockerd and containerd tell: the same again and again, as they try again and again.
const FAILURES: [&str; 4] = [
    r#"Nov  3 % node-7 kubelet[1911]: E1103 %.442190    1911 pod_workers.go:1298] "Error syncing pod, skipping" err="failed to \"StartContainer\" for \"web\" with ImagePullBackOff: \"Back-off pulling image \\\"acme/svc-&:1.4\\\"\"" pod="shop/svc-&-7c9d8f6b5-x2x7k" podUID="5d9a-&""#,
    r#"Nov  3 % node-7 dockerd[911]: time="2025-11-03T%.120394812Z" level=error msg="Handler for POST /v1.52/images/create returned error: toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit" spanID=$ traceID=$"#,
    r#"Nov  3 % node-7 containerd[812]: time="2025-11-03T%.120394812Z" level=error msg="PullImage \"docker.io/acme/svc-&:1.4\" failed" error="failed to pull and unpack image \"docker.io/acme/svc-&:1.4\": failed to resolve reference \"docker.io/acme/svc-&:1.4\": docker.io/acme/svc-&:1.4: not found""#,
    r#"Nov  3 % node-7 dockerd[911]: time="2025-11-03T%.120394812Z" level=error msg="Not continuing with pull after error: error pulling image configuration: download failed after attempts=6: dial tcp: lookup production.cloudflare.docker.com: no such host""#,
];

/// Lines of every day, in JSON.
const JSON_NOISE: [&str; 6] = [
    r#"{"time":"2025-11-03T%.120394812Z","level":"INFO","msg":"request served","method":"GET","path":"/api/v1/orders/@","status":200,"duration_ms":12.9,"trace_id":"$"}"#,
    r#"{"timestamp":"2025-11-03T%.120Z","log.level":"WARN","logger":"c.a.s.OrderService","thread":"pool-4-thread-2","message":"retry 2 of 5 after timeout of @ ms for order 1442","trace.id":"$"}"#,
    r#"{"log":"GET /static/app.@.js 200 48213\n","stream":"stdout","time":"2025-11-03T%.120394812Z"}"#,
    r#"{"__CURSOR":"s=9f2c;i=$;b=4bf9;m=@;t=6427;x=5c1d","__REALTIME_TIMESTAMP":"17621575641@","__MONOTONIC_TIMESTAMP":"4291@","_BOOT_ID":"4bf92f3577b34da6a3ce929d0e0e4736","_TRANSPORT":"kernel","PRIORITY":"6","SYSLOG_FACILITY":"0","SYSLOG_IDENTIFIER":"kernel","_HOSTNAME":"node-7","_MACHINE_ID":"0f9a5d9a","MESSAGE":"IPv6: ADDRCONF(NETDEV_CHANGE): veth@: link becomes ready"}"#,
    r#"{"__CURSOR":"s=9f2c;i=$;b=4bf9;m=@;t=6427;x=5c1d","__REALTIME_TIMESTAMP":"17621575641@","__MONOTONIC_TIMESTAMP":"4291@","_BOOT_ID":"4bf92f3577b34da6a3ce929d0e0e4736","_TRANSPORT":"stdout","PRIORITY":"6","SYSLOG_IDENTIFIER":"dockerd","_PID":"911","_UID":"0","_COMM":"dockerd","_EXE":"/usr/bin/dockerd","_CMDLINE":"/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock","_SYSTEMD_UNIT":"docker.service","_HOSTNAME":"node-7","MESSAGE":"time=\"2025-11-03T%.120394812Z\" level=info msg=\"ignoring event\" container=$ module=libcontainerd namespace=moby topic=/tasks/delete type=\"*events.TaskDelete\""}"#,
    r#"{"__CURSOR":"s=9f2c;i=$;b=4bf9;m=@;t=6427;x=5c1d","__REALTIME_TIMESTAMP":"17621575641@","__MONOTONIC_TIMESTAMP":"4291@","_BOOT_ID":"4bf92f3577b34da6a3ce929d0e0e4736","_TRANSPORT":"syslog","PRIORITY":"6","SYSLOG_FACILITY":"10","SYSLOG_IDENTIFIER":"sshd","_PID":"@","_UID":"0","_COMM":"sshd","_EXE":"/usr/sbin/sshd","_CMDLINE":"sshd: root [priv]","_SYSTEMD_UNIT":"ssh.service","_HOSTNAME":"node-7","MESSAGE":"Connection closed by 10.0.4.9 port 50312 [preauth]"}"#,
];

/// What has the words of news, in JSON. A kubelet's command line has them in each of its records.
const JSON_LOOKALIKES: [&str; 2] = [
    r#"{"__CURSOR":"s=9f2c;i=$;b=4bf9;m=@;t=6427;x=5c1d","__REALTIME_TIMESTAMP":"17621575641@","__MONOTONIC_TIMESTAMP":"4291@","_TRANSPORT":"stdout","PRIORITY":"6","SYSLOG_IDENTIFIER":"kubelet","_PID":"1911","_COMM":"kubelet","_CMDLINE":"/usr/bin/kubelet --config=/var/lib/kubelet/config.yaml --pod-infra-container-image=registry.k8s.io/pause:3.9","_HOSTNAME":"node-7","MESSAGE":"I1103 %.442190    1911 kubelet_volumes.go:163] \"Cleaned up orphaned pod volumes dir\" podUID=\"0f9a@\""}"#,
    r#"{"timestamp":"2025-11-03T%.120Z","log.level":"ERROR","message":"payment provider answered 429 Too Many Requests","trace.id":"$","n":@}"#,
];

/// Pulls that failed, in JSON.
const JSON_FAILURES: [&str; 3] = [
    r#"{"__CURSOR":"s=9f2c;i=$;b=4bf9;m=@;t=6427;x=5c1d","__REALTIME_TIMESTAMP":"17621575641@","__MONOTONIC_TIMESTAMP":"4291@","_TRANSPORT":"stdout","PRIORITY":"3","SYSLOG_IDENTIFIER":"dockerd","_PID":"911","_COMM":"dockerd","_HOSTNAME":"node-7","MESSAGE":"time=\"2025-11-03T%.120394812Z\" level=error msg=\"Handler for POST /v1.52/images/create returned error: toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit\" spanID=$ traceID=$"}"#,
    r#"{"__CURSOR":"s=9f2c;i=$;b=4bf9;m=@;t=6427;x=5c1d","__REALTIME_TIMESTAMP":"17621575641@","__MONOTONIC_TIMESTAMP":"4291@","_TRANSPORT":"stdout","PRIORITY":"3","SYSLOG_IDENTIFIER":"containerd","_PID":"812","_COMM":"containerd","_HOSTNAME":"node-7","MESSAGE":"time=\"2025-11-03T%.120394812Z\" level=error msg=\"PullImage \\\"docker.io/acme/svc-&:1.4\\\" failed\" error=\"failed to pull and unpack image \\\"docker.io/acme/svc-&:1.4\\\": failed to resolve reference \\\"docker.io/acme/svc-&:1.4\\\": docker.io/acme/svc-&:1.4: not found\""}"#,
    r#"{"time":"2025-11-03T%.120Z","level":"error","msg":"job failed","error":"Error response from daemon: manifest for acme/svc-&:1.4 not found: manifest unknown","n":@}"#,
];

/// Writes a log of at least `bytes`, in which one line in `one_in` tells of a failed pull.
pub(crate) fn write(path: &Path, kind: Kind, bytes: u64, one_in: u64) -> Result<(), Error> {
    let cannot = || Error::io(format!("cannot write {}", path.display()));
    let stock = match kind {
        Kind::Text => &TEXT,
        Kind::Json => &JSON,
    };
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path).map_err(cannot())?);
    let (mut written, mut number) = (0_u64, 0_u64);
    let mut line = String::new();
    while written < bytes {
        line.clear();
        fill(stock.pick(number, one_in), number, &mut line);
        line.push('\n');
        file.write_all(line.as_bytes()).map_err(cannot())?;
        written += line.len() as u64;
        number += 1;
    }
    file.flush().map_err(cannot())
}

impl Stock {
    fn pick(&self, number: u64, one_in: u64) -> &'static str {
        if number % one_in == one_in - 1 {
            pick(self.failures, number / one_in)
        } else if number % ONE_LOOKS_IN == ONE_LOOKS_IN / 2 {
            pick(self.lookalikes, number / ONE_LOOKS_IN)
        } else {
            pick(self.noise, number)
        }
    }
}

fn pick(lines: &[&'static str], number: u64) -> &'static str {
    let count = lines.len() as u64;
    let at = usize::try_from(number % count).unwrap_or_default();
    lines[at]
}

fn fill(text: &str, number: u64, line: &mut String) {
    for c in text.chars() {
        match c {
            '@' => line.push_str(&(number % 7919).to_string()),
            '$' => {
                // Any odd number spreads them.
                let id = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let _ = write!(line, "{id:016x}");
            }
            '&' => line.push_str(&(number / 7 % SERVICES).to_string()),
            '%' => {
                let second = number / LINES_PER_SECOND;
                let (hour, minute) = (second / 3_600 % 24, second / 60 % 60);
                let _ = write!(line, "{hour:02}:{minute:02}:{:02}", second % 60);
            }
            c => line.push(c),
        }
    }
}
