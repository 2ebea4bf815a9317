//! What the operator says beside the files.

use std::collections::BTreeMap;

use crate::variables::Binding;

/// How to look.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `--set NAME=VALUE`: goes before what a file says.
    pub set: BTreeMap<String, String>,
    /// Where own kinds of Kubernetes objects name images.
    pub crds: Vec<Crd>,
    /// Texts of files near this one that give its variables values, by file name (see [`crate::Format::companions`]
    /// and [`crate::Format::CHART_TEMPLATES`]).
    pub near: BTreeMap<String, String>,
    /// How many more files of values there are near this one: too many to be read.
    pub left_off: usize,
    /// Whether whoever asks named this file itself, and did not come by it in a folder.
    pub is_named: bool,
}

impl Settings {
    /// What `--set` says of a variable.
    pub(crate) fn set_value(&self, name: &str) -> Option<Binding> {
        self.set.get(name).map(|value| Binding::from_outside(value))
    }
}

/// Where the objects of one kind name an image or hold a pod template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crd {
    /// The kind; `*` for each that we do not know.
    pub kind: String,
    /// Keys with dots between them, `[]` after a list: `spec.workers[].image`. A map at its end is a pod's spec.
    pub path: String,
}
