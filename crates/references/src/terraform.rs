//! Terraform and what else is HCL: images of the resources that run or pull them.
//!
//! hcl-edit reads; what names are set to is followed through locals and defaults ([`names`], [`evaluate`]).

mod copies;
mod embedded;
mod evaluate;
mod functions;
mod helm_release;
mod names;
mod resources;
mod services;

use std::collections::{HashMap, HashSet};

use hcl_edit::expr::{Expression, Object};
use hcl_edit::structure::{Block, BlockLabel, Body};

use crate::scaled::{Running, Scaled};
use crate::sink::{Sink, is_image};
use crate::structured::{BAKE_SCHEME, ON_SELECTED, pull_policy};
use crate::variables::Home;
use crate::{Found, ModuleCall, Note, Owner, PullPolicy, Settings, Why};
use evaluate::{Evaluator, span_of};
use names::{Names, entry, key_text};
use resources::{OF_JOBS, OF_MODULES};

pub(crate) use resources::{Resource, of_type};

/// The reader compares each key of an object with all before it: this bounds the squares.
const MAX_ASSIGNMENTS: usize = 30_000;
/// Blocks in blocks, expressions in expressions; the reader's own bound is 64.
const MAX_DEPTH: u32 = 100;

/// Finds the images of an HCL file.
pub(crate) fn find(path: &str, text: &str, settings: &Settings) -> Found {
    let base = text.len() - text.trim_start_matches('\u{feff}').len();
    let body = match read(&text[base..]) {
        Ok(body) => body,
        Err(note) => {
            return Found::only(Note {
                at: note.at.map(|at| at + base),
                ..note
            });
        }
    };
    let near: Vec<(&str, Body)> = settings
        .near
        .iter()
        .filter(|(name, _)| has_ending(name, "tf") || has_ending(name, "tfvars"))
        .filter_map(|(name, text)| Some((name.as_str(), read(text).ok()?)))
        .collect();
    let mut files = vec![Names::of(&body, Some(base), path)];
    files.extend(near.iter().map(|(name, body)| Names::of(body, None, name)));
    let mut reading = Reading {
        evaluator: Evaluator::new(text, files, &settings.set),
        sink: Sink::new(text, path, settings),
        desired: HashMap::new(),
        base,
    };
    reading.desired = reading.desired_counts(&body);
    for block in body.blocks() {
        reading.top_level(block);
    }
    reading.unused(&body, path);
    reading.sink.found
}

fn read(text: &str) -> Result<Body, Note> {
    let assignments = text
        .bytes()
        .filter(|byte| matches!(byte, b'=' | b':'))
        .count();
    if assignments > MAX_ASSIGNMENTS {
        return Err(Note::whole("more assignments than anyone writes: not read"));
    }
    hcl_edit::parser::parse_body(text).map_err(|error| {
        Note::at(
            error.location().offset(),
            format!("not HCL: {}", error.message()),
        )
    })
}

/// Whether a text is an image where only a name says that it may be one.
fn is_named_image(text: &str) -> bool {
    is_image(text) && text.contains(['/', ':'])
}

fn has_ending(name: &str, ending: &str) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(_, found)| found == ending)
}

/// A file that is read.
struct Reading<'a> {
    evaluator: Evaluator<'a>,
    sink: Sink<'a>,
    /// The tasks that services run, by the name of their definition.
    desired: HashMap<String, Running>,
    base: usize,
}

impl<'a> Reading<'a> {
    fn top_level(&mut self, block: &'a Block) {
        let labels: Vec<&str> = block.labels.iter().map(BlockLabel::as_str).collect();
        let is_copied = matches!(block.ident.as_str(), "resource" | "data" | "module");
        let copies = self.evaluator.copies(&block.body).filter(|_| is_copied);
        if block.ident.as_str() == "module" {
            self.call(&block.body, copies);
        }
        let resource = match (block.ident.as_str(), labels.as_slice()) {
            ("resource", ["helm_release", name]) => {
                let owner = Owner {
                    copies,
                    ..Owner::named("Helm release", name)
                };
                return helm_release::find(&block.body, self, &owner);
            }
            ("resource" | "data", [kind, _]) => of_type(kind),
            ("module", _) => Some(&OF_MODULES),
            ("job", _) => Some(&OF_JOBS),
            ("target", [name]) => {
                self.bake(&block.body, &Owner::named("Bake target", name));
                None
            }
            _ => None,
        };
        let Some(resource) = resource else { return };
        let name = self
            .literal(&block.body, "family")
            .or_else(|| {
                self.literal(&block.body, "name")
                    .filter(|_| resource.prefix != "docker_image")
            })
            .or_else(|| labels.last().map(|label| (*label).to_owned()));
        let mut owner = Owner {
            name,
            per_node: resource.kind == "DaemonSet",
            copies,
            ..Owner::of_kind(resource.kind)
        };
        if resource.prefix == "aws_ecs_task_definition" {
            // What there is of it runs nothing: its services do.
            owner.copies = None;
            let desired = labels.last().and_then(|label| self.desired.get(*label));
            owner.replicas = desired.map(|desired| desired.tasks);
            owner.scaled = desired.and_then(|desired| desired.scaled);
        }
        self.block(&block.body, resource, &owner, MAX_DEPTH);
    }

    /// A module, if it is a folder beside this file.
    fn call(&mut self, body: &'a Body, copies: Option<Scaled>) {
        let source = self.literal(body, "source");
        let source = source.filter(|source| source.starts_with("./") || source.starts_with("../"));
        self.sink
            .found
            .modules
            .extend(source.map(|source| ModuleCall {
                source,
                copies: copies.unwrap_or(Scaled::exactly(1)),
            }));
    }

    /// The images that a target of a bake file takes as build contexts.
    fn bake(&mut self, body: &'a Body, owner: &Owner) {
        let contexts = body.get_attribute("contexts");
        let contexts = contexts.and_then(|attribute| attribute.value.as_object());
        for (_, value) in contexts.into_iter().flatten() {
            let Ok(evaluated) = self.evaluator.evaluate(value.expr(), Some(self.base)) else {
                self.ambiguous(value.expr(), Why::Computed, owner);
                continue;
            };
            let (mut resolved, site) = (evaluated.resolved, evaluated.site);
            let image = resolved.text.strip_prefix(BAKE_SCHEME).map(str::to_owned);
            let (Some(image), Some(mut site)) = (image, site) else {
                continue;
            };
            let is_literal =
                matches!(&resolved.home, Some(Home::Here { span, .. }) if *span == site.span);
            if !site.verbatim || !is_literal {
                self.sink.ambiguous(site.span, Why::Computed, owner.clone());
                continue;
            }
            site.span.start += BAKE_SCHEME.len();
            (resolved.text, resolved.home) = (image, None);
            self.sink
                .put(site.span, site.encoding, resolved, owner.clone());
        }
    }

    /// What names say that no resource of this file asks for: those of others do.
    fn unused(&mut self, body: &'a Body, path: &str) {
        let used: HashSet<usize> = self
            .sink
            .found
            .places
            .iter()
            .map(|place| place.span.start)
            .collect();
        let mut values: Vec<(&str, &'a Expression)> = Vec::new();
        let attributes = |body: &'a Body| {
            body.attributes()
                .map(|attribute| (attribute.key.as_str(), &attribute.value))
        };
        if has_ending(path, "tfvars") {
            values.extend(attributes(body));
        }
        for block in body.blocks() {
            match (block.ident.as_str(), block.labels.first()) {
                ("variable", Some(name)) => values.extend(
                    block
                        .body
                        .get_attribute("default")
                        .map(|default| (name.as_str(), &default.value)),
                ),
                ("locals", _) => values.extend(attributes(&block.body)),
                _ => {}
            }
        }
        for (name, value) in values {
            let start = span_of(value, Some(self.base)).map_or(0, |span| span.start + 1);
            if name.contains("image") && value.is_str() && !used.contains(&start) {
                let owner = Owner::named("Terraform variable", name);
                self.image(value, &OF_MODULES, &owner, MAX_DEPTH);
            }
        }
    }

    /// A block, and those within it.
    fn block(&mut self, body: &'a Body, resource: &Resource, owner: &Owner, depth: u32) {
        let Some(depth) = depth.checked_sub(1) else {
            return;
        };
        let owner = self.owner_within(body, resource, owner);
        for attribute in body.attributes() {
            let key = attribute.key.as_str();
            if resource.images.contains(&key) {
                self.image(&attribute.value, resource, &owner, depth);
            } else if resource.definitions.contains(&key) {
                self.definitions(&attribute.value, &owner, depth);
            }
        }
        for inner in body.blocks() {
            let mut owner = owner.clone();
            if matches!(
                inner.ident.as_str(),
                "container" | "containers" | "init_container" | "task"
            ) {
                let label = inner.labels.first().map(|label| label.as_str().to_owned());
                owner.container = self
                    .literal(&inner.body, "name")
                    .or(label)
                    .or(owner.container);
            }
            self.block(&inner.body, resource, &owner, depth);
        }
    }

    /// What a block adds to what is known of the owner.
    fn owner_within(&self, body: &'a Body, resource: &Resource, owner: &Owner) -> Owner {
        let mut owner = owner.clone();
        for metadata in body.get_blocks("metadata") {
            let say = |key| self.literal(&metadata.body, key);
            // A pod template's own metadata has a name as seldom as it matters.
            if body.has_blocks("spec") && owner.namespace.is_none() {
                owner.name = say("name").or(owner.name);
                owner.namespace = say("namespace");
            }
        }
        let number = |key| self.literal(body, key)?.parse().ok();
        // Everywhere but in Nomad's groups, `count` says how many there are of the whole.
        let is_group = resource.prefix == OF_JOBS.prefix;
        let key = if is_group { "count" } else { "replicas" };
        if body.has_attribute(key) {
            owner.replicas = number(key);
            owner.is_count_unknown = owner.replicas.is_none();
        }
        if owner.per_node && body.has_attribute("node_selector") {
            owner.condition = Some(ON_SELECTED);
        }
        owner.parallelism = number("parallelism").or(owner.parallelism);
        owner.pull_policy = self
            .literal(body, "image_pull_policy")
            .and_then(|word| pull_policy(&word))
            .or(owner.pull_policy);
        if self.literal(body, "force_pull").as_deref() == Some("true") {
            owner.pull_policy = Some(PullPolicy::Always);
        }
        owner.platform = self.literal(body, "platform").or(owner.platform);
        owner
    }

    /// An image, or two.
    fn image(&mut self, value: &'a Expression, resource: &Resource, owner: &Owner, depth: u32) {
        let Some(depth) = depth.checked_sub(1) else {
            return;
        };
        let base = Some(self.base);
        match value {
            Expression::Conditional(choice) => {
                self.image(&choice.true_expr, resource, owner, depth);
                self.image(&choice.false_expr, resource, owner, depth);
                return;
            }
            Expression::Null(_) => return,
            // Another resource's image: it is found there.
            Expression::Traversal(traversal)
                if names::path_of(traversal).is_some_and(|path| path[0].starts_with("docker_")) =>
            {
                return;
            }
            _ => {}
        }
        // What a module calls an image may be a machine's.
        let unsure = resource.prefix == OF_MODULES.prefix;
        let elsewhere = self.evaluator.image_elsewhere(value, self.base);
        self.sink.found.elsewhere.extend(elsewhere);
        match self.evaluator.evaluate(value, base) {
            Ok(evaluated) => {
                let text = &evaluated.resolved.text;
                let is_other =
                    text.starts_with("aws/codebuild/") || unsure && !is_named_image(text);
                if let (Some(site), false) = (evaluated.site, is_other) {
                    self.sink
                        .put(site.span, site.encoding, evaluated.resolved, owner.clone());
                }
            }
            Err(_) if unsure => {}
            Err(why) => self.ambiguous(value, why, owner),
        }
    }

    /// Containers in an expression: what becomes JSON, or is.
    fn definitions(&mut self, value: &'a Expression, owner: &Owner, depth: u32) {
        let Some(depth) = depth.checked_sub(1) else {
            return;
        };
        match value {
            Expression::Array(items) => items
                .iter()
                .for_each(|item| self.definitions(item, owner, depth)),
            Expression::Object(object) => self.object(object, owner, depth),
            Expression::Parenthesis(inner) => self.definitions(inner.inner(), owner, depth),
            Expression::ForExpr(each) => self.definitions(&each.value_expr, owner, depth),
            Expression::Conditional(choice) => {
                self.definitions(&choice.true_expr, owner, depth);
                self.definitions(&choice.false_expr, owner, depth);
            }
            // A file's content is found in that file.
            Expression::FuncCall(call)
                if !matches!(call.name.name.as_str(), "file" | "templatefile") =>
            {
                call.args
                    .iter()
                    .for_each(|argument| self.definitions(argument, owner, depth));
            }
            Expression::Traversal(traversal) => {
                let bound = names::path_of(traversal)
                    .and_then(|path| names::find(&self.evaluator.files, &path));
                // A local of another file is found there, if anything runs it.
                if let Some(bound) = bound.filter(|bound| bound.base.is_some()) {
                    self.definitions(bound.expression, owner, depth);
                }
            }
            Expression::HeredocTemplate(_)
            | Expression::StringTemplate(_)
            | Expression::String(_) => {
                embedded::find(value, self, owner);
            }
            _ => {}
        }
    }

    fn object(&mut self, object: &'a Object, owner: &Owner, depth: u32) {
        let mut owner = owner.clone();
        let text = |key| {
            let (_, value) = object
                .iter()
                .find(|(name, _)| key_text(name) == Some(key))?;
            value.expr().as_str().map(str::to_owned)
        };
        if text("image").is_some() || object.iter().any(|(key, _)| key_text(key) == Some("image")) {
            owner.container = text("name").or(owner.container);
            owner.pull_policy = text("imagePullPolicy")
                .and_then(|word| pull_policy(&word))
                .or(owner.pull_policy);
        }
        if let Some(kind) = text("kind") {
            owner.kind = kind;
        }
        for (key, value) in object {
            match key_text(key) {
                Some("image") => {
                    let resource = of_type("kubernetes_pod").unwrap_or(&OF_JOBS);
                    self.image(value.expr(), resource, &owner, depth);
                }
                Some("metadata") => {
                    let name = entry(value.expr(), "name").and_then(Expression::as_str);
                    owner.name = name.map(str::to_owned).or(owner.name);
                }
                _ => {
                    if !matches!(
                        value.expr(),
                        Expression::String(_) | Expression::Traversal(_)
                    ) {
                        self.definitions(value.expr(), &owner, depth);
                    }
                }
            }
        }
    }

    fn ambiguous(&mut self, value: &Expression, why: Why, owner: &Owner) {
        if let Some(span) = span_of(value, Some(self.base)) {
            self.sink.ambiguous(span, why, owner.clone());
        }
    }

    /// An attribute's value, where files tell it.
    fn literal(&self, body: &'a Body, key: &str) -> Option<String> {
        let value = &body.get_attribute(key)?.value;
        if let Some(flag) = value.as_bool() {
            return Some(flag.to_string());
        }
        let evaluated = self.evaluator.evaluate(value, None).ok()?;
        Some(evaluated.resolved.text)
    }
}

#[cfg(test)]
mod tests;
