//! Kubernetes: a `DaemonSet` that writes containerd's files on each node, as `packaging/` has it.

use forebay_setup_files::SetupError;

use super::containerd;
use crate::plan::{Input, Order, Plan, Step};

/// The manifest, with registries, address and strictness as it is shipped.
const NODES: &str = include_str!("../../../../packaging/kubernetes/nodes.yaml");

/// Where the list of registries begins and ends in it.
const REGISTRIES: (&str, &str) = ("  registries: |\n", "  point.sh: |\n");

/// Forebay's address in it: the port that the service of `packaging/kubernetes/forebay.yaml` has on each node.
const ADDRESS: &str = "value: http://$(HOST_IP):30500\n";

/// How strictness is said in it.
const STRICT: &str = "- name: FALL_BACK\n              value: \"no\"\n";

/// By the shell script in it.
const LEFT_ALONE: &str = "a hosts.toml that somebody else wrote is left alone, and a node with one may go past Forebay: the log of \
                          the node's pod says \"left alone\"";

pub(super) fn plan(order: &Order) -> Result<Plan, SetupError> {
    let manifest = manifest(order)?;
    let apply = Step::run(
        "points containerd on every node here",
        &["kubectl", "apply", "--filename", "-"],
        Input::Text(manifest.clone()),
    );
    let delete = Step::run(
        "takes the files away from every node again",
        &["kubectl", "delete", "--ignore-not-found", "--filename", "-"],
        Input::Text(manifest),
    );
    let address = "nodes ask at their own address, port 30500, where packaging/kubernetes/forebay.yaml puts Forebay";
    let mut plan = Plan::default();
    plan.steps.push(apply);
    plan.undo.push(delete);
    Ok(plan
        .falls(if order.fall_back { containerd::OPEN } else { containerd::CLOSED })
        .note_if(!order.is_address_given, address)
        .note(LEFT_ALONE)
        .note(format!(
            "containerd's own config.toml must name {} on each node: forebay setup containerd",
            containerd::CERTS_D
        ))
        .note("nodes with k3s, RKE2 or CRI-O have files of their own: forebay setup k3s, rke2 or cri-o on the node"))
}

fn manifest(order: &Order) -> Result<String, SetupError> {
    let unknown = || {
        let what = "the manifest that is built in has changed its form";
        SetupError::impossible(what, "use packaging/kubernetes/nodes.yaml as it is")
    };
    let (head, rest) = NODES.split_once(REGISTRIES.0).ok_or_else(unknown)?;
    let (_, tail) = rest.split_once(REGISTRIES.1).ok_or_else(unknown)?;
    let names = order.upstreams.iter().map(|name| format!("    {name}\n"));
    let names = names.collect::<Vec<_>>().concat();
    let mut text = format!("{head}{}{names}{}{tail}", REGISTRIES.0, REGISTRIES.1);
    if !text.contains(ADDRESS) || !text.contains(STRICT) {
        return Err(unknown());
    }
    if order.is_address_given {
        text = text.replace(ADDRESS, &format!("value: {}\n", order.address));
    }
    if order.fall_back {
        text = text.replace(STRICT, &STRICT.replace("\"no\"", "\"yes\""));
    }
    Ok(text)
}
