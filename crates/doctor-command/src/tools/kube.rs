//! `--kube`: which calls of `kubectl` tell of failed pulls.
//!
//! Pure: what is asked, not what comes of it.

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
    /// What tells of failures.
    pub(super) fn calls(&self) -> [Call; 2] {
        [self.get("pods"), self.get("events")]
    }

    /// What should run, and whether it does.
    pub(crate) fn standing(&self) -> Call {
        self.get("pods,deployments,statefulsets,daemonsets,jobs")
    }

    fn get(&self, what: &str) -> Call {
        let context = self.context.iter().map(|name| format!("--context={name}"));
        let whose = match &self.namespace {
            Some(name) => format!("--namespace={name}"),
            None => "--all-namespaces".to_owned(),
        };
        Call::new("kubectl", &[])
            .with(context)
            .with(["get", what])
            .with([whose])
            .with(["--output=json", REQUEST_TIMEOUT])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_namespaces_of_the_current_cluster_are_asked_unless_another_is_named() {
        let asked = |cluster: &Cluster| cluster.calls().map(|call| call.to_string()).join("\n");
        insta::assert_snapshot!(asked(&Cluster::default()), @r"
        kubectl get pods --all-namespaces --output=json --request-timeout=45s
        kubectl get events --all-namespaces --output=json --request-timeout=45s
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
