//! CDK in Python and TypeScript: `credentials` for each `ContainerImage.from_registry` of the registry.
//!
//! CDK 2 takes the credentials of a private registry there; a task definition's `repositoryCredentials` follow from them.

use forebay_setup_files::{Edits, SetupError};
use tree_sitter::{Language, Node, Parser};

use super::images::{Images, VARIABLE, filled};
use super::registry::is_held;
use super::task_definition::Changed;
use super::{Access, Registry};
use crate::plan::Files;

/// What differs between the two languages.
struct Speech {
    name: &'static str,
    grammar: fn() -> Language,
    /// The kind of a node that calls a function.
    call: &'static str,
    /// The method that names an image at a registry.
    method: &'static str,
    /// What a construct within a class is made in.
    scope: &'static str,
    import: &'static str,
    /// What an import of CDK has in it.
    library: &'static str,
}

const PYTHON: Speech = Speech {
    name: "Python",
    grammar: || tree_sitter_python::LANGUAGE.into(),
    call: "call",
    method: "from_registry",
    scope: "self",
    import: "from aws_cdk import aws_secretsmanager as secretsmanager\n",
    library: "aws_cdk",
};

const TYPESCRIPT: Speech = Speech {
    name: "TypeScript",
    grammar: || tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
    call: "call_expression",
    method: "fromRegistry",
    scope: "this",
    import: "import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';\n",
    library: "aws-cdk-lib",
};

pub(super) fn python(
    access: &Access,
    path: &str,
    files: &dyn Files,
) -> Result<Changed, SetupError> {
    change(access, path, files, &PYTHON)
}

pub(super) fn typescript(
    access: &Access,
    path: &str,
    files: &dyn Files,
) -> Result<Changed, SetupError> {
    change(access, path, files, &TYPESCRIPT)
}

fn change(
    access: &Access,
    path: &str,
    files: &dyn Files,
    speech: &Speech,
) -> Result<Changed, SetupError> {
    Changed::of(path, files, |text, notes| {
        let broken = |why: &'static str| SetupError::broken(path, speech.name, why);
        let mut parser = Parser::new();
        parser
            .set_language(&(speech.grammar)())
            .map_err(|_| broken("its grammar does not load"))?;
        let tree = parser
            .parse(text, None)
            .ok_or_else(|| broken("it cannot be parsed"))?;
        if tree.root_node().has_error() {
            return Err(broken("it has a mistake in it"));
        }
        let source = Source {
            access,
            speech,
            text,
            images: Images::of(path, text),
        };
        source.change(tree.root_node(), notes)
    })
}

struct Source<'a> {
    access: &'a Access,
    speech: &'a Speech,
    text: &'a str,
    images: Images,
}

impl Source<'_> {
    fn change(&self, root: Node<'_>, notes: &mut Vec<String>) -> Result<String, SetupError> {
        let mut edits = Edits::default();
        let mut made = 0;
        for call in self.calls(root) {
            let Some(arguments) = call.child_by_field_name("arguments") else {
                continue;
            };
            let line = call.start_position().row + 1;
            if !self.is_wanted(arguments, line, notes)? || self.has_credentials(arguments) {
                continue;
            }
            if !self.is_in_class(call) {
                notes.push(format!(
                    "line {line}: what a construct is made in is not called {} here: add credentials by hand",
                    self.speech.scope
                ));
                continue;
            }
            made += 1;
            self.add(arguments, &self.secret(made), &mut edits);
        }
        if made > 0 && !self.text.contains("secretsmanager") {
            edits.insert(self.import_place(root), self.speech.import);
        }
        Ok(edits.apply(self.text))
    }

    /// Calls of the method, in order.
    fn calls<'t>(&self, root: Node<'t>) -> Vec<Node<'t>> {
        let mut calls = Vec::new();
        let mut waiting = vec![root];
        while let Some(node) = waiting.pop() {
            if node.kind() == self.speech.call && self.is_method(node) {
                calls.push(node);
            }
            let mut cursor = node.walk();
            waiting.extend(node.children(&mut cursor));
        }
        calls.sort_by_key(Node::start_byte);
        calls
    }

    fn is_method(&self, call: Node<'_>) -> bool {
        let function = call.child_by_field_name("function");
        let name = function.and_then(|function| {
            function
                .child_by_field_name("attribute")
                .or_else(|| function.child_by_field_name("property"))
        });
        name.is_some_and(|name| self.source(name) == self.speech.method)
    }

    fn source(&self, node: Node<'_>) -> &str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    /// Whether the image that is named there is the registry's: by its text, in which all up to the first slash is the host,
    /// or by what its variables are. Where one stands there that nobody knows, it is a namespace of Docker Hub at least as
    /// often, which is told.
    fn is_wanted(
        &self,
        arguments: Node<'_>,
        line: usize,
        notes: &mut Vec<String>,
    ) -> Result<bool, SetupError> {
        let arguments = self::arguments(arguments);
        let Some(first) = arguments.first() else {
            return Ok(false);
        };
        let source = self.source(*first);
        let quotes = ['"', '\'', '`'];
        let name = source.trim_start_matches('f').trim_matches(quotes);
        let is_text = source.trim_start_matches('f').starts_with(quotes);
        let host = self.access.host()?;
        let holds = is_held(host, &filled(name, VARIABLE)).filter(|_| is_text);
        if let Some(holds) = holds.or_else(|| self.images.is_held(host, &first.byte_range())) {
            return Ok(holds);
        }
        let begins_with_variable = if is_text {
            name.starts_with(['{', '$'])
        } else {
            begins_with_name(source)
        };
        let has_host = name.contains(".com") || name.contains(".io/");
        if begins_with_variable && !has_host && self.access.registry == Registry::Hub {
            notes.push(format!(
                "line {line}: {source} is taken to be at Docker Hub"
            ));
            return Ok(true);
        }
        let is_theirs = is_text && name.starts_with(&format!("{host}/"));
        if !is_theirs {
            notes.push(format!(
                "line {line}: left as it is, for its registry does not show: {source}"
            ));
        }
        Ok(is_theirs)
    }

    fn has_credentials(&self, arguments: Node<'_>) -> bool {
        self.source(arguments).contains("credentials")
    }

    fn is_in_class(&self, call: Node<'_>) -> bool {
        let mut above = call.parent();
        while let Some(node) = above {
            if node.kind() == "function_definition" {
                let parameters = node.child_by_field_name("parameters");
                let first = parameters.and_then(|parameters| parameters.named_child(0));
                return first.is_some_and(|first| self.source(first) == self.speech.scope);
            }
            if node.kind() == "class_body" {
                return true;
            }
            above = node.parent();
        }
        false
    }

    /// A secret by its name, as a construct whose own name is new in this file.
    fn secret(&self, number: usize) -> String {
        let (title, secret) = (self.access.registry.title(), self.access.secret());
        let base = format!("{title}PullSecret");
        let names = (number..).map(|number| {
            if number == 1 {
                base.clone()
            } else {
                format!("{base}{number}")
            }
        });
        let is_new = |name: &String| {
            !self.text.contains(&format!("\"{name}\"")) && !self.text.contains(&format!("'{name}'"))
        };
        // A name for each place that there is: one of the first is new.
        let name = names
            .take(self.text.len() + 1)
            .find(is_new)
            .unwrap_or(base.clone());
        if self.speech.scope == "self" {
            return format!(
                "secretsmanager.Secret.from_secret_name_v2(self, \"{name}\", \"{secret}\")"
            );
        }
        format!("secretsmanager.Secret.fromSecretNameV2(this, '{name}', '{secret}')")
    }

    fn add(&self, list: Node<'_>, secret: &str, edits: &mut Edits) {
        let given = arguments(list);
        let Some(end) = given.last() else {
            return;
        };
        if self.speech.scope == "self" {
            edits.insert(end.end_byte(), format!(", credentials={secret}"));
        } else if given.len() == 1 {
            edits.insert(end.end_byte(), format!(", {{ credentials: {secret} }}"));
        } else if end.kind() == "object" {
            edits.insert(end.start_byte() + 1, format!(" credentials: {secret},"));
        }
    }

    /// After the first import of CDK, or of anything, or at the beginning.
    fn import_place(&self, root: Node<'_>) -> usize {
        let mut cursor = root.walk();
        let imports: Vec<Node<'_>> = root
            .children(&mut cursor)
            .filter(|node| node.kind().starts_with("import"))
            .collect();
        let of_library = imports
            .iter()
            .find(|node| self.source(**node).contains(self.speech.library));
        let Some(import) = of_library.or(imports.first()) else {
            return 0;
        };
        let end = import.end_byte();
        self.text[end..]
            .find('\n')
            .map_or(self.text.len(), |line| end + line + 1)
    }
}

/// Whether an expression puts a path behind a variable: `username + "/app:" + tag`.
fn begins_with_name(source: &str) -> bool {
    source.split_once('+').is_some_and(|(name, rest)| {
        let name = name.trim();
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        let rest = rest.trim_start().trim_start_matches(['"', '\'', '`']);
        !name.is_empty() && name.chars().all(is_of_name) && rest.starts_with('/')
    })
}

/// The arguments of a call, without the comments between them.
fn arguments(list: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = list.walk();
    list.named_children(&mut cursor)
        .filter(|node| !node.is_extra())
        .collect()
}
