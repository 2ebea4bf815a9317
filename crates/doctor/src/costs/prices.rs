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
    /// When they were read: `2026-03-31`.
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
    /// Hours of the month that is paid for.
    pub(crate) hours_per_month: u64,
}

/// A price.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Price {
    /// Millionths of a dollar.
    pub(crate) micro_usd: u64,
    /// Where it was read.
    pub(crate) source: String,
}

/// What has a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PriceName {
    EcrStorageGbMonth,
    EcrTransferInRegionGb,
    NatGatewayGb,
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

    /// Where they were read.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &str> {
        self.by_name.values().map(|price| price.source.as_str())
    }

    /// A price, in millionths of a dollar.
    pub(crate) fn of(&self, name: PriceName) -> u64 {
        self.by_name.get(&name).map_or(0, |price| price.micro_usd)
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
            PriceName::InterfaceEndpointHour,
            PriceName::SecretMonth,
            PriceName::DockerProUserMonth,
            PriceName::DockerTeamUserMonth,
            PriceName::GhcrMonth,
            PriceName::QuayPrivateMonth,
        ];
        assert_eq!(prices.by_name.len(), names.len());
        for name in names {
            assert!(
                prices.by_name[&name].source.starts_with("https://"),
                "{name:?}"
            );
        }
        assert_eq!(prices.as_of.split('-').count(), 3, "{}", prices.as_of);
    }
}
