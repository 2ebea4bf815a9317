//! Who we are at an upstream: nobody, a password, a secret of AWS's, or ECR by account and region.

use forebay_oci::{EcrHost, is_aws_account, is_aws_region};

use super::upstream::key;
use crate::env::{AWS_REGION, Environment};
use crate::error::{ConfigProblem, Problems};
use crate::file::UpstreamFile;
use crate::origin::Origin;
use crate::resolved::CredentialSource;
use crate::secret_file::choose_secret;

/// One way of having credentials, with where it was written.
struct Way<'a> {
    keys: &'static str,
    origin: &'a Origin,
}

/// Finds the one way that was written, or notes why there is none.
pub(super) fn resolve(
    name: &str,
    written: &UpstreamFile,
    environment: &Environment,
    problems: &mut Problems,
) -> CredentialSource {
    check_idle(name, written, problems);
    let ways = ways(written);
    if let [first, second, ..] = ways.as_slice() {
        let what = format!(
            "the upstream {name:?} has {} and {}: one of them",
            first.keys, second.keys
        );
        problems.push(ConfigProblem::new(second.origin, what).hint("write one way to log in"));
        return CredentialSource::Anonymous;
    }
    let found = if written.ecr_account.value.is_some() || written.ecr_region.value.is_some() {
        ecr(name, written)
    } else if let Some(id) = &written.aws_secret.value {
        secrets_manager(name, written, id, environment)
    } else {
        password(name, written)
    };
    found
        .and_then(|source| check_ecr_name(name, written, source))
        .unwrap_or_else(|problem| {
            problems.push(problem);
            CredentialSource::Anonymous
        })
}

/// Keys that would do nothing without another one are mistakes, not decoration.
fn check_idle(name: &str, written: &UpstreamFile, problems: &mut Problems) {
    let has_secret = written.aws_secret.value.is_some();
    let has_ecr = written.ecr_account.value.is_some() || written.ecr_region.value.is_some();
    if written.aws_secret_region.value.is_some() && !has_secret {
        let what = format!(
            "`{}` does nothing without `aws_secret`",
            key(name, "aws_secret_region")
        );
        problems.push(ConfigProblem::new(&written.aws_secret_region.origin, what));
    }
    if written.aws_endpoint.value.is_some() && !has_secret && !has_ecr {
        let what = format!(
            "`{}` does nothing without `aws_secret` or `ecr_account`",
            key(name, "aws_endpoint")
        );
        problems.push(ConfigProblem::new(&written.aws_endpoint.origin, what));
    }
}

fn ways(written: &UpstreamFile) -> Vec<Way<'_>> {
    let all = [
        (
            written.username.value.is_some(),
            "`username`",
            &written.username.origin,
        ),
        (
            written.aws_secret.value.is_some(),
            "`aws_secret`",
            &written.aws_secret.origin,
        ),
        (
            written.ecr_account.value.is_some(),
            "`ecr_account`",
            &written.ecr_account.origin,
        ),
    ];
    let is_written = all.into_iter().filter(|(is_written, ..)| *is_written);
    is_written
        .map(|(_, keys, origin)| Way { keys, origin })
        .collect()
}

// === A name and a password ===

fn password(name: &str, written: &UpstreamFile) -> Result<CredentialSource, ConfigProblem> {
    let password = choose_secret(
        &key(name, "password"),
        &written.password,
        &written.password_file,
    )?;
    match (&written.username.value, password) {
        (None, None) => Ok(CredentialSource::Anonymous),
        (Some(username), Some(password)) if !username.contains(':') => {
            Ok(CredentialSource::Password {
                username: username.clone(),
                password,
            })
        }
        (Some(_), Some(_)) => {
            let what = format!(
                "`{}` has a colon, which no account has",
                key(name, "username")
            );
            Err(ConfigProblem::new(&written.username.origin, what))
        }
        (Some(_), None) => {
            let what = format!("`{}` has no password", key(name, "username"));
            Err(ConfigProblem::new(&written.username.origin, what).hint("write `password_file`"))
        }
        (None, Some(_)) => {
            let origin = match &written.password_file.value {
                Some(_) => &written.password_file.origin,
                None => &written.password.origin,
            };
            let what = format!("the upstream {name:?} has a password and no `username`");
            Err(ConfigProblem::new(origin, what)
                .hint("write `username`, or leave the password out"))
        }
    }
}

// === AWS ===

fn secrets_manager(
    name: &str,
    written: &UpstreamFile,
    id: &str,
    environment: &Environment,
) -> Result<CredentialSource, ConfigProblem> {
    let own = written.aws_secret_region.value.clone();
    // arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME
    let of_arn = || {
        id.strip_prefix("arn:")?
            .split(':')
            .nth(2)
            .map(str::to_owned)
    };
    let of_environment = || {
        environment
            .find_first(&AWS_REGION)
            .map(|(_, region)| region.to_owned())
    };
    let Some(region) = own.or_else(of_arn).or_else(of_environment) else {
        let what = format!("`{}` is in no known region", key(name, "aws_secret"));
        return Err(
            ConfigProblem::new(&written.aws_secret.origin, what).hint("write `aws_secret_region`")
        );
    };
    if !is_aws_region(&region) {
        let what = format!(
            "`{}` is in {region:?}, which is no region",
            key(name, "aws_secret")
        );
        return Err(
            ConfigProblem::new(&written.aws_secret.origin, what).hint("write `aws_secret_region`")
        );
    }
    Ok(CredentialSource::SecretsManager {
        id: id.to_owned(),
        region,
        endpoint: written.aws_endpoint.value.clone(),
    })
}

fn ecr(name: &str, written: &UpstreamFile) -> Result<CredentialSource, ConfigProblem> {
    let (account, region) = (&written.ecr_account, &written.ecr_region);
    match (&account.value, &region.value) {
        (Some(number), _) if !is_aws_account(number) => {
            let what = format!(
                "`{}` is {number:?}, wanted twelve digits",
                key(name, "ecr_account")
            );
            Err(ConfigProblem::new(&account.origin, what))
        }
        (_, Some(place)) if !is_aws_region(place) => {
            let what = format!(
                "`{}` is {place:?}, which is no region",
                key(name, "ecr_region")
            );
            Err(ConfigProblem::new(&region.origin, what).hint("a region is such as \"eu-west-1\""))
        }
        (Some(account), Some(region)) => Ok(CredentialSource::Ecr {
            account: account.clone(),
            region: region.clone(),
            endpoint: written.aws_endpoint.value.clone(),
        }),
        (Some(_), None) => {
            let what = format!(
                "`{}` has no `ecr_region` beside it",
                key(name, "ecr_account")
            );
            Err(ConfigProblem::new(&account.origin, what).hint("write both"))
        }
        (None, _) => {
            let what = format!(
                "`{}` has no `ecr_account` beside it",
                key(name, "ecr_region")
            );
            Err(ConfigProblem::new(&region.origin, what).hint("write both"))
        }
    }
}

/// A name that is an ECR registry's says its account and region, which must be the ones written.
fn check_ecr_name(
    name: &str,
    written: &UpstreamFile,
    source: CredentialSource,
) -> Result<CredentialSource, ConfigProblem> {
    let Some(host) = EcrHost::parse(name) else {
        return Ok(source);
    };
    let (account, region) = (host.account(), host.region());
    let told = |what: String| {
        let hint = format!("write ecr_account = \"{account}\" and ecr_region = \"{region}\"");
        Err(ConfigProblem::new(&written.written_at(), what).hint(hint))
    };
    match &source {
        CredentialSource::Ecr {
            account: a,
            region: r,
            ..
        } if a != account || r != region => told(format!(
            "the upstream {name:?} is the registry of another account or region than it says"
        )),
        CredentialSource::Anonymous => told(format!(
            "the upstream {name:?} is a private ECR registry, which answers nobody without credentials"
        )),
        _ => Ok(source),
    }
}
