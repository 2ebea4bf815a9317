//! `--kube`: which calls of `kubectl` tell of failed pulls.
//!
//! Pure: what is asked, not what comes of it.

use super::form::Form;
use super::program::Call;

/// How long `kubectl` waits for the API server: shorter than it is waited for itself, so that it says why.
const REQUEST_TIMEOUT: &str = "--request-timeout=45s";

/// Which cluster, and what of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cluster {
    /// As the kubeconfig calls it; without it, the current one.
    pub(crate) context: Option<String>,
    /// Without it, all.
    pub(crate) namespace: Option<String>,
}

impl Cluster {
    /// What tells of failures, and of the sizes of images: nodes tell these, but belong to no namespace.
    pub(super) fn calls(&self) -> Vec<Call> {
        let mut calls = vec![self.get("pods"), self.get("events")];
        if self.namespace.is_none() {
            let nodes = self.call("nodes");
            calls.push(nodes.with(["--output=json", REQUEST_TIMEOUT]).beside());
        }
        calls
    }

    /// What should run, and whether it does.
    pub(crate) fn standing(&self) -> Call {
        self.get("pods,deployments,statefulsets,daemonsets,jobs")
    }

    /// Which of the pods of Deployments are wanted as they are.
    pub(crate) fn replica_sets(&self) -> Call {
        self.get("replicasets")
    }

    fn get(&self, what: &str) -> Call {
        let whose = match &self.namespace {
            Some(name) => format!("--namespace={name}"),
            None => "--all-namespaces".to_owned(),
        };
        self.call(what)
            .with([whose])
            .with(["--output=json", REQUEST_TIMEOUT])
    }

    fn call(&self, what: &str) -> Call {
        let context = self.context.iter().map(|name| format!("--context={name}"));
        let get = Call::new("kubectl", &[]).printing(Form::Object);
        get.with(context).with(["get", what])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_namespaces_of_the_current_cluster_are_asked_unless_another_is_named() {
        let asked = |cluster: &Cluster| {
            cluster
                .calls()
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n")
        };
        insta::assert_snapshot!(asked(&Cluster::default()), @r"
        kubectl get pods --all-namespaces --output=json --request-timeout=45s
        kubectl get events --all-namespaces --output=json --request-timeout=45s
        kubectl get nodes --output=json --request-timeout=45s
        ");
        let shop = Cluster {
            context: Some("prod".to_owned()),
            namespace: Some("shop".to_owned()),
        };
        insta::assert_snapshot!(asked(&shop), @r"
        kubectl --context=prod get pods --namespace=shop --output=json --request-timeout=45s
        kubectl --context=prod get events --namespace=shop --output=json --request-timeout=45s
        ");
    }
}
