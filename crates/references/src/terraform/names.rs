//! What variables and locals of a Terraform file, and of those beside it, are set to.

use std::collections::{BTreeMap, HashMap};

use hcl_edit::expr::{Expression, ObjectKey, Traversal, TraversalOperator};
use hcl_edit::structure::Body;

/// The names of one file.
#[derive(Default)]
pub(super) struct Names<'a> {
    locals: HashMap<&'a str, &'a Expression>,
    defaults: HashMap<&'a str, &'a Expression>,
    /// What a `.tfvars` file says: it goes before the defaults.
    values: HashMap<&'a str, &'a Expression>,
    /// Where the file begins in ours; `None` for another file, in which nothing is written from here.
    base: Option<usize>,
    file: &'a str,
}

/// An expression behind a name, and whose it is.
#[derive(Clone, Copy)]
pub(super) struct Bound<'a> {
    pub(super) expression: &'a Expression,
    pub(super) base: Option<usize>,
    pub(super) file: &'a str,
    /// Whether who calls the module, or a file of values, may say another.
    pub(super) is_default: bool,
}

impl<'a> Names<'a> {
    pub(super) fn of(body: &'a Body, base: Option<usize>, file: &'a str) -> Self {
        let mut names = Self {
            base,
            file,
            ..Self::default()
        };
        if super::has_ending(file, "tfvars") {
            names.values = body
                .attributes()
                .map(|attribute| (attribute.key.as_str(), &attribute.value))
                .collect();
            return names;
        }
        for block in body.blocks() {
            match block.ident.as_str() {
                "locals" => names.locals.extend(
                    block
                        .body
                        .attributes()
                        .map(|attribute| (attribute.key.as_str(), &attribute.value)),
                ),
                "variable" => {
                    let name = block
                        .labels
                        .first()
                        .map(hcl_edit::structure::BlockLabel::as_str);
                    let default = block.body.get_attribute("default");
                    if let (Some(name), Some(default)) = (name, default) {
                        names.defaults.insert(name, &default.value);
                    }
                }
                _ => {}
            }
        }
        names
    }
}

impl<'a> Names<'a> {
    /// What a value, and what a default, a name has here.
    fn find(&self, root: &str, name: &str) -> [Option<Bound<'a>>; 2] {
        let bound = |table: &HashMap<&'a str, &'a Expression>, is_default| {
            let expression = *table.get(name)?;
            Some(Bound {
                expression,
                base: self.base,
                file: self.file,
                is_default,
            })
        };
        match root {
            "var" => [bound(&self.values, false), bound(&self.defaults, true)],
            "local" => [bound(&self.locals, false), None],
            _ => [None, None],
        }
    }
}

/// Looks up `var.a.b` and `local.a["b"]` in several files, the own one first.
pub(super) fn find<'a>(files: &[Names<'a>], path: &[String]) -> Option<Bound<'a>> {
    let (root, rest) = path.split_first()?;
    let (name, keys) = rest.split_first()?;
    let mut found = files.iter().map(|names| names.find(root, name));
    // The values of all files go before the defaults of any.
    let mut values = found.clone();
    let bound = values
        .find_map(|[value, _]| value)
        .or_else(|| found.find_map(|[_, default]| default))?;
    keys.iter().try_fold(bound, |bound, key| {
        Some(Bound {
            expression: entry(bound.expression, key)?,
            ..bound
        })
    })
}

/// The value of an object's key.
pub(super) fn entry<'a>(expression: &'a Expression, key: &str) -> Option<&'a Expression> {
    let object = match expression {
        Expression::Object(object) => object,
        Expression::Parenthesis(inner) => return entry(inner.inner(), key),
        _ => return None,
    };
    object
        .iter()
        .find(|(name, _)| key_text(name) == Some(key))
        .map(|(_, value)| value.expr())
}

/// An object's key, if it is written as one.
pub(super) fn key_text(key: &ObjectKey) -> Option<&str> {
    match key {
        ObjectKey::Ident(ident) => Some(ident.as_str()),
        ObjectKey::Expression(expression) => expression.as_str(),
    }
}

/// The names of a traversal: `var`, `images`, `web`; `None` if it has what is no name.
pub(super) fn path_of(traversal: &Traversal) -> Option<Vec<String>> {
    let mut path = vec![traversal.expr.as_variable()?.as_str().to_owned()];
    for operator in &traversal.operators {
        path.push(match &**operator {
            TraversalOperator::GetAttr(name) => name.as_str().to_owned(),
            TraversalOperator::Index(index) => index.as_str()?.to_owned(),
            _ => return None,
        });
    }
    Some(path)
}

/// What `--set` says: by the whole path, or by the bare name of a variable or a local.
pub(super) fn set<'s>(set: &'s BTreeMap<String, String>, path: &[String]) -> Option<&'s str> {
    let bare = path
        .split_first()
        .filter(|(root, _)| matches!(root.as_str(), "var" | "local"))
        .map(|(_, rest)| rest.join("."));
    set.get(&path.join("."))
        .or_else(|| set.get(&bare?))
        .map(String::as_str)
}
