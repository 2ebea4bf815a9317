//! Whom a certificate names, and until when it holds.

use std::fmt;
use std::net::IpAddr;

use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::time::Time;

/// The most alternative names of a certificate that are read.
const MAX_NAMES: usize = 256;

/// What a certificate says. Nothing here is checked: a client's has been before, by its authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Its subject as text (RFC 4514, in the certificate's order), such as `CN=ci, O=Example`. May be empty.
    pub subject: String,
    /// Its alternative names, without kinds that nobody uses here.
    pub names: Vec<AlternativeName>,
    /// From when it holds, in seconds since the UNIX epoch.
    pub not_before: i64,
    /// Until when.
    pub not_after: i64,
}

/// A name besides the subject (RFC 5280 §4.2.1.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlternativeName {
    /// A host, a wildcard perhaps.
    Dns(String),
    /// A mail address.
    Email(String),
    /// A URI, such as a SPIFFE ID.
    Uri(String),
    /// An address.
    Address(IpAddr),
}

impl Certificate {
    /// Reads it from DER.
    ///
    /// # Errors
    /// What cannot be read, in words.
    pub(super) fn read(der: &[u8]) -> Result<Self, String> {
        // Raw: what rustls takes is not refused here, such as a serial number of an authority that goes its own way.
        let certificate =
            CertificateInner::<Raw>::from_der(der).map_err(|error| error.to_string())?;
        let signed = certificate.tbs_certificate();
        let names = signed
            .get_extension::<SubjectAltName>()
            .map_err(|error| error.to_string())?;
        let names = names.map_or_else(Vec::new, |(_, SubjectAltName(names))| names);
        let validity = signed.validity();
        Ok(Self {
            subject: signed.subject().to_string(),
            names: names
                .iter()
                .filter_map(AlternativeName::read)
                .take(MAX_NAMES)
                .collect(),
            not_before: seconds(validity.not_before),
            not_after: seconds(validity.not_after),
        })
    }
}

/// Since the UNIX epoch; before it there is no certificate.
fn seconds(time: Time) -> i64 {
    i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
}

impl AlternativeName {
    fn read(name: &GeneralName) -> Option<Self> {
        Some(match name {
            GeneralName::DnsName(name) => Self::Dns(name.to_string()),
            GeneralName::Rfc822Name(name) => Self::Email(name.to_string()),
            GeneralName::UniformResourceIdentifier(name) => Self::Uri(name.to_string()),
            GeneralName::IpAddress(octets) => {
                let octets = octets.as_bytes();
                let four = <[u8; 4]>::try_from(octets).map(IpAddr::from);
                let address = four.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from));
                Self::Address(address.ok()?)
            }
            _ => return None,
        })
    }
}

impl fmt::Display for AlternativeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) | Self::Email(name) | Self::Uri(name) => f.write_str(name),
            Self::Address(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType, date_time_ymd};

    use super::*;

    #[test]
    fn subject_names_and_time_are_read_as_they_were_written() {
        let mut params = CertificateParams::new(vec!["ci.example".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2026, 1, 2);
        params.not_after = date_time_ymd(2027, 1, 2);
        params.distinguished_name.remove(DnType::CommonName);
        params.distinguished_name.push(DnType::CommonName, "ci");
        let more = [
            SanType::IpAddress("192.0.2.1".parse().unwrap()),
            SanType::IpAddress("2001:db8::1".parse().unwrap()),
            SanType::URI("spiffe://example/ci".try_into().unwrap()),
            SanType::Rfc822Name("ci@example".try_into().unwrap()),
        ];
        params.subject_alt_names.extend(more);
        let key = KeyPair::generate().unwrap();
        let signed = params.self_signed(&key).unwrap();
        let read = Certificate::read(signed.der()).unwrap();
        assert_eq!(read.subject, "CN=ci");
        let names: Vec<_> = read.names.iter().map(ToString::to_string).collect();
        assert_eq!(
            names,
            [
                "ci.example",
                "192.0.2.1",
                "2001:db8::1",
                "spiffe://example/ci",
                "ci@example"
            ]
        );
        assert_eq!(read.not_before, 1_767_312_000);
        assert_eq!(read.not_after, 1_798_848_000);
        assert!(Certificate::read(b"nonsense").is_err());
    }
}
