//! `forebay repo show`.

use forebay_config::{Environment, load};
use forebay_limits::counted;
use forebay_registry::{DetailText, ManifestText, RepositoryOrder, RepositoryOutcome};
use forebay_server::Repositories;
use forebay_terminal::{
    ExitStatus, Failure, Json, Printer, SourceArgs, amounts, table, with_exit_codes,
};

use super::expire::are;
use crate::image::repository_name;
use crate::pin::tags;

/// Show all that is known of a repository: its sizes and settings, its newest tags and pins, and what lifecycle rules make of it
#[derive(Debug, clap::Args)]
#[command(after_help = with_exit_codes("Example:\n  forebay repo show team/app"))]
pub(super) struct Args {
    /// The repository, such as team/app
    #[arg(value_parser = repository_name)]
    name: String,

    /// Print it as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    source: SourceArgs,
}

/// Runs `repo show`.
pub(super) async fn run(
    args: Args,
    environment: Environment,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    let config = load(&args.source.without_listen(environment))?;
    let mut repositories = Repositories::of(&config);
    let name = args.name;
    let told = repositories
        .order(RepositoryOrder::ShowRepository { name })
        .await;
    let RepositoryOutcome::Detail(detail) = repositories.close(told).await? else {
        return Err(Failure::plain("the answer is no repository"));
    };
    if args.json {
        printer.line(Json::indented(&detail));
    } else {
        print(&detail, printer);
    }
    Ok(ExitStatus::Ok)
}

fn print(detail: &DetailText, printer: &Printer) {
    let found = &detail.repository;
    let quota = found.quota_bytes.map_or_else(
        || "none".to_owned(),
        |quota| {
            let quota = amounts::bytes(quota);
            format!("{quota} (what was deleted counts for a day, or after an hour until forebay gc --grace 1h)")
        },
    );
    let immutable = match found.immutable_tags.as_slice() {
        [] => "none".to_owned(),
        patterns => patterns.join(" "),
    };
    for (what, says) in [
        ("name", found.name.clone()),
        ("made", amounts::moment(found.created_unix_ms)),
        ("tags", found.tags.to_string()),
        ("manifests", found.manifests.to_string()),
        ("size", amounts::bytes(found.bytes)),
        ("quota", quota),
        ("immutable tags", immutable),
        ("pinned", detail.pinned.to_string()),
    ] {
        printer.line(format_args!("{what:<15} {says}"));
    }
    section("newest tags", &detail.newest, printer);
    section("pinned", &detail.pins, printer);
    if detail.rules.is_empty() {
        printer.line("\nno lifecycle rule is about it");
        return;
    }
    printer.line("\nlifecycle rules");
    for rule in &detail.rules {
        printer.line(format_args!("  {}  {}", rule.name, rule.says));
    }
    printer.line(format_args!(
        "  now {} would go, {} spared: forebay repo expire {} --dry-run names them",
        counted(detail.would_go, "manifest"),
        are(detail.spared),
        found.name
    ));
}

fn section(head: &str, manifests: &[ManifestText], printer: &Printer) {
    if manifests.is_empty() {
        return;
    }
    printer.line(format_args!("\n{head}"));
    let row = |manifest: &ManifestText| {
        let pulled = manifest.pulled_unix_ms.map_or_else(
            || "never pulled".to_owned(),
            |at| format!("pulled {}", amounts::moment(at)),
        );
        let pushed = amounts::moment(manifest.pushed_unix_ms);
        [
            tags(&manifest.tags, manifest.tags_beside),
            manifest.digest.clone(),
            format!("pushed {pushed}, {pulled}"),
        ]
    };
    for line in table(&manifests.iter().map(row).collect::<Vec<_>>()) {
        printer.line(format_args!("  {line}"));
    }
}
