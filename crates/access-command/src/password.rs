//! A password: read from standard input, asked for on a terminal, or made up.

use std::fmt::Write as _;
use std::io::Read as _;

use forebay_access::{
    InvalidPassword, MAX_PASSWORD_BYTES, MIN_PASSWORD_BYTES, Random as _, SystemRandom,
};
use forebay_content::Secret;
use forebay_terminal::{Failure, Printer, ask_hidden, is_typed};

/// Where a password comes from.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct PasswordArgs {
    /// Make up a password of 128 random bits and print it, instead of reading one
    #[arg(long)]
    generate: bool,
}

/// A password, and whether it was made up and is to be shown.
pub(crate) struct Given {
    /// The password.
    pub(crate) password: Secret,
    /// Whether nobody knows it yet.
    pub(crate) is_new: bool,
}

impl PasswordArgs {
    /// The password of `whose`.
    ///
    /// # Errors
    /// There is none on standard input, or it is no single line; two that were typed differ.
    pub(crate) async fn give(
        &self,
        (whose, example): (&str, &str),
        printer: &Printer,
    ) -> Result<Given, Failure> {
        let password = if self.generate {
            make_up()?
        } else if is_typed() {
            ask(whose, printer).await?
        } else {
            read(example)?
        };
        Ok(Given {
            password,
            is_new: self.generate,
        })
    }
}

fn make_up() -> Result<Secret, Failure> {
    let mut bytes = [0; 16];
    let filled = SystemRandom.fill(&mut bytes);
    filled.map_err(|error| Failure::failed("cannot make up a password", error))?;
    let text = bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    });
    Ok(Secret::new(text))
}

/// What is typed, twice and unseen.
async fn ask(whose: &str, printer: &Printer) -> Result<Secret, Failure> {
    let none = || Failure::plain("no password was typed: nothing was changed");
    let ask = async |question: &str| {
        let typed = ask_hidden(question, printer).await?;
        Ok::<_, Failure>(Secret::new(typed.unwrap_or_default()))
    };
    let first = ask(&format!(
        "Password of {whose}, {MIN_PASSWORD_BYTES} to {MAX_PASSWORD_BYTES} bytes, which is not shown:"
    ))
    .await?;
    if first.expose().is_empty() {
        return Err(none());
    }
    // Before the same is typed once more in vain.
    if !(MIN_PASSWORD_BYTES..=MAX_PASSWORD_BYTES).contains(&first.expose().len()) {
        let what = format!("{InvalidPassword}: nothing was changed");
        return Err(Failure::plain(what));
    }
    let second = ask("The same once more:").await?;
    if first != second {
        let what = "the two that were typed are not the same: nothing was changed";
        return Err(Failure::plain(what));
    }
    Ok(first)
}

/// All of standard input but the end of its line.
fn read(example: &str) -> Result<Secret, Failure> {
    let stdin = std::io::stdin();
    let mut text = String::new();
    let limit = u64::try_from(MAX_PASSWORD_BYTES + 3).unwrap_or(u64::MAX);
    let read = stdin.take(limit).read_to_string(&mut text);
    read.map_err(|error| Failure::failed("cannot read a password from standard input", error))?;
    let password = text.strip_suffix('\n').unwrap_or(&text);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.is_empty() {
        return Err(missing(example));
    }
    if password.contains('\n') {
        return Err(Failure::plain(
            "there is more than one line on standard input, and a password is one",
        ));
    }
    Ok(Secret::new(password))
}

fn missing(example: &str) -> Failure {
    Failure::plain("there is no password on standard input")
        .with_hint(format!("give it as in: {example} <password.txt"))
        .with_hint(format!("or have one made up: {example} --generate"))
}
