//! A `/proc` made by hand, and the true one.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::symlink;

use super::*;

/// A process with one socket, in a container.
fn add_process(proc: &Path, id: u32, inode: u64) {
    let process = proc.join(id.to_string());
    for folder in ["fd", "ns", "net"] {
        fs::create_dir_all(process.join(folder)).expect("folders");
    }
    let container = "4f".repeat(32);
    fs::write(process.join("comm"), "dockerd\n").expect("a file");
    let cgroup = format!("0::/system.slice/docker-{container}.scope\n");
    fs::write(process.join("cgroup"), cgroup).expect("a file");
    fs::write(process.join("ns/net"), "").expect("a file");
    symlink(format!("socket:[{inode}]"), process.join("fd/3")).expect("a link");
}

#[test]
fn a_connection_is_counted_once_with_its_process_and_container() {
    let folder = tempfile::tempdir().expect("a folder");
    let proc = folder.path();
    add_process(proc, 42, 4243);
    let word = |address: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(address));
    let (local, remote) = (word([10, 0, 0, 5]), word([192, 0, 2, 7]));
    let row = |port: u32, inode: u32| {
        format!(" 0: {local}:{port:04X} {remote}:01BB 01 0:0 0:0 0 0 0 {inode} 1\n")
    };
    let table = format!("header\n{}{}", row(50_000, 4243), row(50_001, 0));
    fs::write(proc.join("42/net/tcp"), table).expect("a file");
    fs::create_dir_all(proc.join("net")).expect("a folder");
    let tracked = "ipv4 2 tcp 6 9 ESTABLISHED src=10.0.0.5 dst=192.0.2.7 sport=50000 dport=443 src=192.0.2.7\n\
                   ipv4 2 tcp 6 9 ESTABLISHED src=172.17.0.2 dst=192.0.2.7 sport=40000 dport=443 src=192.0.2.7\n";
    fs::write(proc.join("net/nf_conntrack"), tracked).expect("a file");

    let mut tally = Tally::new();
    tally.know(Ipv4Addr::new(192, 0, 2, 7).into(), "docker.io");
    let mut seen = HashSet::new();
    for _ in 0..3 {
        look(proc, 10, &mut seen, &mut tally);
    }
    let lines = text::told(&tally.told()).join("\n");
    insta::assert_snapshot!(lines, @r"
    connections to registries:
      10.0.0.5 to docker.io: 1 connection in 1 min, at most 1 in the minute of 1970-01-01T00:10:00Z
      10.0.0.5 dockerd (42), container 4f4f4f4f4f4f to docker.io: 1 connection in 1 min, at most 1 in the minute of 1970-01-01T00:10:00Z
      172.17.0.2 to docker.io: 1 connection in 1 min, at most 1 in the minute of 1970-01-01T00:10:00Z
      not seen: TLS hides which repository and tag was asked for, whether it was a HEAD or a GET, and as which account: only the registry and a cache in front of it know
      not seen: one connection may carry many requests: connections are the least that was asked, not how much
    ");
}

#[test]
fn a_network_is_seen_through_a_process_that_is_still_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let proc = folder.path();
    for id in [42, 43, 44] {
        add_process(proc, id, u64::from(id));
    }
    for id in [43, 44] {
        fs::remove_file(proc.join(format!("{id}/ns/net"))).expect("a file");
        symlink(proc.join("42/ns/net"), proc.join(format!("{id}/ns/net"))).expect("a link");
    }
    // Whichever is met first: only one still has its tables.
    let row = " 0: 0500000A:C350 070200C0:01BB 01 0:0 0:0 0 0 0 43 1\n";
    fs::write(proc.join("43/net/tcp"), format!("header\n{row}")).expect("a file");

    let mut seen = HashSet::new();
    look(proc, 10, &mut seen, &mut Tally::new());
    assert_eq!(seen.len(), 1);
}

#[test]
fn a_connection_of_this_machine_is_found() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
    let address = listener.local_addr().expect("an address");
    let stream = TcpStream::connect(address).expect("a connection");
    let own = stream.local_addr().expect("an address");
    let mut seen = HashSet::new();
    look(Path::new("/proc"), 10, &mut seen, &mut Tally::new());
    let found = seen
        .iter()
        .find(|socket| socket.local == (own.ip(), own.port()));
    assert_eq!(
        found.map(|socket| socket.remote),
        Some((address.ip(), address.port()))
    );
}
