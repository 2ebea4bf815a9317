//! Where blobs are redirected to, and what goes along.

use forebay_content::SourceError;
use hub_sim::{Fault, On, Role, Tls};

use crate::rig::{Rig, Setup, nginx};

async fn hub() -> hub_sim::Hub {
    nginx().account("alice", "hunter2", None).start().await
}

#[tokio::test]
async fn blobs_come_by_redirect_and_credentials_do_not_go_along() {
    let hub = hub().await;
    let rig = Setup::of(&hub).login("alice", "hunter2").start();
    let layer = &hub.layers("library/nginx:1")[0];
    let bytes = rig.blob("library/nginx", layer.digest()).await.unwrap();
    assert_eq!(bytes, layer.bytes());
    assert_eq!(hub.count(|record| record.role == Role::Blob), 1);
    assert!(hub.violations().is_empty());
}

#[tokio::test]
async fn no_redirect_takes_credentials_to_another_host() {
    let hub = hub().await;
    let layer = hub.layers("library/nginx:1")[0].digest().to_owned();
    let trap = format!("{}/x", hub.trap_url());
    let trap_host = trap
        .trim_start_matches("http://")
        .trim_end_matches("/x")
        .to_owned();
    for status in [301, 302, 303, 307, 308] {
        let rig = Setup::of(&hub)
            .login("alice", "hunter2")
            .change(|config| config.blob_hosts.push(trap_host.parse().unwrap()))
            .start();
        hub.fault(Fault::RedirectWith(status, trap.clone()))
            .on(On::Blob)
            .once();
        let _ = rig.blob("library/nginx", &layer).await;
        hub.fault(Fault::RedirectWith(status, trap.clone()))
            .on(On::Manifest)
            .once();
        let _ = rig.manifest("library/nginx:1").await;
    }
    assert!(hub.count(|record| record.role == Role::Trap) >= 5);
    assert_eq!(
        hub.count(|record| record.role == Role::Trap && record.has_authorization()),
        0
    );
    assert!(hub.violations().is_empty());
}

#[tokio::test]
async fn a_redirect_into_the_private_network_is_refused_unless_listed() {
    let hub = hub().await;
    let layer = hub.layers("library/nginx:1")[0].digest().to_owned();
    let unlisted = Setup::of(&hub)
        .change(|config| config.blob_hosts.clear())
        .start();
    let error = unlisted.blob("library/nginx", &layer).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("127.0.0.9") && text.contains("blob_hosts"),
        "{text}"
    );
    assert_eq!(hub.count(|record| record.role == Role::Blob), 0);

    let rig = Rig::of(&hub);
    for location in [
        hub.trap_url(),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://[::1]:1/".to_owned(),
        "http://[::ffff:127.0.0.1]:1/".to_owned(),
        "http://[2002:7f00:1::]:1/".to_owned(),
        "http://[64:ff9b::7f00:1]:1/".to_owned(),
        "http://[fec0::1]:1/".to_owned(),
        "http://0.0.0.0:1/".to_owned(),
        "http://10.0.0.1:1/".to_owned(),
        "http://100.64.0.1:1/".to_owned(),
        "http://0177.1:1/".to_owned(),
        "http://2130706433:1/".to_owned(),
        "http://localhost:1/".to_owned(),
    ] {
        hub.fault(Fault::Redirect(location.clone())).once();
        let error = rig.blob("library/nginx", &layer).await.unwrap_err();
        assert!(
            error.to_string().contains("not a public address"),
            "{location}: {error}"
        );
    }
    assert_eq!(hub.count(|record| record.role == Role::Trap), 0);
}

#[tokio::test]
async fn redirects_that_break_a_rule_are_invalid_answers() {
    let hub = nginx().tls(Tls::Valid).start().await;
    let rig = Rig::of(&hub);
    let layer = hub.layers("library/nginx:1")[0].digest().to_owned();
    let plain = format!("http://{}/x", hub.blob_host());
    let userinfo = format!("https://a:b@{}/x", hub.blob_host());
    for fault in [
        Fault::Redirect(plain),
        Fault::Redirect(userinfo),
        Fault::Redirect("gopher://127.0.0.1/".to_owned()),
        Fault::RedirectLoop,
    ] {
        let armed = hub.fault(fault.clone()).on(On::Blob).always();
        let error = rig.blob("library/nginx", &layer).await.unwrap_err();
        assert!(
            matches!(error, SourceError::Invalid { .. }),
            "{fault:?}: {error}"
        );
        hub.lift(&armed);
    }
    // The loop took eleven requests and no more: the first and ten hops; the challenge came before.
    assert!(hub.count(|record| record.is(On::Blob)) < 4 + 12);
    rig.blob("library/nginx", &layer).await.unwrap();
}

#[tokio::test]
async fn a_token_service_that_redirects_is_not_followed() {
    let hub = hub().await;
    let trap_host = hub.trap_url().trim_start_matches("http://").to_owned();
    let rig = Setup::of(&hub)
        .login("alice", "hunter2")
        .change(|config| config.blob_hosts.push(trap_host.parse().unwrap()))
        .start();
    hub.fault(Fault::RedirectWith(
        307,
        format!("{}/token", hub.trap_url()),
    ))
    .on(On::Token)
    .once();
    let error = rig.resolve("library/nginx:1").await.unwrap_err();
    assert!(matches!(error, SourceError::Invalid { .. }), "{error}");
    assert_eq!(hub.count(|record| record.role == Role::Trap), 0);
    rig.resolve("library/nginx:1").await.unwrap();
}

#[tokio::test]
async fn a_challenge_of_another_host_is_not_the_registrys() {
    let hub = hub().await;
    let other = nginx().start().await;
    let rig = Setup::of(&hub)
        .login("alice", "hunter2")
        .change(|config| config.blob_hosts.push(other.host().parse().unwrap()))
        .start();
    let location = format!("{}/v2/library/nginx/manifests/1", other.url());
    hub.fault(Fault::RedirectWith(307, location))
        .on(On::Manifest)
        .always();
    let error = rig.resolve("library/nginx:1").await.unwrap_err();
    assert!(matches!(error, SourceError::Unauthorized), "{error}");
    assert_eq!(hub.count(|record| record.is(On::Token)), 0);
    assert_eq!(
        other.count(|record| record.is(On::Token) || record.has_authorization()),
        0
    );
}

#[tokio::test]
async fn an_expired_signature_is_asked_for_again_once() {
    let hub = hub().await;
    let rig = Rig::of(&hub);
    let layer = hub.layers("library/nginx:1")[0].clone();
    rig.resolve("library/nginx:1").await.unwrap();
    hub.clear_requests();
    hub.fault(Fault::SignatureExpired).once();
    let bytes = rig.blob("library/nginx", layer.digest()).await.unwrap();
    assert_eq!(bytes, layer.bytes());
    assert_eq!(hub.count(|record| record.is(On::Blob)), 2);

    hub.clear_requests();
    hub.fault(Fault::SignatureExpired).always();
    let error = rig.blob("library/nginx", layer.digest()).await.unwrap_err();
    assert!(matches!(error, SourceError::Unavailable { .. }), "{error}");
    assert_eq!(hub.count(|record| record.is(On::Blob)), 2);
}
