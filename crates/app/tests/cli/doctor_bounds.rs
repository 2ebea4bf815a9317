//! What `doctor` is given that has no end, waits for ever, or is to be obeyed by a terminal.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::program::Program;

/// The most memory that it may take beyond what a run takes that reads one line, in KiB: it is run where memory may be what is short.
/// The program that ships takes 21 MiB for one line, and so no more than 50 MiB; without optimisation it is twice as large.
const MAX_MORE_KIB: u64 = 28 << 10;

/// How often a condition is looked at that nobody announces.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// How often at most: five minutes in all.
const MAX_LOOKS: u32 = 150_000;

const LIMITED: &str = "Error response from daemon: toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit\n";

/// Begins a run in the folder of a program, with nothing else in its environment.
fn begin(program: &Program, args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_forebay"))
        .args(args)
        .env_clear()
        .env("PATH", program.path("bin"))
        .current_dir(program.path("."))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs")
}

/// Looks until something is found, and not for ever.
fn look_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..MAX_LOOKS {
        if let Some(found) = look() {
            return found;
        }
        thread::sleep(LOOK_EVERY);
    }
    panic!("{what} in vain");
}

/// How a run ends.
fn ending(child: &mut Child) -> ExitStatus {
    look_for("waited for its end", || child.try_wait().expect("a child"))
}

/// The most memory that a run takes, in KiB, until it ends.
fn peak_kib(child: &Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    look_for("waited for its end", || {
        // Its last line of memory goes with its memory.
        let text = fs::read_to_string(&status).ok();
        let line = text.as_deref().and_then(|text| {
            let mut lines = text.lines();
            lines.find_map(|line| line.strip_prefix("VmHWM:"))
        });
        let Some(line) = line else { return Some(peak) };
        let kib = line.trim().trim_end_matches(" kB").parse();
        peak = peak.max(kib.expect("a number"));
        None
    })
}

/// What a run tells of itself, and the most memory that it takes, in KiB.
fn notes_and_peak(program: &Program, args: &[&str]) -> (String, u64) {
    let mut child = begin(program, args);
    drop(child.stdin.take());
    let (mut out, mut err) = (child.stdout.take().expect("a pipe"), child.stderr.take());
    let told = thread::spawn(move || {
        let mut told = String::new();
        let err = err.as_mut().expect("a pipe");
        err.read_to_string(&mut told).expect("its notes");
        told
    });
    thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
    let peak = peak_kib(&child);
    assert!(peak > 0, "nothing was measured");
    ending(&mut child);
    (told.join().expect("its notes"), peak)
}

/// The most memory that a run may take, in KiB.
fn most_kib() -> u64 {
    let program = Program::new().file("line.txt", LIMITED);
    let (_, least) = notes_and_peak(&program, &["doctor", "line.txt"]);
    least + MAX_MORE_KIB
}

fn pipe(program: &Program, name: &str) {
    mknodat(
        CWD,
        program.path(name),
        FileType::Fifo,
        Mode::RUSR | Mode::WUSR,
        0,
    )
    .expect("a pipe");
}

#[test]
fn tools_that_print_without_an_end_are_cut_off_in_little_memory() {
    let mut program = Program::new();
    let script = "#!/bin/sh\nexec /usr/bin/yes '0123456789abcdef is what it says, and it says nothing else than that'\n";
    for tool in ["kubectl", "docker", "journalctl", "aws"] {
        program = program.file_with_mode(&format!("bin/{tool}"), script, 0o700);
    }
    let args = [
        "doctor",
        "--kube",
        "--docker",
        "--swarm",
        "--journal",
        "--ecs=shop",
        "--root=nowhere",
    ];
    let (told, peak) = notes_and_peak(&program, &args);
    for tool in [
        "kubectl get pods",
        "docker events",
        "journalctl",
        "aws ecs list-services",
    ] {
        let mut notes = told.lines().filter(|line| line.contains(tool));
        assert!(
            notes.any(|note| note.contains("the rest was not read")),
            "{tool}: {told}"
        );
    }
    assert!(peak < most_kib(), "{peak} KiB");
}

#[test]
fn a_cluster_of_many_pods_is_judged_in_little_memory() {
    let pod = |number: usize| {
        let name = format!("web-{number}");
        let conditions = ["Initialized", "Ready", "ContainersReady", "PodScheduled"];
        let conditions = conditions.map(|kind| serde_json::json!({"type": kind, "status": "True"}));
        serde_json::json!({"kind": "Pod", "metadata": {"namespace": "shop", "name": name},
            "status": {"phase": "Running", "conditions": conditions,
                "containerStatuses": [{"name": "web", "state": {"running": {"startedAt": "2026-11-21T08:00:00Z"}}}]}})
    };
    // A little less than is read of an answer: 16 MiB.
    let pods: Vec<String> = (0..35_000).map(|number| pod(number).to_string()).collect();
    let script = "#!/bin/sh\nexec /bin/cat pods.json\n";
    let program = Program::new()
        .file("pods.json", &format!("{{\"items\":[{}]}}", pods.join(",")))
        .file_with_mode("bin/kubectl", script, 0o700);
    let (told, peak) = notes_and_peak(&program, &["doctor", "--kube", "--wait"]);
    assert!(told.contains("it runs: pods: 35000"), "{told}");
    assert!(peak < most_kib(), "{peak} KiB");
}

#[test]
fn flow_logs_of_more_than_is_told_apart_are_counted_in_little_memory() {
    let line = |flow: u32| {
        let [_, a, b, c] = flow.to_be_bytes();
        let (port, start) = (1024 + flow % 60_000, 600 + flow);
        format!(
            "2 1 eni-{flow:017x} 10.{a}.{b}.{c} 192.0.2.7 {port} 443 6 9 800 {start} {start} ACCEPT OK\n"
        )
    };
    let log = (0..250_000).map(line).collect::<Vec<_>>().concat();
    let program = Program::new().file("flows.log", &log);
    let registry = "--registry-address=192.0.2.7";
    let most = most_kib();
    for how in [&["--json"][..], &[]] {
        let args = ["doctor", registry, "--flow-logs=flows.log"];
        let (_, peak) = notes_and_peak(&program, &[&args[..], how].concat());
        assert!(peak < most, "{how:?}: {peak} KiB");
    }
}

#[test]
fn what_waits_for_ever_or_has_no_end_is_refused_wherever_a_file_is_named() {
    let program = Program::new();
    pipe(&program, "pipe");
    let silent = "caused by: it is a pipe, and nobody writes to it";
    let endless = "caused by: it is a device that has no end within 16 MiB";
    for (args, why) in [
        (&["doctor", "pipe"][..], silent),
        (&["doctor", "--follow", "pipe"], silent),
        (
            &["doctor", "--registry-address=192.0.2.7", "--pcap=pipe"],
            silent,
        ),
        (
            &[
                "doctor",
                "--registry-address=192.0.2.7",
                "--flow-logs=/dev/zero",
            ],
            endless,
        ),
        (&["doctor", "/dev/zero"], endless),
        (
            &["doctor", "."],
            "caused by: it is a directory: name the files in it",
        ),
    ] {
        let told = program.run(args);
        assert!(told.starts_with("exit: 3"), "{args:?}: {told}");
        assert!(told.contains(why), "{args:?}: {told}");
    }
}

#[test]
fn a_pipe_with_a_writer_is_read_to_its_end() {
    let program = Program::new();
    pipe(&program, "pipe");
    let path = program.path("pipe");
    let writer = thread::spawn(move || {
        let mut pipe = File::options().write(true).open(path).expect("a reader");
        pipe.write_all(LIMITED.as_bytes()).expect("it reads");
    });
    let told = program.run(&["doctor", "--json", "pipe"]);
    writer.join().expect("a writer");
    assert!(told.contains("\"pull-limit\""), "{told}");
}

#[test]
fn an_interrupt_ends_a_read_that_waits() {
    // What is followed is told as far as it was read: here, that there was nothing.
    for (args, signal, code) in [
        (&["doctor", "pipe"][..], Some(Signal::INT.as_raw()), None),
        (&["doctor", "--follow", "pipe"], None, Some(3)),
    ] {
        let program = Program::new();
        pipe(&program, "pipe");
        let mut child = begin(&program, args);
        // As soon as it reads, it can be opened; it is not written to.
        let mut options = File::options();
        options.write(true);
        options.custom_flags(OFlags::NONBLOCK.bits().cast_signed());
        let path = program.path("pipe");
        let writer = look_for("waited for a reader", || options.open(&path).ok());
        kill_process(Pid::from_child(&child), Signal::INT).expect("a child of ours");
        let ended = ending(&mut child);
        assert_eq!((ended.signal(), ended.code()), (signal, code), "{args:?}");
        drop(writer);
    }
}

#[test]
fn what_was_asked_ends_with_who_asked() {
    let script = "#!/bin/sh\nPATH=/usr/bin:/bin\nsleep 1000 &\necho $! $$ > started\nmv started pids\nwait\n";
    let program = Program::new().file_with_mode("bin/kubectl", script, 0o700);
    let mut child = begin(&program, &["doctor", "--kube"]);
    let pids = look_for("waited for kubectl", || {
        fs::read_to_string(program.path("pids")).ok()
    });
    kill_process(Pid::from_child(&child), Signal::TERM).expect("a child of ours");
    assert_eq!(ending(&mut child).code(), Some(128 + Signal::TERM.as_raw()));
    for pid in pids.split_whitespace() {
        let stat = || fs::read_to_string(format!("/proc/{pid}/stat"));
        look_for("waited for what was asked", || {
            let is_gone = stat().map_or(true, |stat| stat.contains(") Z "));
            is_gone.then_some(())
        });
    }
}

#[test]
fn nothing_that_a_terminal_obeys_is_printed_and_json_means_the_same() {
    let image = "acme/we\u{9b}31mb\u{202e}";
    let name = "a\u{1b}[2J\nhint: obey\u{9b}.log";
    let event = serde_json::json!({"kind": "Event", "metadata": {"namespace": image, "name": "e"},
        "involvedObject": {"kind": "Pod", "namespace": image, "name": image}, "reason": "Failed", "count": 4,
        "source": {"host": image}, "message": format!("Failed to pull image \"{image}\": {LIMITED}")});
    let program = Program::new().file(name, &event.to_string());
    let is_fit = |c: char| !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}') || c == '\n';
    let told = program.run(&["doctor", "--json", name]);
    assert!(told.chars().all(is_fit), "{told:?}");
    let json = told.lines().find(|line| line.starts_with('{'));
    let json: Value = serde_json::from_str(json.expect("an object")).expect("JSON");
    assert_eq!(json["diagnosis"]["sources"][0], name);
    for args in [
        &["doctor", name][..],
        &["doctor", &format!("{name}.not")],
        &["doctor", name, "--report", &format!("{name}.md")],
        &["config", "check", "--config", name],
    ] {
        let told = program.run(args);
        assert!(told.chars().all(is_fit), "{args:?}: {told:?}");
        assert!(
            !told.lines().any(|line| line.starts_with("hint: obey")),
            "{told}"
        );
    }
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let program = Program::new().file("events.log", LIMITED);
    for (args, code) in [
        (&["doctor", "events.log", "--json"][..], 1),
        (&["doctor", "events.log"], 1),
        (&["config", "schema"], 0),
        (&["completions", "bash"], 0),
    ] {
        let mut child = begin(&program, args);
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(code), "{args:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args:?}");
    }
}

#[test]
fn following_ends_when_nobody_reads_it_any_more() {
    let program = Program::new();
    let mut child = begin(&program, &["doctor", "--follow"]);
    let mut input = child.stdin.take().expect("its input");
    input.write_all(LIMITED.as_bytes()).expect("it reads");
    input.write_all(b"nothing\n").expect("it reads");
    let mut first = String::new();
    let mut out = BufReader::new(child.stdout.take().expect("its output"));
    out.read_line(&mut first).expect("a line");
    drop(out);
    // Another cause is another diagnosis, which it can tell nobody.
    let flood = "Error response from daemon: toomanyrequests: Too Many Requests (HAP429).\n";
    let flood = flood.repeat(10);
    look_for("wrote, as if somebody read,", || {
        input.write_all(flood.as_bytes()).err()
    });
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_report_is_put_in_its_place_as_a_whole_and_never_through_a_link() {
    let program = Program::new()
        .file("events.log", LIMITED)
        .file_with_mode("incident.md", "the old one", 0o640)
        .file("mine", "not to be touched");
    symlink("mine", program.path("link.md")).expect("a link");
    let run = |name| program.run(&["doctor", "events.log", "--json", "--report", name]);
    assert!(run("incident.md").starts_with("exit: 1"));
    let about = fs::metadata(program.path("incident.md")).expect("a report");
    assert_eq!(about.permissions().mode() & 0o777, 0o640);
    let told = run("link.md");
    assert!(told.starts_with("exit: 3"), "{told}");
    assert!(told.contains("it is a symbolic link to mine"), "{told}");
    let mine = fs::read_to_string(program.path("mine")).expect("a file");
    assert_eq!(mine, "not to be touched");
    assert!(run("/dev/null").starts_with("exit: 1"));
}

#[test]
fn times_without_sense_make_no_rate_and_no_window() {
    let event = |pod: &str, reason: &str, times: [&str; 2]| {
        let message = format!("Failed to pull image \"acme/web:1\": {LIMITED}");
        serde_json::json!({"kind": "Event", "metadata": {"namespace": "shop", "name": "e"}, "reason": reason, "count": 40,
            "involvedObject": {"kind": "Pod", "namespace": "shop", "name": pod}, "message": message,
            "firstTimestamp": times[0], "lastTimestamp": times[1]})
    };
    let good = ["2026-11-21T08:00:00Z", "2026-11-21T08:05:00Z"];
    let list = serde_json::json!({"items": [
        event("web-1", "Failed", ["1970-01-01T00:00:00Z", good[1]]),
        event("web-1", "Pulling", [good[0], "2076-11-21T08:05:00Z"]),
        event("web-1", "Failed", good),
        event("batch-1", "Failed", ["0001-01-01T00:00:00Z", "9999-01-01T00:00:00Z"]),
    ]});
    let program = Program::new().file("events.json", &list.to_string());
    for how in ["--json", "--all", "--support"] {
        let told = program.run(&["doctor", "events.json", how, "--as-of=2026-11-21T08:10:00Z"]);
        assert!(told.starts_with("exit: 1"), "{told}");
        // The classifier's findings quote what was read.
        let json = told.lines().find(|line| line.starts_with('{'));
        let json = json.map(|json| serde_json::from_str::<Value>(json).expect("JSON"));
        let told = json.map_or(told, |json| json["diagnosis"].to_string());
        for absurd in ["1970-", "2076-", "0001-", "9999-"] {
            assert!(!told.contains(absurd), "{absurd}: {told}");
        }
        assert!(told.contains("2026-11-21T08:0"), "{told}");
        for minutes in told.split("pulls, within ").skip(1) {
            assert!(minutes.starts_with("5 min"), "{told}");
        }
    }
}
