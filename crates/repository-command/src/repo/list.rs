//! `forebay repo list`.

use forebay_config::{Environment, load};
use forebay_registry::{RepositoryOrder, RepositoryOutcome, RepositoryText};
use forebay_server::Repositories;
use forebay_terminal::{
    ExitStatus, Failure, Json, Printer, SourceArgs, amounts, table, with_exit_codes,
};

use crate::image::repository_pattern;

/// List repositories: their tags, manifests and sizes, and what is said of them
///
/// A size counts each object once in its repository, whoever else holds it too; what was deleted counts until garbage is collected.
/// In a pattern * stands for any characters of one part of a name, ** for any across parts, ? for one, [0-9] for one of those,
/// {app,web} for one of the texts.
#[derive(Debug, clap::Args)]
#[command(after_help = with_exit_codes("Examples:\n  forebay repo list\n  forebay repo list --pattern 'team/*' --json"))]
pub(super) struct Args {
    /// Only repositories that this pattern stands for, such as team/*
    #[arg(long, value_name = "PATTERN", value_parser = repository_pattern)]
    pattern: Option<String>,

    /// Print them as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    source: SourceArgs,
}

/// The heads of the columns.
const HEADS: [&str; 7] = [
    "NAME",
    "TAGS",
    "MANIFESTS",
    "SIZE",
    "QUOTA",
    "IMMUTABLE TAGS",
    "MADE",
];

/// Runs `repo list`.
pub(super) async fn run(
    args: Args,
    environment: Environment,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    let config = load(&args.source.without_listen(environment))?;
    let mut repositories = Repositories::of(&config);
    let found = all_of(&mut repositories, args.pattern.as_deref()).await;
    let found = repositories.close(found).await?;
    if args.json {
        printer.line(Json::indented(&found));
    } else if found.is_empty() {
        let what = match args.pattern {
            Some(pattern) => format!("no repository matches {pattern}"),
            None => "there are no repositories: whoever pushes makes one".to_owned(),
        };
        printer.note(what);
    } else {
        print(&found, printer);
    }
    Ok(ExitStatus::Ok)
}

/// All repositories that a pattern stands for.
pub(crate) async fn all_of(
    repositories: &mut Repositories<'_>,
    pattern: Option<&str>,
) -> Result<Vec<RepositoryText>, Failure> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let pattern = pattern.map(str::to_owned);
        let order = RepositoryOrder::ListRepositories { pattern, after };
        let RepositoryOutcome::Repositories { repositories, next } =
            repositories.order(order).await?
        else {
            return Err(Failure::plain("the answer is no list of repositories"));
        };
        all.extend(repositories);
        after = next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

fn print(found: &[RepositoryText], printer: &Printer) {
    let rows = found.iter().map(row);
    let rows: Vec<[String; HEADS.len()]> = std::iter::once(HEADS.map(str::to_owned))
        .chain(rows)
        .collect();
    for line in table(&rows) {
        printer.line(line);
    }
}

fn row(found: &RepositoryText) -> [String; HEADS.len()] {
    let none = || "-".to_owned();
    [
        found.name.clone(),
        found.tags.to_string(),
        found.manifests.to_string(),
        amounts::bytes(found.bytes),
        found.quota_bytes.map_or_else(none, amounts::bytes),
        Some(found.immutable_tags.join(" "))
            .filter(|patterns| !patterns.is_empty())
            .unwrap_or_else(none),
        amounts::moment(found.created_unix_ms),
    ]
}
