//! Crates that we do not build with, the least versions of others, and the duplicates that we bear.

use crate::version::Version;

/// A crate that is not to be built with.
pub(crate) struct Ban {
    /// Its name.
    pub(crate) name: &'static str,
    /// Why.
    pub(crate) reason: &'static str,
    /// Whether tests may have it.
    pub(crate) is_fine_in_tests: bool,
}

/// A crate that had a hole below some version.
pub(crate) struct Floor {
    /// Its name.
    pub(crate) name: &'static str,
    /// The first good version.
    pub(crate) least: Version,
}

/// A crate of which the program holds several versions, because somebody else's release is awaited.
pub(crate) struct Duplicate {
    /// Its name.
    pub(crate) name: &'static str,
    /// Who holds on to the other version.
    pub(crate) reason: &'static str,
}

const SECOND_PROVIDER: &str = "aws-lc-rs is the one provider; two make rustls panic";
const ARCHIVED: &str = "archived or dormant";
const UNSOUND: &str = "archived and unsound";

/// All bans.
pub(crate) const BANS: [Ban; 40] = [
    ban("ring", SECOND_PROVIDER),
    ban("openssl-sys", SECOND_PROVIDER),
    ban("openssl", SECOND_PROVIDER),
    ban("native-tls", SECOND_PROVIDER),
    ban("rsa", "RUSTSEC-2023-0071 has no patched version"),
    ban("serde_yaml", ARCHIVED),
    ban("serde_yml", UNSOUND),
    ban("libyml", UNSOUND),
    ban("serde_yaml_ng", ARCHIVED),
    ban("serde_norway", ARCHIVED),
    ban("yaml-rust", ARCHIVED),
    ban("figment", ARCHIVED),
    ban("tokio-tar", "RUSTSEC-2025-0111 was never fixed"),
    ban("async-std", ARCHIVED),
    ban("rustls-pemfile", "unmaintained: rustls-pki-types reads PEM"),
    ban("bincode", ARCHIVED),
    ban("backoff", ARCHIVED),
    ban("instant", ARCHIVED),
    ban("paste", ARCHIVED),
    ban("derivative", ARCHIVED),
    ban("proc-macro-error", ARCHIVED),
    ban("atty", ARCHIVED),
    ban("opentelemetry-jaeger", ARCHIVED),
    ban("tokio-uring", ARCHIVED),
    ban("monoio", ARCHIVED),
    ban("marked-yaml", ARCHIVED),
    ban("spdx-rs", ARCHIVED),
    ban("rpm-rs", ARCHIVED),
    ban("divan", ARCHIVED),
    ban("tower_governor", ARCHIVED),
    ban("include_dir", ARCHIVED),
    ban("maud", ARCHIVED),
    ban("color-eyre", ARCHIVED),
    ban("fail", ARCHIVED),
    ban("rusqlite", "cannot be linked beside sqlx's SQLite"),
    ban("lru", "RUSTSEC-2026-0002 and -0253: moka does it"),
    ban("libz-ng-sys", "a second flate2 backend"),
    ban("libz-sys", "a second flate2 backend"),
    ban_from_program("miniz_oxide", "a second flate2 backend"),
    ban_from_program("time", "jiff is our calendar"),
];

/// The least versions.
pub(crate) const FLOORS: [Floor; 14] = [
    floor("h2", (0, 4, 16)),
    floor("tar", (0, 4, 45)),
    floor("astral-tokio-tar", (0, 6, 2)),
    floor("quick-xml", (0, 41, 0)),
    floor("memmap2", (0, 9, 11)),
    floor("bcrypt", (0, 19, 2)),
    floor("tokio-postgres", (0, 7, 18)),
    floor("sqlx", (0, 8, 1)),
    floor("bytes", (1, 11, 1)),
    floor("rustls", (0, 23, 18)),
    floor("aws-lc-sys", (0, 39, 0)),
    floor("rustls-webpki", (0, 103, 13)),
    floor("slab", (0, 4, 11)),
    floor("time", (0, 3, 47)),
];

const SQLX: &str = "sqlx-core 0.9 holds on to the older one";
const REQSIGN: &str = "rust-ini, by which reqsign reads AWS profiles, holds on to the older one";

/// The duplicates that we bear.
pub(crate) const DUPLICATES: [Duplicate; 10] = [
    duplicate("base64", SQLX),
    duplicate("block-buffer", SQLX),
    duplicate("cpufeatures", SQLX),
    duplicate("crypto-common", SQLX),
    duplicate("digest", SQLX),
    duplicate("getrandom", REQSIGN),
    duplicate(
        "hashbrown",
        "rust-ini, sqlx-core and indexmap each hold on to one",
    ),
    duplicate("sha2", SQLX),
    duplicate(
        "syn",
        "tracing-attributes holds on to 2; compilers' plug-ins, not in the program",
    ),
    duplicate(
        "untrusted",
        "aws-lc-rs holds on to 0.7, rustls-webpki has moved to 0.9",
    ),
];

const fn ban(name: &'static str, reason: &'static str) -> Ban {
    Ban {
        name,
        reason,
        is_fine_in_tests: false,
    }
}

/// Banned from the program; tests' crates may still bring it.
const fn ban_from_program(name: &'static str, reason: &'static str) -> Ban {
    Ban {
        name,
        reason,
        is_fine_in_tests: true,
    }
}

const fn floor(name: &'static str, least: Version) -> Floor {
    Floor { name, least }
}

const fn duplicate(name: &'static str, reason: &'static str) -> Duplicate {
    Duplicate { name, reason }
}
