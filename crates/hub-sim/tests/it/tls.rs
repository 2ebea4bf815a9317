//! Certificates: the good one is accepted under its authority, each bad one refused for its own reason.

use hub_sim::{Hub, HubSim, Tls};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::net::Ipv4Addr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The first line of the registry's answer, or why there was none.
async fn ask(hub: &Hub, ca: &str) -> Result<String, String> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(hub.host()).await.unwrap();
    let name = ServerName::from(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST));
    let connected = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await;
    let mut stream = connected.map_err(|error| error.to_string())?;
    stream
        .write_all(b"GET /v2/ HTTP/1.1\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .await
        .map_err(|error| error.to_string())?;
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn each_certificate_is_what_it_says() {
    let hub = HubSim::new().tls(Tls::Valid).start().await;
    assert!(hub.url().starts_with("https://127.0.0.1:"));
    let ca = hub.ca_pem().unwrap();
    assert_eq!(ask(&hub, &ca).await.unwrap(), "HTTP/1.1 401 Unauthorized");
    let reasons = [
        (Tls::Expired, "expired"),
        (Tls::WrongName, "not valid for name"),
        (Tls::SelfSigned, "UnknownIssuer"),
    ];
    for (kind, reason) in reasons {
        hub.set_tls(kind).unwrap();
        let refused = ask(&hub, &ca).await.unwrap_err();
        assert!(refused.contains(reason), "{kind:?}: {refused}");
    }
    hub.renew_authority(Tls::Valid).unwrap();
    assert!(ask(&hub, &ca).await.is_err());
    assert!(ask(&hub, &hub.ca_pem().unwrap()).await.is_ok());
}
