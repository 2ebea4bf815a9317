//! podman, buildah, skopeo and CRI-O: a drop-in below registries.conf.d, as containers-registries.conf(5) has it.

use forebay_setup_files::SetupError;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, TableLike};

use super::others::{Others, is_registry};
use super::{apart, changed, path_of, toml};
use crate::client::Client;
use crate::plan::{FallThrough, Files, Order, Plan};

const MAIN: &str = "/etc/containers/registries.conf";
const FOLDER: &str = "/etc/containers/registries.conf.d";
pub(super) const DROP_IN: &str = "/etc/containers/registries.conf.d/50-forebay.conf";

const CLOSED: FallThrough = FallThrough::Closed(
    "the location of each registry is Forebay, so that there is nobody else to ask; while Forebay is down, nothing of \
     these registries is pulled",
);

/// Where entries stay that win over ours.
const PAST: FallThrough = FallThrough::Open(
    "other entries win over ours, and what they name is pulled past Forebay: see below",
);

const OPEN: FallThrough = FallThrough::Open(
    "Forebay is a mirror: they go on to the registry itself when it answers with an error or not at all. That is what \
     --fall-back asked for",
);

pub(super) fn plan(order: &Order, files: &dyn Files) -> Result<Plan, SetupError> {
    let path = path_of(order, DROP_IN);
    refuse_old_form(files)?;
    let mut others = Others::default();
    let order = &without_blocked(order, path, files, &mut others)?;
    let file = changed(path, files, |text| merge(order, path, text, &mut others))?;
    let mut plan = Plan::default().file(file);
    if order.client == Client::CriO {
        plan = plan.then("makes CRI-O read it", &["systemctl", "reload", "crio"]);
    }
    note_winners(order, path, files, &mut others)?;
    let whole = "podman, buildah, skopeo and CRI-O all read this file, at each pull (CRI-O: when it is reloaded)";
    let (closed, past) = if order.fall_back {
        (OPEN, OPEN)
    } else {
        (CLOSED, PAST)
    };
    let plan = apart::tell(order, plan, |_, authority| {
        format!("which it has from podman login {authority}, or --authfile")
    });
    Ok(others.fall(plan, closed, past).note(whole))
}

/// The order without the registries that somebody has blocked: an entry of ours in the place of that one, or read after it,
/// would let them in again.
fn without_blocked(
    order: &Order,
    path: &str,
    files: &dyn Files,
    others: &mut Others,
) -> Result<Order, SetupError> {
    let mut left = order.clone();
    for upstream in &order.upstreams {
        let Some(file) = find_block(upstream, path, files)? else {
            continue;
        };
        left.upstreams.retain(|other| other != upstream);
        if left.upstreams.is_empty() {
            let what = format!("{upstream} is blocked there (`blocked = true`)");
            let hint = "nothing was changed: if it is to be pulled through Forebay, take its entry with `blocked` out by \
                        hand; or name other registries by --upstream";
            return Err(SetupError::unmergeable(&file, what, hint));
        }
        others.tell(format!(
            "{upstream} stays blocked, as {file} has it (`blocked = true`), and is not set up: if it is to be pulled \
             through Forebay, take that entry out by hand and set up again"
        ));
    }
    Ok(left)
}

/// The file that blocks a registry: of those with an entry of it, the one that is read last counts.
fn find_block(upstream: &str, path: &str, files: &dyn Files) -> Result<Option<String>, SetupError> {
    let mut block = None;
    for file in read_with(path, files)? {
        let document = toml::parse(&file, &files.read(&file)?.unwrap_or_default())?;
        let own = entries(&document).filter(|entry| prefix_of(*entry) == Some(upstream));
        let mut own = own.peekable();
        if own.peek().is_some() {
            block = own.any(is_blocked).then_some(file);
        }
    }
    Ok(block)
}

/// The files that podman reads with the one at `path`, in the order in which it does.
fn read_with(path: &str, files: &dyn Files) -> Result<Vec<String>, SetupError> {
    let is_in_folder = |path: &str| path.rsplit_once('/').is_some_and(|(at, _)| at == FOLDER);
    // Where a file lies elsewhere, it does not show what is read beside it.
    if path != MAIN && !is_in_folder(path) {
        return Ok(vec![path.to_owned()]);
    }
    let mut names = files.list(FOLDER)?;
    names.retain(|name| {
        name.rsplit_once('.')
            .is_some_and(|(_, ending)| ending == "conf")
    });
    let mut drop_ins: Vec<String> = names
        .iter()
        .map(|name| format!("{FOLDER}/{name}"))
        .filter(|name| name != path)
        .collect();
    drop_ins.extend(is_in_folder(path).then(|| path.to_owned()));
    drop_ins.sort();
    Ok([vec![MAIN.to_owned()], drop_ins].concat())
}

/// Ours first, then what else the file holds.
fn merge(order: &Order, path: &str, text: &str, others: &mut Others) -> Result<String, SetupError> {
    let mut document = toml::parse(path, text)?;
    let is_ours = |table: &Table| {
        let name = prefix_of(table);
        order
            .upstreams
            .iter()
            .any(|upstream| Some(upstream.as_str()) == name)
    };
    if let Some(tables) = registries(&mut document) {
        tables.retain(|table| {
            let Some(entry) = Entry::of(order, table).filter(Entry::is_narrower) else {
                return !is_ours(table);
            };
            match entry.leads {
                Leads::ToForebay => {}
                Leads::ToRegistry => {
                    others.take_out(path, &format!("the entry of {}", entry.prefix));
                }
                Leads::Elsewhere => others.leave(entry.wins_in(path)),
            }
            entry.leads != Leads::ToRegistry
        });
        if tables.is_empty() {
            document.remove("registry");
        }
    }
    let rest = document.to_string();
    let entries = order.upstreams.iter().map(|upstream| ours(order, upstream));
    let ours = entries.collect::<Vec<_>>().join("\n");
    let rest = rest.trim_start_matches('\n');
    Ok(if rest.is_empty() {
        ours
    } else {
        format!("{rest}\n{ours}")
    })
}

fn ours(order: &Order, upstream: &str) -> String {
    let address = order.address_of(upstream);
    let location = if order.is_apart(upstream) {
        address.authority()
    } else {
        format!("{}/{upstream}", address.authority())
    };
    let insecure = if address.is_plain() {
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

/// All entries, in either form of an array.
fn entries(document: &DocumentMut) -> impl Iterator<Item = &dyn TableLike> {
    let item = document.get("registry");
    let tables = item.and_then(Item::as_array_of_tables);
    let tables = tables.into_iter().flatten();
    let inline = item.and_then(Item::as_array).into_iter().flatten();
    let inline = inline.filter_map(|value| value.as_inline_table());
    tables
        .map(|table| table as &dyn TableLike)
        .chain(inline.map(|table| table as &dyn TableLike))
}

/// A registry is known by its prefix, and where it has none, by its location.
fn prefix_of(table: &dyn TableLike) -> Option<&str> {
    let word = |key: &str| table.get(key).and_then(Item::as_str);
    word("prefix").or_else(|| word("location"))
}

fn is_blocked(table: &dyn TableLike) -> bool {
    table.get("blocked").and_then(Item::as_bool) == Some(true)
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

/// An entry of one of the registries that are asked for, or of a part of one.
struct Entry<'a> {
    prefix: &'a str,
    registry: &'a str,
    leads: Leads,
}

/// Where an entry has images come from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leads {
    /// Forebay, or nowhere.
    ToForebay,
    /// The registry itself.
    ToRegistry,
    Elsewhere,
}

impl<'a> Entry<'a> {
    fn of(order: &'a Order, table: &'a Table) -> Option<Self> {
        let prefix = prefix_of(table)?;
        let is_of = |upstream: &&String| {
            prefix == upstream.as_str()
                || is_below(prefix, upstream)
                // Of two that match as much, the first by name counts: an asterisk comes before letters.
                || prefix.strip_prefix('*').is_some_and(|end| {
                    end.starts_with('.') && upstream.ends_with(end)
                })
        };
        let registry = order.upstreams.iter().find(is_of)?;
        Some(Self {
            prefix,
            registry,
            leads: leads(order, table, (prefix, registry)),
        })
    }

    /// Whether it wins wherever it stands, since it says more than the registry's name.
    fn is_narrower(&self) -> bool {
        self.prefix != self.registry
    }

    fn wins_in(&self, file: &str) -> String {
        format!(
            "{file} has an entry of {}, which wins over ours of {}: its images are pulled past Forebay; take that out",
            self.prefix, self.registry
        )
    }
}

/// Whether a prefix is a part of a registry: a namespace, or an image.
fn is_below(prefix: &str, registry: &str) -> bool {
    let rest = prefix.strip_prefix(registry);
    rest.is_some_and(|rest| rest.starts_with('/'))
}

/// Where an entry leads: its mirrors are asked in order, and its location last.
fn leads(order: &Order, table: &Table, (prefix, registry): (&str, &str)) -> Leads {
    if is_blocked(table) {
        return Leads::ToForebay;
    }
    let own = table.get("location").and_then(Item::as_str);
    let mirrors = table.get("mirror").and_then(Item::as_array_of_tables);
    let mirrors = mirrors.into_iter().flatten();
    let mirrors = mirrors.filter_map(|mirror| mirror.get("location")?.as_str());
    let places: Vec<&str> = mirrors.chain([own.unwrap_or(prefix)]).collect();
    let authority = order.address_of(registry).authority();
    let is_here = |place: &&str| place.split('/').next() == Some(authority.as_str());
    // Whoever may fall back need only ask Forebay first.
    let asked = if order.fall_back {
        &places[..1]
    } else {
        &places
    };
    if asked.iter().all(is_here) {
        return Leads::ToForebay;
    }
    let mut others = places.iter().filter(|place| !is_here(place));
    if others.all(|place| is_registry(registry, place)) {
        return Leads::ToRegistry;
    }
    Leads::Elsewhere
}

/// Notes the entries of other files that win over ours: of the same registry in one that is read later, or of a part of it in
/// any.
fn note_winners(
    order: &Order,
    path: &str,
    files: &dyn Files,
    others: &mut Others,
) -> Result<(), SetupError> {
    for other in read_with(path, files)? {
        if other == path {
            continue;
        }
        let is_later = other != MAIN && (path == MAIN || other.as_str() > path);
        let mut document = toml::parse(&other, &files.read(&other)?.unwrap_or_default())?;
        let tables = registries(&mut document).map(|tables| &*tables);
        let entries = tables.into_iter().flatten();
        for entry in entries.filter_map(|table| Entry::of(order, table)) {
            note_winner(&entry, &other, is_later, others);
        }
    }
    Ok(())
}

fn note_winner(entry: &Entry<'_>, file: &str, is_later: bool, others: &mut Others) {
    let is_past = entry.leads != Leads::ToForebay;
    if entry.is_narrower() && is_past {
        others.leave(entry.wins_in(file));
    } else if is_later && !entry.is_narrower() {
        let note = format!(
            "{file} is read after ours and says something else of {}: take that out",
            entry.registry
        );
        if is_past {
            others.leave(note);
        } else {
            others.tell(note);
        }
    }
}
