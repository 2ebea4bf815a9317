//! The pull secrets of a service account with one more, as a shell has `kubectl` make them of those that are there.
//!
//! Kubernetes takes a new list for the whole (<https://github.com/kubernetes/kubernetes/issues/72475>): it is made of the one that
//! is there, and taken only in the version that was read.

/// What `kubectl get serviceaccount --output` takes, in quotes for a shell: it prints the patch that puts the secret in, once.
pub fn pull_secrets_template(secret: &str) -> String {
    format!(
        "'go-template={{\"metadata\":{{\"resourceVersion\":\"{{{{.metadata.resourceVersion}}}}\"}},\"imagePullSecrets\":\
         [{{{{range .imagePullSecrets}}}}{{{{if ne .name \"{secret}\"}}}}{{\"name\":\"{{{{.name}}}}\"}},{{{{end}}}}{{{{end}}}}{{\"name\":\"{secret}\"}}]}}'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_made_of_the_one_that_is_there_in_its_version() {
        assert_eq!(
            pull_secrets_template("hub"),
            r#"'go-template={"metadata":{"resourceVersion":"{{.metadata.resourceVersion}}"},"imagePullSecrets":[{{range .imagePullSecrets}}{{if ne .name "hub"}}{"name":"{{.name}}"},{{end}}{{end}}{"name":"hub"}]}'"#
        );
    }
}
