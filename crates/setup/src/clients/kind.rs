//! kind: a cluster's configuration, with containerd's files mounted into each node.
//!
//! Keys by <https://kind.sigs.k8s.io/docs/user/configuration/>, the folder by <https://kind.sigs.k8s.io/docs/user/local-registry/>.

use forebay_setup_files::{Edits, Node, SetupError, Yaml, json::quote, workflow::indented};

use super::containerd::Told;
use super::hosts::Way;
use super::others::Others;
use super::{changed, containerd, path_of};
use crate::plan::{Files, Order, Plan, refuse_loopback};

pub(super) const KIND_YAML: &str = "kind.yaml";

/// The folder beside it that holds containerd's files.
const CERTS_D: &str = "forebay-certs.d";

const IN_NODE: &str = containerd::CERTS_D;

const HEAD: &str = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n";

const NODE: &str = "nodes:\n- role: control-plane\n";

/// Nodes of kind 0.27 and later look there by themselves.
const PATCH: &str = "containerdConfigPatches:\n";

const BLOCKS: &str = "write it as lines with indentation, without braces";

pub(super) fn plan(order: &Order, files: &dyn Files) -> Result<Plan, SetupError> {
    refuse_loopback(order, "each node of kind")?;
    let path = path_of(order, KIND_YAML);
    let folder = certs_d(path);
    let mount = if folder.starts_with('/') {
        folder.clone()
    } else {
        format!("./{folder}")
    };
    let mut plan = Plan::default().file(changed(path, files, |text| merge(path, text, &mount))?);
    let mut others = Others::default();
    for registry in &order.upstreams {
        let hosts = format!("{folder}/{registry}/hosts.toml");
        let way = Way::of(order, registry);
        plan = plan.file(way.change(&hosts, files, &mut others)?);
    }
    let closed = if order.fall_back {
        containerd::OPEN
    } else {
        containerd::CLOSED
    };
    Ok(others
        .fall(plan, closed, containerd::PAST)
        .then("makes a cluster of it", &["kind", "create", "cluster", "--config", path])
        .note("a cluster that is there already does not change: nodes get their mounts when they are made"))
}

/// The folder of registries beside kind's file, which nodes mount.
pub(crate) fn certs_d(path: &str) -> String {
    match path.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/{CERTS_D}"),
        None => CERTS_D.to_owned(),
    }
}

fn merge(path: &str, text: &str, folder: &str) -> Result<String, SetupError> {
    let text = if text.trim().is_empty() {
        format!("{text}{HEAD}{NODE}")
    } else {
        text.to_owned()
    };
    let text = with_nodes(path, &text)?;
    let text = with_mounts(path, &text, folder)?;
    with_patch(path, &text, folder)
}

/// A cluster whose nodes are not named has one.
fn with_nodes(path: &str, text: &str) -> Result<String, SetupError> {
    let yaml = Yaml::parse(path, text)?;
    if yaml.root.entries().is_empty() || yaml.root.is_flow() {
        return Err(yaml.refuse("it is no cluster of kind", BLOCKS));
    }
    if yaml
        .root
        .find("nodes")
        .is_some_and(|nodes| !nodes.is_empty())
    {
        return Ok(text.to_owned());
    }
    let mut edits = Edits::default();
    let (at, lines) = match yaml.root.find_entry("nodes") {
        Some((key, _)) => yaml.lines_after(key.span.end, "- role: control-plane\n"),
        None => yaml.lines_after(text.len(), NODE),
    };
    edits.insert(at, lines);
    Ok(edits.apply(text))
}

fn with_mounts(path: &str, text: &str, folder: &str) -> Result<String, SetupError> {
    let yaml = Yaml::parse(path, text)?;
    let nodes = yaml.root.find("nodes").map(Node::items).unwrap_or_default();
    let mut edits = Edits::default();
    for node in nodes {
        if node.is_shared() {
            let what = "a node is shared by an anchor, an alias or a merge key";
            return Err(yaml.refuse(what, "write each node out, so that each gets the mount"));
        }
        if node.entries().is_empty() || node.is_flow() {
            return Err(yaml.refuse("a node is written in braces", BLOCKS));
        }
        let indent = yaml.column(node.span.start);
        let item = |indent: usize| {
            let indent = " ".repeat(indent);
            let host = scalar(folder);
            format!(
                "{indent}- hostPath: {host}\n{indent}  containerPath: {IN_NODE}\n{indent}  readOnly: true\n"
            )
        };
        let (at, lines) = match node.find_entry("extraMounts") {
            None => {
                let lines = format!("{}extraMounts:\n{}", " ".repeat(indent), item(indent));
                yaml.lines_after(end_of(text, node), &lines)
            }
            Some((_, mounts)) if is_mounted(&yaml, mounts, folder)? => continue,
            Some((_, mounts)) => match mounts.items().last() {
                Some(last) if !mounts.is_flow() => {
                    yaml.lines_after(end_of(text, last), &item(yaml.column(yaml.dash(last))))
                }
                _ => {
                    return Err(yaml.refuse("extraMounts is written in brackets, or empty", BLOCKS));
                }
            },
        };
        edits.insert(at, lines);
    }
    Ok(edits.apply(text))
}

/// A path as YAML, in quotes where a plain one could mean something else.
fn scalar(path: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "./_-+".contains(c);
    if path.chars().all(is_plain) {
        return path.to_owned();
    }
    quote(path)
}

fn is_mounted(yaml: &Yaml<'_>, mounts: &Node, folder: &str) -> Result<bool, SetupError> {
    let word = |mount: &Node, key: &str| mount.find(key).and_then(Node::text).map(str::to_owned);
    let ours = mounts
        .items()
        .iter()
        .find(|mount| word(mount, "containerPath").as_deref() == Some(IN_NODE));
    match ours.map(|mount| word(mount, "hostPath")) {
        None => Ok(false),
        Some(Some(host)) if host == folder => Ok(true),
        Some(host) => {
            let what = format!(
                "{} is mounted at {IN_NODE} already",
                host.unwrap_or_default()
            );
            let hint = "put the files into that folder: forebay setup containerd prints them";
            Err(yaml.refuse(&what, hint))
        }
    }
}

fn with_patch(path: &str, text: &str, folder: &str) -> Result<String, SetupError> {
    let yaml = Yaml::parse(path, text)?;
    let mut edits = Edits::default();
    let (at, lines) = match yaml.root.find_entry("containerdConfigPatches") {
        None => yaml.lines_after(text.len(), &format!("{PATCH}{}", patch_item())),
        Some((_, patches)) => {
            let mut is_told = false;
            for patch in patches.items().iter().filter_map(Node::text) {
                match containerd::told_by_piece(path, patch)? {
                    Some(Told::Old(old)) => return Err(containerd::refuse_old(path, old, folder)),
                    Some(Told::Folder(other)) if other != IN_NODE => {
                        let what = format!("a patch has containerd look in {other}");
                        let hint = format!("have it look in {IN_NODE}, where the files are put");
                        return Err(yaml.refuse(&what, hint.as_str()));
                    }
                    told => is_told |= told.is_some(),
                }
            }
            if is_told {
                return Ok(text.to_owned());
            }
            match patches.items().last() {
                Some(last) if !patches.is_flow() => {
                    let lines = indented(&patch_item(), yaml.column(yaml.dash(last)));
                    yaml.lines_after(end_of(text, last), &lines)
                }
                _ => {
                    return Err(yaml.refuse(
                        "containerdConfigPatches is written in brackets, or empty",
                        BLOCKS,
                    ));
                }
            }
        }
    };
    edits.insert(at, lines);
    Ok(edits.apply(text))
}

/// The last byte of a thing that is no white space.
fn end_of(text: &str, node: &Node) -> usize {
    text[..node.span.end].trim_end().len()
}

/// What has the containerd of a node look there.
fn patch_item() -> String {
    format!(
        "- |-\n  [plugins.\"io.containerd.grpc.v1.cri\".registry]\n    config_path = \"{IN_NODE}\"\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(text: &str) -> String {
        let once = merge("kind.yaml", text, "./forebay-certs.d").expect("it merges");
        assert_eq!(
            merge("kind.yaml", &once, "./forebay-certs.d").expect("it merges"),
            once
        );
        once
    }

    #[test]
    fn a_cluster_is_made_where_there_is_none() {
        assert_eq!(
            merged(""),
            "\
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes:
- role: control-plane
  extraMounts:
  - hostPath: ./forebay-certs.d
    containerPath: /etc/containerd/certs.d
    readOnly: true
containerdConfigPatches:
- |-
  [plugins.\"io.containerd.grpc.v1.cri\".registry]
    config_path = \"/etc/containerd/certs.d\"
"
        );
    }

    #[test]
    fn every_node_has_the_mount_and_the_rest_stays() {
        let text = "\
# ours
kind: Cluster
nodes:
  - role: control-plane # one
    extraMounts:
      - hostPath: /a
        containerPath: /b
  # workers
  - role: worker
    image: kindest/node:v1.31.0

# patches
containerdConfigPatches:
  - |-
    [metrics]
      address = \"x\"
";
        assert_eq!(
            merged(text),
            "\
# ours
kind: Cluster
nodes:
  - role: control-plane # one
    extraMounts:
      - hostPath: /a
        containerPath: /b
      - hostPath: ./forebay-certs.d
        containerPath: /etc/containerd/certs.d
        readOnly: true
  # workers
  - role: worker
    image: kindest/node:v1.31.0
    extraMounts:
    - hostPath: ./forebay-certs.d
      containerPath: /etc/containerd/certs.d
      readOnly: true

# patches
containerdConfigPatches:
  - |-
    [metrics]
      address = \"x\"
  - |-
    [plugins.\"io.containerd.grpc.v1.cri\".registry]
      config_path = \"/etc/containerd/certs.d\"
"
        );
    }

    #[test]
    fn a_folder_that_yaml_would_take_for_something_else_is_quoted() {
        let folder = "./a: b #c/forebay-certs.d";
        let once = merge("kind.yaml", "", folder).expect("it merges");
        assert!(
            once.contains("- hostPath: \"./a: b #c/forebay-certs.d\"\n"),
            "{once}"
        );
        assert_eq!(merge("kind.yaml", &once, folder).expect("it merges"), once);
    }

    #[test]
    fn a_patch_that_containerd_would_not_start_with_is_refused() {
        let text = |patch: &str| {
            format!(
                "kind: Cluster\nnodes:\n- role: worker\ncontainerdConfigPatches:\n- |-\n  {patch}\n"
            )
        };
        let table = "[plugins.\"io.containerd.grpc.v1.cri\".registry";
        for patch in [
            format!("{table}.mirrors.\"localhost:5000\"]\n    endpoint = [\"http://r:5000\"]"),
            format!("{table}]\n    config_path = \"/opt/certs.d\""),
            "[plugins".to_owned(),
        ] {
            merge("kind.yaml", &text(&patch), "./forebay-certs.d").expect_err(&patch);
        }
        let ours = format!("{table}]\n    config_path = \"/etc/containerd/certs.d\"");
        assert!(merged(&text(&ours)).ends_with(&format!("{ours}\n")));
        let other = "# config_path is not set here";
        assert!(merged(&text(other)).ends_with("config_path = \"/etc/containerd/certs.d\"\n"));
    }

    #[test]
    fn another_folder_at_our_place_is_refused() {
        let text = "kind: Cluster\nnodes:\n- role: worker\n  extraMounts:\n  - hostPath: /x\n    containerPath: /etc/containerd/certs.d\n";
        assert!(merge("kind.yaml", text, "./forebay-certs.d").is_err());
    }
}
