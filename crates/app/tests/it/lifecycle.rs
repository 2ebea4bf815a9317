//! Starting, stopping, handing over, reading the configuration again. Faults 9, 35, 47 and 48.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hub_sim::{Fault, Gate, Hub, HubSim, Image, On};
use rustix::process::Signal;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::client::{Ask, PATIENCE};
use crate::image::{Part, Pull};
use crate::program::{Forebay, Program, files_below};

const BLOB_BYTES: u64 = 1024 * 1024;

/// A pull of a blob that stands in its middle until the gate is opened.
pub(crate) struct InFlight {
    pub(crate) hub: Hub,
    pub(crate) program: Program,
    pub(crate) pull: Pull,
    pub(crate) gate: Gate,
}

impl InFlight {
    pub(crate) async fn begin(sections: &str) -> Self {
        let hub = HubSim::new()
            .image("library/big:1", Image::with_layers(&[BLOB_BYTES]))
            .start()
            .await;
        let program = Forebay::before(&hub).with(sections).start().await;
        let pull = Pull::of(&hub, "library/big:1");
        let gate = Gate::closed();
        hub.fault(Fault::HoldBodyAt(BLOB_BYTES / 2, gate.clone()))
            .always();
        Self {
            hub,
            program,
            pull,
            gate,
        }
    }
}

/// Fault 47.
#[tokio::test]
async fn sigterm_finishes_what_is_in_flight_and_takes_nothing_new() {
    let InFlight {
        hub,
        program,
        pull,
        gate,
    } = InFlight::begin("").await;
    let blob = &pull.blobs[1];
    let mut flow = program.open(Ask::get(&blob.path)).await;
    let mut bytes = flow.read(1000).await.to_vec();
    program.signal(Signal::TERM);
    program.log.line_with("stopping").await.expect("a line");
    let refused = async {
        while TcpStream::connect(program.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, refused).await.expect("a refusal");
    gate.open();
    let rest = flow.rest().await;
    bytes.extend_from_slice(&rest.body);
    assert!(rest.is_whole && bytes == blob.bytes);
    let ended = program.ended().await;
    assert!(ended.status.success(), "{}", ended.log);
    assert!(
        ended.out.contains("GET /v2/library/big/blobs/"),
        "no access log line: {}",
        ended.out
    );
    // What was in flight has been kept, and the next one asks nothing for it.
    hub.clear_requests();
    blob.get(&ended.setup.start().await).await;
    assert!(hub.requests().is_empty());
}

/// Fault 47: the limit of the drain.
#[tokio::test]
async fn sigterm_does_not_wait_longer_than_it_was_told() {
    let InFlight {
        hub: _hub,
        program,
        pull,
        gate,
    } = InFlight::begin("[server]\ndrain = \"200ms\"").await;
    let mut flow = program.open(Ask::get(&pull.blobs[1].path)).await;
    flow.read(1000).await;
    program.signal(Signal::TERM);
    let ended = program.ended().await;
    assert!(
        ended.log.contains("stopping before all was finished"),
        "{}",
        ended.log
    );
    assert!(!flow.rest().await.is_whole);
    gate.open();
    let program = ended.setup.start().await;
    assert!(files_below(&ended.setup.data().join("staging")).is_empty());
    pull.succeeds(&program).await;
}

/// A program that keeps the manifest of a tag, and asks for it anew each time.
async fn with_a_tag_that_is_due() -> (Hub, Program, Pull) {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .start()
        .await;
    let program = Forebay::before(&hub)
        .with("[cache]\nversion_ttl = \"0s\"")
        .start()
        .await;
    let pull = Pull::of(&hub, "library/nginx:1");
    pull.by_tag.get(&program).await;
    (hub, program, pull)
}

/// Faults 7 and 47: the check of a tag goes on behind its stale answer, but nobody waits for it.
#[tokio::test]
async fn sigterm_does_not_wait_for_an_upstream_that_hangs() {
    let (hub, program, pull) = with_a_tag_that_is_due().await;
    hub.fault(Fault::Hang).on(On::Any).always();
    stops_at_once_behind_a_stale_answer(program, &pull).await;
}

/// Faults 7 and 47: nor does anybody wait for the token that such a check is in want of.
#[tokio::test]
async fn sigterm_does_not_wait_for_a_token_service_that_hangs() {
    let (hub, program, pull) = with_a_tag_that_is_due().await;
    hub.revoke_tokens();
    let hang = hub.fault(Fault::Hang).on(On::Token).always();
    stops_at_once_behind_a_stale_answer(program, &pull).await;
    assert!(hang.strikes() > 0, "no token was asked for");
}

async fn stops_at_once_behind_a_stale_answer(program: Program, pull: &Pull) {
    let stale = pull.by_tag.get(&program).await;
    assert_eq!(stale.told(), "200, 299 - \"Response is Stale\"");
    let begun = Instant::now();
    program.stop().await;
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
}

/// Fault 47: a client that waits for such a token is waited for, as long as the drain allows.
#[tokio::test]
async fn sigterm_ends_within_the_drain_although_somebody_waits_for_a_token() {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .start()
        .await;
    let program = Forebay::before(&hub)
        .with("[server]\ndrain = \"500ms\"")
        .start()
        .await;
    let hang = hub.fault(Fault::Hang).on(On::Token).always();
    let address = program.address;
    let waits = tokio::spawn(Ask::get("/v2/library/nginx/manifests/1").try_open(address));
    while hang.strikes() == 0 {
        tokio::task::yield_now().await;
    }
    let begun = Instant::now();
    program.stop().await;
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert!(waits.await.expect("a task of ours").is_err());
}

/// Faults 35 and 47.
#[tokio::test]
async fn a_successor_waits_for_the_lock_and_takes_over() {
    let InFlight {
        hub,
        program,
        pull,
        gate,
    } = InFlight::begin("").await;
    let mut flow = program.open(Ask::get(&pull.blobs[1].path)).await;
    flow.read(1000).await;
    let successor = program.setup.begin();
    successor
        .log
        .line_with("waiting for another process")
        .await
        .expect("a line");
    program.signal(Signal::TERM);
    gate.open();
    assert!(flow.rest().await.is_whole);
    assert!(program.ended().await.status.success());
    let successor = successor
        .listening()
        .await
        .expect("a successor that starts");
    hub.clear_requests();
    pull.blobs[1].get(&successor).await;
    assert!(hub.requests().is_empty());
    successor.stop().await;
}

/// Fault 47: the successor takes the same address, and clients that ask again notice no more than that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handover_on_one_address_ends_no_pull_that_is_tried_again() {
    const CLIENTS: usize = 8;
    const IMAGES: usize = 200;
    let mut hub = HubSim::new().anonymous_limit(1_000_000, Duration::from_hours(1));
    for number in 0..IMAGES {
        hub = hub.image(&format!("library/app:{number}"), Image::with_layers(&[700]));
    }
    let hub = hub.start().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = free.local_addr().expect("an address");
    drop(free);
    let pace = "requests_per_minute = 100000\nburst = 10000";
    let setup = Forebay::new()
        .upstream_with("docker.io", &hub, pace)
        .listening(&address.to_string());
    let program = setup.start().await;
    let pulls: Vec<_> = (0..IMAGES)
        .map(|number| Pull::of(&hub, &format!("library/app:{number}")))
        .collect();
    let (pulls, (ended, mut count)) = (Arc::new(pulls), watch::channel(0));
    let is_over = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (pulls, ended, is_over) = (Arc::clone(&pulls), ended.clone(), Arc::clone(&is_over));
        clients.spawn(async move {
            let (mut own, mut in_vain) = (pulls.iter().cycle(), 0);
            let mut next = own.nth(client * IMAGES / CLIENTS);
            while let Some(pull) = next.filter(|_| !is_over.load(Ordering::Relaxed)) {
                for part in pull.parts() {
                    in_vain += try_until_whole(address, part).await;
                }
                ended.send_modify(|ended| *ended += 1);
                next = own.next();
            }
            in_vain
        });
    }
    let mut until_ended = async |least: usize| {
        let reached = timeout(PATIENCE, count.wait_for(|&ended| ended >= least)).await;
        *reached.expect("pulls that go on").expect("clients")
    };
    until_ended(2 * CLIENTS).await;
    let successor = program.setup.begin();
    let waits = successor.log.line_with("waiting for another process");
    waits.await.expect("a line");
    program.signal(Signal::TERM);
    let ended = program.ended().await;
    assert!(ended.status.success(), "{}", ended.log);
    let successor = successor.listening().await.expect("a successor");
    assert_eq!(successor.address, address);
    let before = until_ended(0).await;
    let all = until_ended(before + IMAGES).await;
    is_over.store(true, Ordering::Relaxed);
    let in_vain: usize = clients.join_all().await.into_iter().sum();
    println!(
        "{before} pulls were whole when the successor listened, {all} at the end; {in_vain} tries were in vain"
    );
    successor.stop().await;
}

/// As clients do: a connection that is refused or cut, and a 503, is tried again; what is whole is right. How many
/// tries were in vain.
async fn try_until_whole(address: SocketAddr, part: &Part) -> usize {
    let tries = async {
        let mut in_vain = 0;
        loop {
            if let Ok(flow) = Ask::get(&part.path).try_open(address).await {
                let answer = flow.rest().await;
                match (answer.status, answer.is_whole) {
                    (200, true) => {
                        part.expect(&answer);
                        return in_vain;
                    }
                    (200, false) | (503, _) => {}
                    _ => panic!("{}: {answer:?}", part.path),
                }
            }
            in_vain += 1;
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, tries).await.expect("a whole answer")
}

/// Fault 35: the lock dies with its holder.
#[tokio::test]
async fn a_killed_program_leaves_its_lock_and_its_socket_to_the_next() {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .start()
        .await;
    let program = Forebay::before(&hub).start().await;
    let pull = Pull::of(&hub, "library/nginx:1");
    pull.succeeds(&program).await;
    let successor = program.setup.begin();
    successor
        .log
        .line_with("waiting for another process")
        .await
        .expect("a line");
    program.kill().await;
    let successor = successor
        .listening()
        .await
        .expect("a successor that starts");
    pull.succeeds(&successor).await;
    let refreshed = successor.setup.run(&["refresh", "nginx:1"]).await;
    assert!(refreshed.status.success(), "{}", refreshed.log);
}

#[tokio::test]
async fn the_control_socket_is_its_owners_alone_and_goes_with_the_program() {
    let program = Forebay::new().start().await;
    let sockets: Vec<_> = files_below(&program.setup.data());
    let socket = program.setup.data().join("control.sock");
    let mode = std::fs::metadata(&socket)
        .unwrap_or_else(|_| panic!("{sockets:?}"))
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600, "{mode:o}");
    program.stop().await;
    assert!(!socket.exists());
}

/// Fault 48.
#[tokio::test]
async fn sighup_takes_a_good_configuration_over_and_leaves_what_is_in_flight_alone() {
    let InFlight {
        hub: _hub,
        program,
        pull,
        gate,
    } = InFlight::begin("").await;
    let other = HubSim::new()
        .image("library/nginx:1", Image::small())
        .start()
        .await;
    let mut flow = program.open(Ask::get(&pull.blobs[1].path)).await;
    flow.read(1000).await;
    let path = "/v2/library/nginx/manifests/1?ns=other.example";
    assert_eq!(program.get(path).await.refusal().0, 404);
    program
        .setup
        .clone()
        .anew()
        .upstream("other.example", &other)
        .write_config();
    assert!(program.reload().await);
    assert_eq!(program.get(path).await.status, 200);
    gate.open();
    assert!(flow.rest().await.is_whole);
    // What is gone from the file is gone.
    program
        .setup
        .clone()
        .anew()
        .with("[upstreams.\"docker.io\"]\nenabled = false\n[upstreams.\"quay.io\"]\nprefix = \"q\"")
        .write_config();
    assert!(!program.reload().await, "a root that is no upstream");
}

/// Fault 48.
#[tokio::test]
async fn sighup_with_a_bad_file_changes_nothing_and_says_what_is_wrong() {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .start()
        .await;
    let program = Forebay::before(&hub).start().await;
    let pull = Pull::of(&hub, "library/nginx:1");
    for (bad, why) in [
        ("[cache]\nmax_sise = \"1GiB\"", "max_size"),
        ("[cache]\nmax_size = 12", "forebay.toml:"),
        ("this is no TOML", "forebay.toml:"),
        (
            "[upstreams.\"docker.io\"]\nca_file = \"none.pem\"",
            "none.pem",
        ),
        (
            "[upstreams.\"docker.io\"]\nusername = \"alice\"\npassword_file = \"none\"",
            "password_file",
        ),
    ] {
        program.setup.clone().anew().with(bad).write_config();
        let before = program.log.text().len();
        assert!(!program.reload().await, "{bad}");
        let said = program.log.text()[before..].to_owned();
        println!("{said}");
        assert!(
            said.contains("ERROR") && said.contains(why),
            "{bad}: {said}"
        );
        pull.succeeds(&program).await;
    }
    program.setup.write_config();
    assert!(program.reload().await);
    pull.succeeds(&program).await;
    assert_eq!(hub.charged(), 1);
}

#[tokio::test]
async fn sighup_says_which_changes_wait_for_a_restart() {
    let program = Forebay::new().start().await;
    let changed = program
        .setup
        .clone()
        .listening("127.0.0.1:1")
        .with("[server]\ndrain = \"1s\"");
    changed.write_config();
    assert!(program.reload().await);
    let log = program.log.text();
    for key in ["key=\"listen\"", "key=\"server\""] {
        assert!(log.contains(key), "{log}");
    }
    assert_eq!(program.get("/v2/").await.status, 200);
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_with_a_way_out() {
    let program = Forebay::new().start().await;
    let address = program.address.to_string();
    let second = Forebay::new()
        // However few files a process may have here: it says nothing of that.
        .with("[server]\nmax_connections = 16")
        .listening(&address);
    let second = second.try_start().await;
    let ended = second.expect_err("it must not start");
    assert_eq!(ended.status.code(), Some(3));
    insta::assert_snapshot!(ended.log.replace(&address, "[ADDRESS]"), @r"
    error: cannot listen on [ADDRESS]
      caused by: Address already in use (os error 98)
    hint: another program listens there; choose another address: forebay serve --listen 127.0.0.1:5001
    ");
}
