//! `setup --check`: what the client is had to do, and what is not asked of any registry.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use hub_sim::{HubSim, Image};

use crate::program::Forebay;

/// A podman that has no image, and writes down how it is called.
const PODMAN: &str = "#!/bin/sh\necho \"$@\" >>\"$CALLS\"\n[ \"$1 $2\" != 'image exists' ]\n";

#[tokio::test]
async fn a_client_that_is_not_led_here_is_had_to_pull_nothing() {
    let hub = HubSim::new().image("library/hello-world:latest", Image::small());
    let hub = hub.start().await;
    let setup = Forebay::before(&hub);
    let bin = setup.file("bin");
    fs::create_dir(&bin).expect("a folder of ours");
    fs::write(bin.join("podman"), PODMAN).expect("a file of ours");
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(bin.join("podman"), mode).expect("a file of ours");
    let calls = setup.file("calls");
    let setup = setup
        .env("PATH", &format!("{}:/usr/bin:/bin", bin.display()))
        .env("CALLS", &calls.display().to_string());
    let program = setup.start().await;
    let address = format!("http://{}", program.address);
    let act = async |act: &str| {
        let words = ["setup", "podman", act, "--root", ".", "--address", &address];
        setup.run(&words).await
    };
    let checked = act("--check").await;
    assert_eq!(checked.status.code(), Some(1), "{}", checked.transcript());
    for told in [
        "/etc/containers/registries.conf.d/50-forebay.conf does not lead podman to",
        "nothing was pulled",
    ] {
        assert!(checked.out.contains(told), "{}", checked.transcript());
    }
    assert_eq!(fs::read_to_string(&calls).expect("calls"), "--version\n");
    assert!(hub.requests().is_empty(), "{}", hub.requests());
    // Led here it pulls; this one only says so.
    let written = act("--write").await;
    assert!(written.status.success(), "{}", written.transcript());
    let checked = act("--check").await;
    assert!(
        checked.out.contains("was not asked for at"),
        "{}",
        checked.transcript()
    );
    let called = fs::read_to_string(&calls).expect("calls");
    assert!(
        called.contains("pull docker.io/library/hello-world:latest"),
        "{called}"
    );
}
