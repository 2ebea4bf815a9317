//! What a way out costs in a month, from image sizes and pulls.
//!
//! Each line shows its computation. What is not known is asked for, never guessed.

mod basis;
mod prices;

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::document::Section;
pub use basis::{Basis, Pulls, SizeFrom, SizedImage};
pub(crate) use prices::{PriceName, Prices};

/// Bytes of the gigabyte that is paid for.
const GB: u64 = 1_000_000_000;

/// Interface endpoints that pulls from ECR need: `ecr.api` and `ecr.dkr`.
const ECR_ENDPOINTS: u64 = 2;

/// How large images are, and how often they are pulled, as the operator says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Compressed sizes in bytes of single images, by their names in full.
    pub image_bytes: BTreeMap<String, u64>,
    /// The compressed size in bytes of all others, as far as nobody measured it.
    pub other_image_bytes: Option<u64>,
    /// Pulls in a month.
    pub pulls_per_month: Option<u64>,
}

/// A line of a table of costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// What is paid for.
    pub what: &'static str,
    /// How it is computed, or what has to be known for it.
    pub how: String,
    /// Millionths of a dollar; none if it is not known.
    pub micro_usd: Option<u64>,
}

/// What the prices are, when and where they were read.
pub(crate) fn about_prices() -> Section {
    let prices = Prices::current();
    let section = Section::new("Prices")
        .paragraph(format!("Looked up on {}. {}", prices.as_of, prices.about));
    prices.told().fold(section, Section::point)
}

/// Computes costs for images that are kept somewhere and pulled from there.
#[derive(Debug)]
pub(crate) struct Costs {
    prices: Prices,
    /// Bytes of all images together.
    stored: Option<Amount>,
    /// Bytes of the largest image, for each pull.
    pulled: Option<Amount>,
    pulls: Pulls,
}

/// Bytes, as far as they are known.
#[derive(Debug, Clone, Copy)]
struct Amount {
    bytes: u64,
    /// Some are measured unpacked: a registry keeps and sends less.
    is_upper: bool,
    /// So many images are not among it, as nobody says how large they are.
    lacking: usize,
}

impl Costs {
    /// From what is known.
    pub(crate) fn of(basis: &Basis) -> Self {
        let known: Vec<(u64, bool)> = basis
            .images
            .iter()
            .filter_map(|image| Some((image.bytes?, image.is_upper())))
            .collect();
        let lacking = basis.images.len() - known.len();
        let is_upper = known.iter().any(|(_, is_upper)| *is_upper);
        let amount = |bytes| Amount {
            bytes,
            is_upper,
            lacking,
        };
        let largest = known.iter().map(|(bytes, _)| *bytes).max();
        let sum = known
            .iter()
            .fold(0_u64, |sum, (bytes, _)| sum.saturating_add(*bytes));
        Self {
            prices: Prices::current(),
            stored: largest.map(|_| amount(sum)),
            pulled: largest.map(amount),
            pulls: basis.pulls,
        }
    }

    /// When the prices were read.
    pub(crate) fn as_of(&self) -> &str {
        &self.prices.as_of
    }

    /// Storage in ECR, and what of it is free at first.
    pub(crate) fn ecr_storage(&self) -> Vec<Cost> {
        let Some(stored) = self.stored else {
            return vec![unknown("storage in ECR, a month", "--image-size")];
        };
        let prices = &self.prices;
        let price = prices.of(PriceName::EcrStorageGbMonth);
        let paid = stored.bytes.saturating_sub(prices.ecr_free_tier_bytes);
        vec![
            Cost {
                what: "storage in ECR, a month",
                how: stored.told(format!("{stored} × {} per GB", unit_price(price))),
                micro_usd: Some(of_bytes(stored.bytes, price)),
            },
            Cost {
                what: "the same under the free tier",
                how: format!(
                    "{} are free for {} months in accounts made before {}; newer ones have up to {} of credits instead",
                    size(prices.ecr_free_tier_bytes),
                    prices.ecr_free_tier_months,
                    prices.ecr_free_tier_for_accounts_before,
                    dollars(prices.new_account_credit_micro_usd)
                ),
                micro_usd: Some(of_bytes(paid, price)),
            },
        ]
    }

    /// Transfer from ECR to tasks of the same region.
    pub(crate) fn ecr_transfer(&self) -> Cost {
        let price = self.prices.of(PriceName::EcrTransferInRegionGb);
        let (pulls, _) = self.pulls.counted();
        let bytes = |pulled: Amount| pulled.bytes.saturating_mul(pulls);
        Cost {
            what: "transfer from ECR within the region",
            how: match price {
                0 => "free".to_owned(),
                price => format!("{} per GB", unit_price(price)),
            },
            micro_usd: match (price, self.pulled) {
                (0, _) => Some(0),
                (price, pulled) => pulled.map(|pulled| of_bytes(bytes(pulled), price)),
            },
        }
    }

    /// What a NAT gateway takes for the bytes of pulls.
    pub(crate) fn nat(&self, what: &'static str) -> Cost {
        let Some(pulled) = self.pulled else {
            return unknown(what, "--image-size");
        };
        let price = self.prices.of(PriceName::NatGatewayGb);
        let (pulls, of) = self.pulls.counted();
        Cost {
            what,
            how: pulled.told(format!(
                "{pulls} {of} × {pulled} × {} per GB, if each brings all layers",
                unit_price(price)
            )),
            micro_usd: Some(of_bytes(pulled.bytes.saturating_mul(pulls), price)),
        }
    }

    /// What a NAT gateway takes if each layer passes it once.
    pub(crate) fn nat_once(&self) -> Cost {
        let what = "NAT gateway, each layer once";
        let Some(stored) = self.stored else {
            return unknown(what, "--image-size");
        };
        let price = self.prices.of(PriceName::NatGatewayGb);
        Cost {
            what,
            how: stored.told(format!("{stored} × {} per GB", unit_price(price))),
            micro_usd: Some(of_bytes(stored.bytes, price)),
        }
    }

    /// The interface endpoints of ECR in one zone.
    pub(crate) fn endpoints(&self) -> Cost {
        let price = self.prices.of(PriceName::InterfaceEndpointHour);
        let hours = self.prices.hours_per_month;
        let nat = self.prices.of(PriceName::NatGatewayHour);
        Cost {
            what: "VPC endpoints instead of NAT, a month and zone",
            how: format!(
                "{ECR_ENDPOINTS} × {hours} h × {}; the layers come through S3's gateway, which is free; a NAT gateway that nothing else needs costs {hours} h × {} = {}, bytes not counted",
                unit_price(price),
                unit_price(nat),
                dollars(nat * hours)
            ),
            micro_usd: Some(price * ECR_ENDPOINTS * hours),
        }
    }

    /// A price that does not depend on sizes.
    pub(crate) fn fixed(&self, what: &'static str, name: PriceName, how: &str) -> Cost {
        Cost {
            what,
            how: how.to_owned(),
            micro_usd: Some(self.prices.of(name)),
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = if self.is_upper { "at most " } else { "" };
        write!(f, "{bound}{}", size(self.bytes))
    }
}

impl Amount {
    /// A computation, with what is not in it.
    fn told(self, how: String) -> String {
        match self.lacking {
            0 => how,
            1 => format!("{how}; without one image whose size is not known"),
            more => format!("{how}; without {more} images whose sizes are not known"),
        }
    }
}

/// Something that nothing is paid for.
pub(crate) fn free(what: &'static str, how: &str) -> Cost {
    Cost {
        what,
        how: how.to_owned(),
        micro_usd: Some(0),
    }
}

fn unknown(what: &'static str, flag: &str) -> Cost {
    Cost {
        what,
        how: format!("needs the image's compressed size: {flag} 500MB"),
        micro_usd: None,
    }
}

fn of_bytes(bytes: u64, micro_usd_per_gb: u64) -> u64 {
    let cost = u128::from(bytes) * u128::from(micro_usd_per_gb) / u128::from(GB);
    u64::try_from(cost).unwrap_or(u64::MAX)
}

/// An amount: `$0.05`, `$14.60`; less than half a cent is told as such.
pub(crate) fn dollars(micro_usd: u64) -> String {
    if (1..5_000).contains(&micro_usd) {
        return "less than $0.01".to_owned();
    }
    let cents = micro_usd.saturating_add(5_000) / 10_000;
    format!("${}.{:02}", cents / 100, cents % 100)
}

/// A price of one, which may be a part of a cent: `$0.045`.
fn unit_price(micro_usd: u64) -> String {
    if micro_usd.is_multiple_of(10_000) {
        return dollars(micro_usd);
    }
    let thousandths = micro_usd / 1_000;
    format!("${}.{:03}", thousandths / 1_000, thousandths % 1_000)
}

/// A size as it is paid for: `500 MB`, `1.25 GB`.
pub(crate) fn size(bytes: u64) -> String {
    if bytes >= GB {
        let hundredths = bytes / (GB / 100);
        let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
        let text = text.trim_end_matches('0').trim_end_matches('.');
        return format!("{text} GB");
    }
    if bytes >= 1_000_000 {
        return format!("{} MB", bytes / 1_000_000);
    }
    format!("{} kB", bytes.div_ceil(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basis(sizes: &[(Option<u64>, SizeFrom)], pulls: Pulls) -> Basis {
        let images = sizes.iter().map(|(bytes, from)| SizedImage {
            image: "docker.io/me/app:latest".to_owned(),
            bytes: *bytes,
            from: *from,
        });
        Basis {
            images: images.collect(),
            pulls,
        }
    }

    fn of_size(bytes: u64, pulls: Pulls) -> Costs {
        Costs::of(&basis(&[(Some(bytes), SizeFrom::Given)], pulls))
    }

    const SEEN: Pulls = Pulls::Seen { seen: 7 };

    #[test]
    fn five_hundred_megabytes_at_ten_cents_a_gigabyte_are_five_cents() {
        let lines = of_size(500_000_000, SEEN).ecr_storage();
        assert_eq!(lines[0].how, "500 MB × $0.10 per GB");
        assert_eq!(dollars(lines[0].micro_usd.unwrap_or(0)), "$0.05");
        assert_eq!(lines[1].micro_usd, Some(0), "under the free tier");
    }

    #[test]
    fn nat_takes_its_part_of_each_pull() {
        let line = of_size(500_000_000, Pulls::Given { a_month: 10_000 }).nat("NAT");
        assert_eq!(dollars(line.micro_usd.unwrap_or(0)), "$225.00");
        let seen = of_size(500_000_000, SEEN).nat("NAT");
        assert!(
            seen.how
                .starts_with("7 pulls that were seen × 500 MB × $0.045"),
            "{}",
            seen.how
        );
        let estimated = Pulls::Estimated {
            a_month: 4_300,
            seen: 6,
            minutes: 61,
        };
        let line = of_size(500_000_000, estimated).nat("NAT");
        assert!(
            line.how.starts_with("4300 pulls a month (an estimate) × "),
            "{}",
            line.how
        );
    }

    #[test]
    fn a_size_that_nobody_knows_is_asked_for() {
        let costs = Costs::of(&basis(&[(None, SizeFrom::Unknown)], SEEN));
        assert_eq!(costs.ecr_storage()[0].micro_usd, None);
        assert_eq!(costs.endpoints().micro_usd, Some(14_600_000));
    }

    #[test]
    fn what_is_unpacked_is_an_upper_bound_and_what_lacks_is_told() {
        let unpacked = SizeFrom::Measured {
            packing: crate::Packing::Unpacked,
            source: crate::SizeSource::ImageList,
            lines: crate::Lines::default(),
        };
        let sizes = [
            (Some(192_000_000), unpacked),
            (Some(8_000_000), SizeFrom::Given),
            (None, SizeFrom::Unknown),
        ];
        let line = Costs::of(&basis(&sizes, SEEN)).ecr_storage().remove(0);
        assert_eq!(
            line.how,
            "at most 200 MB × $0.10 per GB; without one image whose size is not known"
        );
        assert_eq!(line.micro_usd, Some(20_000));
    }

    #[test]
    fn amounts_are_rounded_to_the_cent() {
        let table = [
            (0, "$0.00"),
            (1, "less than $0.01"),
            (50_000, "$0.05"),
            (45_000, "$0.05"),
            (14_600_000, "$14.60"),
            (1_234_567, "$1.23"),
        ];
        for (micro_usd, text) in table {
            assert_eq!(dollars(micro_usd), text);
        }
        assert_eq!(unit_price(45_000), "$0.045");
        assert_eq!(unit_price(100_000), "$0.10");
        assert_eq!(size(1_250_000_000), "1.25 GB");
    }
}
