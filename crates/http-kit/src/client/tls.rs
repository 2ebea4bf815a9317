//! TLS towards upstreams: rustls with aws-lc-rs, the provider named here and nowhere taken from the process.
//!
//! The system's roots are read at the first handshake of the process, so that a start pays nothing for them.

use std::io;
use std::sync::{Arc, LazyLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, InvalidMessage, RootCertStore,
    SignatureScheme,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;

use super::link::Wire;
use super::policy::Trust;
use crate::error::{ClientError, SendError, TlsCause};

/// The most names of a certificate for another name that are told.
const MAX_NAMES: usize = 4;

/// The machine's roots, or the web's where it has none (an image FROM scratch).
static SYSTEM_ROOTS: LazyLock<RootCertStore> = LazyLock::new(|| {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "some of the system's root certificates cannot be read");
    }
    let mut roots = RootCertStore::empty();
    // Stores hold roots that webpki cannot read; the others are good all the same.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
});

/// Makes TLS connections within a trust.
pub(super) struct Tls {
    extra: Vec<CertificateDer<'static>>,
    insecure: bool,
    config: OnceCell<Arc<ClientConfig>>,
}

impl Tls {
    pub(super) fn new(trust: &Trust) -> Result<Self, ClientError> {
        Ok(Self {
            extra: read_roots(trust.extra_roots_pem.as_deref())?,
            insecure: trust.insecure,
            config: OnceCell::new(),
        })
    }

    /// Agrees on TLS with `host`, an IPv6 literal in brackets, over `wire`.
    pub(super) async fn agree(
        &self,
        host: &str,
        wire: Box<dyn Wire>,
    ) -> Result<Box<dyn Wire>, SendError> {
        let fail = |cause| SendError::Tls {
            host: host.to_owned(),
            cause,
        };
        let bare = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .trim_end_matches('.');
        let name = ServerName::try_from(bare.to_owned()).map_err(|_| {
            fail(TlsCause::Other(
                "its name cannot stand in a certificate".to_owned(),
            ))
        })?;
        let config = self.config().await.map_err(fail)?;
        let stream = TlsConnector::from(config).connect(name, wire).await;
        stream
            .map(|stream| Box::new(stream) as Box<dyn Wire>)
            .map_err(|error| fail(cause_of(&error)))
    }

    async fn config(&self) -> Result<Arc<ClientConfig>, TlsCause> {
        let build = || async {
            let (extra, insecure) = (self.extra.clone(), self.insecure);
            // Reading the roots blocks, the first time.
            let built = tokio::task::spawn_blocking(move || build_config(extra, insecure)).await;
            built.unwrap_or_else(|_| Err(TlsCause::Other("the roots could not be read".to_owned())))
        };
        self.config.get_or_try_init(build).await.cloned()
    }
}

fn read_roots(pem: Option<&[u8]>) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let Some(pem) = pem else {
        return Ok(Vec::new());
    };
    let fail = |why: String| ClientError::Roots { why };
    let roots = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| fail(error.to_string()))?;
    if roots.is_empty() {
        return Err(fail("there is no certificate in them".to_owned()));
    }
    let mut store = RootCertStore::empty();
    for root in &roots {
        store
            .add(root.clone())
            .map_err(|error| fail(error.to_string()))?;
    }
    Ok(roots)
}

fn build_config(
    extra: Vec<CertificateDer<'static>>,
    insecure: bool,
) -> Result<Arc<ClientConfig>, TlsCause> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsCause::Other(error.to_string()))?;
    let mut config = if insecure {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate { provider }))
            .with_no_client_auth()
    } else {
        let mut roots = SYSTEM_ROOTS.clone();
        roots.add_parsable_certificates(extra);
        builder.with_root_certificates(roots).with_no_client_auth()
    };
    // HTTP/1.1 alone: docs/decisions/0002-own-connector.md.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn cause_of(error: &io::Error) -> TlsCause {
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::InvalidCertificate(certificate)) => cause_in(certificate),
        Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) => TlsCause::NotTls,
        _ => TlsCause::Other(error.to_string()),
    }
}

fn cause_in(certificate: &CertificateError) -> TlsCause {
    match certificate {
        CertificateError::Expired => TlsCause::Expired { until_unix_s: None },
        CertificateError::ExpiredContext { not_after, .. } => TlsCause::Expired {
            until_unix_s: Some(not_after.as_secs()),
        },
        CertificateError::NotValidYet => TlsCause::NotYetValid { from_unix_s: None },
        CertificateError::NotValidYetContext { not_before, .. } => TlsCause::NotYetValid {
            from_unix_s: Some(not_before.as_secs()),
        },
        CertificateError::NotValidForName => TlsCause::WrongName { names: Vec::new() },
        CertificateError::NotValidForNameContext { presented, .. } => TlsCause::WrongName {
            names: presented
                .iter()
                .take(MAX_NAMES)
                .map(|name| bare(name))
                .collect(),
        },
        CertificateError::UnknownIssuer => TlsCause::UnknownIssuer,
        other => TlsCause::Other(other.to_string()),
    }
}

/// A name out of webpki's notation, `DnsName("example.org")` or `IpAddress(192.0.2.1)`.
fn bare(presented: &str) -> String {
    let within = presented
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    within.unwrap_or(presented).trim_matches('"').to_owned()
}

/// Believes any certificate, but still wants the peer to hold its key: for upstreams marked insecure.
#[derive(Debug)]
struct AnyCertificate {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
