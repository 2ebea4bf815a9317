//! Task definitions of ECS, and templates of `CloudFormation` that hold them: credentials for each container's image.

use std::ops::Range;

use forebay_setup_files::{
    Edits, Node, SetupError, Yaml,
    json::{Place, quote},
    with_line_ends,
    workflow::at_end,
};

use super::Access;
use super::images::{Images, VARIABLE, filled};
use super::registry::is_held;
use crate::plan::{FileChange, Files};

/// A file with the credentials in their places, and what should be known of it.
pub(super) struct Changed {
    pub(super) file: FileChange,
    pub(super) notes: Vec<String>,
}

/// The deepest nesting that is searched.
const MAX_DEPTH: usize = 60;

impl Changed {
    /// Changes the text of a file that must be there.
    pub(super) fn of(
        path: &str,
        files: &dyn Files,
        change: impl FnOnce(&str, &mut Vec<String>) -> Result<String, SetupError>,
    ) -> Result<Self, SetupError> {
        let Some(before) = files.read(path)? else {
            let what = format!("there is no {path}");
            return Err(SetupError::impossible(
                what,
                "name the file to change with --file",
            ));
        };
        let mut notes = Vec::new();
        let after = with_line_ends(&before, |text| change(text, &mut notes))?;
        let file = FileChange {
            path: path.to_owned(),
            before: Some(before),
            after,
        };
        Ok(Self { file, notes })
    }
}

/// Whether an image, or what is written where one is due, gets the credentials; one whose registry does not show gets none,
/// and is told.
fn is_wanted(
    scope: &Scope<'_>,
    image: Result<&str, &str>,
    span: &Range<usize>,
    notes: &mut Vec<String>,
) -> Result<bool, SetupError> {
    let host = scope.access.host()?;
    let holds = image
        .ok()
        .and_then(|image| is_held(host, &filled(image, VARIABLE)));
    let holds = holds.or_else(|| scope.images.is_held(host, span));
    if holds.is_none() {
        let shown = image.unwrap_or_else(|written| written);
        notes.push(format!(
            "left as it is, for its registry does not show: {shown}"
        ));
    }
    Ok(holds == Some(true))
}

/// Whom credentials are for, and the images of the file.
struct Scope<'a> {
    access: &'a Access,
    images: Images,
}

pub(super) fn json(access: &Access, path: &str, files: &dyn Files) -> Result<Changed, SetupError> {
    Changed::of(path, files, |text, notes| {
        let root = Place::root(path, text)?;
        let mut edits = Edits::default();
        let images = Images::of(path, text);
        in_object(&Scope { access, images }, &root, (&mut edits, notes), 0)?;
        Ok(edits.apply(text))
    })
}

fn in_object(
    scope: &Scope<'_>,
    object: &Place<'_>,
    found: (&mut Edits, &mut Vec<String>),
    depth: usize,
) -> Result<(), SetupError> {
    let (edits, notes) = found;
    if depth > MAX_DEPTH {
        return Ok(());
    }
    for member in object.members() {
        let value = object.at(&member.value);
        if value.raw().starts_with('{') {
            in_object(scope, &value, (edits, notes), depth + 1)?;
        }
        let is_list = value.raw().starts_with('[');
        let is_capital = member.key == "ContainerDefinitions";
        if is_list && (is_capital || member.key == "containerDefinitions") {
            for item in value.items() {
                in_container(scope, &value.at(&item), is_capital, (edits, notes))?;
            }
        }
    }
    Ok(())
}

fn in_container(
    scope: &Scope<'_>,
    container: &Place<'_>,
    is_capital: bool,
    (edits, notes): (&mut Edits, &mut Vec<String>),
) -> Result<(), SetupError> {
    let [image, credentials, parameter] = keys(is_capital);
    if !container.raw().starts_with('{') || container.find(credentials)?.is_some() {
        return Ok(());
    }
    let Some(member) = container.find(image)? else {
        return Ok(());
    };
    let name = container.at(&member.value).raw();
    let text: Option<String> = serde_json::from_str(name).ok();
    if is_wanted(scope, text.as_deref().ok_or(name), &member.value, notes)? {
        let value = format!("{{{}: {}}}", quote(parameter), quote(scope.access.secret()));
        container.add_to(edits, credentials, &value);
    }
    Ok(())
}

/// The API writes these keys small, `CloudFormation` large.
const fn keys(is_capital: bool) -> [&'static str; 3] {
    if is_capital {
        ["Image", "RepositoryCredentials", "CredentialsParameter"]
    } else {
        ["image", "repositoryCredentials", "credentialsParameter"]
    }
}

pub(super) fn yaml(access: &Access, path: &str, files: &dyn Files) -> Result<Changed, SetupError> {
    Changed::of(path, files, |text, notes| {
        let yaml = Yaml::parse(path, text)?;
        let mut edits = Edits::default();
        let images = Images::of(path, text);
        let scope = Scope { access, images };
        in_node(&scope, &yaml, &yaml.root, (&mut edits, notes))?;
        Ok(edits.apply(text))
    })
}

fn in_node(
    scope: &Scope<'_>,
    yaml: &Yaml<'_>,
    node: &Node,
    found: (&mut Edits, &mut Vec<String>),
) -> Result<(), SetupError> {
    let (edits, notes) = found;
    for (key, value) in node.entries() {
        let is_capital = key.text() == Some("ContainerDefinitions");
        if is_capital || key.text() == Some("containerDefinitions") {
            for container in value.items() {
                in_yaml_container(
                    scope,
                    yaml,
                    (container, is_capital),
                    (&mut *edits, &mut *notes),
                )?;
            }
        } else {
            in_node(scope, yaml, value, (&mut *edits, &mut *notes))?;
        }
    }
    Ok(())
}

fn in_yaml_container(
    scope: &Scope<'_>,
    yaml: &Yaml<'_>,
    (container, is_capital): (&Node, bool),
    (edits, notes): (&mut Edits, &mut Vec<String>),
) -> Result<(), SetupError> {
    let [image, credentials, parameter] = keys(is_capital);
    let Some(image) = container
        .find(image)
        .filter(|_| container.find(credentials).is_none())
    else {
        return Ok(());
    };
    let span = with_tag(yaml.text, image);
    let written = yaml.text.get(span.clone()).unwrap_or_default();
    // What `!Sub` fills in stands behind the registry, or hides it.
    let is_text = !image.is_tagged || written.starts_with("!Sub");
    let text = image.text().filter(|_| is_text);
    if is_wanted(scope, text.ok_or(written), &span, notes)? {
        if container.is_flow() {
            return Err(yaml.refuse(
                "a container is written in braces",
                "write it as lines with indentation",
            ));
        }
        let lines = format!("{credentials}:\n  {parameter}: {}\n", scope.access.secret());
        let (at, lines) = at_end(yaml, container, &lines);
        edits.insert(at, lines);
    }
    Ok(())
}

/// The bytes of a scalar and of its tag, which stands before it in its line.
fn with_tag(text: &str, node: &Node) -> Range<usize> {
    let before = text[..node.span.start].trim_end_matches(' ');
    let word = before.rfind([' ', '\n']).map_or(0, |blank| blank + 1);
    if node.is_tagged && before[word..].starts_with('!') {
        word..node.span.end
    } else {
        node.span.clone()
    }
}
