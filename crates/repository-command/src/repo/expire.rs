//! `forebay repo expire`: lifecycle rules, applied now or only looked at.

use std::path::{Path, PathBuf};
use std::time::Duration;

use forebay_config::{Environment, load, time_span};
use forebay_limits::{counted, counted_as};
use forebay_registry::{ExpiredText, RepositoryOrder, RepositoryOutcome, RuleText};
use forebay_server::Repositories;
use forebay_terminal::{ExitStatus, Failure, Json, Printer, SourceArgs, with_exit_codes};

use super::list::all_of;
use crate::image::{repository_pattern, tag_pattern};
use crate::pin::tags;

/// What the rule of the command line is called where it is told of.
const GIVEN: &str = "the rule given";

/// Apply lifecycle rules now, or only tell what they would let go
///
/// The rules are those of the configuration, [[lifecycle]], as the running server has read it, or one that is given by flags, or
/// those of a file. What is pinned, immutable, named by an index that stays, or what a manifest that stays is about, is spared;
/// what is pushed, pinned or tagged meanwhile, too. In patterns * stands for any characters (of repositories: of one part of the name,
/// ** for any across parts), ? for one, [0-9] for one of those, {main,dev} for one of the texts.
#[derive(Debug, clap::Args)]
#[command(after_help = with_exit_codes("Examples:\n  forebay repo expire --dry-run\n  forebay repo expire 'team/*' --tags 'v*' --keep-newest 10 --dry-run\n  forebay repo expire team/app --untagged-after 14d\n  forebay repo expire --rules lifecycle.toml --dry-run"))]
pub(super) struct Args {
    /// Repositories, or patterns such as team/*; without, all, but not for one rule by flags
    #[arg(value_name = "NAME-PATTERN", value_parser = repository_pattern)]
    names: Vec<String>,

    /// Only tell what would go and why, and what spares others; nothing is changed
    #[arg(long)]
    dry_run: bool,

    /// A file with [[lifecycle]] tables, whose rules are applied in place of the configuration's
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,

    /// Print what goes and what is spared as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    source: SourceArgs,

    // Last, as what follows would stand below its heading.
    #[command(flatten)]
    rule: RuleArgs,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "One rule, in place of the configuration's")]
struct RuleArgs {
    /// It is about manifests with such a tag and no other, such as v*; may be given more than once
    #[arg(long, value_name = "PATTERN", value_parser = tag_pattern, conflicts_with = "rules")]
    tags: Vec<String>,

    /// It is about manifests with a tag for each of these patterns, whatever other tags they have
    #[arg(long, value_name = "PATTERN", value_parser = tag_pattern, conflicts_with = "rules")]
    all_tags: Vec<String>,

    /// It is about manifests without a tag
    #[arg(long, conflicts_with = "rules")]
    untagged: bool,

    /// All but so many that were pushed last go
    #[arg(long, value_name = "N", conflicts_with = "rules")]
    keep_newest: Option<u32>,

    /// Those pushed longer ago go, such as 30d
    #[arg(long, value_name = "SPAN", value_parser = time_span, conflicts_with = "rules")]
    pushed_for: Option<Duration>,

    /// Those without a tag that were pushed longer ago go, such as 14d
    #[arg(long, value_name = "SPAN", value_parser = time_span, conflicts_with = "rules")]
    untagged_after: Option<Duration>,

    /// Those neither pulled nor pushed for longer go, such as 90d
    #[arg(long, value_name = "SPAN", value_parser = time_span, conflicts_with = "rules")]
    not_pulled_for: Option<Duration>,
}

impl RuleArgs {
    /// The rule, if any of it was given.
    fn rule(self) -> Result<Option<RuleText>, Failure> {
        let rule = RuleText {
            tags: self.tags,
            all_tags: self.all_tags,
            untagged: self.untagged,
            keep_newest: self.keep_newest,
            pushed_for_seconds: self.pushed_for.map(|span| span.as_secs()),
            untagged_after_seconds: self.untagged_after.map(|span| span.as_secs()),
            not_pulled_for_seconds: self.not_pulled_for.map(|span| span.as_secs()),
            ..RuleText::default()
        };
        if rule == RuleText::default() {
            return Ok(None);
        }
        let rule = RuleText {
            name: GIVEN.to_owned(),
            repositories: vec!["**".to_owned()],
            ..rule
        };
        rule.check()
            .map_err(|wrong| Failure::Usage(wrong.to_string()))?;
        Ok(Some(rule))
    }
}

/// What came of all repositories.
#[derive(Default)]
struct Sum {
    repositories: u64,
    goes: u64,
    spared: u64,
    dropped: u64,
    changed: u64,
}

/// Runs `repo expire`.
pub(super) async fn run(
    args: Args,
    environment: Environment,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    let rules = match &args.rules {
        Some(file) => Some(rules_of(file, &args.source, environment.clone())?),
        None => args.rule.rule()?.map(|rule| vec![rule]),
    };
    if rules.is_some() && args.rules.is_none() && args.names.is_empty() {
        // The configuration's rules say themselves which ones they are about.
        let what = "a rule by flags needs the repositories that it is about: a name or a pattern, such as 'team/*', or '**' for all";
        return Err(Failure::Usage(what.to_owned()));
    }
    let config = load(&args.source.without_listen(environment))?;
    let mut repositories = Repositories::of(&config);
    let (told, ended) = expire(&mut repositories, &args.names, (rules, args.dry_run)).await;
    let ended = repositories.close(ended).await;
    // What went until then is told all the same.
    if args.json {
        printer.line(Json::indented(&told));
    } else if ended.is_ok() || !told.is_empty() {
        print(&told, args.dry_run, printer);
    }
    ended.map(|()| ExitStatus::Ok)
}

fn rules_of(
    file: &Path,
    source: &SourceArgs,
    environment: Environment,
) -> Result<Vec<RuleText>, Failure> {
    let source = SourceArgs {
        config: Some(file.to_owned()),
        ..source.clone()
    };
    let config = load(&source.without_listen(environment))?;
    let rules: Vec<RuleText> = config.lifecycle.rules().iter().map(RuleText::of).collect();
    if rules.is_empty() {
        let what = format!("there is no [[lifecycle]] in {}", file.display());
        return Err(Failure::plain(what));
    }
    Ok(rules)
}

/// What came of each repository until the first failed.
async fn expire(
    repositories: &mut Repositories<'_>,
    patterns: &[String],
    (rules, dry_run): (Option<Vec<RuleText>>, bool),
) -> (Vec<ExpiredText>, Result<(), Failure>) {
    let mut told = Vec::new();
    let names = match names_of(repositories, patterns).await {
        Ok(names) => names,
        Err(failure) => return (told, Err(failure)),
    };
    for name in names {
        let rules = rules.clone();
        let order = RepositoryOrder::Expire {
            name,
            rules,
            dry_run,
        };
        match repositories.order(order).await {
            Ok(RepositoryOutcome::Expired(expired)) => told.push(expired),
            Ok(_) => {
                let failure = Failure::plain("the answer is not what rules let go");
                return (told, Err(failure));
            }
            Err(failure) => return (told, Err(failure)),
        }
    }
    (told, Ok(()))
}

/// The repositories that are meant, each once.
async fn names_of(
    repositories: &mut Repositories<'_>,
    patterns: &[String],
) -> Result<Vec<String>, Failure> {
    let mut names: Vec<String> = Vec::new();
    if patterns.is_empty() {
        let all = all_of(repositories, None).await?;
        names.extend(all.into_iter().map(|found| found.name));
    }
    for pattern in patterns {
        if !pattern.contains(['*', '?', '[', '{']) {
            // Whether it is there, is told where the rules are applied.
            names.push(pattern.clone());
            continue;
        }
        let found = all_of(repositories, Some(pattern)).await?;
        if found.is_empty() {
            let what = format!("no repository matches {pattern}");
            return Err(Failure::plain(what).with_hint("forebay repo list names them"));
        }
        names.extend(found.into_iter().map(|found| found.name));
    }
    names.sort();
    names.dedup();
    Ok(names)
}

fn print(told: &[ExpiredText], dry_run: bool, printer: &Printer) {
    let mut sum = Sum::default();
    for one in told {
        sum.repositories += u64::from(!one.rules.is_empty());
        sum.goes += one.goes.len() as u64 + one.goes_beside;
        sum.spared += one.spared.len() as u64 + one.spared_beside;
        sum.dropped += one.dropped;
        sum.changed += one.changed;
        print_one(one, printer);
    }
    if sum.repositories == 0 {
        printer.note(match told {
            [] => "there are no repositories",
            _ => "no lifecycle rule is about any of these repositories",
        });
        return;
    }
    let Sum {
        repositories,
        goes,
        spared,
        dropped,
        changed,
    } = sum;
    if dry_run {
        printer.note(format_args!(
            "{} would go from {}, {} spared; nothing was changed",
            counted(goes, "manifest"),
            counted_as(repositories, "repository", "repositories"),
            are(spared)
        ));
        return;
    }
    printer.note(format_args!(
        "{} went from {}, {} spared",
        counted(dropped, "manifest"),
        counted_as(repositories, "repository", "repositories"),
        are(spared)
    ));
    if changed > 0 {
        printer.note(format_args!(
            "{} changed meanwhile, and stayed: the next run looks again",
            counted(changed, "manifest")
        ));
    }
}

/// So many, as what they are goes on.
pub(super) fn are(count: u64) -> String {
    format!("{count} {}", if count == 1 { "is" } else { "are" })
}

fn print_one(one: &ExpiredText, printer: &Printer) {
    if one.goes.is_empty() && one.spared.is_empty() {
        return;
    }
    printer.line(&one.repository);
    for going in &one.goes {
        printer.line(format_args!(
            "  goes    {}  {}  {}",
            going.digest,
            tags(&going.tags, going.tags_beside),
            going.cause
        ));
    }
    more(one.goes_beside, "goes", printer);
    for spared in &one.spared {
        printer.line(format_args!(
            "  spared  {}  {}  {}, but {}",
            spared.digest,
            tags(&spared.tags, spared.tags_beside),
            spared.cause,
            spared.because
        ));
    }
    more(one.spared_beside, "spared", printer);
}

fn more(beside: u64, what: &str, printer: &Printer) {
    if beside > 0 {
        printer.line(format_args!("  {what:<7} and {beside} more"));
    }
}
