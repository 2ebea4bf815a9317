//! Prices, as `data/prices.json` has them: dated, each with where it was read.
//!
//! The one place where a price stands; a test holds that all that is asked for is there.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The file.
const FILE: &str = include_str!("../../data/prices.json");

/// Prices of a day.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prices {
    /// When they were looked up: `2026-03-31`.
    pub(crate) as_of: String,
    /// What they are.
    pub(crate) about: String,
    /// By name.
    #[serde(rename = "prices")]
    pub(crate) by_name: BTreeMap<PriceName, Price>,
    /// Bytes that ECR keeps for nothing at first.
    pub(crate) ecr_free_tier_bytes: u64,
    /// For how many months.
    pub(crate) ecr_free_tier_months: u64,
    /// Accounts that were made later have credits instead (freetier.co/articles/aws-free-tier-changes-july-15-2025).
    pub(crate) ecr_free_tier_for_accounts_before: String,
    /// So much credit at most.
    pub(crate) new_account_credit_micro_usd: u64,
    /// Hours of the month that is paid for.
    pub(crate) hours_per_month: u64,
}

/// A price.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Price {
    /// Of what.
    pub(crate) what: String,
    /// Millionths of a dollar.
    pub(crate) micro_usd: u64,
    /// The page of who sells it.
    pub(crate) source: String,
    /// Where the number was last seen; none if it could not be verified.
    pub(crate) seen: Option<Seen>,
}

/// Where a price was seen, which may be another's page that tells it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Seen {
    /// The page.
    pub(crate) at: String,
    /// Of when it tells: `2026-03`, `2026`.
    pub(crate) of: String,
}

/// What has a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PriceName {
    EcrStorageGbMonth,
    EcrTransferInRegionGb,
    NatGatewayGb,
    NatGatewayHour,
    InterfaceEndpointHour,
    SecretMonth,
    DockerProUserMonth,
    DockerTeamUserMonth,
    GhcrMonth,
    QuayPrivateMonth,
}

impl Prices {
    /// Those that this program was made with.
    pub(crate) fn current() -> Self {
        #[expect(
            clippy::expect_used,
            reason = "the file is a part of the program, and a test reads it"
        )]
        let prices = serde_json::from_str(FILE).expect("the file of prices is well-formed");
        prices
    }

    /// Each with its page, and how well it is known.
    pub(crate) fn told(&self) -> impl Iterator<Item = String> {
        self.by_name.values().map(Price::told)
    }

    /// A price, in millionths of a dollar.
    pub(crate) fn of(&self, name: PriceName) -> u64 {
        self.by_name.get(&name).map_or(0, |price| price.micro_usd)
    }
}

impl Price {
    fn told(&self) -> String {
        let Self { what, source, .. } = self;
        match &self.seen {
            Some(seen) if seen.at == *source => format!("{what}: {source}, as of {}", seen.of),
            Some(seen) => format!("{what}: {source}, seen at {} as of {}", seen.at, seen.of),
            None => format!("{what}: {source}, not verified"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_price_is_there_with_its_source_and_date() {
        let prices = Prices::current();
        let names = [
            PriceName::EcrStorageGbMonth,
            PriceName::EcrTransferInRegionGb,
            PriceName::NatGatewayGb,
            PriceName::NatGatewayHour,
            PriceName::InterfaceEndpointHour,
            PriceName::SecretMonth,
            PriceName::DockerProUserMonth,
            PriceName::DockerTeamUserMonth,
            PriceName::GhcrMonth,
            PriceName::QuayPrivateMonth,
        ];
        assert_eq!(prices.by_name.len(), names.len());
        for name in names {
            let price = &prices.by_name[&name];
            assert!(price.source.starts_with("https://"), "{name:?}");
            if let Some(seen) = &price.seen {
                assert!(seen.at.starts_with("https://"), "{name:?}");
                assert!(seen.of <= prices.as_of, "{name:?}");
                assert!(seen.of.starts_with("202"), "{name:?}");
            }
        }
        assert_eq!(prices.as_of.split('-').count(), 3, "{}", prices.as_of);
        let told: Vec<String> = prices.told().collect();
        let of = |what: &str| told.iter().find(|line| line.starts_with(what)).unwrap();
        assert!(of("Docker Pro").ends_with("not verified"), "{told:?}");
        assert!(of("storage in ECR").ends_with("as of 2026-03"), "{told:?}");
    }
}
