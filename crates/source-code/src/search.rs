//! From what a file says to its images: follows what is wanted as an image to where it is written.
//!
//! A variable that is a whole image is found where it is bound, and rewritten there. One that is a part of an image is
//! replaced where the image is written, and only if the rule changes that part: it may have other uses.

mod scripts;

use std::collections::BTreeSet;
use std::ops::Range;

use super::contexts::{
    BUILD, ImageCall, find_call, find_maker, is_about_containers, is_clients, is_image_name,
    is_picture, is_runner,
};
use super::facts::{Binding, Bound, Call, Expr, Facts, MAX_DEPTH, Quotes};
use super::resolve::Resolver;
use super::surroundings::{Said, said};
use super::writing::writing;
use forebay_references::{
    Ambiguous, Encoding, Found, Owner, Place, PullPolicy, Reading, Settings, Why, Writing, name_of,
};

/// How many images that a file builds are told.
const MAX_BUILT: usize = 1000;

/// How many names of a file are looked up that may be read for something else than images.
const MAX_OTHERS: usize = 5000;

/// What has to be for an image to be pulled that one of several stacks sets.
const OF_STACK: &str = "only with the stack of that file";

/// What has to be for a default to be pulled where a file beside the program sets another.
const WITHOUT_SETTING: &str = "only where no file beside it sets another";

/// How sure the context is that a text there is an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Certainty {
    /// A call that takes nothing else.
    Call,
    /// A key that is called so.
    Key,
    /// A variable that is called so.
    Name,
}

/// The images of a file of source code.
pub(super) fn search(text: &str, facts: &Facts, settings: &Settings) -> Found {
    let mut search = Search {
        text,
        resolver: Resolver::new(facts, settings),
        found: Found::default(),
        seen: BTreeSet::new(),
        followed: BTreeSet::new(),
    };
    for call in &facts.calls {
        search.call(call);
    }
    for words in &facts.commands {
        search.command(words);
    }
    if is_about_containers(text) {
        for pair in &facts.pairs {
            let kind = pair.callee.as_deref().unwrap_or("source code");
            let owner = search.owner(kind, &pair.value, pair.is_built);
            search.follow(&pair.value, (Certainty::Key, &owner), 0);
        }
        for (name, bindings) in facts
            .bindings
            .iter()
            .filter(|(name, _)| is_image_name(name))
        {
            for binding in bindings {
                search.binding(name, binding);
            }
        }
    }
    search.finish()
}

struct Search<'a> {
    text: &'a str,
    resolver: Resolver<'a>,
    found: Found,
    /// Expressions that were followed: many ways may lead to one.
    seen: BTreeSet<(usize, usize)>,
    /// Names that are read as images.
    followed: BTreeSet<String>,
}

type Context<'c> = (Certainty, &'c Owner);

impl Search<'_> {
    fn call(&mut self, call: &Call) {
        if is_runner(&call.path) {
            self.script(call);
        }
        let image = |rule: &ImageCall| {
            let named = rule.key.and_then(|key| call.find_named(key));
            named.or_else(|| call.find_positional(0).filter(|_| rule.is_first))
        };
        if let Some(made) = find_maker(&call.path).and_then(image) {
            self.note_built(made);
        }
        let rule = find_call(&call.path).filter(|_| is_clients(&call.path));
        let Some(value) = rule.and_then(image) else {
            return;
        };
        let is_built = call.find_named(BUILD).is_some();
        let owner = self.owner(&last_two(&call.path), value, is_built);
        // docker-py's `pull("nginx", tag="1.27")` says the image in two values.
        if let Some(tag) = call.find_named("tag") {
            return self.unsure(&value.clone(), Why::Apart(self.shown(&tag.span())), &owner);
        }
        self.follow(value, (Certainty::Call, &owner), 0);
    }

    /// Who uses an image: what is built here is pulled by nobody.
    fn owner(&mut self, kind: &str, image: &Expr, is_built: bool) -> Owner {
        if is_built {
            self.note_built(image);
        }
        Owner {
            pull_policy: is_built.then_some(PullPolicy::Never),
            ..Owner::of_kind(kind)
        }
    }

    /// Notes the name of what is built or pushed here.
    fn note_built(&mut self, image: &Expr) {
        let image = self.resolver.text(image, 0).ok();
        let is_full = self.found.built.len() >= MAX_BUILT;
        let name = image
            .filter(|_| !is_full)
            .map(|image| name_of(&image.value).to_owned());
        self.found.built.extend(name);
    }

    /// A variable that is called an image is one if its text says more than one word could.
    fn binding(&mut self, name: &str, binding: &Binding) {
        let (Bound::To(value)
        | Bound::Parameter {
            default: Some(value),
            ..
        }) = &binding.value
        else {
            return;
        };
        let owner = Owner::named("variable", name);
        if !matches!(value, Expr::Name { .. } | Expr::Member { .. }) {
            self.follow(value, (Certainty::Name, &owner), 0);
        }
    }

    /// Finds where the image that `expr` comes to is written.
    fn follow(&mut self, expr: &Expr, context: Context<'_>, depth: usize) {
        let span = expr.span();
        if depth > MAX_DEPTH || !self.seen.insert((span.start, span.end)) {
            return;
        }
        match expr {
            Expr::Literal(_) | Expr::Template(_) | Expr::Format(_) | Expr::Joined { .. } => {
                self.written(expr, context);
            }
            Expr::Name { name, span } => {
                let bindings = self.resolver.bindings(name, span.start);
                self.variable((expr, name), &bindings, context, depth);
            }
            Expr::Member { object, key, .. } => {
                let fields = self.resolver.members(object, key, depth);
                match self.resolver.find_entry(object, key, depth) {
                    Some(value) if fields.is_empty() => self.follow(&value, context, depth + 1),
                    _ => self.variable((expr, key), &fields, context, depth),
                }
            }
            Expr::Lookup {
                object,
                key,
                default,
                ..
            } => {
                let entry = object
                    .as_deref()
                    .and_then(|object| self.resolver.find_entry(object, key, depth));
                let is_said = entry.is_none() && self.beside(expr, context);
                match entry.as_ref().or(default.as_deref()) {
                    Some(value) => self.default(value, context, (is_said, depth)),
                    None if is_said => {}
                    None => self.outside(expr, key, context),
                }
            }
            Expr::FirstOf(options) => {
                // What may come from outside is not here; what stands in for it is.
                let is_here = |one: &&Expr| self.resolver.text(one, depth).is_ok();
                let here: Vec<&Expr> = options.iter().filter(is_here).collect();
                let first = options.first().filter(|first| !is_here(first));
                let is_said = first.is_some_and(|first| self.beside(first, context));
                let all = options.iter().skip(usize::from(is_said)).collect();
                for option in if here.is_empty() { all } else { here } {
                    self.default(option, context, (is_said, depth));
                }
            }
            Expr::OneOf(options) => {
                for option in options {
                    self.follow(option, context, depth + 1);
                }
            }
            Expr::List(_) | Expr::Map(_) => {}
            Expr::Call { .. } | Expr::Other(_) => {
                if context.0 == Certainty::Call {
                    self.unsure(expr, Why::Computed, context.1);
                }
            }
        }
    }

    /// What holds where a setting says nothing: which is not so where a file beside the program says it.
    fn default(&mut self, value: &Expr, context: Context<'_>, (is_said, depth): (bool, usize)) {
        let (certainty, owner) = context;
        let mut owner = owner.clone();
        owner.condition = owner.condition.or(is_said.then_some(WITHOUT_SETTING));
        self.follow(value, (certainty, &owner), depth + 1);
    }

    /// A variable that is the whole image: each of its values is one.
    fn variable(
        &mut self,
        (expr, name): (&Expr, &str),
        bindings: &[&Binding],
        context: Context<'_>,
        depth: usize,
    ) {
        let mut values = self.values(name, bindings, depth);
        // `image = image or "nginx"` comes back to itself.
        values.retain(|value| value.span() != expr.span());
        if values.is_empty() {
            return self.outside(expr, name, context);
        }
        let span = expr.span();
        if let Some(written) = self.text.get(span.clone()) {
            self.followed.insert(written.to_owned());
        }
        for value in values {
            self.found.read(span.clone(), value.span());
            self.follow(&value, context, depth + 1);
        }
    }

    /// What a name may come to, by its bindings.
    fn values(&self, name: &str, bindings: &[&Binding], depth: usize) -> Vec<Expr> {
        let mut values: Vec<Expr> = Vec::new();
        for binding in bindings {
            match &binding.value {
                Bound::To(value) => values.push(value.clone()),
                Bound::Parameter {
                    function,
                    position,
                    default,
                } => {
                    values.extend(default.clone());
                    let given = self.resolver.arguments(function, *position, name);
                    values.extend(given.into_iter().cloned());
                }
                Bound::Each(list) => values.extend(self.items(list, depth)),
                Bound::Unknown => {}
            }
        }
        values
    }

    /// Notes where else the names stand that are read as images.
    fn note_others(&mut self) {
        let known = self.found.readings.iter();
        let known: BTreeSet<usize> = known.map(|reading| reading.span.start).collect();
        let facts = self.resolver.facts;
        let names = facts.names.iter().filter_map(|span| {
            let name = self.text.get(span.clone())?;
            let is_other = self.followed.contains(name) && !known.contains(&span.start);
            is_other.then_some((span, name))
        });
        let mut others = Vec::new();
        for (span, name) in names.take(MAX_OTHERS) {
            let bindings = self.resolver.bindings(name, span.start);
            let values = self.values(name, &bindings, 0);
            others.extend(values.into_iter().map(|value| Reading {
                span: span.clone(),
                home: value.span(),
                is_image: false,
            }));
        }
        for other in others {
            self.found.note(other);
        }
    }

    /// The items of a list, or of a name that is bound to one.
    fn items(&self, list: &Expr, depth: usize) -> Vec<Expr> {
        match list {
            Expr::List(items) => items.clone(),
            Expr::Name { name, span } if depth < MAX_DEPTH => {
                match self.resolver.bindings(name, span.start).as_slice() {
                    [
                        Binding {
                            value: Bound::To(list),
                            ..
                        },
                    ] => self.items(list, depth + 1),
                    _ => Vec::new(),
                }
            }
            _ => Vec::new(),
        }
    }

    /// Images that files beside this one say where it asks for them: changed there. Whether any does.
    fn beside(&mut self, asked: &Expr, (certainty, owner): Context<'_>) -> bool {
        let said = said(asked, self.text, self.resolver.settings);
        let is_any = !said.is_empty();
        let mut owner = owner.clone();
        owner.condition = owner.condition.or((said.len() > 1).then_some(OF_STACK));
        for Said { file, value } in said {
            let place = Place {
                span: asked.span(),
                image: value,
                writing: Writing::Elsewhere(file),
                owner: owner.clone(),
            };
            self.place(place, certainty);
        }
        is_any
    }

    /// An image that comes from outside: known if it is set, and then written here.
    fn outside(&mut self, expr: &Expr, name: &str, (certainty, owner): Context<'_>) {
        match self.resolver.find_set(&[name]) {
            Some(image) => {
                let Quotes { open, close } = Quotes::double();
                let encoding = Encoding::Literal { open, close };
                let place = Place::literal(expr.span(), image.to_owned(), encoding, owner.clone());
                self.place(place, certainty);
            }
            None if certainty == Certainty::Name => {}
            None => self.unsure(expr, Why::Unset(name.to_owned()), owner),
        }
    }

    /// A text that is written here.
    fn written(&mut self, expr: &Expr, (certainty, owner): Context<'_>) {
        let text = match self.resolver.text(expr, 0) {
            Ok(text) => text,
            Err(_) if certainty == Certainty::Name => return,
            Err(why) => return self.unsure(expr, why, owner),
        };
        let image = text.value.clone();
        let place = match expr {
            Expr::Literal(literal) if literal.is_plain => Place::literal(
                literal.content.clone(),
                image,
                Encoding::AsIs,
                owner.clone(),
            ),
            _ => Place {
                span: expr.span(),
                image,
                writing: writing(expr, text),
                owner: owner.clone(),
            },
        };
        self.place(place, certainty);
    }

    fn place(&mut self, place: Place, certainty: Certainty) {
        let is_image = place.image.parse::<forebay_oci::ImageName>().is_ok();
        let says_more = place.image.contains([':', '@']);
        let fits = match certainty {
            Certainty::Call => is_image,
            Certainty::Key => is_image && !is_picture(&place.image),
            Certainty::Name => is_image && !is_picture(&place.image) && says_more,
        };
        if fits {
            self.found.places.push(place);
        } else if certainty == Certainty::Call {
            let ambiguous = Ambiguous::at(self.text, place.span, Why::NoReference, place.owner);
            self.found.ambiguous.push(ambiguous);
        }
    }

    fn unsure(&mut self, expr: &Expr, why: Why, owner: &Owner) {
        let ambiguous = Ambiguous::at(self.text, expr.span(), why, owner.clone());
        self.found.ambiguous.push(ambiguous);
    }

    fn shown(&self, span: &Range<usize>) -> String {
        self.text.get(span.clone()).unwrap_or_default().to_owned()
    }

    /// Each place once, though many ways lead there.
    fn finish(mut self) -> Found {
        self.note_others();
        self.found.sort();
        self.found
            .places
            .dedup_by(|later, first| later.span == first.span && later.writing == first.writing);
        self.found
            .ambiguous
            .dedup_by(|later, first| later.span == first.span);
        self.found
    }
}

/// `ContainerImage.from_registry`.
fn last_two(path: &[String]) -> String {
    path[path.len().saturating_sub(2)..].join(".")
}
