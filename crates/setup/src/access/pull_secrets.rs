//! The pull secrets of a service account: one is put among them or taken out, and the others stay.
//!
//! Kubernetes takes a new list for the whole (<https://github.com/kubernetes/kubernetes/issues/72475>). So it is asked for the old
//! one first, and changed only in the version that was read.

use forebay_limits::pull_secrets_template;
use serde_json::json;

use crate::plan::{Guard, Input, Standing, Step};

/// The service account that pods have which name none.
const ACCOUNT: &str = "default";

/// By which a pull secret is known to be a set-up's own.
pub(super) const LABEL: (&str, &str) = ("app.kubernetes.io/managed-by", "forebay-setup");

/// By which a secret says that the service account named it before it was made.
const KEPT: (&str, &str) = ("forebay-setup/service-account", "kept");

const STAYS: &str = "the service account named it before it was made, and still does";

/// The list of a namespace's service account, and the secret that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PullSecrets {
    pub(super) namespace: String,
    pub(super) secret: String,
}

impl PullSecrets {
    /// What is asked before the secret is made or taken away.
    pub(super) fn guard(self) -> Guard {
        let (secret, namespace) = (&self.secret, &self.namespace);
        let label = format!("{}={}", LABEL.0, LABEL.1);
        Guard {
            questions: [self.secret_question(), self.list_question()],
            what: format!("the secret {secret} in the namespace {namespace}"),
            hint: format!(
                "name another one with --secret; or let forebay setup have this one, to change it and to take it away: \
                 kubectl label secret {secret} --namespace {namespace} --overwrite {label}"
            ),
            reader: self,
        }
    }

    /// How the secret stands by what the questions were answered; `None` where it is somebody else's.
    pub(crate) fn weigh(&self, [secret, list]: &[String; 2]) -> Option<Standing> {
        if secret.is_empty() {
            let then = self.put_in(list, true);
            return Some(Standing::Absent { then });
        }
        let own = format!("{} {}", self.secret, LABEL.1);
        let is_kept = *secret == format!("{own} {}", KEPT.1);
        (is_kept || *secret == own).then(|| Standing::Own {
            then: self.put_in(list, false),
            undo: if is_kept { None } else { self.take_out(list) },
            note: is_kept.then_some(STAYS),
        })
    }

    /// For a person's shell, the same as [`Self::put_in`]: the answer to the question is the patch, in the version that was read.
    pub(super) fn by_hand(&self) -> String {
        let Self { namespace, secret } = self;
        let template = pull_secrets_template(secret);
        format!(
            "list=$(kubectl get --namespace {namespace} serviceaccount {ACCOUNT} --output {template}) &&\n  \
             kubectl patch --namespace {namespace} serviceaccount {ACCOUNT} --type merge --patch \"$list\"\n"
        )
    }

    /// What tells the secret's name, who made it, and whether the service account named it before, on one line; nothing where it
    /// is not there.
    fn secret_question(&self) -> Vec<String> {
        let [by, kept] = [LABEL, KEPT].map(|(key, _)| key.replace('.', "\\."));
        let labels = format!("{{.metadata.labels.{by}}} {{.metadata.labels.{kept}}}");
        let path = format!("jsonpath={{.metadata.name}} {labels}");
        let rest = [
            "secret",
            &self.secret,
            "--ignore-not-found",
            "--output",
            &path,
        ];
        let words = self.kubectl("get", &rest);
        words.into_iter().map(str::to_owned).collect()
    }

    /// What tells the version of the service account and the names in the list.
    fn list_question(&self) -> Vec<String> {
        let path = "jsonpath={.metadata.resourceVersion} {.imagePullSecrets[*].name}";
        let rest = ["serviceaccount", ACCOUNT, "--output", path];
        let words = self.kubectl("get", &rest);
        words.into_iter().map(str::to_owned).collect()
    }

    /// Has the secret in the list, by what the question was answered. One that is `new` and stands there already is marked as
    /// somebody else's entry.
    fn put_in(&self, answer: &str, is_new: bool) -> Option<Step> {
        let (version, names) = read(answer);
        if names.contains(&self.secret.as_str()) {
            return is_new.then(|| self.keep());
        }
        let names: Vec<&str> = names.into_iter().chain([self.secret.as_str()]).collect();
        let why = "has the pods of the service account use it";
        Some(self.replace(why, version, &names))
    }

    /// Has the secret out of the list, by what the question was answered.
    fn take_out(&self, answer: &str) -> Option<Step> {
        let (version, mut names) = read(answer);
        let all = names.len();
        names.retain(|name| *name != self.secret);
        let why = "has the pods of the service account use it no more";
        (names.len() < all).then(|| self.replace(why, version, &names))
    }

    fn keep(&self) -> Step {
        let label = format!("{}={}", KEPT.0, KEPT.1);
        let rest = ["secret", &self.secret, "--overwrite", &label];
        let why = "notes that the service account named it before: --undo leaves that";
        Step::run(why, &self.kubectl("label", &rest), Input::Nothing)
    }

    fn replace(&self, why: &'static str, version: &str, names: &[&str]) -> Step {
        let entries: Vec<_> = names.iter().map(|name| json!({ "name": name })).collect();
        let patch = json!({"metadata": {"resourceVersion": version}, "imagePullSecrets": entries});
        let patch = patch.to_string();
        let rest = [
            "serviceaccount",
            ACCOUNT,
            "--type",
            "merge",
            "--patch",
            &patch,
        ];
        Step::run(why, &self.kubectl("patch", &rest), Input::Nothing)
    }

    fn kubectl<'a>(&'a self, verb: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
        [&["kubectl", verb, "--namespace", &self.namespace], rest].concat()
    }
}

/// The version, and the names.
fn read(answer: &str) -> (&str, Vec<&str>) {
    let mut words = answer.split_whitespace();
    (words.next().unwrap_or_default(), words.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(step: Option<Step>) -> String {
        step.map_or_else(String::new, |step| step.command[2..].join(" "))
    }

    #[test]
    fn one_is_put_among_the_others_and_taken_out_and_these_stay() {
        let list = PullSecrets {
            namespace: "a".to_owned(),
            secret: "ours".to_owned(),
        };
        let patch = |version: &str, names: &str| {
            format!(
                "--namespace a serviceaccount default --type merge --patch {{\"imagePullSecrets\":[{names}],\"metadata\":{{\"resourceVersion\":\"{version}\"}}}}"
            )
        };
        let (theirs, ours) = ("{\"name\":\"theirs\"}", "{\"name\":\"ours\"}");
        assert_eq!(told(list.put_in("7", true)), patch("7", ours));
        assert_eq!(
            told(list.put_in("7 theirs", true)),
            patch("7", &format!("{theirs},{ours}"))
        );
        assert_eq!(told(list.put_in("7 theirs ours", false)), "");
        assert_eq!(
            told(list.put_in("7 ours", true)),
            "--namespace a secret ours --overwrite forebay-setup/service-account=kept"
        );
        assert_eq!(told(list.take_out("8 ours theirs")), patch("8", theirs));
        assert_eq!(told(list.take_out("8 ours")), patch("8", ""));
        assert_eq!(told(list.take_out("8 theirs")), "");
    }
}
