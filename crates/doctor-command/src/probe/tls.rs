//! What a registry's or a mirror's certificate is worth, each fault with a name and a cure.
//!
//! Pure. What it knows is what the handshake failed of: who signed a certificate is left to openssl, whose command is told.

use forebay_http_kit::TlsCause;
use forebay_limits::printable;
use forebay_server::{Probed, Proof, Unanswered};
use jiff::Timestamp;

use super::Check;

/// The most bytes of what a peer wrote that are shown.
const MAX_SHOWN_BYTES: usize = 200;

/// What is wrong with TLS.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    name: &'static str,
    found: String,
    cure: String,
}

impl Fault {
    /// The check with this fault in it, in words behind its own.
    pub(super) fn told_in(self, check: Check) -> Check {
        Check {
            found: format!("{}: {}", check.found, self.found),
            is_bad: true,
            fault: Some(self.name),
            cure: Some(self.cure),
            ..check
        }
    }
}

/// What the upstream of this name proved; nothing where it was not heard enough of to tell.
pub(super) fn judge((name, now_unix_s): (&str, u64), probed: &Probed) -> Option<Check> {
    let good = |found: &str| Some(Check::new(name, "tls", (found.to_owned(), false)));
    match (probed.proof, &probed.ping) {
        (Proof::PlainHttp, _) => good("none: its address is plain HTTP, and it proves nothing"),
        (_, Err(Unanswered { tls: None, .. })) => None,
        (
            _,
            Err(Unanswered {
                tls: Some((host, cause)),
                ..
            }),
        ) => {
            let trust = format!("for Forebay: ca_file = \"FILE.pem\" in [upstreams.\"{name}\"]");
            let plain = format!("url = \"http://…\" in [upstreams.\"{name}\"]");
            let fault = find_fault(host, (cause, now_unix_s), (&trust, &plain));
            Some(Check {
                found: fault.found,
                fault: Some(fault.name),
                cure: Some(fault.cure),
                ..Check::new(name, "tls", (String::new(), true))
            })
        }
        (Proof::AnyCertificate, Ok(_)) => {
            good("not looked at: insecure = true takes any certificate")
        }
        (Proof::Certificate, Ok(_)) => {
            good("its certificate is for its name, in its time, and signed by somebody we trust")
        }
    }
}

/// What is wrong with the TLS of a mirror that a client's file names.
pub(super) fn of_mirror((host, file): (&str, &str), cause: &TlsCause, now_unix_s: u64) -> Fault {
    let trust = if file.contains("/docker/") {
        format!(
            "for Docker: /etc/docker/certs.d/{host}/ca.crt, with the port behind the name if it has one"
        )
    } else if file.contains("/containerd/") {
        format!("for containerd: ca = \"FILE.pem\" under its [host] in {file}")
    } else if file.contains("/rancher/") {
        format!("for containerd: configs, \"{host}\", tls, ca_file in {file}, and a restart")
    } else {
        format!(
            "for podman: /etc/containers/certs.d/{host}/ca.crt, with the port behind the name if it has one"
        )
    };
    let plain = format!("http:// (in registries.conf: insecure = true) in {file}");
    let mut fault = find_fault(host, (cause, now_unix_s), (&trust, &plain));
    if *cause == TlsCause::UnknownIssuer {
        fault
            .found
            .push_str("; a client that has been given its authority takes it all the same");
    }
    fault
}

/// The fault; `trust` says where its authority is written down, `plain` how plain HTTP is.
fn find_fault(
    host: &str,
    (cause, now_unix_s): (&TlsCause, u64),
    (trust, plain): (&str, &str),
) -> Fault {
    let now = told_time(Some(now_unix_s));
    let look = format!("openssl s_client -connect {host}:443 -servername {host} </dev/null");
    let (name, found, cure) = match cause {
        TlsCause::Expired { until_unix_s } => (
            "certificate-expired",
            format!(
                "the certificate of {host} ended {}",
                told_time(*until_unix_s)
            ),
            format!(
                "who runs {host} has to renew it; if it is not {now}, as our clock says, then: timedatectl set-ntp true"
            ),
        ),
        TlsCause::NotYetValid { from_unix_s } => (
            "certificate-not-yet-valid",
            format!(
                "the certificate of {host} begins {}, and our clock says {now}",
                told_time(*from_unix_s)
            ),
            "our clock is behind, most likely: timedatectl set-ntp true".to_owned(),
        ),
        TlsCause::WrongName { names } => (
            "certificate-wrong-name",
            format!(
                "the certificate is not for {host}, but for {}",
                told_names(names)
            ),
            format!(
                "another server answers for {host}, or it is asked by a name that it does not have: getent hosts {host}"
            ),
        ),
        TlsCause::UnknownIssuer => (
            "certificate-unknown-issuer",
            format!("the certificate of {host} is signed by nobody that this machine trusts"),
            format!(
                "a proxy that breaks TLS open, or an authority of your own; {look} 2>/dev/null | openssl x509 -noout \
                 -issuer -subject -dates says whose. If it is meant to be there, trust it: {trust}; for all of the \
                 machine: /usr/local/share/ca-certificates/NAME.crt, then update-ca-certificates"
            ),
        ),
        TlsCause::NotTls => (
            "no-tls",
            format!("what answers at {host} does not speak TLS: plain HTTP, most likely"),
            format!(
                "a proxy or a portal in between has to let it through; a registry of your own that is meant to be \
                 plain: {plain}"
            ),
        ),
        TlsCause::Other(why) => (
            "tls-failed",
            format!("no TLS with {host}: {}", printable(why, MAX_SHOWN_BYTES)),
            format!("{look} says more"),
        ),
    };
    Fault { name, found, cure }
}

fn told_names(names: &[String]) -> String {
    if names.is_empty() {
        return "another name".to_owned();
    }
    printable(&names.join(", "), MAX_SHOWN_BYTES)
}

fn told_time(unix_s: Option<u64>) -> String {
    unix_s
        .and_then(|seconds| Timestamp::from_second(i64::try_from(seconds).ok()?).ok())
        .map_or_else(
            || "at another time".to_owned(),
            |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-01.
    const NOW_UNIX_S: u64 = 1_767_225_600;

    #[test]
    fn each_fault_has_a_name_and_a_cure_of_its_own() {
        let names = vec!["a.example".to_owned(), "\u{1b}[31m*.b.example".to_owned()];
        for (cause, name, found, cure) in [
            (
                TlsCause::Expired {
                    until_unix_s: Some(NOW_UNIX_S - 60),
                },
                "certificate-expired",
                "the certificate of r.example ended 2025-12-31 23:59 UTC",
                "if it is not 2026-01-01 00:00 UTC",
            ),
            (
                TlsCause::NotYetValid {
                    from_unix_s: Some(NOW_UNIX_S + 60),
                },
                "certificate-not-yet-valid",
                "begins 2026-01-01 00:01 UTC, and our clock says 2026-01-01 00:00 UTC",
                "timedatectl set-ntp true",
            ),
            (
                TlsCause::WrongName { names },
                "certificate-wrong-name",
                "not for r.example, but for a.example, *.b.example",
                "getent hosts r.example",
            ),
            (
                TlsCause::UnknownIssuer,
                "certificate-unknown-issuer",
                "nobody that this machine trusts",
                "/etc/docker/certs.d/r.example/ca.crt",
            ),
            (
                TlsCause::NotTls,
                "no-tls",
                "does not speak TLS",
                "in /etc/docker/daemon.json",
            ),
            (
                TlsCause::Other("peer is\nincompatible".to_owned()),
                "tls-failed",
                "no TLS with r.example: peer is incompatible",
                "openssl s_client -connect r.example:443",
            ),
        ] {
            let fault = of_mirror(("r.example", "/etc/docker/daemon.json"), &cause, NOW_UNIX_S);
            assert_eq!(fault.name, name);
            assert!(fault.found.contains(found), "{}", fault.found);
            assert!(fault.cure.contains(cure), "{}", fault.cure);
        }
    }

    #[test]
    fn an_authority_is_trusted_where_its_client_looks() {
        for (file, place) in [
            (
                "/etc/containerd/certs.d/docker.io/hosts.toml",
                "under its [host]",
            ),
            (
                "/etc/rancher/k3s/registries.yaml",
                "tls, ca_file in /etc/rancher/k3s",
            ),
            (
                "/etc/containers/registries.conf",
                "/etc/containers/certs.d/r.example/ca.crt",
            ),
        ] {
            let fault = of_mirror(("r.example", file), &TlsCause::UnknownIssuer, NOW_UNIX_S);
            assert!(fault.cure.contains(place), "{}", fault.cure);
        }
    }
}
