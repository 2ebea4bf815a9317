//! What can be made of which PEM texts, and what is said of the others.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::*;

struct Pair {
    chain: String,
    key: String,
}

fn pair(name: &str) -> Pair {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    Pair {
        chain: params.self_signed(&key).unwrap().pem(),
        key: key.serialize_pem(),
    }
}

fn build(chain: &str, key: &str, clients: TlsClients<'_>) -> Result<TlsSetup, TlsError> {
    TlsSetup::build(TlsMaterial {
        chain: chain.as_bytes(),
        key: key.as_bytes(),
        clients,
    })
}

fn problem(chain: &str, key: &str) -> (TlsPart, String) {
    let error = build(chain, key, TlsClients::Unasked).unwrap_err();
    (error.part, error.to_string())
}

#[test]
fn a_chain_and_its_key_are_taken_in_one_text_as_well() {
    let pair = pair("cache.example");
    let setup = build(&pair.chain, &pair.key, TlsClients::Unasked).unwrap();
    assert_eq!(
        setup.certificate().names,
        [super::super::AlternativeName::Dns("cache.example".into())]
    );
    let both = format!("{}{}", pair.key, pair.chain);
    assert!(build(&both, &both, TlsClients::Unasked).is_ok());
}

#[test]
fn each_fault_is_named_with_its_part_and_without_the_key() {
    use TlsPart::{Certificate, Key};
    let (one, other) = (pair("a.example"), pair("b.example"));
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    let passphrase = "holds a private key that is encrypted, and Forebay knows no passphrase";
    let none = "holds no PEM private key";
    let garbage = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
    for (chain, key, part, text) in [
        (
            one.chain.as_str(),
            other.key.as_str(),
            Key,
            "is not the key of the certificate",
        ),
        ("", &one.key, Certificate, "holds no PEM certificate"),
        (&one.key, &one.key, Certificate, "holds no PEM certificate"),
        (&one.chain, &one.chain, Key, none),
        (&one.chain, "", Key, none),
        (&one.chain, encrypted, Key, passphrase),
        (&one.chain, old, Key, passphrase),
    ] {
        assert_eq!(problem(chain, key), (part, text.to_owned()));
    }
    let (part, text) = problem(&one.chain, garbage);
    assert_eq!(part, Key);
    assert!(
        text.starts_with("cannot be used: ") && !text.contains("secret"),
        "{text}"
    );
    let cut = one.chain.replace("MII", "AAA");
    assert_eq!(problem(&cut, &one.key).0, Certificate);
    let cut = &one.key[..one.key.len() / 2];
    assert_eq!(problem(&one.chain, cut).0, Key);
}

#[test]
fn authorities_of_clients_must_be_certificates() {
    let pair = pair("a.example");
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let authority = authority.pem();
    for clients in [
        TlsClients::Optional(authority.as_bytes()),
        TlsClients::Required(authority.as_bytes()),
    ] {
        assert!(build(&pair.chain, &pair.key, clients).is_ok());
    }
    for wrong in ["", pair.key.as_str()] {
        let error = build(
            &pair.chain,
            &pair.key,
            TlsClients::Required(wrong.as_bytes()),
        );
        let error = error.unwrap_err();
        assert_eq!(error.part, TlsPart::ClientAuthorities);
        assert_eq!(error.problem, TlsProblem::NoCertificate);
    }
}
