//! Certificates, good and bad, made fresh for each run.
//!
//! One certificate authority a run; what a host shows can be changed while it runs.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, Error, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::PrivatePkcs8KeyDer;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_rustls::TlsAcceptor;

/// What certificate the hosts show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Valid for the loopback addresses and `localhost`, under the run's own authority ([`crate::Hub::ca_pem`]).
    Valid,
    /// Ran out in 2021, otherwise good.
    Expired,
    /// Begins in 2400, otherwise good.
    NotYetValid,
    /// For `elsewhere.example` only, otherwise good.
    WrongName,
    /// Signed by itself, not by the authority.
    SelfSigned,
}

/// The authority of one run.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// What TLS the hosts speak at present; none is plain HTTP.
#[derive(Default)]
pub(crate) struct Acceptor {
    present: Mutex<Option<TlsAcceptor>>,
}

impl Acceptor {
    pub(crate) fn current(&self) -> Option<TlsAcceptor> {
        self.present
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn set(&self, acceptor: TlsAcceptor) {
        *self.present.lock().unwrap_or_else(PoisonError::into_inner) = Some(acceptor);
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Acceptor")
    }
}

impl Authority {
    pub(crate) fn new() -> io::Result<Self> {
        let mut params = CertificateParams::new(Vec::<String>::new()).map_err(io::Error::other)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name = named("hub-sim authority");
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let issuer = CertifiedIssuer::self_signed(params, key).map_err(io::Error::other)?;
        Ok(Self { issuer })
    }

    /// The authority's certificate, for clients to trust.
    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// What accepts connections with such a certificate for these names and addresses.
    pub(crate) fn acceptor(&self, kind: Tls, hosts: &[String]) -> io::Result<TlsAcceptor> {
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = self
            .certificate(kind, hosts, &key)
            .map_err(io::Error::other)?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.into())
            .map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    fn certificate(
        &self,
        kind: Tls,
        hosts: &[String],
        key: &KeyPair,
    ) -> Result<rcgen::Certificate, Error> {
        let names = match kind {
            Tls::WrongName => vec!["elsewhere.example".to_owned()],
            _ => hosts.to_vec(),
        };
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = named("hub-sim");
        if kind == Tls::Expired {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        }
        if kind == Tls::NotYetValid {
            params.not_before = date_time_ymd(2400, 1, 1);
        }
        match kind {
            Tls::SelfSigned => params.self_signed(key),
            _ => params.signed_by(key, &self.issuer),
        }
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority")
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}
