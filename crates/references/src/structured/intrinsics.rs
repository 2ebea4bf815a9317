//! `CloudFormation`'s intrinsic functions, evaluated as far as the template alone says what they come to.
//!
//! Source: AWS `CloudFormation` user guide, "Intrinsic function reference". Both spellings: `!Sub x` and
//! `{"Fn::Sub": "x"}`.

use forebay_oci::{aws_partition, aws_suffix};
use forebay_syntax::At;

use crate::sink::{Sink, Site};
use crate::variables::{Binding, Dialect, Home, Item, MAX_TEXT_BYTES, Resolved, joined, resolve};
use crate::{Encoding, Joint, Why};

/// Functions within functions.
const MAX_DEPTH: u32 = 16;
/// Items of one `Join`.
const MAX_ITEMS: usize = 256;

/// A template's functions.
pub(crate) struct Template<'a> {
    pub(crate) root: At<'a>,
}

/// What an expression comes to, and how it is written.
pub(crate) struct Evaluated {
    pub(crate) resolved: Resolved,
    pub(crate) site: Site,
}

/// A function and its argument.
struct Call<'a> {
    name: &'a str,
    argument: At<'a>,
    /// Whether it is a tag on the argument, rather than a map around it.
    tagged: bool,
}

impl<'a> Template<'a> {
    /// Evaluates an expression.
    pub(crate) fn evaluate(&self, at: At<'a>, sink: &Sink<'_>) -> Result<Evaluated, Why> {
        self.evaluate_within(at, sink, MAX_DEPTH)
    }

    /// The two outcomes of an `If`.
    pub(crate) fn branches(at: At<'a>) -> Option<[At<'a>; 2]> {
        let call = call_of(at).filter(|call| call.name == "If")?;
        let mut items = call.argument.items().skip(1);
        Some([items.next()?, items.next()?])
    }

    fn evaluate_within(&self, at: At<'a>, sink: &Sink<'_>, depth: u32) -> Result<Evaluated, Why> {
        let depth = depth.checked_sub(1).ok_or(Why::Computed)?;
        let Some(call) = call_of(at) else {
            let text = at.text().ok_or(Why::Computed)?;
            let site = sink.site(at).ok_or(Why::Computed)?;
            return Ok(Evaluated {
                resolved: literal(text),
                site,
            });
        };
        match call.name {
            "Ref" => {
                let name = call.argument.text().ok_or(Why::Computed)?;
                let binding = self
                    .variable(name, sink)
                    .ok_or_else(|| Why::Unset(name.to_owned()))?;
                Ok(replaced(at, bound(binding)))
            }
            "Sub" => self.substitute(at, &call, sink, depth),
            "Join" => Ok(replaced(at, self.join(at, call.argument, sink, depth)?)),
            "FindInMap" => self.find_in_map(at, call.argument, sink, depth),
            _ => Err(Why::Computed),
        }
    }

    /// A parameter's default, or a pseudo parameter. `--set` goes before both.
    fn variable(&self, name: &str, sink: &Sink<'_>) -> Option<Binding> {
        if let Some(set) = sink.settings.set_value(name) {
            return Some(set);
        }
        // Of a region that nobody set: the partition of most, whose name this is.
        let region = || {
            let set = sink.settings.set_value("AWS::Region");
            set.map(|set| set.text).unwrap_or_default()
        };
        match name {
            "AWS::URLSuffix" => return Some(Binding::from_outside(aws_suffix(&region()))),
            "AWS::Partition" => return Some(Binding::from_outside(aws_partition(&region()))),
            _ => {}
        }
        let parameter = self.root.get("Parameters")?.get(name)?;
        // The default of such a one is the name of what holds the value.
        if parameter.text_of("Type")?.starts_with("AWS::SSM::") {
            return None;
        }
        let default = sink.binding(parameter.get("Default")?)?;
        Some(Binding {
            open: true,
            ..default
        })
    }

    fn substitute(
        &self,
        at: At<'a>,
        call: &Call<'a>,
        sink: &Sink<'_>,
        depth: u32,
    ) -> Result<Evaluated, Why> {
        let mut items = call.argument.items();
        let (pattern, own) = match call.argument.text() {
            Some(_) => (call.argument, None),
            None => (items.next().ok_or(Why::Computed)?, items.next()),
        };
        let lookup = |name: &str| {
            let value = own.and_then(|own| own.get(name));
            match value {
                Some(value) => {
                    let evaluated = self.evaluate_within(value, sink, depth).ok()?;
                    let text = Binding::from_outside(&evaluated.resolved.text);
                    let open = call_of(value).is_some();
                    Some(Binding { open, ..text })
                }
                None => self.variable(name, sink),
            }
        };
        let text = pattern.text().ok_or(Why::Computed)?;
        let site = sink.site(pattern).ok_or(Why::Computed)?;
        let mut resolved = resolve(text, site.span.start, Dialect::Sub, &lookup)?;
        let is_made = resolved.home.is_none() && !resolved.pieces.is_empty();
        // What is in a text alone may be replaced and the function stay, without variables too.
        let is_text = own.is_none() && (site.verbatim || call.tagged && !is_made);
        if is_text {
            return Ok(Evaluated { resolved, site });
        }
        if is_made {
            let (span, pieces) = (at.span_with_tag(), std::mem::take(&mut resolved.pieces));
            resolved.home = Some(if site.verbatim {
                Home::joined(span, Joint::Arguments, pieces)
            } else {
                Home::of_function(span)
            });
        }
        Ok(replaced(at, resolved))
    }

    fn join(
        &self,
        at: At<'a>,
        argument: At<'a>,
        sink: &Sink<'_>,
        depth: u32,
    ) -> Result<Resolved, Why> {
        let mut items = argument.items();
        let separator = items.next().and_then(At::text).ok_or(Why::Computed)?;
        let list = items
            .next()
            .filter(|list| list.is_list())
            .ok_or(Why::Computed)?;
        let mut texts = Vec::new();
        for item in list.items().take(MAX_ITEMS) {
            let text = self.evaluate_within(item, sink, depth)?.resolved.text;
            let site = sink.site(item).filter(|site| site.verbatim);
            let span = site.filter(|_| call_of(item).is_none()).map_or_else(
                || Item::Made(item.span_with_tag()),
                |site| Item::Literal(site.span),
            );
            texts.push((text, span));
        }
        let (text, home) = joined(&texts, separator, at.span_with_tag());
        if text.len() > MAX_TEXT_BYTES {
            return Err(Why::NoReference);
        }
        Ok(Resolved {
            home: Some(home),
            ..literal(&text)
        })
    }

    fn find_in_map(
        &self,
        at: At<'a>,
        argument: At<'a>,
        sink: &Sink<'_>,
        depth: u32,
    ) -> Result<Evaluated, Why> {
        let mut value = self.root.get("Mappings").ok_or(Why::Computed)?;
        for item in argument.items().take(3) {
            let key = self.evaluate_within(item, sink, depth)?.resolved.text;
            value = value.get(&key).ok_or(Why::Computed)?;
        }
        let binding = sink.binding(value).ok_or(Why::Computed)?;
        Ok(replaced(at, bound(binding)))
    }
}

/// The function that a node calls, if it does.
fn call_of(at: At<'_>) -> Option<Call<'_>> {
    if let Some(tag) = at.tag() {
        return Some(Call {
            name: tag,
            argument: at,
            tagged: true,
        });
    }
    let mut entries = at.entries();
    let (key, argument) = entries.next()?;
    let name = match key {
        "Ref" => key,
        _ => key.strip_prefix("Fn::")?,
    };
    entries.next().is_none().then_some(Call {
        name,
        argument,
        tagged: false,
    })
}

fn literal(text: &str) -> Resolved {
    bound(Binding::from_outside(text))
}

/// An expression that is one variable, and no more.
fn bound(binding: Binding) -> Resolved {
    Resolved {
        text: binding.text,
        pieces: Vec::new(),
        home: binding.home,
    }
}

/// The whole expression gives way to a literal.
fn replaced(at: At<'_>, resolved: Resolved) -> Evaluated {
    let quote = || "\"".to_owned();
    Evaluated {
        resolved,
        site: Site {
            span: at.span_with_tag(),
            encoding: Encoding::Literal {
                open: quote(),
                close: quote(),
            },
            verbatim: false,
        },
    }
}
