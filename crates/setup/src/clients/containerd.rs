//! containerd: a hosts.toml for each registry, and in config.toml the folder where they lie.

use forebay_setup_files::SetupError;
use toml_edit::{DocumentMut, Item};

use super::apart;
use super::hosts::Way;
use super::others::Others;
use super::{changed, path_of, toml};
use crate::plan::{FallThrough, Files, Order, Plan};

pub(super) const CONFIG_TOML: &str = "/etc/containerd/config.toml";

/// Where the files lie unless config.toml says otherwise; containerd 2 looks there by itself.
pub(crate) const CERTS_D: &str = "/etc/containerd/certs.d";

pub(super) const CLOSED: FallThrough = FallThrough::Closed(
    "`server` of each hosts.toml is Forebay, so that containerd has nobody else to ask; while Forebay is down, \
     nothing of these registries is pulled",
);

/// Where other mirrors stay.
pub(super) const PAST: FallThrough = FallThrough::Open(
    "containerd does not go to the registry itself, but to what else stands in a hosts.toml when Forebay answers with an \
     error or not at all: see below",
);

pub(super) const OPEN: FallThrough = FallThrough::Open(
    "containerd goes on to the registry itself when Forebay answers with an error or not at all: that is what \
     --fall-back asked for",
);

/// Versions of config.toml and where each keeps the settings of registries.
const REGISTRY_TABLES: [(i64, &[&str]); 3] = [
    (1, &["plugins", "cri", "registry"]),
    (2, &["plugins", "io.containerd.grpc.v1.cri", "registry"]),
    (3, &["plugins", "io.containerd.cri.v1.images", "registry"]),
];

pub(super) fn plan(order: &Order, files: &dyn Files) -> Result<Plan, SetupError> {
    let path = path_of(order, CONFIG_TOML);
    let mut certs_d = CERTS_D.to_owned();
    let mut is_cri_off = false;
    let config = changed(path, files, |text| {
        let config = Config::read(path, text)?;
        is_cri_off = config.is_cri_off();
        let folder = config.config_path()?;
        if let Some(folder) = &folder {
            certs_d.clone_from(folder);
        }
        if is_cri_off {
            return Ok(text.to_owned());
        }
        config.refuse_imports(&certs_d, files)?;
        match folder {
            Some(_) => Ok(text.to_owned()),
            None => config.with_config_path(),
        }
    })?;
    let mut plan = Plan::default();
    let mut others = Others::default();
    for upstream in &order.upstreams {
        let path = format!("{}/{upstream}/hosts.toml", certs_d.trim_end_matches('/'));
        let way = Way::of(order, upstream);
        plan = plan.file(way.change(&path, files, &mut others)?);
    }
    if config.is_change() && !config.after.is_empty() {
        let why = "makes containerd read config.toml; hosts.toml it reads at each pull";
        plan = plan
            .file(config)
            .then(why, &["systemctl", "restart", "containerd"]);
    }
    let hosts_dir = format!(
        "ctr and nerdctl take the folder as an option: ctr images pull --hosts-dir {certs_d} IMAGE"
    );
    let closed = if order.fall_back { OPEN } else { CLOSED };
    let plan = apart::tell(order, plan, |registry, _| {
        format!(
            "which Kubernetes takes from a pull secret for {registry}, as images name it, and ctr from --user"
        )
    });
    Ok(others
        .fall(plan, closed, PAST)
        .note_if(is_cri_off, "config.toml switches CRI off, so that Kubernetes is not served here: it stays as it is")
        .note(hosts_dir))
}

/// The folder of registries that a config.toml names.
pub(crate) fn named_certs_d(path: &str, text: &str) -> Option<String> {
    Config::read(path, text).ok()?.config_path().ok()?
}

/// What a piece of containerd's configuration says of registries, whichever version it is of.
pub(super) fn told_by_piece(path: &str, text: &str) -> Result<Option<Told>, SetupError> {
    let document = toml::parse(path, text)?;
    let tables = REGISTRY_TABLES.into_iter();
    let mut told = tables.filter_map(|(_, registry)| told(&document, registry));
    Ok(told.next())
}

/// What is said of registries.
pub(super) enum Told {
    /// The folder where it looks: the first of several.
    Folder(String),
    /// A setting that containerd refuses beside one.
    Old(&'static str),
}

fn told(document: &DocumentMut, registry: &[&str]) -> Option<Told> {
    let registry = toml::find(document.as_table(), registry)?.as_table_like()?;
    let folder = registry.get("config_path").and_then(Item::as_str);
    let folder = folder.and_then(|folder| folder.split(':').next());
    if let Some(folder) = folder.filter(|folder| !folder.is_empty()) {
        return Some(Told::Folder(folder.to_owned()));
    }
    let is_any = |key: &str, is_meant: fn(&Item) -> bool| {
        let table = registry.get(key).and_then(Item::as_table_like);
        table.is_some_and(|table| table.iter().any(|(_, item)| is_meant(item)))
    };
    if is_any("mirrors", |_| true) {
        return Some(Told::Old("mirrors"));
    }
    // The logins of `configs` may stand beside a folder.
    is_any("configs", |config| config.get("tls").is_some()).then_some(Told::Old("configs.*.tls"))
}

/// Why a folder cannot be named, in a file that has this setting.
pub(super) fn refuse_old(path: &str, old: &str, folder: &str) -> SetupError {
    let what = format!("registry.{old} is set, which containerd does not take beside config_path");
    let hint = format!("write what it says into files below {folder}, take it out, and try again");
    SetupError::unmergeable(path, what, hint)
}

/// config.toml.
struct Config<'a> {
    path: &'a str,
    document: DocumentMut,
    registry: &'static [&'static str],
}

impl<'a> Config<'a> {
    fn read(path: &'a str, text: &str) -> Result<Self, SetupError> {
        let mut document = toml::parse(path, text)?;
        let version = match document.get("version") {
            Some(version) => version.as_integer().unwrap_or(0),
            // Nothing in the file depends on a version yet.
            None if !document.contains_key("plugins")
                && !document.contains_key("disabled_plugins") =>
            {
                set_version(&mut document);
                2
            }
            None => 1,
        };
        let Some((_, registry)) = REGISTRY_TABLES
            .into_iter()
            .find(|(known, _)| *known == version)
        else {
            let what = format!("version {version} of containerd's configuration is not known here");
            return Err(SetupError::unmergeable(path, what, "it is 1, 2 or 3"));
        };
        Ok(Self {
            path,
            document,
            registry,
        })
    }

    /// Debian and Docker ship a containerd that does not serve Kubernetes.
    fn is_cri_off(&self) -> bool {
        let off = self
            .document
            .get("disabled_plugins")
            .and_then(Item::as_array);
        off.is_some_and(|off| {
            let names = off.iter().filter_map(|name| name.as_str());
            names.into_iter().any(|name| {
                matches!(
                    name,
                    "cri" | "io.containerd.grpc.v1.cri" | "io.containerd.cri.v1.images"
                )
            })
        })
    }

    /// The folder that it names already: the first of several.
    fn config_path(&self) -> Result<Option<String>, SetupError> {
        match told(&self.document, self.registry) {
            Some(Told::Folder(folder)) => Ok(Some(folder)),
            Some(Told::Old(old)) => Err(refuse_old(self.path, old, CERTS_D)),
            None => Ok(None),
        }
    }

    /// What imported files say wins over what this one does.
    fn refuse_imports(&self, certs_d: &str, files: &dyn Files) -> Result<(), SetupError> {
        let imports = self.document.get("imports").and_then(Item::as_array);
        let imports = imports
            .into_iter()
            .flatten()
            .filter_map(|name| name.as_str());
        for import in imports {
            for path in imported(self.path, import, files)? {
                let text = files.read(&path)?.unwrap_or_default();
                match told_by_piece(&path, &text)? {
                    Some(Told::Old(old)) => return Err(refuse_old(&path, old, certs_d)),
                    Some(Told::Folder(folder)) if folder != certs_d => {
                        let what = format!(
                            "{} imports it, and its config_path, {folder}, wins over {certs_d}",
                            self.path
                        );
                        let hint = format!("take that out, or set this file up: --file {path}");
                        return Err(SetupError::unmergeable(&path, what, hint));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn with_config_path(mut self) -> Result<String, SetupError> {
        let registry = toml::table(self.path, self.document.as_table_mut(), self.registry)?;
        if let Some(old) = registry.get_mut("config_path").and_then(Item::as_value_mut) {
            let decor = old.decor().clone();
            *old = CERTS_D.into();
            *old.decor_mut() = decor;
        } else {
            registry.insert("config_path", toml_edit::value(CERTS_D));
        }
        Ok(self.document.to_string())
    }
}

/// The files that an import names, from the folder of the file that imports: one, or those of a folder by a pattern.
fn imported(path: &str, import: &str, files: &dyn Files) -> Result<Vec<String>, SetupError> {
    let own = path.rsplit_once('/').map_or(".", |(folder, _)| folder);
    let import = if import.starts_with('/') {
        import.to_owned()
    } else {
        format!("{own}/{import}")
    };
    let Some((folder, name)) = import.rsplit_once('/') else {
        return Ok(Vec::new());
    };
    let is_pattern = |text: &str| text.contains(['*', '?', '[']);
    let (begin, end) = match name.split_once('*') {
        None if !is_pattern(&import) => return Ok(vec![import]),
        Some((begin, end)) if ![folder, begin, end].into_iter().any(is_pattern) => (begin, end),
        _ => {
            let what = format!(
                "it imports {import:?}, and what those files say, which wins over this one, is not read here"
            );
            let hint =
                "name the files themselves, or those of one folder by a single * in the last part";
            return Err(SetupError::unmergeable(path, what, hint));
        }
    };
    let is_named = |name: &String| {
        name.len() >= begin.len() + end.len() && name.starts_with(begin) && name.ends_with(end)
    };
    let mut names = files.list(folder)?;
    names.retain(is_named);
    names.sort();
    Ok(names
        .iter()
        .map(|name| format!("{folder}/{name}"))
        .collect())
}

/// Both containerd 1 and 2 read version 2.
fn set_version(document: &mut DocumentMut) {
    document.insert("version", toml_edit::value(2));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_config_path(text: &str) -> String {
        let config = Config::read("config.toml", text).expect("it is read");
        assert_eq!(config.config_path().expect("no old settings"), None);
        let once = config.with_config_path().expect("it merges");
        let again = Config::read("config.toml", &once).expect("it is read");
        assert_eq!(
            again.config_path().expect("it has"),
            Some(CERTS_D.to_owned())
        );
        once
    }

    #[test]
    fn each_version_has_its_own_place() {
        for (before, after) in [
            (
                "",
                "version = 2\n\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"/etc/containerd/certs.d\"\n",
            ),
            (
                "# mine\nversion = 3\nroot = \"/x\" # there\n",
                "# mine\nversion = 3\nroot = \"/x\" # there\n\n[plugins.\"io.containerd.cri.v1.images\".registry]\nconfig_path = \"/etc/containerd/certs.d\"\n",
            ),
            (
                "version = 2\n[plugins]\n  [plugins.\"io.containerd.grpc.v1.cri\"]\n    sandbox_image = \"p\" # pause\n    [plugins.\"io.containerd.grpc.v1.cri\".registry]\n      config_path = \"\" # none\n      [plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors]\n",
                "version = 2\n[plugins]\n  [plugins.\"io.containerd.grpc.v1.cri\"]\n    sandbox_image = \"p\" # pause\n    [plugins.\"io.containerd.grpc.v1.cri\".registry]\n      config_path = \"/etc/containerd/certs.d\" # none\n      [plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors]\n",
            ),
            (
                "[plugins.cri]\n  stream_server_port = \"0\"\n",
                "[plugins.cri]\n  stream_server_port = \"0\"\n\n[plugins.cri.registry]\nconfig_path = \"/etc/containerd/certs.d\"\n",
            ),
        ] {
            assert_eq!(with_config_path(before), after);
        }
    }

    #[test]
    fn old_settings_are_not_left_beside_new_ones() {
        let text = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors.\"docker.io\"]\nendpoint = [\"https://a\"]\n";
        let config = Config::read("config.toml", text).expect("it is read");
        assert!(config.config_path().is_err());
        assert!(Config::read("config.toml", "version = 9\n").is_err());
        let table =
            "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry.configs.\"r.lan\"";
        let login = format!("{table}.auth]\nusername = \"me\"\n");
        let both = with_config_path(&login);
        assert!(both.ends_with(".auth]\nusername = \"me\"\n"), "{both}");
        let tls = format!("{table}.tls]\nca_file = \"/a\"\n");
        let config = Config::read("config.toml", &tls).expect("it is read");
        assert!(config.config_path().is_err());
    }
}
