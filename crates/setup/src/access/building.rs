//! The lines of a job that build an image and push it: what was given is one word there, whatever it holds.

use forebay_oci::{EcrHost, ImageName};
use forebay_setup_files::SetupError;

use super::{Access, Registry};
use crate::shell::quoted_with_variables;

/// How an expression of GitHub Actions begins, which is filled in before any shell reads the line.
const EXPRESSION: &str = "${{";

/// Parts of expressions that whoever opens an issue or a pull request writes, by
/// <https://docs.github.com/en/actions/reference/security/secure-use#understanding-the-risk-of-script-injections>.
const STRANGERS: [&str; 4] = ["github.event", "github.head_ref", "github[", "github)"];

/// An image and the folder that it is built from, as words of a shell.
pub(super) struct Building {
    /// The image with its registry.
    pub(super) image: String,
    /// The folder.
    pub(super) context: String,
}

impl Building {
    /// What is built; `None` if no image was named.
    ///
    /// # Errors
    /// It is no word that a program takes for an image or a folder.
    pub(super) fn of(access: &Access) -> Result<Option<Self>, SetupError> {
        let Some(image) = &access.image else {
            return Ok(None);
        };
        refuse_option("--image", image)?;
        refuse_option("--context", &access.context)?;
        Ok(Some(Self {
            image: image_at(access, image)?,
            context: access.context.clone(),
        }))
    }

    /// The two commands.
    pub(super) fn commands(&self) -> [String; 2] {
        let [image, context] = [&self.image, &self.context].map(|word| quoted_with_variables(word));
        [
            format!("docker build --tag {image} {context}"),
            format!("docker push {image}"),
        ]
    }

    /// The commands in a workflow of GitHub Actions, with the variables that hold what is filled in there: whatever it is, no
    /// shell reads it as a part of the command.
    ///
    /// # Errors
    /// Strangers write what would be filled in.
    pub(super) fn github_commands(&self) -> Result<(String, [String; 2]), SetupError> {
        let mut env = String::new();
        let mut word = |name: &str, text: &str| {
            if !text.contains(EXPRESSION) {
                return Ok(text.to_owned());
            }
            refuse_strangers(text)?;
            env.extend(["    ", name, ": ", &scalar(text), "\n"]);
            Ok(format!("${name}"))
        };
        let filled = Self {
            image: word("IMAGE", &self.image)?,
            context: word("CONTEXT", &self.context)?,
        };
        if !env.is_empty() {
            env.insert_str(0, "  env:\n");
        }
        Ok((env, filled.commands()))
    }
}

/// An image with its registry, which it may name itself.
fn image_at(access: &Access, given: &str) -> Result<String, SetupError> {
    let host = access.host()?;
    let name = given.strip_prefix(host);
    let name = name.and_then(|name| name.strip_prefix('/'));
    let name = name.unwrap_or(given);
    let image = format!("{host}/{name}");
    let is_fit = match (access.registry, name.split_once('/')) {
        // An ECR is somebody's, and takes names of other registries for prefixes, but none of another account's.
        (Registry::Ecr, team) => team.is_none_or(|(team, _)| EcrHost::parse(team).is_none()),
        // Organisations have dots in their names there, and no folders.
        (Registry::Quay, Some((team, rest))) if team.contains('.') => {
            !rest.contains('/') && !Registry::is_host_of_any(team) && EcrHost::parse(team).is_none()
        }
        (_, team) => team.is_some_and(|(team, _)| !team.contains('.')),
    };
    let is_image = image.parse::<ImageName>().is_ok() && is_fit;
    // What is filled in shows later.
    if is_image || name.contains('$') {
        return Ok(image);
    }
    let what = format!("{given:?} is no image at {host}");
    let hint = "an image is written team/app:tag, in small letters";
    Err(SetupError::impossible(what, hint))
}

fn refuse_option(flag: &str, text: &str) -> Result<(), SetupError> {
    if !text.starts_with('-') && !text.is_empty() {
        return Ok(());
    }
    let what = format!("docker would not take {text:?} for what {flag} names");
    let hint = "an image is written team/app:tag, a folder ./name";
    Err(SetupError::impossible(what, hint))
}

fn refuse_strangers(text: &str) -> Result<(), SetupError> {
    let written: String = text.split_whitespace().collect();
    let written = written.to_lowercase();
    if !STRANGERS.iter().any(|part| written.contains(part)) {
        return Ok(());
    }
    let what = format!("strangers write what would be filled in for {text:?}");
    let hint =
        "name the image and its folder by what the repository decides, such as ${{ github.sha }}";
    Err(SetupError::impossible(what, hint))
}

/// A text as one value of YAML.
pub(super) fn scalar(text: &str) -> String {
    let is_plain_first = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '$');
    let is_plain = text.starts_with(is_plain_first) && !text.contains(": ") && !text.contains(" #");
    if is_plain && !text.ends_with([':', ' ']) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "''"))
}
