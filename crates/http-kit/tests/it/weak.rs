//! A12: a certificate whose signature can be forged is refused, whoever trusts its authority.
//!
//! What makes certificates elsewhere in these tests makes no weak ones: these lie in `weak/`.

use std::sync::Arc;

use forebay_http_kit::{Client, ClientPolicy, SendError, TlsCause, Trust};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::tls::{secure, secure_url};
use super::upstream::{get, ok};

fn showing(certificate_pem: &[u8]) -> ServerConfig {
    let certificate = CertificateDer::from_pem_slice(certificate_pem).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("weak/key.pem")).unwrap();
    ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap()
}

/// Whether a certificate is believed by who trusts the authority, and why not.
async fn believe(authority_pem: &[u8], certificate_pem: &[u8]) -> Result<(), String> {
    let upstream = secure(showing(certificate_pem), |_| ok("secure")).await;
    let trust = Trust {
        extra_roots_pem: Some(authority_pem.to_vec()),
        insecure: false,
    };
    let client = Client::new(ClientPolicy {
        trust,
        ..upstream.policy()
    });
    let outcome = client.unwrap().send(get(secure_url(&upstream, "/"))).await;
    assert_eq!(upstream.seen().is_empty(), outcome.is_err());
    match outcome {
        Ok(_) => Ok(()),
        Err(SendError::Tls {
            cause: TlsCause::Other(why),
            ..
        }) => Err(why),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_signature_by_a_short_key_or_with_sha_1_is_refused() {
    let rsa_1024 = include_bytes!("weak/authority_rsa_1024.pem");
    let rsa_2048 = include_bytes!("weak/authority_rsa_2048.pem");
    let good = include_bytes!("weak/signed_with_sha256.pem");
    assert_eq!(believe(rsa_2048, good).await, Ok(()));
    let short_key = include_bytes!("weak/signed_by_rsa_1024.pem");
    let why = believe(rsa_1024, short_key).await.unwrap_err();
    assert_eq!(why, "BadSignature");
    let sha_1 = include_bytes!("weak/signed_with_sha1.pem");
    let why = believe(rsa_2048, sha_1).await.unwrap_err();
    assert!(why.starts_with("UnsupportedSignatureAlgorithm"), "{why}");
}
