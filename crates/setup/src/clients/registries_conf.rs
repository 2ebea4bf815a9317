//! podman, buildah, skopeo and CRI-O: a drop-in below registries.conf.d, as containers-registries.conf(5) has it.

use toml_edit::{ArrayOfTables, DocumentMut, Item, Table};

use super::{changed, path_of, toml};
use crate::client::Client;
use crate::error::SetupError;
use crate::plan::{FallThrough, Files, Order, Plan};

const MAIN: &str = "/etc/containers/registries.conf";
const FOLDER: &str = "/etc/containers/registries.conf.d";
pub(super) const DROP_IN: &str = "/etc/containers/registries.conf.d/50-forebay.conf";

const CLOSED: FallThrough = FallThrough::Closed(
    "the location of each registry is Forebay, so that there is nobody else to ask; while Forebay is down, nothing of \
     these registries is pulled",
);

const OPEN: FallThrough = FallThrough::Open(
    "Forebay is a mirror: they go on to the registry itself when it answers with an error or not at all. That is what \
     --fall-back asked for",
);

pub(super) fn plan(order: &Order, files: &dyn Files) -> Result<Plan, SetupError> {
    let path = path_of(order, DROP_IN);
    refuse_old_form(files)?;
    let file = changed(path, files, |text| merge(order, path, text))?;
    let mut plan = Plan::default().file(file);
    if order.client == Client::CriO {
        plan = plan.then("makes CRI-O read it", &["systemctl", "reload", "crio"]);
    }
    for later in read_later(order, files)? {
        plan = plan.note(later);
    }
    let whole = "podman, buildah, skopeo and CRI-O all read this file, at each pull (CRI-O: when it is reloaded)";
    Ok(plan
        .falls(if order.fall_back { OPEN } else { CLOSED })
        .note(whole))
}

/// Ours first, then what else the file holds.
fn merge(order: &Order, path: &str, text: &str) -> Result<String, SetupError> {
    let mut document = toml::parse(path, text)?;
    let is_ours = |table: &Table| {
        let name = prefix_of(table);
        order
            .upstreams
            .iter()
            .any(|upstream| Some(upstream.as_str()) == name)
    };
    if let Some(tables) = registries(&mut document) {
        tables.retain(|table| !is_ours(table));
        if tables.is_empty() {
            document.remove("registry");
        }
    }
    let rest = document.to_string();
    let ours = order
        .upstreams
        .iter()
        .map(|upstream| entry(order, upstream));
    let ours = ours.collect::<Vec<_>>().join("\n");
    let rest = rest.trim_start_matches('\n');
    Ok(if rest.is_empty() {
        ours
    } else {
        format!("{rest}\n{ours}")
    })
}

fn entry(order: &Order, upstream: &str) -> String {
    let location = format!("{}/{upstream}", order.address.authority());
    let insecure = if order.address.is_plain() {
        "insecure = true\n"
    } else {
        ""
    };
    if order.fall_back {
        return format!(
            "[[registry]]\nprefix = \"{upstream}\"\nlocation = \"{upstream}\"\n\n[[registry.mirror]]\n\
             location = \"{location}\"\n{insecure}"
        );
    }
    format!("[[registry]]\nprefix = \"{upstream}\"\nlocation = \"{location}\"\n{insecure}")
}

fn registries(document: &mut DocumentMut) -> Option<&mut ArrayOfTables> {
    document
        .get_mut("registry")
        .and_then(Item::as_array_of_tables_mut)
}

/// A registry is known by its prefix, and where it has none, by its location.
fn prefix_of(table: &Table) -> Option<&str> {
    let word = |key: &str| table.get(key).and_then(Item::as_str);
    word("prefix").or_else(|| word("location"))
}

/// The old form of the main file does not go together with drop-ins.
fn refuse_old_form(files: &dyn Files) -> Result<(), SetupError> {
    let text = files.read(MAIN)?.unwrap_or_default();
    if toml::parse(MAIN, &text)?.contains_key("registries") {
        let hint = "write it in the form with [[registry]] and unqualified-search-registries first";
        return Err(SetupError::unmergeable(
            MAIN,
            "it is in the form of version 1",
            hint,
        ));
    }
    Ok(())
}

/// Files that are read after ours and say something else of the same registries.
fn read_later(order: &Order, files: &dyn Files) -> Result<Vec<String>, SetupError> {
    if order.file.is_some() {
        return Ok(Vec::new());
    }
    let mut told = Vec::new();
    let mut names = files.list(FOLDER)?;
    names.sort();
    let ours = DROP_IN.rsplit('/').next().unwrap_or_default();
    let is_read = |name: &str| {
        name.rsplit_once('.')
            .is_some_and(|(_, ending)| ending == "conf")
    };
    for name in names
        .iter()
        .filter(|name| name.as_str() > ours && is_read(name))
    {
        let path = format!("{FOLDER}/{name}");
        let mut document = toml::parse(&path, &files.read(&path)?.unwrap_or_default())?;
        let said = registries(&mut document).map(|tables| {
            let names = tables.iter().filter_map(prefix_of).map(str::to_owned);
            names
                .filter(|name| order.upstreams.contains(name))
                .collect::<Vec<_>>()
        });
        for registry in said.unwrap_or_default() {
            told.push(format!(
                "{path} is read after ours and says something else of {registry}: take that out"
            ));
        }
    }
    Ok(told)
}
