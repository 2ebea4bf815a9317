//! containerd's hosts.toml: one for each registry, read at each pull.
//!
//! Keys by <https://github.com/containerd/containerd/blob/main/docs/hosts.md>.

use forebay_setup_files::SetupError;
use toml_edit::{DocumentMut, Item, Table};

use super::others::{Others, is_registry};
use super::{changed, toml};
use crate::address::Address;
use crate::plan::{FileChange, Files, Order};

/// What a mirror may be asked for; nothing is pushed to one.
const CAPABILITIES: [&str; 2] = ["pull", "resolve"];

/// Keys that say how the old `server` is to be asked: they would be used on Forebay, passwords in headers included.
const OF_THE_SERVER: [&str; 5] = ["ca", "client", "header", "override_path", "skip_verify"];

/// How containerd asks for a registry's images.
pub(super) struct Way<'a> {
    address: &'a Address,
    fall_back: bool,
    registry: &'a str,
}

impl<'a> Way<'a> {
    /// The way to a registry that an order asks for.
    pub(super) fn of(order: &'a Order, registry: &'a str) -> Self {
        Self {
            address: order.address_of(registry),
            fall_back: order.fall_back,
            registry,
        }
    }

    /// The change of a registry's hosts.toml, and who else stands there.
    pub(super) fn change(
        &self,
        path: &str,
        files: &dyn Files,
        others: &mut Others,
    ) -> Result<FileChange, SetupError> {
        changed(path, files, |text| self.merge(path, text, others))
    }

    /// The text of a registry's hosts.toml with Forebay asked first; and, if it may not fall back, last as well.
    fn merge(&self, path: &str, text: &str, others: &mut Others) -> Result<String, SetupError> {
        if text.trim().is_empty() {
            return Ok(self.whole());
        }
        let mut document = toml::parse(path, text)?;
        refuse_odd_hosts(path, &document)?;
        if self.fall_back {
            self.keep_server(&mut document);
        } else {
            self.close(path, &mut document)?;
            self.take_registry_out(path, &mut document, others);
        }
        if self.fall_back || !self.other_hosts(&document).is_empty() {
            self.put_host_first(path, &mut document)?;
        } else {
            // containerd 1.6 takes a file without any [host] for a broken one, and goes to the registry.
            toml::table(path, document.as_table_mut(), &["host"])?;
            if let Some(hosts) = document.get_mut("host").and_then(Item::as_table_mut) {
                hosts.set_implicit(!hosts.is_empty());
            }
        }
        Ok(document.to_string())
    }

    fn whole(&self) -> String {
        let (address, capabilities) = (self.address, toml::list(&CAPABILITIES));
        if self.fall_back {
            let server = server_of(self.registry);
            return format!(
                "server = \"{server}\"\n\n[host.\"{address}\"]\n  capabilities = {capabilities}\n"
            );
        }
        format!("server = \"{address}\"\ncapabilities = {capabilities}\n\n[host]\n")
    }

    fn keep_server(&self, document: &mut DocumentMut) {
        let address = self.address.to_string();
        let server = document.get("server").and_then(Item::as_str);
        // One that is Forebay was made by the closed form.
        if server.is_none_or(|server| server.trim_end_matches('/') == address) {
            set(
                document.as_table_mut(),
                "server",
                server_of(self.registry).into(),
            );
        }
    }

    fn close(&self, path: &str, document: &mut DocumentMut) -> Result<(), SetupError> {
        let address = self.address.to_string();
        let is_ours = document.get("server").and_then(Item::as_str) == Some(address.as_str());
        let meant = OF_THE_SERVER
            .into_iter()
            .find(|key| document.contains_key(key));
        if let Some(key) = meant.filter(|_| !is_ours) {
            let what = format!(
                "{key} says how the registry itself is asked, and would be used on Forebay"
            );
            let hint =
                "move it into a [host.\"…\"] of the registry, or take it out, or use --fall-back";
            return Err(SetupError::unmergeable(path, what, hint));
        }
        set(document.as_table_mut(), "server", address.into());
        let capabilities = document.get("capabilities").map(Item::to_string);
        let wanted = toml::list(&CAPABILITIES);
        if capabilities.is_none_or(|found| found.trim() != wanted.to_string().trim()) {
            set(document.as_table_mut(), "capabilities", wanted);
        }
        Ok(())
    }

    /// Leaves no host of the registry's own that would be asked for an image, and notes the others that would.
    fn take_registry_out(&self, path: &str, document: &mut DocumentMut, others: &mut Others) {
        let keys = self.other_hosts(document);
        let Some(hosts) = document.get_mut("host").and_then(Item::as_table_mut) else {
            return;
        };
        for key in &keys {
            if !hosts.get(key).is_none_or(is_pulled_from) {
                continue;
            }
            if is_registry(self.registry, key) {
                hosts.remove(key);
                others.take_out(path, key);
            } else {
                others.leave_mirror(path, key);
            }
        }
    }

    fn other_hosts(&self, document: &DocumentMut) -> Vec<String> {
        let address = self.address.to_string();
        let hosts = document.get("host").and_then(Item::as_table);
        let keys = hosts.into_iter().flatten().map(|(key, _)| key.to_owned());
        keys.filter(|key| key.trim_end_matches('/') != address)
            .collect()
    }

    /// containerd asks hosts in the order of their tables in the file.
    fn put_host_first(&self, path: &str, document: &mut DocumentMut) -> Result<(), SetupError> {
        let address = self.address.to_string();
        toml::table(path, document.as_table_mut(), &["host"])?;
        let Some(hosts) = document.get_mut("host").and_then(Item::as_table_mut) else {
            return Ok(());
        };
        let positions = |hosts: &Table| {
            let tables = hosts
                .iter()
                .filter_map(|(key, item)| Some((key.to_owned(), item.as_table()?)));
            tables
                .filter_map(|(key, table)| Some((table.position()?, key)))
                .min()
        };
        let first = positions(hosts);
        if first.as_ref().is_some_and(|(_, key)| *key == address) {
            return Ok(());
        }
        let mut ours = hosts
            .remove(&address)
            .and_then(|item| item.into_table().ok());
        let table = ours.get_or_insert_with(|| {
            let mut table = Table::new();
            let mut capabilities = toml::list(&CAPABILITIES);
            capabilities.decor_mut().set_prefix(" ");
            table.insert("capabilities", Item::Value(capabilities));
            if let Some(mut key) = table.key_mut("capabilities") {
                key.leaf_decor_mut().set_prefix("  ");
            }
            table
        });
        // Sorted by place, and what was there before comes first among equals: after [host], before its first child.
        let place = first.map(|(place, _)| place - 1);
        table.set_position(place);
        table.decor_mut().set_prefix("\n");
        hosts.insert(&address, Item::Table(table.clone()));
        Ok(())
    }
}

/// Hosts are put in order by their tables: what is written in another way has none that could be told.
fn refuse_odd_hosts(path: &str, document: &DocumentMut) -> Result<(), SetupError> {
    let of_headers = |item: &Item| item.as_table().is_some_and(|table| !table.is_dotted());
    let Some(host) = document.get("host") else {
        return Ok(());
    };
    let mut hosts = host.as_table().into_iter().flatten();
    if of_headers(host) && hosts.all(|(_, item)| of_headers(item)) {
        return Ok(());
    }
    let what = "host is not written as [host.\"…\"] tables";
    let hint = "write them as tables: their order counts";
    Err(SetupError::unmergeable(path, what, hint))
}

/// Whether a host is asked for images: one that says nothing is asked for everything.
fn is_pulled_from(host: &Item) -> bool {
    let capabilities = host.get("capabilities").and_then(Item::as_array);
    capabilities.is_none_or(|all| {
        let mut words = all.iter().filter_map(toml_edit::Value::as_str);
        words.any(|word| CAPABILITIES.contains(&word))
    })
}

/// Puts a value in the place of another, whose comments stay.
fn set(table: &mut Table, key: &str, mut value: toml_edit::Value) {
    if let Some(old) = table.get_mut(key).and_then(Item::as_value_mut) {
        *value.decor_mut() = old.decor().clone();
        *old = value;
    } else {
        value.decor_mut().set_prefix(" ");
        table.insert(key, Item::Value(value));
    }
}

/// Where containerd finds a registry by itself.
fn server_of(registry: &str) -> String {
    match registry {
        "docker.io" => "https://registry-1.docker.io".to_owned(),
        other => format!("https://{other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merge(fall_back: bool, text: &str) -> String {
        let address = "http://127.0.0.1:5000".parse().expect("an address");
        let way = Way {
            address: &address,
            fall_back,
            registry: "docker.io",
        };
        let others = &mut Others::default();
        let once = way.merge("hosts.toml", text, others).expect("it merges");
        assert_eq!(
            way.merge("hosts.toml", &once, others).expect("it merges"),
            once,
            "twice is once"
        );
        once
    }

    const THEIRS: &str = "\
# company mirrors
server = \"https://registry-1.docker.io\" # the real one

# the first
[host.\"https://a.example\"]
  capabilities = [\"pull\"]
  ca = \"/a.crt\"

[host.\"https://b.example\"]
  capabilities = [\"pull\", \"resolve\"]
";

    #[test]
    fn other_mirrors_are_asked_after_ours() {
        assert_eq!(
            merge(false, THEIRS),
            "\
# company mirrors
server = \"http://127.0.0.1:5000\" # the real one
capabilities = [\"pull\", \"resolve\"]

[host.\"http://127.0.0.1:5000\"]
  capabilities = [\"pull\", \"resolve\"]

# the first
[host.\"https://a.example\"]
  capabilities = [\"pull\"]
  ca = \"/a.crt\"

[host.\"https://b.example\"]
  capabilities = [\"pull\", \"resolve\"]
"
        );
    }

    #[test]
    fn the_registry_itself_does_not_stay_beside_ours() {
        let text = "\
server = \"https://registry-1.docker.io\"

# theirs
[host.\"https://registry-1.docker.io\"]
  capabilities = [\"pull\", \"resolve\"]
  [host.\"https://registry-1.docker.io\".header]
    x = \"y\"
";
        let alone = "server = \"http://127.0.0.1:5000\"\ncapabilities = [\"pull\", \"resolve\"]\n\n[host]\n";
        assert_eq!(merge(false, text), alone);
        assert_eq!(
            merge(false, &merge(true, text))
                .matches("docker.io")
                .count(),
            0
        );
        assert_eq!(merge(true, text).matches("docker.io").count(), 3);
        let pushes = "server = \"x\"\n[host.\"https://docker.io\"]\n  capabilities = [\"push\"]\n";
        assert!(merge(false, pushes).contains("[host.\"https://docker.io\"]"));
    }

    #[test]
    fn falling_back_leaves_the_server() {
        let merged = merge(true, THEIRS);
        assert!(merged.contains("server = \"https://registry-1.docker.io\" # the real one\n"));
        let place = |what: &str| merged.find(what).expect("it is there");
        assert!(place("[host.\"http://127.0.0.1:5000\"]") < place("[host.\"https://a.example\"]"));
    }

    #[test]
    fn closed_and_open_are_made_of_each_other() {
        let (closed, open) = (merge(false, ""), merge(true, ""));
        assert!(merge(true, &closed).contains("server = \"https://registry-1.docker.io\""));
        let again = merge(false, &open);
        assert!(
            again.starts_with("server = \"http://127.0.0.1:5000\"\n"),
            "{again}"
        );
    }

    #[test]
    fn what_was_meant_for_the_registry_is_not_given_to_forebay() {
        let address = "http://127.0.0.1:5000".parse().expect("an address");
        let way = Way {
            address: &address,
            fall_back: false,
            registry: "docker.io",
        };
        for text in [
            "server = \"https://a\"\n[header]\n  Authorization = \"Basic x\"\n",
            "host = { \"https://a\" = {} }\n",
            "server = ",
        ] {
            assert!(
                way.merge("hosts.toml", text, &mut Others::default())
                    .is_err(),
                "{text}"
            );
        }
    }
}
