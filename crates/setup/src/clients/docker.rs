//! dockerd: `registry-mirrors` of daemon.json, by <https://docs.docker.com/docker-hub/image-library/mirror/>.

use forebay_oci::DOCKER_HUB;
use forebay_setup_files::{SetupError, json};

use super::{changed, path_of};
use crate::plan::{FallThrough, Files, Order, Plan};

pub(super) const DAEMON_JSON: &str = "/etc/docker/daemon.json";

pub(super) const OPEN: FallThrough = FallThrough::Open(
    "dockerd goes on to Docker Hub whenever its mirror answers with an error or not at all, and has no setting \
     against it. To close it, keep registry-1.docker.io from the machine (firewall, DNS), or write names out: \
     docker pull FOREBAY/docker.io/library/nginx",
);

const PASSWORDS: &str = "a dockerd that is logged in to Docker Hub sends that password to its mirrors too: over plain \
                         http the network between the two can read it. Put TLS before Forebay, or log out";

pub(super) fn plan(order: &Order, files: &dyn Files) -> Result<Plan, SetupError> {
    let others: Vec<&str> = order.upstreams.iter().map(String::as_str).collect();
    let others: Vec<&str> = others
        .into_iter()
        .filter(|name| *name != DOCKER_HUB)
        .collect();
    if let Some(other) = others.first() {
        let what = format!("dockerd's mirrors are for {DOCKER_HUB} only, not for {other}");
        let authority = order.address.authority();
        let hint = format!("write its images as {authority}/{other}/NAME");
        return Err(SetupError::impossible(what, hint));
    }
    let address = order.address.to_string();
    let authority = order.address.authority();
    let is_insecure = order.address.is_plain() && !order.address.is_plain_for_dockerd();
    let path = path_of(order, DAEMON_JSON);
    let file = changed(path, files, |text| {
        let text = json::put_first(path, text, ("registry-mirrors", &address))?;
        if is_insecure {
            return json::put_first(path, &text, ("insecure-registries", &authority));
        }
        Ok(text)
    })?;
    let away = order.address.is_plain() && !order.address.is_loopback();
    Ok(Plan::default()
        .file(file)
        .then("makes dockerd read it", &["systemctl", "reload", "docker"])
        .falls(OPEN)
        .note(
            "a dockerd that is started with --registry-mirror as well does not start: the option stands in the file \
             or on its command line, not in both",
        )
        .note_if(away, PASSWORDS))
}
