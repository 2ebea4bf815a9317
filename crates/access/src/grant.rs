//! What a credential brings along: rights of its own, and bounds to all rights.

use std::sync::Arc;

use forebay_content::Right;
use forebay_oci::{Act, Acts, Target};

/// What a credential brings along. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// Rights of its own, beside those that policies give: a robot's by its token, a workload's by its rule.
    pub rights: Arc<[Right]>,
    /// What a token bounds all rights to; `None` for a credential that has no such bounds.
    pub narrowing: Option<Arc<Narrowing>>,
}

/// What a token was given for. It never gives a right: it only takes those away that are not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Narrowing {
    /// Repositories, with what it is good for there.
    pub repositories: Vec<(Target, Acts)>,
    /// Whether it is good for the list of repositories.
    pub catalog: bool,
    /// Whether it is good for mounting blobs from wherever they are, among what may be pulled.
    pub mounts: bool,
}

impl Grant {
    /// True if the credential itself gives the right.
    pub(crate) fn gives(&self, target: &Target, act: Act) -> bool {
        gives(&self.rights, target, act)
    }

    /// True if no bound of the credential is against it.
    pub fn covers(&self, target: &Target, act: Act) -> bool {
        self.narrowing
            .as_ref()
            .is_none_or(|narrowing| narrowing.covers(target, act))
    }

    /// True if no bound of the credential is against listing repositories.
    pub fn covers_catalog(&self) -> bool {
        self.narrowing
            .as_ref()
            .is_none_or(|narrowing| narrowing.catalog)
    }

    /// True if no bound of the credential is against mounting a blob from any repository that may be pulled from.
    pub fn covers_mounts(&self) -> bool {
        self.narrowing
            .as_ref()
            .is_none_or(|narrowing| narrowing.mounts)
    }
}

impl Narrowing {
    /// What is in both.
    pub(crate) fn within(self, bounds: &Self) -> Self {
        let both = |(target, acts): (Target, Acts)| {
            let of_target = bounds
                .repositories
                .iter()
                .filter(|(bound, _)| *bound == target);
            let allowed = of_target.fold(Acts::NONE, |all, (_, acts)| all.or(*acts));
            (target, acts.and(allowed))
        };
        Self {
            repositories: self.repositories.into_iter().map(both).collect(),
            catalog: self.catalog && bounds.catalog,
            mounts: self.mounts && bounds.mounts,
        }
    }

    fn covers(&self, target: &Target, act: Act) -> bool {
        let mut repositories = self.repositories.iter();
        repositories.any(|(covered, acts)| acts.has(act) && covered == target)
    }
}

/// True if one of `rights` gives it.
pub(crate) fn gives(rights: &[Right], target: &Target, act: Act) -> bool {
    rights.iter().any(|right| {
        right.acts.has(act)
            && right
                .repositories
                .iter()
                .any(|pattern| pattern.matches(target))
    })
}
