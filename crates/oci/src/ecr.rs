//! The host of a private Amazon ECR registry: each account has one of its own in each region.
//!
//! Source: AWS General Reference, "Amazon ECR endpoints and quotas", and the partitions of AWS's SDKs.

use std::fmt;

/// Digits of an AWS account's id.
const ACCOUNT_DIGITS: usize = 12;

/// The most bytes of a region's name.
const MAX_REGION_BYTES: usize = 32;

/// What stands behind the account in the usual hosts.
const USUAL: &str = "dkr.ecr";

/// The same in those that answer by IPv6, too.
const DUAL_STACK: &str = "dkr-ecr";

/// A private registry of ECR, by any of its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EcrHost<'a> {
    account: &'a str,
    region: &'a str,
    is_fips: bool,
    is_dual_stack: bool,
}

/// A part of AWS's world with domains of its own.
struct Partition {
    /// As ARNs have it.
    name: &'static str,
    /// What the names of its regions begin with.
    prefix: &'static str,
    suffix: &'static str,
    /// The domain of endpoints that answer by IPv6, too.
    dual_stack: Option<&'static str>,
}

/// The partitions; the last holds all other regions.
const PARTITIONS: [Partition; 8] = [
    partition(
        "aws-cn",
        "cn-",
        ("amazonaws.com.cn", Some("on.amazonwebservices.com.cn")),
    ),
    partition(
        "aws-eusc",
        "eusc-",
        ("amazonaws.eu", Some("on.amazonwebservices.eu")),
    ),
    partition("aws-us-gov", "us-gov-", ("amazonaws.com", Some("on.aws"))),
    partition("aws-iso", "us-iso-", ("c2s.ic.gov", None)),
    partition("aws-iso-b", "us-isob-", ("sc2s.sgov.gov", None)),
    partition("aws-iso-e", "eu-isoe-", ("cloud.adc-e.uk", None)),
    partition("aws-iso-f", "us-isof-", ("csp.hci.ic.gov", None)),
    partition("aws", "", ("amazonaws.com", Some("on.aws"))),
];

impl<'a> EcrHost<'a> {
    /// The usual host of an account's registry in a region; `None` if these are none.
    pub fn of(account: &'a str, region: &'a str) -> Option<Self> {
        (is_aws_account(account) && is_aws_region(region)).then_some(Self {
            account,
            region,
            is_fips: false,
            is_dual_stack: false,
        })
    }

    /// What a host names, without a port; `None` for each other host.
    ///
    /// Logins are sent where this says: the domain has to be the one of the region's partition, to the last letter.
    pub fn parse(host: &'a str) -> Option<Self> {
        let (account, rest) = host.split_once(".dkr")?;
        let (is_dual_stack, rest) = match rest.as_bytes().first()? {
            b'.' => (false, rest[1..].strip_prefix("ecr")?),
            b'-' => (true, rest[1..].strip_prefix("ecr")?),
            _ => return None,
        };
        let fips = rest.strip_prefix("-fips");
        let (region, domain) = fips.unwrap_or(rest).strip_prefix('.')?.split_once('.')?;
        let named = Self {
            is_fips: fips.is_some(),
            is_dual_stack,
            ..Self::of(account, region)?
        };
        (named.domain() == Some(domain)).then_some(named)
    }

    /// Twelve digits.
    pub fn account(&self) -> &'a str {
        self.account
    }

    /// Such as `eu-west-1`.
    pub fn region(&self) -> &'a str {
        self.region
    }

    /// The usual host of what may be no account and no region, but stands for them, such as `<account-id>`.
    pub fn named(account: &str, region: &str) -> String {
        format!("{account}.dkr.ecr.{region}.{}", aws_suffix(region))
    }

    fn domain(&self) -> Option<&'static str> {
        let partition = partition_of(self.region);
        if self.is_dual_stack {
            partition.dual_stack
        } else {
            Some(partition.suffix)
        }
    }
}

impl fmt::Display for EcrHost<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let service = if self.is_dual_stack {
            DUAL_STACK
        } else {
            USUAL
        };
        let fips = if self.is_fips { "-fips" } else { "" };
        let Self {
            account, region, ..
        } = self;
        let domain = self.domain().unwrap_or_default();
        write!(f, "{account}.{service}{fips}.{region}.{domain}")
    }
}

/// What hosts of ECR have behind the account and behind the region, in all of AWS's partitions: `dkr.ecr`, `amazonaws.com`.
pub fn ecr_domains() -> impl Iterator<Item = (&'static str, &'static str)> {
    PARTITIONS.iter().flat_map(|partition| {
        let usual = (USUAL, partition.suffix);
        let dual_stack = partition.dual_stack.map(|domain| (DUAL_STACK, domain));
        std::iter::once(usual).chain(dual_stack)
    })
}

/// Whether a text is an AWS account's id.
pub fn is_aws_account(text: &str) -> bool {
    text.len() == ACCOUNT_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a text is written as an AWS region is: `eu-west-1`, `us-gov-east-1`. It becomes part of host names and commands,
/// so nothing else may be in it.
pub fn is_aws_region(text: &str) -> bool {
    let Some((words, number)) = text.rsplit_once('-') else {
        return false;
    };
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    text.len() <= MAX_REGION_BYTES
        && words.contains('-')
        && words.split('-').all(is_word)
        && (1..=2).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// What the hosts of AWS's services end with in a region.
pub fn aws_suffix(region: &str) -> &'static str {
    partition_of(region).suffix
}

/// What the ARNs of a region's things begin with, behind `arn:`.
pub fn aws_partition(region: &str) -> &'static str {
    partition_of(region).name
}

fn partition_of(region: &str) -> &'static Partition {
    let [own @ .., all_others] = &PARTITIONS;
    own.iter()
        .find(|one| region.starts_with(one.prefix))
        .unwrap_or(all_others)
}

const fn partition(
    name: &'static str,
    prefix: &'static str,
    (suffix, dual_stack): (&'static str, Option<&'static str>),
) -> Partition {
    Partition {
        name,
        prefix,
        suffix,
        dual_stack,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_of_a_registry_tells_account_and_region_and_is_written_again() {
        for (host, region) in [
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "eu-west-1"),
            (
                "123456789012.dkr.ecr-fips.us-gov-east-1.amazonaws.com",
                "us-gov-east-1",
            ),
            ("123456789012.dkr-ecr.eu-west-1.on.aws", "eu-west-1"),
            ("123456789012.dkr-ecr-fips.us-east-2.on.aws", "us-east-2"),
            (
                "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
                "cn-north-1",
            ),
            (
                "123456789012.dkr-ecr.cn-northwest-1.on.amazonwebservices.com.cn",
                "cn-northwest-1",
            ),
            (
                "123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu",
                "eusc-de-east-1",
            ),
            (
                "123456789012.dkr.ecr.us-isob-east-1.sc2s.sgov.gov",
                "us-isob-east-1",
            ),
        ] {
            let named = EcrHost::parse(host).expect(host);
            assert_eq!((named.account(), named.region()), ("123456789012", region));
            assert_eq!(named.to_string(), host);
        }
    }

    #[test]
    fn no_other_host_is_taken_for_a_registry_of_ecr() {
        for host in [
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com$(id)",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com:444",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.comx",
            "123456789012.dkr.ecr.eu-west-1.evil.example",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com.cn",
            "123456789012.dkr.ecr.cn-north-1.amazonaws.com",
            "123456789012.dkr.ecr.eu-west-1.on.aws",
            "123456789012.dkr-ecr.eu-west-1.amazonaws.com",
            "123456789012.dkr-ecr.us-iso-east-1.on.aws",
            "123456789012.dkr.ecr.eu_west.amazonaws.com",
            "123456789012.dkr.ecr.$(id).amazonaws.com",
            "123456789012.dkr.ecr.-x.amazonaws.com",
            "123456789012.dkr.ecr.a--1.amazonaws.com",
            "123456789012.dkr.ecrx.eu-west-1.amazonaws.com",
            "123456789012.dkr\u{e9}ecr.eu-west-1.amazonaws.com",
            "12345678901a.dkr.ecr.eu-west-1.amazonaws.com",
            "123.dkr.ecr.eu-west-1.amazonaws.com",
            "evil.example/123456789012.dkr.ecr.eu-west-1.amazonaws.com",
            "public.ecr.aws",
            ".dkr",
        ] {
            assert_eq!(EcrHost::parse(host), None, "{host}");
        }
    }

    #[test]
    fn a_host_is_made_of_what_stands_for_an_account_or_a_region_too() {
        let host = EcrHost::named("<account-id>", "cn-north-1");
        assert_eq!(host, "<account-id>.dkr.ecr.cn-north-1.amazonaws.com.cn");
        let host = EcrHost::named("<account-id>", "<region>");
        assert_eq!(host, "<account-id>.dkr.ecr.<region>.amazonaws.com");
    }

    #[test]
    fn a_region_tells_its_partition() {
        assert_eq!(aws_partition("eu-west-1"), "aws");
        assert_eq!(aws_partition("us-gov-east-1"), "aws-us-gov");
        assert_eq!(aws_partition("us-isob-east-1"), "aws-iso-b");
        assert_eq!(aws_partition("<region>"), "aws");
    }

    #[test]
    fn a_region_is_words_and_a_number() {
        for text in ["eu-west-1", "us-gov-east-1", "ap-southeast-10"] {
            assert!(is_aws_region(text), "{text}");
        }
        for text in [
            "",
            "eu",
            "eu-1",
            "eu-west",
            "EU-west-1",
            "eu--1",
            "eu-west-100",
            "-eu-west-1",
        ] {
            assert!(!is_aws_region(text), "{text}");
        }
    }
}
