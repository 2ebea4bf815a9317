//! dockerd: `registry-mirrors` of daemon.json, by <https://docs.docker.com/docker-hub/image-library/mirror/>.

use forebay_oci::DOCKER_HUB;
use forebay_setup_files::{SetupError, json};

use super::{apart, changed, path_of};
use crate::plan::{FallThrough, Files, Order, Plan};

pub(super) const DAEMON_JSON: &str = "/etc/docker/daemon.json";

pub(super) const OPEN: FallThrough = FallThrough::Open(
    "dockerd goes on to Docker Hub whenever its mirror answers with an error or not at all, and has no setting \
     against it. To close it, keep registry-1.docker.io from the machine (firewall, DNS), or write names out: \
     docker pull FOREBAY/docker.io/library/nginx",
);

const PASSWORDS: &str = "a dockerd that is logged in to Docker Hub sends that password to its mirrors too: over plain \
                         http the network between the two can read it. Put TLS before Forebay, or log out";

/// Where registries that stand apart are all that is set up.
const NAMED: FallThrough = FallThrough::Closed(
    "images of such a registry are named by its host here, so that dockerd asks nobody else for them",
);

pub(super) fn plan(order: &Order, files: &dyn Files) -> Result<Plan, SetupError> {
    let names = order.upstreams.iter().map(String::as_str);
    let mirrored: Vec<&str> = names.filter(|name| !order.is_apart(name)).collect();
    if let Some(other) = mirrored.iter().find(|name| **name != DOCKER_HUB) {
        let what = format!("dockerd's mirrors are for {DOCKER_HUB} only, not for {other}");
        let authority = order.address.authority();
        let hint = format!("write its images as {authority}/{other}/NAME");
        return Err(SetupError::impossible(what, hint));
    }
    let is_mirror = !mirrored.is_empty();
    let path = path_of(order, DAEMON_JSON);
    let file = changed(path, files, |text| {
        let mut text = text.to_owned();
        if is_mirror {
            let mirror = order.address.to_string();
            text = json::put_first(path, &text, ("registry-mirrors", &mirror))?;
        }
        let doors = order.apart().map(|(_, door)| door);
        for address in is_mirror.then_some(&order.address).into_iter().chain(doors) {
            if address.is_plain() && !address.is_plain_for_dockerd() {
                let authority = address.authority();
                text = json::put_first(path, &text, ("insecure-registries", &authority))?;
            }
        }
        Ok(text)
    })?;
    let mut plan = Plan::default();
    if file.is_change() && !file.after.is_empty() || is_mirror {
        plan = plan
            .file(file)
            .then("makes dockerd read it", &["systemctl", "reload", "docker"]);
    }
    for (_, door) in order.apart() {
        let login = ["docker", "login", "--username", "NAME", &door.authority()];
        plan = plan.then("logs in with the account at that registry", &login);
    }
    plan = apart::tell(order, plan, |_, authority| {
        format!("which it has from docker login {authority}")
    });
    for (registry, door) in order.apart() {
        let authority = door.authority();
        plan = plan.note(format!(
            "images of {registry} are named by that host: docker pull {authority}/NAME"
        ));
    }
    if !is_mirror {
        return Ok(plan.falls(NAMED));
    }
    let away = order.address.is_plain() && !order.address.is_loopback();
    Ok(plan
        .falls(OPEN)
        .note(
            "a dockerd that is started with --registry-mirror as well does not start: the option stands in the file \
             or on its command line, not in both",
        )
        .note_if(away, PASSWORDS))
}
