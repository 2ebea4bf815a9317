//! What a file takes from elsewhere: kustomizations, Compose files, charts and pipelines are made of other files, which have to
//! be read as well, or something of the deploy is not known.

use forebay_references::{At, is_pipeline, read_yaml};

/// Something that a file takes from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// Where the file says so, in bytes.
    pub at: usize,
    /// As it is written.
    pub said: String,
    /// Where that is.
    pub place: Place,
}

/// Where something is that a file takes from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file or a folder, by a path from the file's own folder, or an absolute one.
    Here,
    /// A file, by a path from the top of the repository that the file is in.
    FromTop,
    /// Somewhere that is not looked at: another host, a chart's repository.
    Away,
    /// The same, where as a rule nothing is that a deploy needs: what a pipeline includes.
    AwayByTheWay,
}

/// The lists of a kustomization that name what it is made of.
const PARTS: [&str; 3] = ["resources", "bases", "components"];

/// What is in a path that is none of this machine.
const AWAY: [&str; 4] = ["://", "?ref=", "git@", "github.com/"];

/// What the file of this name takes from elsewhere.
pub fn elsewhere(name: &str, text: &str) -> Vec<Elsewhere> {
    let lower = name.to_ascii_lowercase();
    let name = lower.rsplit('/').next().unwrap_or_default();
    let Some(find) = finder(name, text) else {
        return Vec::new();
    };
    let (trees, _) = read_yaml(text);
    let mut found = Vec::new();
    for tree in &trees {
        find(At::root(tree), &mut found);
    }
    found
}

type Finder = fn(At<'_>, &mut Vec<Elsewhere>);

/// Who reads the files of such a name. Cheap: of most files nobody.
fn finder(name: &str, text: &str) -> Option<Finder> {
    let is_yaml = [".yaml", ".yml"].iter().any(|end| name.ends_with(end));
    let has = |word: &str| text.contains(word);
    match name {
        "kustomization" | "kustomization.yaml" | "kustomization.yml" => Some(of_kustomization),
        "chart.yaml" => Some(of_chart),
        _ if !is_yaml => None,
        _ if name.contains("gitlab-ci") && has("include") => Some(of_pipeline),
        _ if has("include:") || has("extends:") => Some(of_pipeline_or_compose),
        _ => None,
    }
}

fn of_pipeline_or_compose(root: At<'_>, found: &mut Vec<Elsewhere>) {
    if is_pipeline(root) {
        of_pipeline(root, found);
    } else {
        of_compose(root, found);
    }
}

fn of_kustomization(root: At<'_>, found: &mut Vec<Elsewhere>) {
    for part in PARTS.iter().filter_map(|key| root.get(key)) {
        part.items().for_each(|item| put(item, found));
    }
    for chart in root.get("helmCharts").into_iter().flat_map(At::items) {
        let name = chart.text_of("name").unwrap_or_default();
        found.push(Elsewhere {
            at: chart.span().start,
            said: format!("the chart {name}"),
            place: Place::Away,
        });
    }
}

fn of_chart(root: At<'_>, found: &mut Vec<Elsewhere>) {
    for chart in root.get("dependencies").into_iter().flat_map(At::items) {
        let local = chart
            .text_of("repository")
            .and_then(|url| url.strip_prefix("file://"));
        let name = chart.text_of("name").unwrap_or_default();
        found.push(Elsewhere {
            at: chart.span().start,
            said: local.map_or_else(|| format!("charts/{name}"), str::to_owned),
            place: Place::Here,
        });
    }
}

fn of_compose(root: At<'_>, found: &mut Vec<Elsewhere>) {
    let Some(services) = root
        .get("services")
        .filter(|at| at.is_map())
        .or(root.get("include"))
    else {
        return;
    };
    for include in root.get("include").into_iter().flat_map(At::items) {
        let path = include.get("path").unwrap_or(include);
        put(path, found);
        path.items().for_each(|item| put(item, found));
    }
    for (_, service) in services.entries() {
        if let Some(file) = service.path(&["extends", "file"]) {
            put(file, found);
        }
    }
}

fn of_pipeline(root: At<'_>, found: &mut Vec<Elsewhere>) {
    let Some(include) = root.get("include") else {
        return;
    };
    let one = include.text().is_some() || include.is_map();
    let several = include.items();
    for item in one.then_some(include).into_iter().chain(several) {
        if let Some(local) = item.get("local").or_else(|| item.text().map(|_| item)) {
            put(local, found);
            from_top(found);
        } else if let Some((key, _)) = item.entries().next() {
            found.push(Elsewhere {
                at: item.span().start,
                said: format!("what is included by {key}"),
                place: Place::AwayByTheWay,
            });
        }
    }
}

fn put(at: At<'_>, found: &mut Vec<Elsewhere>) {
    let Some(said) = at.text() else { return };
    let is_away = AWAY.iter().any(|mark| said.contains(mark));
    found.push(Elsewhere {
        at: at.span().start,
        said: said.to_owned(),
        place: if is_away { Place::Away } else { Place::Here },
    });
}

/// Has what was found last begin at the top.
fn from_top(found: &mut [Elsewhere]) {
    if let Some(last) = found.last_mut().filter(|last| last.place == Place::Here) {
        last.place = Place::FromTop;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &str, text: &str) -> Vec<(String, Place)> {
        let found = elsewhere(name, text).into_iter();
        found.map(|one| (one.said, one.place)).collect()
    }

    #[test]
    fn a_file_says_what_it_is_made_of() {
        let here = |said: &str| (said.to_owned(), Place::Here);
        let top = |said: &str| (said.to_owned(), Place::FromTop);
        let away = |said: &str| (said.to_owned(), Place::Away);
        let by_the_way = |said: &str| (said.to_owned(), Place::AwayByTheWay);
        for (name, text, expected) in [
            (
                "a/kustomization.yaml",
                "resources: [../base, 'https://host/x?ref=1']\nhelmCharts: [{name: web}]\n",
                vec![
                    here("../base"),
                    away("https://host/x?ref=1"),
                    away("the chart web"),
                ],
            ),
            (
                "Chart.yaml",
                "dependencies: [{name: db, repository: 'https://host'}, {name: c, repository: 'file://../c'}]\n",
                vec![here("charts/db"), here("../c")],
            ),
            (
                "compose.yaml",
                "include: [a.yaml, {path: [b.yaml]}]\nservices: {x: {extends: {file: c.yaml, service: x}}, y: {extends: x}}\n",
                vec![here("a.yaml"), here("b.yaml"), here("c.yaml")],
            ),
            (
                ".gitlab-ci.yml",
                "include:\n- local: /ci/a.yml\n- b.yml\n- template: X.yml\n",
                vec![
                    top("/ci/a.yml"),
                    top("b.yml"),
                    by_the_way("what is included by template"),
                ],
            ),
            (".gitlab-ci.yml", "include: b.yml\n", vec![top("b.yml")]),
            (
                "ci/build.yml",
                "include: [{local: a.yml}]\nx: {script: [y], extends: .z}\n",
                vec![top("a.yml")],
            ),
            (
                "a/Kustomization",
                "resources: [../base]\n",
                vec![here("../base")],
            ),
            ("web.yaml", "kind: Deployment\nspec: {extends: x}\n", vec![]),
            (
                "kustomization.yaml",
                "images: [{name: a, newTag: '1'}]\n",
                vec![],
            ),
        ] {
            assert_eq!(said(name, text), expected, "{text}");
        }
    }
}
