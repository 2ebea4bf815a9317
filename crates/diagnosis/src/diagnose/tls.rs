//! Why no TLS comes about with a registry, by the words of its clients.
//!
//! Pure. Each has a cure that helps against it alone: who speaks plain HTTP has no certificate that could be trusted.

use std::collections::BTreeMap;

use forebay_evidence::{Class, Evidence};
use serde::Serialize;

/// What is wrong with it; called as `forebay doctor --probe` calls it, where that tells it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsFault {
    /// HTTPS is spoken to what answers in plain HTTP.
    NoTls,
    /// Plain HTTP is spoken to what wants HTTPS.
    TlsWanted,
    /// The registry wants a certificate of the client, or does not take the one that it shows.
    ClientCertificate,
    /// The certificate is of a time before the machine's.
    CertificateNotYetValid,
    /// Its time is over, by the machine's clock.
    CertificateExpired,
    /// It is for another name.
    CertificateWrongName,
    /// Who signed it is not trusted.
    CertificateUnknownIssuer,
    /// It is not accepted for another reason, or for none that is told.
    Certificate,
    /// No certificate is spoken of.
    TlsFailed,
}

/// The words for each, in small letters and without white space, as a message may be wrapped: those of Go, OpenSSL, Java,
/// Node.js and Python. The first that is met counts.
const WORDS: [(TlsFault, &[&str]); 8] = [
    (
        TlsFault::NoTls,
        &[
            "gavehttpresponsetohttpsclient",
            "firstrecorddoesnotlooklikeatlshandshake",
            "wrongversionnumber",
        ],
    ),
    (
        TlsFault::TlsWanted,
        &["sentanhttprequesttoanhttpsserver", "malformedhttpresponse"],
    ),
    (
        TlsFault::ClientCertificate,
        &[
            "certificaterequired",
            // The client's own pair is not there whole, or not for it to read.
            "client.key",
            "client.cert",
            "forclientcertificate",
            "missingclientcertificate",
            "remoteerror:tls:badcertificate",
            "remoteerror:tls:unknowncertificate",
            "remoteerror:tls:expiredcertificate",
        ],
    ),
    (
        TlsFault::CertificateNotYetValid,
        &[
            "isbefore20",
            "certificateisnotyetvalid",
            "notyetvalidexception",
        ],
    ),
    (
        TlsFault::CertificateExpired,
        &["certificatehasexpired", "certificateexpired"],
    ),
    (
        TlsFault::CertificateWrongName,
        &[
            "certificateisvalidfor",
            "anyipsans",
            "notvalidforanynames",
            "legacycommonname",
            "hostnamemismatch",
            "subjectalternative",
        ],
    ),
    (
        TlsFault::CertificateUnknownIssuer,
        &[
            "unknownauthority",
            "localissuercertificate",
            "verifythefirstcertificate",
            "self-signedcertificate",
            "selfsignedcertificate",
            "pkixpathbuildingfailed",
            // The authority's file that a client was told of is not there.
            "certs.d",
        ],
    ),
    (
        TlsFault::Certificate,
        &["certificate", "x509", "sslpeerunverified"],
    ),
];

impl TlsFault {
    /// The one that a message tells of.
    pub(crate) fn of(message: &str) -> Self {
        let letters = message.chars().filter(|c| !c.is_whitespace());
        let squeezed: String = letters.map(|c| c.to_ascii_lowercase()).collect();
        let mut all = WORDS.iter();
        let found = all.find(|(_, words)| words.iter().any(|word| squeezed.contains(word)));
        found.map_or(Self::TlsFailed, |(fault, _)| *fault)
    }

    /// In a sentence.
    pub(crate) fn told(self, registry: &str) -> String {
        let of_certificate = |what: &str| format!("the certificate of {registry} {what}");
        match self {
            Self::NoTls => {
                format!("what answers at {registry} does not speak TLS: plain HTTP, most likely")
            }
            Self::TlsWanted => format!("{registry} wants HTTPS, and plain HTTP is spoken to it"),
            Self::ClientCertificate => {
                format!(
                    "{registry} wants a certificate of the client, and is shown none that it takes"
                )
            }
            Self::CertificateNotYetValid => of_certificate(
                "is not valid yet: the clock of the machine that pulls is behind, most likely",
            ),
            Self::CertificateExpired => {
                of_certificate("has expired, by the clock of the machine that pulls")
            }
            Self::CertificateWrongName => of_certificate("is not for that name"),
            Self::CertificateUnknownIssuer => {
                of_certificate("is signed by nobody that the machine trusts")
            }
            Self::Certificate => of_certificate("is not accepted"),
            Self::TlsFailed => format!("no TLS with {registry}: the handshake fails"),
        }
    }
}

/// What most of the failures at a registry tell of; none, where the cause is no matter of TLS.
pub(crate) fn find_fault(
    evidence: &Evidence,
    class: Class,
    registry: Option<&str>,
) -> Option<TlsFault> {
    let mut counts: BTreeMap<TlsFault, u64> = BTreeMap::new();
    for event in evidence.events.iter().filter(|_| class == Class::Tls) {
        let failure = event.failure.as_ref();
        if failure.is_some_and(|failure| {
            failure.class == class && failure.registry.as_deref() == registry
        }) {
            *counts.entry(TlsFault::of(&event.message)).or_default() += event.count;
        }
    }
    // What names its fault says more than what does not.
    let says_more = |fault: TlsFault| fault < TlsFault::Certificate;
    let most = counts
        .into_iter()
        .max_by_key(|(fault, count)| (says_more(*fault), *count));
    most.map(|(fault, _)| fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_known_by_the_words_of_clients() {
        for (message, fault) in [
            (
                "Get \"https://10.0.0.9:5000/v2/\": http: server gave HTTP response to HTTPS client",
                TlsFault::NoTls,
            ),
            (
                "tls: first record does not look like a TLS handshake",
                TlsFault::NoTls,
            ),
            (
                "Client sent an HTTP request to an HTTPS server.",
                TlsFault::TlsWanted,
            ),
            (
                "x509: certificate has expired or is not yet valid: current time 2026-01-15T14:40:00Z is after 2026-01-01T00:00:00Z",
                TlsFault::CertificateExpired,
            ),
            (
                "x509: certificate has expired or is not yet valid: current time 2020-01-15T14:40:00Z is before 2026-01-01T00:00:00Z",
                TlsFault::CertificateNotYetValid,
            ),
            (
                "x509: certificate is valid for a.example, not b.example",
                TlsFault::CertificateWrongName,
            ),
            (
                "x509: cannot validate certificate for 10.0.0.9 because it doesn't contain any IP SANs",
                TlsFault::CertificateWrongName,
            ),
            (
                "tls: failed to verify certificate: x509: certificate signed by\n unknown authority",
                TlsFault::CertificateUnknownIssuer,
            ),
            (
                "open /etc/docker/certs.d/reg.example/ca.crt: no such file or directory",
                TlsFault::CertificateUnknownIssuer,
            ),
            (
                "open /etc/docker/certs.d/reg.example/client.key: permission denied",
                TlsFault::ClientCertificate,
            ),
            (
                "missing key reg.key for client certificate reg.cert. CA certificates must use the extension .crt",
                TlsFault::ClientCertificate,
            ),
            (
                "remote error: tls: certificate required",
                TlsFault::ClientCertificate,
            ),
            ("x509: negative serial number", TlsFault::Certificate),
            ("remote error: tls: handshake failure", TlsFault::TlsFailed),
        ] {
            assert_eq!(TlsFault::of(message), fault, "{message}");
        }
    }
}
