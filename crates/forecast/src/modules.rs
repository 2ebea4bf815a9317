//! How many there are of a module of Terraform: its files say what it is made of, and those that call it, how often.
//!
//! All files are read before anything is counted.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use forebay_references::{ModuleCall, Owner, Scaled};

/// Modules within modules.
const MAX_DEPTH: u32 = 32;

/// The modules of a deploy, by their folders.
#[derive(Clone, Debug, Default)]
pub struct Modules {
    /// Who calls each, and how many of it there are then.
    calls: HashMap<PathBuf, Vec<(PathBuf, Scaled)>>,
}

impl Modules {
    /// Takes a call that `file` makes.
    pub fn add(&mut self, file: &Path, call: &ModuleCall) {
        let folder = folder_of(file);
        let called = normal(&folder.join(&call.source));
        let calls = self.calls.entry(called).or_default();
        calls.push((folder, call.copies));
    }

    /// Says in what `file` names how many there are of the module that the file is of.
    pub fn multiply(&self, file: &Path, owner: &mut Owner) {
        if self.calls.is_empty() {
            return;
        }
        let copies = self.copies(&folder_of(file), &mut HashMap::new(), MAX_DEPTH);
        if copies != ONE {
            owner.copies = Some(owner.copies.map_or(copies, |own| own.times(copies)));
        }
    }

    /// What nobody calls is what is deployed, and so there is one.
    fn copies<'a>(
        &'a self,
        folder: &'a Path,
        known: &mut HashMap<&'a Path, Scaled>,
        depth: u32,
    ) -> Scaled {
        let Some(calls) = self.calls.get(folder) else {
            return ONE;
        };
        if let Some(copies) = known.get(folder) {
            return *copies;
        }
        let Some(depth) = depth.checked_sub(1) else {
            return Scaled::UNKNOWN;
        };
        // Of what calls itself nobody can tell.
        known.insert(folder, Scaled::UNKNOWN);
        let each = calls
            .iter()
            .map(|(caller, copies)| self.copies(caller, known, depth).times(*copies));
        let copies = each.fold(Scaled::exactly(0), Scaled::plus);
        known.insert(folder, copies);
        copies
    }
}

const ONE: Scaled = Scaled::exactly(1);

fn folder_of(file: &Path) -> PathBuf {
    normal(file.parent().unwrap_or(Path::new("")))
}

/// A path without what leads nowhere: `a/./b/../c` is `a/c`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        let is_below = matches!(normal.components().next_back(), Some(Component::Normal(_)));
        match part {
            Component::CurDir => {}
            Component::ParentDir if is_below => {
                normal.pop();
            }
            _ => normal.push(part),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copies(calls: &[(&str, &str, Scaled)], file: &str) -> Option<(u32, Option<u32>)> {
        let mut modules = Modules::default();
        for (file, source, copies) in calls {
            let call = ModuleCall {
                source: (*source).to_owned(),
                copies: *copies,
            };
            modules.add(Path::new(file), &call);
        }
        let mut owner = Owner::default();
        modules.multiply(Path::new(file), &mut owner);
        owner.copies.map(|copies| (copies.least, copies.most))
    }

    #[test]
    fn there_are_as_many_of_a_module_as_its_callers_say_together() {
        let three = Scaled::exactly(3);
        let calls = [
            ("./env/prod/main.tf", "../../modules/web", three),
            ("env/prod/more.tf", "../../modules/web/", ONE),
            ("modules/web/main.tf", "./db", Scaled::exactly(2)),
            ("env/test/main.tf", "../../modules/cron", Scaled::UNKNOWN),
        ];
        for (file, expected) in [
            ("modules/web/main.tf", Some((4, Some(4)))),
            ("modules/web/db/main.tf", Some((8, Some(8)))),
            ("modules/cron/main.tf", Some((1, None))),
            ("env/prod/main.tf", None),
            ("modules/main.tf", None),
        ] {
            assert_eq!(copies(&calls, file), expected, "{file}");
        }
    }

    #[test]
    fn what_calls_itself_is_not_counted() {
        let calls = [("a/main.tf", "../b", ONE), ("b/main.tf", "../a", ONE)];
        assert_eq!(copies(&calls, "a/main.tf"), Some((1, None)));
    }
}
