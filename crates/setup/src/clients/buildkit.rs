//! `BuildKit` on its own: `registry` tables of buildkitd.toml.
//!
//! Keys by <https://docs.docker.com/build/buildkit/toml-configuration/>.

use forebay_setup_files::SetupError;
use toml_edit::Item;

use super::{changed, path_of, toml};
use crate::plan::{FallThrough, Files, Order, Plan};

pub(super) const BUILDKITD_TOML: &str = "/etc/buildkit/buildkitd.toml";

const OPEN: FallThrough = FallThrough::Open(
    "BuildKit goes on to the registry whenever its mirror answers with an error or not at all, and has no setting \
     against it. To close it, keep the registry from the builder's network, or write names out: \
     FROM FOREBAY/docker.io/library/nginx",
);

pub(super) fn plan(order: &Order, files: &dyn Files) -> Result<Plan, SetupError> {
    let path = path_of(order, BUILDKITD_TOML);
    let file = changed(path, files, |text| merge(order, path, text))?;
    Ok(Plan::default()
        .file(file)
        .then(
            "makes buildkitd read it",
            &["systemctl", "restart", "buildkit"],
        )
        .then(
            "or makes a builder of docker buildx that follows it",
            &["docker", "buildx", "create", "--use", "--config", path],
        )
        .falls(OPEN)
        .note("the BuildKit in dockerd follows dockerd's own mirrors: forebay setup docker")
        .note_if(
            order.address.is_loopback(),
            "a builder in a container has a loopback of its own: give it an --address of the host",
        ))
}

fn merge(order: &Order, path: &str, text: &str) -> Result<String, SetupError> {
    let mut document = toml::parse(path, text)?;
    let authority = order.address.authority();
    for upstream in &order.upstreams {
        let table = toml::table(path, document.as_table_mut(), &["registry", upstream])?;
        toml::put_first(path, table, ("mirrors", &authority))?;
    }
    if order.address.is_plain() {
        let table = toml::table(path, document.as_table_mut(), &["registry", &authority])?;
        if table.get("http").and_then(Item::as_bool) != Some(true) {
            table.insert("http", toml_edit::value(true));
        }
    }
    Ok(document.to_string())
}
