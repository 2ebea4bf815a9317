//! Certificates of clients: who comes in by which, and what the handler hears of them.

use forebay_http_kit::{ServeLimits, ServerTls, TlsClients};
use rcgen::{DnType, ExtendedKeyUsagePurpose, SanType, date_time_ymd};

use super::secure::{Identity, Speaker, answering};
use super::tls::{Authority, authority};
use super::wire::Served;

/// Three clients: one with a good certificate, one with another authority's, one with none.
struct Clients {
    server: Authority,
    staff: Authority,
    good: Identity,
    strange: Identity,
    expired: Identity,
}

fn clients() -> Clients {
    let (server, staff, others) = (authority(), authority(), authority());
    let good = Identity::of(&staff, "ci.example", |params| {
        params.distinguished_name.push(DnType::CommonName, "ci");
        let id = SanType::URI("spiffe://example/ci".try_into().unwrap());
        params.subject_alt_names.push(id);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    let strange = Identity::of(&others, "ci.example", |_| {});
    let expired = Identity::of(&staff, "ci.example", |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    Clients {
        server,
        staff,
        good,
        strange,
        expired,
    }
}

fn served(clients: &Clients, asked: fn(&[u8]) -> TlsClients<'_>) -> (Served, ServerTls) {
    let roots = clients.staff.pem();
    let identity = Identity::of(&clients.server, "localhost", |_| {});
    let tls = ServerTls::new(&identity.setup(asked(roots.as_bytes())));
    (answering(&tls, ServeLimits::default()), tls)
}

async fn who(clients: &Clients, served: &Served, shown: Option<&Identity>) -> Option<String> {
    let speaker = match shown {
        Some(identity) => Speaker::showing(&clients.server, identity),
        None => Speaker::believing(&clients.server),
    };
    let answer = speaker.get(served, "/who").await.ok()?;
    Some(answer.split_once("\r\n\r\n")?.1.to_owned())
}

#[tokio::test]
async fn a_required_certificate_lets_in_whom_the_authority_has_signed_and_nobody_else() {
    let clients = clients();
    let (served, _tls) = served(&clients, |roots| TlsClients::Required(roots));
    let told = who(&clients, &served, Some(&clients.good)).await.unwrap();
    for part in [
        "CN=ci",
        r#"Dns("ci.example")"#,
        r#"Uri("spiffe://example/ci")"#,
    ] {
        assert!(told.contains(part), "{told}");
    }
    assert_eq!(who(&clients, &served, Some(&clients.strange)).await, None);
    assert_eq!(who(&clients, &served, Some(&clients.expired)).await, None);
    assert_eq!(who(&clients, &served, None).await, None);
    assert_eq!(served.lines(1).await.len(), 1, "the others asked nothing");
}

#[tokio::test]
async fn an_optional_certificate_is_told_where_it_is_good_and_refused_where_it_is_not() {
    let clients = clients();
    let (served, _tls) = served(&clients, |roots| TlsClients::Optional(roots));
    let told = who(&clients, &served, Some(&clients.good)).await.unwrap();
    assert!(told.contains("CN=ci"), "{told}");
    let told = who(&clients, &served, None).await.unwrap();
    assert_eq!(told, "Some(Secured { client: None })");
    assert_eq!(who(&clients, &served, Some(&clients.strange)).await, None);
    assert_eq!(who(&clients, &served, Some(&clients.expired)).await, None);
}

#[tokio::test]
async fn a_certificate_that_nobody_asked_for_is_nobodys() {
    let clients = clients();
    let (served, _tls) = served(&clients, |_| TlsClients::Unasked);
    let told = who(&clients, &served, Some(&clients.good)).await.unwrap();
    assert_eq!(told, "Some(Secured { client: None })");
}

#[tokio::test]
async fn a_ticket_opens_nothing_that_its_certificate_would_not_open_any_more() {
    let clients = clients();
    let (served, tls) = served(&clients, |roots| TlsClients::Required(roots));
    // One speaker keeps its tickets.
    let speaker = Speaker::showing(&clients.server, &clients.good);
    for _ in 0..2 {
        assert!(
            speaker
                .get(&served, "/who")
                .await
                .unwrap()
                .contains("CN=ci")
        );
    }
    let others = authority().pem();
    let identity = Identity::of(&clients.server, "localhost", |_| {});
    tls.replace(&identity.setup(TlsClients::Required(others.as_bytes())));
    assert!(speaker.get(&served, "/who").await.is_err());
}
