//! containerd: a hosts.toml for each registry, and in config.toml the folder where they lie.

use toml_edit::{DocumentMut, Item};

use super::hosts::Way;
use super::others::Others;
use super::{changed, path_of, toml};
use crate::error::SetupError;
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

/// Settings that containerd refuses beside `config_path`.
const OLD_SETTINGS: [&str; 2] = ["mirrors", "configs"];

pub(super) fn plan(order: &Order, files: &dyn Files) -> Result<Plan, SetupError> {
    let path = path_of(order, CONFIG_TOML);
    let mut certs_d = CERTS_D.to_owned();
    let mut is_cri_off = false;
    let config = changed(path, files, |text| {
        let config = Config::read(path, text)?;
        is_cri_off = config.is_cri_off();
        match config.config_path()? {
            Some(folder) => certs_d = folder,
            None if is_cri_off => {}
            None => return config.with_config_path(),
        }
        Ok(text.to_owned())
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
    Ok(others
        .fall(plan, closed, PAST)
        .note_if(is_cri_off, "config.toml switches CRI off, so that Kubernetes is not served here: it stays as it is")
        .note(hosts_dir))
}

/// The folder of registries that a config.toml names.
pub(crate) fn named_certs_d(path: &str, text: &str) -> Option<String> {
    Config::read(path, text).ok()?.config_path().ok()?
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
        let Some(table) = toml::find(self.document.as_table(), self.registry) else {
            return Ok(None);
        };
        let registry = table.as_table_like();
        let setting = |key: &str| registry.and_then(|registry| registry.get(key));
        let folder = setting("config_path")
            .and_then(Item::as_str)
            .unwrap_or_default();
        if let Some(folder) = folder.split(':').next().filter(|folder| !folder.is_empty()) {
            return Ok(Some(folder.to_owned()));
        }
        let is_set = |key: &&str| {
            let table = setting(key).and_then(Item::as_table_like);
            table.is_some_and(|table| !table.is_empty())
        };
        let Some(old) = OLD_SETTINGS.into_iter().find(is_set) else {
            return Ok(None);
        };
        let what =
            format!("registry.{old} is set, which containerd does not take beside config_path");
        let hint =
            format!("write what it says into files below {CERTS_D}, take it out, and try again");
        Err(SetupError::unmergeable(self.path, what, hint))
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
    }
}
