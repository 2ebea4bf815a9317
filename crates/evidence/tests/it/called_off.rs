//! Pulls that somebody interrupted.

use forebay_evidence::Class;

use crate::formats::read_all;

#[test]
fn a_pull_that_was_called_off_is_over_where_nothing_else_failed() {
    let daemon = "Error response from daemon: context canceled\n";
    let logged = "time=\"2026-01-15T10:00:00Z\" level=error msg=\"Not continuing with pull after error: context canceled\"\n";
    let build = "#3 ERROR: failed to copy: httpReadSeeker: failed open: failed to do request: Get \"https://registry-1.docker.io/v2/library/nginx/manifests/sha256:aa\": context canceled\nERROR: failed to solve: Canceled: context canceled\n";
    let limit = "Error response from daemon: toomanyrequests: You have reached your pull rate limit. https://www.docker.com/increase-rate-limit\n";
    // Whoever pulls for others cancels for reasons of its own.
    let kubelet =
        "Failed to pull image \"acme/x:1\": rpc error: code = Canceled desc = context canceled\n";
    let nomad = "Driver Failure  Failed to pull `acme/web:1`: context canceled\n";
    for (text, is_over) in [
        (daemon.to_owned(), true),
        (logged.to_owned(), true),
        (build.to_owned(), true),
        (format!("{daemon}{logged}"), true),
        (format!("{daemon}{limit}"), false),
        (kubelet.to_owned(), false),
        (nomad.to_owned(), false),
    ] {
        let evidence = read_all(&[("log", &text)]);
        assert_eq!(evidence.events.is_empty(), is_over, "{text}");
        assert_eq!(evidence.past.is_empty(), !is_over, "{text}");
        assert_eq!(evidence.is_over(Class::Other), is_over, "{text}");
    }
}
