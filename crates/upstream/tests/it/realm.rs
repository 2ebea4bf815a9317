//! Where credentials never go: hostile realms, and names that turn out to be something else.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use forebay_content::SourceError;
use hub_sim::{Authorization, Fault, HubSim, Role, Tls};
use url::Url;

use crate::rig::{Rig, Setup, is_token, nginx};

const LOOPBACK_ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

#[tokio::test]
async fn credentials_go_to_no_realm_that_the_registry_makes_up() {
    let hub = nginx().account("alice", "hunter2", None).start().await;
    let other_port = HubSim::new().trap_listen(LOOPBACK_ANY_PORT).start().await;
    let realms = [
        format!("{}/token", hub.trap_url()),
        format!("{}/token", other_port.trap_url()),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://[fd00:ec2::254]/latest/".to_owned(),
        "http://2852039166/latest/".to_owned(),
        hub.token_url().replace("http://", "http://alice:hunter2@"),
        hub.token_url().replace("http://", "http://alice@"),
        "ftp://127.0.0.1/token".to_owned(),
        "not a url".to_owned(),
        String::new(),
    ];
    for realm in realms {
        for setup in [Setup::of(&hub), Setup::of(&hub).login("alice", "hunter2")] {
            let rig = setup.start();
            hub.fault(Fault::Realm(realm.clone())).times(1);
            let error = rig.resolve("library/nginx:1").await.unwrap_err();
            assert!(
                matches!(error, SourceError::Invalid { .. }),
                "{realm}: {error}"
            );
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
    let gone_astray = |record: &hub_sim::Record| {
        record.role == Role::Trap || is_token(record) || record.authorization != Authorization::None
    };
    assert_eq!(hub.count(gone_astray), 0, "{}", hub.requests());
    assert_eq!(other_port.requests().len(), 0);
    assert!(hub.violations().is_empty());
}

#[tokio::test]
async fn a_secure_registry_is_not_believed_about_a_plain_token_service() {
    let hub = nginx()
        .account("alice", "hunter2", None)
        .tls(Tls::Valid)
        .start()
        .await;
    let plain = hub.token_url().replace("https://", "http://");
    hub.fault(Fault::Realm(plain)).once();
    let rig = Setup::of(&hub).login("alice", "hunter2").start();
    let error = rig.resolve("library/nginx:1").await.unwrap_err();
    assert!(error.to_string().contains("plain http"), "{error}");
    assert_eq!(hub.count(is_token), 0);
    // And the honest realm afterwards works.
    rig.resolve("library/nginx:1").await.unwrap();
}

#[tokio::test]
async fn the_registrys_own_host_and_listed_token_hosts_are_asked() {
    let elsewhere = nginx().account("alice", "hunter2", None).start().await;
    let rig = Setup::of(&elsewhere).login("alice", "hunter2").start();
    rig.resolve("library/nginx:1").await.unwrap();
    assert_eq!(
        elsewhere.count(|record| record.account() == Some("alice")),
        2
    );

    let unlisted = Setup::of(&elsewhere)
        .login("alice", "hunter2")
        .change(|config| config.token_hosts.clear())
        .start();
    let error = unlisted.resolve("library/nginx:1").await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("token_hosts") && text.contains(&elsewhere.token_host()),
        "{text}"
    );

    let own = nginx().tokens_at_registry().start().await;
    let rig = Setup::of(&own).change(|config| config.token_hosts.clear());
    rig.start().resolve("library/nginx:1").await.unwrap();
}

#[tokio::test]
async fn a_realm_that_changes_later_is_judged_as_the_first_one() {
    let hub = nginx().account("alice", "hunter2", None).start().await;
    let rig = Setup::of(&hub).login("alice", "hunter2").start();
    rig.resolve("library/nginx:1").await.unwrap();
    hub.fault(Fault::Realm(format!("{}/token", hub.trap_url())))
        .once();
    rig.resolve("library/nginx:1").await.unwrap_err();
    assert_eq!(hub.count(|record| record.role == Role::Trap), 0);
    assert!(hub.violations().is_empty());
    rig.resolve("library/nginx:1").await.unwrap();
}

#[tokio::test]
async fn a_name_that_resolves_into_the_private_network_is_not_dialled() {
    let hub = nginx().start().await;
    let port = Url::parse(&hub.url()).unwrap().port().unwrap();
    let rebinding = |private| {
        Setup::of(&hub)
            .change(|config| {
                config.url = Url::parse(&format!("http://registry.example:{port}")).unwrap();
                config.private = private;
            })
            .resolving_to(&[IpAddr::V4(Ipv4Addr::LOCALHOST)])
            .start()
    };
    let error = rebinding(false)
        .resolve("library/nginx:1")
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("not a public address"),
        "{error}"
    );
    assert_eq!(hub.requests().len(), 0);
    rebinding(true).resolve("library/nginx:1").await.unwrap();
}

#[tokio::test]
async fn what_we_send_names_us_and_asks_for_no_compression() {
    let hub = nginx().start().await;
    Rig::of(&hub).resolve("library/nginx:1").await.unwrap();
    for record in hub.requests().iter() {
        assert_eq!(record.user_agent.as_deref(), Some("forebay-test"));
        let encoding = record.header("accept-encoding").unwrap_or("identity");
        assert_eq!(encoding, "identity", "{record:?}");
        assert_eq!(record.header("cookie"), None);
    }
}
