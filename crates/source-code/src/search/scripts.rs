//! Command lines in source code: what a call or a list runs is read as a shell reads it.

use super::{Certainty, Search};
use crate::facts::{Call, Expr, Literal, Part, Template};
use crate::shell;
use forebay_references::{Ambiguous, Encoding, Owner, Place, name_of};

impl Search<'_> {
    /// A command line that is written as one text, or as a program and a list: `spawn("docker", ["pull", …])`.
    pub(super) fn script(&mut self, call: &Call) {
        match (call.find_positional(0), call.find_positional(1)) {
            (Some(program @ Expr::Literal(_)), Some(Expr::List(arguments))) => {
                let words: Vec<Expr> = [program].into_iter().chain(arguments).cloned().collect();
                self.command(&words);
            }
            (Some(Expr::Literal(script)), _) => self.literal_script(script),
            (Some(Expr::Template(script)), _) => self.filled_script(script),
            _ => {}
        }
    }

    fn literal_script(&mut self, script: &Literal) {
        if script.is_plain {
            let part = shell::find(&script.text, self.resolver.settings, 1);
            self.found.absorb(part, script.content.start);
        }
    }

    /// A command line with holes: one that is a whole word is followed, and of others the words are told.
    fn filled_script(&mut self, template: &Template) {
        let Some(start) = template
            .parts
            .first()
            .map(Part::span)
            .map(|span| span.start)
        else {
            return;
        };
        let mut script = String::new();
        for part in &template.parts {
            let span = part.span();
            match part {
                _ if span.start != start + script.len() => return,
                Part::Fixed { text, .. } if self.text.get(span.clone()) == Some(text) => {
                    script.push_str(text);
                }
                Part::Fixed { .. } => return,
                // What is in it is no word of the command line.
                Part::Hole { .. } => {
                    let inner = span.len().saturating_sub(2);
                    script.extend(["{", &"x".repeat(inner), "}"]);
                }
            }
        }
        let mut part = shell::find(&script, self.resolver.settings, 1);
        for unsure in std::mem::take(&mut part.ambiguous) {
            let span = start + unsure.span.start..start + unsure.span.end;
            let hole = template.parts.iter().find(|part| part.span() == span);
            if let Some(Part::Hole {
                value: Some(value), ..
            }) = hole
            {
                self.follow(value, (Certainty::Call, &unsure.owner), 0);
            } else {
                let unsure = Ambiguous::at(self.text, span, unsure.why, unsure.owner);
                self.found.ambiguous.push(unsure);
            }
        }
        self.found.absorb(part, start);
    }

    pub(super) fn command(&mut self, words: &[Expr]) {
        let texts: Vec<Option<String>> = words
            .iter()
            .map(|word| self.resolver.text(word, 0).ok().map(|text| text.value))
            .collect();
        if shell::is_shell(&texts) {
            let scripts = words.iter().filter_map(|word| match word {
                Expr::Literal(script) if script.text.contains(' ') => Some(script),
                _ => None,
            });
            scripts.for_each(|script| self.literal_script(script));
        }
        for image in shell::image_words(&texts) {
            let (position, prefix) = (image.position, image.prefix);
            let owner = Owner {
                pull_policy: image.pull_policy(),
                ..Owner::of_kind(shell::tool_of(&texts).unwrap_or("command"))
            };
            let Some(word) = words.get(position) else {
                continue;
            };
            let text = texts[position]
                .as_deref()
                .and_then(|text| text.get(prefix..));
            if image.is_given {
                self.found.given.extend(text.map(str::to_owned));
            }
            if image.is_built {
                self.found
                    .built
                    .extend(text.map(|text| name_of(text).to_owned()));
            }
            if prefix == 0 {
                self.follow(word, (Certainty::Call, &owner), 0);
            } else if let Expr::Literal(word) = word
                && word.is_plain
                && let Some(image) = word.text.get(prefix..)
            {
                let span = word.content.start + prefix..word.content.end;
                let place = Place::literal(span, image.to_owned(), Encoding::AsIs, owner);
                self.place(place, Certainty::Call);
            }
        }
    }
}
