//! How many there are of a block of Terraform: as many as its `count`, or one for each of its `for_each`.
//!
//! Source: Terraform's language reference, the meta-arguments `count` and `for_each`.

use hcl_edit::expr::{Conditional, Expression, FuncCall, Traversal};
use hcl_edit::structure::Body;

use super::evaluate::Evaluator;
use super::names;
use crate::scaled::Scaled;

/// Names of names, collections of collections.
const MAX_DEPTH: u32 = 16;

/// Functions that give as many as they are given.
const SAME_SIZE: [&str; 6] = ["keys", "nonsensitive", "tolist", "tomap", "toset", "values"];

/// Reads a count out of an expression.
type Read<'a> = fn(&Evaluator<'a>, &'a Expression, u32) -> Option<Scaled>;

impl<'a> Evaluator<'a> {
    /// How many there are of a block; `None` where it does not say: then it is one.
    pub(super) fn copies(&self, body: &'a Body) -> Option<Scaled> {
        let said = |key| body.get_attribute(key).map(|attribute| &attribute.value);
        let found = match (said("count"), said("for_each")) {
            (Some(count), _) => self.number(count, MAX_DEPTH),
            (None, Some(each)) => self.size(each, MAX_DEPTH),
            (None, None) => return None,
        };
        Some(found.unwrap_or(Scaled::UNKNOWN))
    }

    fn number(&self, value: &'a Expression, depth: u32) -> Option<Scaled> {
        let depth = depth.checked_sub(1)?;
        let told = || {
            let text = self.evaluate(value, None).ok()?.resolved.text;
            text.parse().ok().map(Scaled::exactly)
        };
        match value {
            Expression::Parenthesis(inner) => self.number(inner.inner(), depth),
            Expression::Conditional(choice) => Some(self.either(choice, Self::number, depth)),
            Expression::FuncCall(call) if call.name.name.as_str() == "length" => {
                self.size(call.args.iter().next()?, depth)
            }
            Expression::Traversal(traversal) => {
                self.bound(traversal, (told(), Self::number), depth)
            }
            _ => told(),
        }
    }

    /// How many a collection holds.
    fn size(&self, value: &'a Expression, depth: u32) -> Option<Scaled> {
        let depth = depth.checked_sub(1)?;
        let exactly = |len| u32::try_from(len).ok().map(Scaled::exactly);
        match value {
            Expression::Array(items) => exactly(items.len()),
            Expression::Object(entries) => exactly(entries.len()),
            Expression::Parenthesis(inner) => self.size(inner.inner(), depth),
            Expression::Conditional(choice) => Some(self.either(choice, Self::size, depth)),
            Expression::FuncCall(call) => self.size(passed_on(call)?, depth),
            Expression::ForExpr(each) => {
                let of = self.size(&each.intro.collection_expr, depth)?;
                let is_cut = each.cond.is_some() || each.grouping;
                let least = if is_cut { 0 } else { of.least };
                Some(Scaled { least, ..of })
            }
            Expression::Traversal(traversal) => self.bound(traversal, (None, Self::size), depth),
            _ => None,
        }
    }

    /// What one of two says: which of them holds, is known when it runs.
    fn either(&self, choice: &'a Conditional, read: Read<'a>, depth: u32) -> Scaled {
        let [one, other] = [&choice.true_expr, &choice.false_expr]
            .map(|value| read(self, value, depth).unwrap_or(Scaled::UNKNOWN));
        one.either(other)
    }

    /// What a name stands for, unless it is `told` already.
    fn bound(
        &self,
        traversal: &'a Traversal,
        (told, read): (Option<Scaled>, Read<'a>),
        depth: u32,
    ) -> Option<Scaled> {
        let path = names::path_of(traversal)?;
        let is_set = self.is_set(&path);
        let found = match told {
            Some(told) => told,
            None if is_set => return None,
            None => read(self, names::find(&self.files, &path)?.expression, depth)?,
        };
        // A variable that is nothing by default is there to be set by somebody.
        let is_open = path[0] == "var" && !is_set && found.most == Some(0);
        Some(if is_open {
            Scaled::between(None, None)
        } else {
            found
        })
    }
}

/// What a function gives on, of which nothing is left out and nothing comes to it.
fn passed_on(call: &FuncCall) -> Option<&Expression> {
    let is_same = SAME_SIZE.contains(&call.name.name.as_str());
    call.args.iter().next().filter(|_| is_same)
}

#[cfg(test)]
mod tests {
    use super::super::find;
    use crate::{Owner, Scaled, Settings};

    const NAMES: &str = r#"
variable "n" { default = 3 }
variable "off" { default = 0 }
variable "names" { default = ["a", "b"] }
variable "open" {}
locals { on = var.open ? 4 : 0 }
"#;

    fn owner(text: &str) -> Owner {
        let found = find("main.tf", &format!("{NAMES}{text}"), &Settings::default());
        found.places[0].owner.clone()
    }

    fn bounds(found: Option<Scaled>) -> Option<(u32, Option<u32>)> {
        found.map(|found| (found.least, found.most))
    }

    #[test]
    fn there_are_as_many_of_a_block_as_it_says() {
        for (said, expected) in [
            ("count = 3", Some((3, Some(3)))),
            ("count = 0", Some((0, Some(0)))),
            ("count = var.n", Some((3, Some(3)))),
            ("count = var.off", Some((0, None))),
            ("count = var.open ? 1 : 0", Some((0, Some(1)))),
            ("count = local.on", Some((0, Some(4)))),
            ("count = var.open", Some((1, None))),
            ("count = length(var.names)", Some((2, Some(2)))),
            (r#"for_each = toset(["a", "b", "c"])"#, Some((3, Some(3)))),
            ("for_each = { a = 1, b = 2 }", Some((2, Some(2)))),
            (
                "for_each = { for n in var.names : n => n if n != 1 }",
                Some((0, Some(2))),
            ),
            ("for_each = data.x.y.ids", Some((1, None))),
            ("", None),
        ] {
            let text =
                format!("resource \"docker_container\" \"a\" {{\n{said}\nimage = \"a:1\"\n}}\n");
            let owner = owner(&text);
            assert_eq!(
                (bounds(owner.copies), owner.replicas),
                (expected, None),
                "{said}"
            );
        }
    }

    #[test]
    fn services_run_their_tasks_as_often_as_there_are_services() {
        let service = |said: &str| {
            format!(
                "resource \"aws_ecs_service\" \"s\" {{\n{said}\ntask_definition = aws_ecs_task_definition.t[each.key].arn\n}}\n"
            )
        };
        let task = "resource \"aws_ecs_task_definition\" \"t\" {\nfor_each = toset([1, 2])\n\
                    container_definitions = jsonencode([{image = \"a:1\"}])\n}\n";
        let four = "for_each = toset([1, 2, 3, 4])\ndesired_count = 5";
        for (services, replicas, scaled) in [
            (vec![four], Some(20), None),
            (vec![four, "count = 0\ndesired_count = 7"], Some(20), None),
            (
                vec!["count = var.open\ndesired_count = 5"],
                Some(5),
                Some((5, None)),
            ),
            (
                vec![four, "desired_count = var.open"],
                Some(20),
                Some((21, None)),
            ),
            (vec!["desired_count = var.open"], None, None),
        ] {
            let all: String = services.iter().map(|said| service(said)).collect();
            let owner = owner(&format!("{task}{all}"));
            assert_eq!(owner.replicas, replicas, "{services:?}");
            assert_eq!(bounds(owner.scaled), scaled, "{services:?}");
            assert_eq!(owner.copies, None);
        }
    }

    #[test]
    fn replicas_do_not_hide_how_many_there_are_and_a_job_counts_its_groups() {
        let spec = |replicas: &str| {
            owner(&format!(
                "resource \"kubernetes_deployment\" \"a\" {{\ncount = 2\nspec {{\nreplicas = {replicas}\n\
                            template {{\nspec {{\ncontainer {{\nimage = \"a:1\"\n}}\n}}\n}}\n}}\n}}\n"
            ))
        };
        let known = spec("3");
        assert_eq!(
            (known.replicas, bounds(known.copies)),
            (Some(3), Some((2, Some(2))))
        );
        let unknown = spec("var.open");
        assert!(unknown.replicas.is_none() && unknown.is_count_unknown);
        let job = owner(
            "job \"a\" {\ngroup \"g\" {\ncount = 3\ntask \"t\" {\nconfig {\nimage = \"a:1\"\n}\n}\n}\n}\n",
        );
        assert_eq!((job.replicas, job.copies), (Some(3), None));
    }
}
