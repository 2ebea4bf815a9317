//! A kustomization: `images` as name, newName, newTag and digest, and the patches and charts' values that are written within it.

use forebay_syntax::{At, read_yaml};

use crate::sink::Sink;
use crate::structured::{kubernetes, values};
use crate::{Encoding, Lookup, Note, Owner, Part, Place, Role, Writing};

/// The keys of an entry of `images`, with what they hold.
const KEYS: [(&str, Role); 3] = [
    ("newName", Role::Name),
    ("newTag", Role::Tag),
    ("digest", Role::Digest),
];

/// Finds what a kustomization sets images to.
pub(crate) fn find(root: At<'_>, sink: &mut Sink<'_>) {
    for entry in root.get("images").into_iter().flat_map(At::items) {
        if let Some(place) = image(entry, sink) {
            sink.found.notes.push(Note::advice(
                entry.span().start,
                format!(
                    "it takes the place of `{}` in the resources, where that is counted, too: what kustomize build prints has each image once",
                    entry.text_of("name").unwrap_or_default()
                ),
            ));
            sink.place(place);
            let lookup = lookup(entry, sink);
            sink.found.lookups.extend(lookup);
        }
    }
    for key in ["resources", "bases", "components"] {
        let paths = root.get(key).into_iter().flat_map(At::items);
        let paths = paths.filter_map(At::text).map(str::to_owned);
        sink.found.resources.extend(paths);
    }
    for chart in root.get("helmCharts").into_iter().flat_map(At::items) {
        if let Some(inline) = chart.get("valuesInline") {
            values::find_alone(inline, sink);
        }
    }
    for key in ["patches", "patchesStrategicMerge"] {
        for patch in root.get(key).into_iter().flat_map(At::items) {
            let inline = patch.get("patch").or(Some(patch));
            if let Some(inline) = inline {
                find_inline(inline, sink);
            }
        }
    }
}

/// A patch in a block scalar is YAML, from the begin of its first line on.
fn find_inline(at: At<'_>, sink: &mut Sink<'_>) {
    let Some((start, block)) = sink.block(at) else {
        return;
    };
    let (trees, _) = read_yaml(block);
    let mut inner = Sink::new(block, sink.path, sink.settings);
    for tree in &trees {
        let root = At::root(tree);
        let kind = root.text_of("kind").unwrap_or("patch");
        if kubernetes::is_json_patch(root) {
            kubernetes::find_json_patch(root, &mut inner);
        } else {
            kubernetes::search_patch(root, &mut inner, &Owner::of_kind(kind));
        }
    }
    let found = inner.found;
    sink.found.absorb(found, start);
}

fn image(entry: At<'_>, sink: &Sink<'_>) -> Option<Place> {
    let name = entry.text_of("name")?;
    let said = |key| {
        let at = entry.get(key).filter(|at| !at.is_null())?;
        at.text().filter(|text| !text.is_empty())
    };
    let image = join(
        said("newName").unwrap_or(name),
        said("newTag"),
        said("digest"),
    );
    let mut parts = Vec::new();
    for (key, role) in KEYS {
        let part = match entry.get(key) {
            Some(at) => {
                // A key without a value: where a person would have to look, too.
                let site = sink.site(at).filter(|_| !at.is_null())?;
                Part {
                    role,
                    span: site.span,
                    encoding: site.encoding,
                }
            }
            None => absent(entry, key, role, sink)?,
        };
        parts.push(part);
    }
    crate::sink::is_image(&image).then(|| Place {
        span: entry.span(),
        image,
        writing: Writing::Split(parts),
        owner: Owner::named("Kustomization image", name),
    })
}

fn lookup(entry: At<'_>, sink: &Sink<'_>) -> Option<Lookup> {
    let at = entry.get("name")?;
    let site = sink.site(at)?;
    let name = at.text()?.to_owned();
    let owner = Owner::named("Kustomization image", &name);
    let place = Place::literal(site.span, name, site.encoding, owner);
    Some(Lookup {
        place,
        entry: entry.span().start,
    })
}

fn join(name: &str, tag: Option<&str>, digest: Option<&str>) -> String {
    let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
    let digest = digest
        .map(|digest| format!("@{digest}"))
        .unwrap_or_default();
    format!("{name}{tag}{digest}")
}

/// A key that is not there, and would be put behind `name`.
fn absent(entry: At<'_>, key: &str, role: Role, sink: &Sink<'_>) -> Option<Part> {
    let name = entry.get("name")?;
    let at = name.span().end;
    let key_at = entry.key_node("name")?.span().start;
    let text = sink.text;
    let open = if text[entry.span().start..].starts_with('{') {
        let quote = if text.as_bytes().get(at.checked_sub(1)?) == Some(&b'"') && key_at == 0 {
            "\""
        } else {
            ""
        };
        format!(", {quote}{key}{quote}: \"")
    } else {
        format!("{}{key}: \"", sink.next_line(key_at, at))
    };
    Some(Part {
        role,
        span: at..at,
        encoding: Encoding::Literal {
            open,
            close: "\"".to_owned(),
        },
    })
}
