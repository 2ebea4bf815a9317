//! Where no TLS comes about: what is said of it, and a cure that helps against that fault in that client's own files.

use forebay_doctor::WayKind;

use crate::found::find;

const DOCKER: &str = "Error response from daemon: Get \"https://reg.example:5000/v2/\": ";
const POD: &str = "Warning  Failed  9s  kubelet  Failed to pull image \"reg.example:5000/acme/web:1\": rpc error: code = Unknown desc = failed to pull and unpack image: failed to resolve reference \"reg.example:5000/acme/web:1\": failed to do request: Head \"https://reg.example:5000/v2/acme/web/manifests/1\": ";
const PODMAN: &str = "Error: initializing source docker://reg.example:5000/acme/web:1: pinging container registry reg.example:5000: Get \"https://reg.example:5000/v2/\": ";
const PLAIN: &str = "http: server gave HTTP response to HTTPS client";
const UNKNOWN: &str =
    "tls: failed to verify certificate: x509: certificate signed by unknown authority";

#[test]
fn each_fault_of_tls_is_told_by_its_name_and_cured_where_its_client_looks() {
    for (line, summary, cures) in [
        (
            format!("{DOCKER}{PLAIN}"),
            "reg.example:5000 does not speak TLS: plain HTTP, most likely",
            vec![
                "{\"insecure-registries\": [\"reg.example:5000\"]}",
                "systemctl reload docker",
            ],
        ),
        (
            format!("{POD}{PLAIN}"),
            "does not speak TLS",
            vec![
                "server = \"http://reg.example:5000\"",
                "[host.\"http://reg.example:5000\"]",
            ],
        ),
        (
            format!("{PODMAN}{PLAIN}"),
            "does not speak TLS",
            vec!["location = \"reg.example:5000\"\ninsecure = true"],
        ),
        (
            format!("{DOCKER}{UNKNOWN}"),
            "signed by nobody that the machine trusts",
            vec!["install -D -m 644 ca.crt /etc/docker/certs.d/reg.example:5000/ca.crt"],
        ),
        (
            format!("{POD}{UNKNOWN}"),
            "signed by nobody that the machine trusts",
            vec![
                "[host.\"https://reg.example:5000\"]",
                "ca = \"/etc/containerd/certs.d/reg.example:5000/ca.crt\"",
            ],
        ),
        (
            format!(
                "{DOCKER}x509: certificate has expired or is not yet valid: current time 2020-01-15T14:40:00Z is before 2026-01-01T00:00:00Z"
            ),
            "is not valid yet: the clock",
            vec!["date -u", "timedatectl set-ntp true"],
        ),
        (
            format!(
                "{DOCKER}x509: certificate has expired or is not yet valid: current time 2026-01-15T14:40:00Z is after 2026-01-01T00:00:00Z"
            ),
            "has expired",
            vec![
                "-connect reg.example:5000 -servername reg.example <",
                "-noout -dates",
            ],
        ),
        (
            format!("{DOCKER}x509: certificate is valid for a.example, not reg.example"),
            "is not for that name",
            vec!["-ext subjectAltName", "getent hosts reg.example"],
        ),
        (
            format!("{DOCKER}remote error: tls: handshake failure"),
            "the handshake fails",
            vec!["openssl s_client -connect reg.example:5000"],
        ),
    ] {
        let (found, ways) = find(&[&line]);
        let cause = found.cause.as_ref().unwrap();
        assert!(cause.summary.contains(summary), "{line}: {}", cause.summary);
        let way = &ways.ways[0];
        assert_eq!(way.kind, WayKind::Mend, "{line}");
        let codes = way.steps.iter().filter_map(|step| step.code.as_ref());
        let codes: String = codes.map(|code| code.text.clone() + "\n").collect();
        for cure in cures {
            assert!(codes.contains(cure), "{line}: {cure}: {codes}");
        }
    }
}

#[test]
fn k3s_and_rke2_get_the_content_of_their_own_file_and_how_it_is_read_anew() {
    let folder = "/etc/containerd/certs.d/reg.example:5000";
    for (fault, yaml) in [
        (
            PLAIN,
            "mirrors:\n  \"reg.example:5000\":\n    endpoint:\n      - \"http://reg.example:5000\""
                .to_owned(),
        ),
        (
            UNKNOWN,
            format!("configs:\n  \"reg.example:5000\":\n    tls:\n      ca_file: {folder}/ca.crt"),
        ),
        (
            "remote error: tls: certificate required",
            format!(
                "configs:\n  \"reg.example:5000\":\n    tls:\n      cert_file: {folder}/client.cert\n      key_file: {folder}/client.key"
            ),
        ),
    ] {
        let (_, ways) = find(&[&format!("{POD}{fault}")]);
        let steps = &ways.ways[0].steps;
        let at = steps
            .iter()
            .position(|step| step.code.as_ref().is_some_and(|code| code.text == yaml));
        let at = at.unwrap();
        assert!(steps[at].text.contains("/etc/rancher/k3s/registries.yaml"));
        assert!(steps[at].text.contains("/etc/rancher/rke2/registries.yaml"));
        let restart = &steps[at + 1].code.as_ref().unwrap().text;
        assert!(
            restart.starts_with("sudo systemctl restart k3s "),
            "{restart}"
        );
    }
}

#[test]
fn what_clouds_run_is_no_registry_of_ones_own() {
    for host in [
        "123456789012.dkr.ecr.us-east-1.amazonaws.com",
        "us-docker.pkg.dev",
        "nvcr.io",
        "acme.azurecr.io",
        "docker.elastic.co",
    ] {
        let of = |fault: &str| {
            let (_, ways) = find(&[&format!(
                "Error response from daemon: Get \"https://{host}/v2/\": {fault}"
            )]);
            format!("{:?}", ways.ways[0])
        };
        let plain = of(PLAIN);
        assert!(plain.contains("have TLS let through"), "{host}: {plain}");
        let unknown = of(UNKNOWN);
        assert!(
            unknown.contains("update-ca-certificates") && !unknown.contains("certs.d"),
            "{host}: {unknown}"
        );
    }
}

#[test]
fn plain_http_in_the_place_of_a_public_registry_is_a_proxys_and_nobody_is_told_to_trust_it() {
    let (found, ways) = find(&[&format!(
        "Error response from daemon: Get \"https://registry-1.docker.io/v2/\": {PLAIN}"
    )]);
    assert_eq!(found.cause.unwrap().registry.as_deref(), Some("docker.io"));
    let way = format!("{:?}", ways.ways[0]);
    assert!(
        way.contains("have TLS let through") && !way.contains("insecure"),
        "{way}"
    );
}
