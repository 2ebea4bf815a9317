//! In which AWS account and region things run, by the names that AWS gives them.
//!
//! An ARN holds both (`arn:aws:ecs:us-east-1:123456789012:cluster/x`), and so does the host of a private registry
//! (`123456789012.dkr.ecr.us-east-1.amazonaws.com`).

use forebay_oci::{is_aws_account, is_aws_region};
use memchr::memmem;

use crate::Evidence;
use crate::gathered::AwsPlace;

/// Digits of an account's id.
const ACCOUNT_DIGITS: usize = 12;

/// The longest text that is looked through.
const MAX_BYTES: usize = 16 << 10;

/// Notes the accounts and regions that a text names.
pub(crate) fn note_places(text: &str, out: &mut Evidence) {
    let text = &text[..text.floor_char_boundary(MAX_BYTES)];
    for at in memmem::find_iter(text.as_bytes(), "arn:aws") {
        if let Some(place) = of_arn(&text[at..]) {
            out.note_aws(place);
        }
    }
    for at in memmem::find_iter(text.as_bytes(), ".dkr") {
        if let Some(place) = of_host(text, at) {
            out.note_aws(place);
        }
    }
}

fn of_arn(text: &str) -> Option<AwsPlace> {
    let mut parts = text.splitn(6, ':').skip(2);
    let (_, region, account) = (parts.next()?, parts.next()?, parts.next()?);
    place(account, region)
}

/// Of a host that may be cut off behind its region.
fn of_host(text: &str, at: usize) -> Option<AwsPlace> {
    let account = text.get(at.checked_sub(ACCOUNT_DIGITS)?..at)?;
    let service = text[at + ".dkr".len()..].strip_prefix(['.', '-'])?;
    let service = service.strip_prefix("ecr")?;
    let region = service.strip_prefix("-fips").unwrap_or(service);
    place(account, region.strip_prefix('.')?.split('.').next()?)
}

fn place(account: &str, region: &str) -> Option<AwsPlace> {
    (is_aws_account(account) && is_aws_region(region)).then(|| AwsPlace {
        account: account.to_owned(),
        region: region.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_and_region_are_read_from_arns_and_hosts_and_nothing_else() {
        let mut evidence = Evidence::default();
        note_places(
            "arn:aws:ecs:us-east-1:730335557645:cluster/C arn:aws:iam::730335557645:role/r \
             730335557645.dkr.ecr.us-east-1.amazonaws.com/x 730335557645.dkr-ecr-fips.us-east-1.on.aws/x arn:aws:s3:::bucket 12.dkr.ecr.eu-west-1.amazonaws.com",
            &mut evidence,
        );
        let places: Vec<_> = evidence.aws.into_iter().collect();
        let place = AwsPlace {
            account: "730335557645".to_owned(),
            region: "us-east-1".to_owned(),
        };
        assert_eq!(places, [(place, 3)]);
    }
}
