//! `forebay pin`: what neither rules nor clients may take away.

use forebay_config::{Environment, load};
use forebay_registry::{ManifestText, RepositoryOrder, RepositoryOutcome, RepositoryText};
use forebay_server::Repositories;
use forebay_terminal::{
    ExitStatus, Failure, Json, Printer, SourceArgs, amounts, table, with_exit_codes,
};
use serde::Serialize;

use crate::image::{local_image, repository_name};
use crate::repo::list::all_of;

/// Pins an image of a local repository: no lifecycle rule lets it go, and no client deletes it
///
/// The manifest is pinned that the tag points at now, with what it needs: its layers, of an index its platforms. A client that
/// deletes it is refused (409), until the pin is taken away. The tag itself may be moved and deleted; an immutable tag (forebay
/// repo set --immutable-tags) is not. Deleting the whole repository by force takes pinned manifests too. To pin what is pinned, or
/// take away a pin that is not there, changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = with_exit_codes("Examples:\n  forebay pin team/app:1.0\n  forebay pin team/app@sha256:… --remove\n  forebay pin --list team/app"))]
pub struct Args {
    /// The image, such as team/app:1.0; with --list, a repository
    #[arg(value_name = "IMAGE", required_unless_present = "list")]
    image: Option<String>,

    /// Take the pin away
    #[arg(long, conflicts_with = "list")]
    remove: bool,

    /// List what is pinned, in one repository or in all
    #[arg(long)]
    list: bool,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    source: SourceArgs,
}

/// A pinned manifest with where it is.
#[derive(Serialize)]
struct Pinned {
    repository: String,
    #[serde(flatten)]
    pin: ManifestText,
}

/// Runs `pin`.
///
/// # Errors
/// What is wrong with the configuration or the image, or why it cannot be pinned.
pub async fn run(
    args: Args,
    environment: Environment,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    let config = load(&args.source.without_listen(environment))?;
    let mut repositories = Repositories::of(&config);
    let done = if args.list {
        list(&mut repositories, args.image, args.json, printer).await
    } else {
        let image = args.image.unwrap_or_default();
        pin(
            &mut repositories,
            &image,
            (!args.remove, args.json),
            printer,
        )
        .await
    };
    repositories.close(done).await.map(|()| ExitStatus::Ok)
}

async fn pin(
    repositories: &mut Repositories<'_>,
    image: &str,
    (is_pinned, json): (bool, bool),
    printer: &Printer,
) -> Result<(), Failure> {
    let image = local_image(image).map_err(Failure::Usage)?;
    let name = image.repository.to_string();
    let order = RepositoryOrder::Pin {
        name: name.clone(),
        reference: image.reference.to_string(),
        is_pinned,
    };
    let RepositoryOutcome::Pinned { digest } = repositories.order(order).await? else {
        return Err(Failure::plain("the answer is no pin"));
    };
    if json {
        let told = serde_json::json!({ "repository": name, "digest": digest, "pinned": is_pinned });
        printer.line(Json::indented(&told));
    } else {
        // Also where it was so before.
        let state = if is_pinned { "pinned" } else { "not pinned" };
        printer.line(format_args!("{name}@{digest}  {state}"));
    }
    Ok(())
}

async fn list(
    repositories: &mut Repositories<'_>,
    name: Option<String>,
    json: bool,
    printer: &Printer,
) -> Result<(), Failure> {
    let names: Vec<String> = if let Some(name) = name {
        vec![repository_name(&name).map_err(Failure::Usage)?]
    } else {
        let all: Vec<RepositoryText> = all_of(repositories, None).await?;
        all.into_iter().map(|found| found.name).collect()
    };
    let mut pinned = Vec::new();
    for repository in names {
        let mut after = None;
        loop {
            let name = repository.clone();
            let told = repositories
                .order(RepositoryOrder::ListPins { name, after })
                .await?;
            let RepositoryOutcome::Pins { pins, next } = told else {
                return Err(Failure::plain("the answer is no list of pins"));
            };
            pinned.extend(pins.into_iter().map(|pin| Pinned {
                repository: repository.clone(),
                pin,
            }));
            after = next;
            if after.is_none() {
                break;
            }
        }
    }
    if json {
        printer.line(Json::indented(&pinned));
        return Ok(());
    }
    let row = |Pinned { repository, pin }: &Pinned| {
        [
            format!("{repository}@{}", pin.digest),
            tags(&pin.tags, pin.tags_beside),
            format!("pushed {}", amounts::moment(pin.pushed_unix_ms)),
        ]
    };
    for line in table(&pinned.iter().map(row).collect::<Vec<_>>()) {
        printer.line(line);
    }
    if pinned.is_empty() {
        printer.note("nothing is pinned: forebay pin IMAGE pins an image");
    }
    Ok(())
}

/// Tags as they are listed, and how many more there are.
pub(crate) fn tags(tags: &[String], beside: u64) -> String {
    match (tags, beside) {
        ([], _) => "untagged".to_owned(),
        (tags, 0) => tags.join(", "),
        (tags, more) => format!("{} and {more} more", tags.join(", ")),
    }
}
