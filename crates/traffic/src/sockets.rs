//! The kernel's tables as `/proc` shows them: sockets, tracked connections, and whose a process is.
//!
//! Formats by proc(5), the kernel's `Documentation/networking/proc_net_tcp.rst` and conntrack's `/proc/net/nf_conntrack`.

use std::net::{IpAddr, Ipv6Addr};

/// A container's id has this many hexadecimal digits.
const ID_DIGITS: usize = 64;

/// How many of them people see.
const SHORT_ID: usize = 12;

/// The state of a socket that listens.
const LISTENS: &str = "0A";

/// A socket of TCP that is or was connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Socket {
    /// Our end.
    pub local: (IpAddr, u16),
    /// The other.
    pub remote: (IpAddr, u16),
    /// What a process's descriptor names it by; 0 if no process has it any more.
    pub inode: u64,
}

/// Whose a process is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// The container, by the first digits of its id.
    pub id: Option<String>,
    /// The unit of systemd.
    pub unit: Option<String>,
    /// The pod of Kubernetes, by its uid.
    pub pod: Option<String>,
}

/// Reads a row of `/proc/net/tcp` or `/proc/net/tcp6`; `None` for its header, a socket that listens, and what makes no sense.
pub fn read_socket(row: &str) -> Option<Socket> {
    let mut words = row.split_whitespace().skip(1);
    let (local, remote) = (words.next()?, words.next()?);
    let state = words.next()?;
    // Queues, timers, retransmissions, uid, time-out.
    let inode = words.nth(5)?.parse().ok()?;
    let socket = Socket {
        local: read_end(local)?,
        remote: read_end(remote)?,
        inode,
    };
    (state != LISTENS && socket.remote.1 != 0).then_some(socket)
}

/// `0100007F:1F90`: words of 32 bits in the machine's order, the port in the usual one.
fn read_end(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| u32::from_str_radix(address.get(at..at + 8)?, 16).ok();
    let address = match address.len() {
        8 => IpAddr::from(word(0)?.to_ne_bytes()),
        32 => {
            let mut bytes = [0; 16];
            for (index, part) in bytes.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(index * 8)?.to_ne_bytes());
            }
            IpAddr::from(Ipv6Addr::from(bytes)).to_canonical()
        }
        _ => return None,
    };
    Some((address, port))
}

/// Reads a row of `/proc/net/nf_conntrack`, or of what `conntrack -L` prints: the connection as it was asked for, before any
/// NAT. `None` if it is not of TCP, or makes no sense.
pub fn read_tracked(row: &str) -> Option<Socket> {
    if !row.split_whitespace().any(|word| word == "tcp") {
        return None;
    }
    // The first of each is the direction in which it was begun.
    let find = |key: &str| {
        let mut words = row.split_whitespace();
        words.find_map(|word| word.strip_prefix(key))
    };
    Some(Socket {
        local: (find("src=")?.parse().ok()?, find("sport=")?.parse().ok()?),
        remote: (find("dst=")?.parse().ok()?, find("dport=")?.parse().ok()?),
        inode: 0,
    })
}

/// Reads `/proc/PID/cgroup`.
pub fn read_cgroup(text: &str) -> Container {
    let mut container = Container::default();
    let parts = text.lines().take(64).flat_map(|line| {
        let path = line.splitn(3, ':').nth(2).unwrap_or_default();
        path.split('/').filter(|part| !part.is_empty())
    });
    for part in parts {
        let stem = part
            .strip_suffix(".scope")
            .or_else(|| part.strip_suffix(".slice"));
        let stem = stem.unwrap_or(part);
        let last = stem.rsplit(['-', ':']).next().unwrap_or(stem);
        if last.len() == ID_DIGITS && last.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            container.id = last.get(..SHORT_ID).map(str::to_owned);
        } else if let Some((_, uid)) = stem.rsplit_once("pod").filter(|(_, uid)| uid.len() >= 32) {
            container.pod = Some(uid.replace('_', "-"));
        } else if let Some(unit) = part.strip_suffix(".service") {
            container.unit = Some(unit.to_owned());
        }
    }
    container
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0000000000000000 100 0 0 10 0
   1: 0500000A:C350 01020304:01BB 01 00000000:00000000 00:00000000 00000000     0        0 4243 1 0000000000000000 20 4 30 10 -1
   2: 0500000A:C351 rubbish
";

    #[test]
    #[cfg(target_endian = "little")]
    fn sockets_are_read_as_the_kernel_writes_them() {
        let sockets: Vec<_> = TCP.lines().filter_map(read_socket).collect();
        let expected = Socket {
            local: ("10.0.0.5".parse().expect("an address"), 50_000),
            remote: ("4.3.2.1".parse().expect("an address"), 443),
            inode: 4243,
        };
        assert_eq!(sockets, [expected]);
        let mapped = " 0: 0000000000000000FFFF00000500000A:C350 0000000000000000FFFF000001020304:01BB 01 0:0 0:0 0 0 0 7 1";
        let socket = read_socket(mapped);
        assert_eq!(socket.map(|socket| socket.remote), Some(expected.remote));
    }

    #[test]
    fn tracked_connections_are_told_as_they_were_asked_for() {
        let line = "ipv4     2 tcp      6 431999 ESTABLISHED src=10.244.1.7 dst=4.3.2.1 sport=40000 dport=443 \
                    src=4.3.2.1 dst=192.0.2.1 sport=443 dport=40000 [ASSURED] mark=0 use=1";
        let socket = read_tracked(line).expect("a connection");
        assert_eq!(socket.local.0.to_string(), "10.244.1.7");
        assert_eq!(socket.remote.1, 443);
        let of_udp = "ipv4 2 udp 17 29 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=53";
        assert_eq!(read_tracked(of_udp), None);
    }

    #[test]
    fn a_process_is_a_containers_a_pods_or_a_units() {
        let id = "9f".repeat(32);
        let pod = "1b4e28ba_2fa1_11d2_883f_0016d3cca427";
        let table = [
            (
                format!("0::/system.slice/docker-{id}.scope"),
                Some("9f9f9f9f9f9f"),
                None,
                None,
            ),
            (
                format!("12:cpu:/docker/{id}"),
                Some("9f9f9f9f9f9f"),
                None,
                None,
            ),
            (
                format!("0::/kubepods.slice/kubepods-pod{pod}.slice/cri-containerd-{id}.scope"),
                Some("9f9f9f9f9f9f"),
                Some("1b4e28ba-2fa1-11d2-883f-0016d3cca427"),
                None,
            ),
            (
                "0::/system.slice/docker.service".to_owned(),
                None,
                None,
                Some("docker"),
            ),
            ("0::/user.slice".to_owned(), None, None, None),
        ];
        for (text, container, pod, unit) in table {
            let read = read_cgroup(&text);
            assert_eq!(read.id.as_deref(), container, "{text}");
            assert_eq!(read.pod.as_deref(), pod, "{text}");
            assert_eq!(read.unit.as_deref(), unit, "{text}");
        }
    }
}
