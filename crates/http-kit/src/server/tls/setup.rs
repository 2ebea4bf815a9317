//! Certificates and keys, from PEM to what handshakes are made with; replaced as a whole while connections go on.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::aws_lc_rs;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{Error, InconsistentKeys, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::Certificate;

/// What a client may choose from, what we like best first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// What TLS is made of, each in PEM.
#[derive(Clone, Copy)]
pub struct TlsMaterial<'a> {
    /// The server's certificate, and behind it those between it and its authority.
    pub chain: &'a [u8],
    /// The private key of the first of them: PKCS#8, PKCS#1 or SEC1, not encrypted.
    pub key: &'a [u8],
    /// Whether clients show certificates.
    pub clients: TlsClients<'a>,
}

/// Whether clients show certificates, and whose.
#[derive(Clone, Copy, Debug)]
pub enum TlsClients<'a> {
    /// They are not asked for one.
    Unasked,
    /// Who shows one must have it from these authorities; who shows none may ask as well.
    Optional(&'a [u8]),
    /// Without one from these authorities nobody comes in.
    Required(&'a [u8]),
}

/// TLS as it can be spoken, with whom its certificate names.
#[derive(Clone)]
pub struct TlsSetup {
    config: Arc<ServerConfig>,
    certificate: Certificate,
}

/// What listeners speak. Clones speak the same, and what [`replace`](Self::replace) changes.
#[derive(Clone)]
pub struct ServerTls {
    current: Arc<ArcSwap<ServerConfig>>,
}

/// What is wrong, and with which part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct TlsError {
    /// Where it is wrong.
    pub part: TlsPart,
    /// What is.
    pub problem: TlsProblem,
}

/// A part of [`TlsMaterial`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsPart {
    /// The server's certificate.
    Certificate,
    /// Its key.
    Key,
    /// The clients' authorities.
    ClientAuthorities,
}

/// What can be wrong with a part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsProblem {
    /// There is none in it.
    #[error("holds no PEM certificate")]
    NoCertificate,
    /// There is none in it.
    #[error("holds no PEM private key")]
    NoKey,
    /// It needs a passphrase.
    #[error("holds a private key that is encrypted, and Forebay knows no passphrase")]
    EncryptedKey,
    /// It is another certificate's.
    #[error("is not the key of the certificate")]
    Mismatch,
    /// Anything else, in words. Never a part of a key.
    #[error("cannot be used: {0}")]
    Unusable(String),
}

// === impl TlsSetup ===

impl TlsSetup {
    /// Makes it, if all parts are good and belong together.
    ///
    /// That a certificate has expired is no error: it is told by [`certificate`](Self::certificate), and clients judge for
    /// themselves.
    ///
    /// # Errors
    /// Which part is wrong, and how.
    pub fn build(material: TlsMaterial<'_>) -> Result<Self, TlsError> {
        let chain = read_certificates(material.chain).map_err(TlsPart::Certificate.fails())?;
        let leaf = chain.first().map(|leaf| Certificate::read(leaf));
        let certificate = leaf
            .unwrap_or_else(|| Err("there is none".to_owned()))
            .map_err(TlsProblem::Unusable)
            .map_err(TlsPart::Certificate.fails())?;
        let key = read_key(material.key).map_err(TlsPart::Key.fails())?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(unusable)
            .map_err(TlsPart::Certificate.fails())?;
        let builder = match material.clients {
            TlsClients::Unasked => builder.with_no_client_auth(),
            TlsClients::Optional(roots) | TlsClients::Required(roots) => {
                let fails = TlsPart::ClientAuthorities.fails();
                let roots = Arc::new(read_roots(roots).map_err(&fails)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
                let verifier = match material.clients {
                    TlsClients::Optional(_) => verifier.allow_unauthenticated(),
                    _ => verifier,
                };
                builder
                    .with_client_cert_verifier(verifier.build().map_err(unusable).map_err(fails)?)
            }
        };
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|error| judge(&error))?;
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        // Resumption by tickets alone: what clients can make us remember is nothing. Their keys go with this setup, so that
        // who was let in by an authority that is gone does not come in by a ticket.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.ticketer = aws_lc_rs::Ticketer::new()
            .map_err(unusable)
            .map_err(TlsPart::Key.fails())?;
        Ok(Self {
            config: Arc::new(config),
            certificate,
        })
    }

    /// Whom the server's certificate names, and until when it holds.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }
}

impl fmt::Debug for TlsSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSetup")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

// === impl ServerTls ===

impl ServerTls {
    /// Speaks what `setup` says.
    pub fn new(setup: &TlsSetup) -> Self {
        Self {
            current: Arc::new(ArcSwap::new(Arc::clone(&setup.config))),
        }
    }

    /// Speaks what `setup` says in every handshake from now on. Connections that are open stay as they are.
    pub fn replace(&self, setup: &TlsSetup) {
        self.current.store(Arc::clone(&setup.config));
    }

    pub(super) fn current(&self) -> Arc<ServerConfig> {
        self.current.load_full()
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerTls")
    }
}

impl TlsPart {
    fn fails(self) -> impl Fn(TlsProblem) -> TlsError {
        move |problem| TlsError {
            part: self,
            problem,
        }
    }
}

fn read_certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsProblem> {
    let read = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let read = read.map_err(|error| TlsProblem::Unusable(error.to_string()))?;
    if read.is_empty() {
        return Err(TlsProblem::NoCertificate);
    }
    Ok(read)
}

fn read_roots(pem: &[u8]) -> Result<RootCertStore, TlsProblem> {
    let mut store = RootCertStore::empty();
    for root in read_certificates(pem)? {
        store.add(root).map_err(unusable)?;
    }
    Ok(store)
}

fn read_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsProblem> {
    // PKCS#8's own section, and the header of the older forms (RFC 1421 §4.6.1.1).
    let says = |words: &[u8]| pem.windows(words.len()).any(|window| window == words);
    if says(b"-----BEGIN ENCRYPTED PRIVATE KEY-----") || says(b"Proc-Type: 4,ENCRYPTED") {
        return Err(TlsProblem::EncryptedKey);
    }
    match PrivateKeyDer::from_pem_slice(pem) {
        Ok(key) => Ok(key),
        Err(rustls_pki_types::pem::Error::NoItemsFound) => Err(TlsProblem::NoKey),
        // The error is of the section's frame, and tells nothing of what is in it.
        Err(_) => Err(TlsProblem::Unusable(
            "it is no whole PEM section".to_owned(),
        )),
    }
}

/// What stands against a chain and a key of which each can be read.
fn judge(error: &Error) -> TlsError {
    match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            TlsPart::Key.fails()(TlsProblem::Mismatch)
        }
        Error::InvalidCertificate(_) => TlsPart::Certificate.fails()(unusable(error)),
        _ => TlsPart::Key.fails()(unusable(error)),
    }
}

fn unusable(error: impl fmt::Display) -> TlsProblem {
    TlsProblem::Unusable(error.to_string())
}

#[cfg(test)]
mod tests;
