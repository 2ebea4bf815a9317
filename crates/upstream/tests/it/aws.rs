//! Logins from AWS, against the moto server.

use std::collections::HashMap;

use forebay_content::SourceError;
use forebay_http_kit::{AddressPolicy, Client, ClientPolicy, Credentials, Origin, Outgoing};
use forebay_upstream::{AwsAccess, AwsEnvironment, CredentialSource};
use http::{HeaderMap, HeaderValue, Method};
use hub_sim::{HubSim, Image, minutes};
use serde_json::{Value, json};

use crate::moto::Moto;
use crate::rig::{Setup, is_token};

const REGION: &str = "eu-west-1";
const ACCOUNT: &str = "123456789012";

impl Moto {
    /// Calls an operation of Secrets Manager.
    async fn call(&self, operation: &str, body: Value) {
        let mut policy = ClientPolicy::new(HeaderValue::from_static("forebay-test"));
        policy.addresses =
            AddressPolicy::public_only().allow_origin("127.0.0.1", self.url.port().unwrap());
        let mut outgoing = Outgoing::new(Method::POST, self.url.clone());
        outgoing.headers = HeaderMap::from_iter([(
            "x-amz-target".parse().unwrap(),
            format!("secretsmanager.{operation}").parse().unwrap(),
        )]);
        let scope = format!(
            "AWS4-HMAC-SHA256 Credential=test/20261121/{REGION}/secretsmanager/aws4_request, SignedHeaders=host, Signature=0"
        );
        let origin = Origin::of(&self.url).unwrap();
        outgoing.credentials = Some(Credentials::new(scope.parse().unwrap(), origin));
        outgoing.body = body.to_string().into();
        let reply = Client::new(policy).unwrap().send(outgoing).await.unwrap();
        assert_eq!(reply.status, 200);
    }

    fn access(&self) -> AwsAccess {
        let variables = [
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "s3cret"),
        ];
        let environment = AwsEnvironment {
            variables: HashMap::from(
                variables.map(|(name, value)| (name.to_owned(), value.to_owned())),
            ),
            home: None,
        };
        let policy = ClientPolicy::new(HeaderValue::from_static("forebay-test"));
        AwsAccess::new(policy, environment, REGION, Some(&self.url)).unwrap()
    }

    fn secret(&self, id: &str) -> CredentialSource {
        CredentialSource::AwsSecret {
            id: id.to_owned(),
            region: REGION.to_owned(),
            endpoint: Some(self.url.clone()),
            access: self.access(),
        }
    }
}

#[tokio::test]
async fn a_private_ecr_registry_is_entered_with_a_token_of_its_account() {
    let Some(moto) = Moto::start().await else {
        return;
    };
    let hub = HubSim::new()
        .image("app:1", Image::small())
        .private("app", &["AWS"])
        .account("AWS", &format!("{ACCOUNT}-auth-token"), None)
        .start()
        .await;
    let rig = Setup::of(&hub)
        .change(|config| {
            config.credentials = CredentialSource::Ecr {
                account: ACCOUNT.to_owned(),
                region: REGION.to_owned(),
                endpoint: Some(moto.url.clone()),
                access: moto.access(),
            };
        })
        .start();
    rig.manifest("app:1").await.unwrap();
    // moto's tokens ran out in 2015: used for a minute all the same, and no loop.
    for _ in 0..3 {
        rig.clock.advance(minutes(2));
        rig.manifest("app:1").await.unwrap();
    }
    assert_eq!(
        hub.count(|record| is_token(record) && record.status == Some(200)),
        2
    );
}

#[tokio::test]
async fn both_forms_of_a_secret_open_the_registry_and_a_rotated_one_does_too() {
    let Some(moto) = Moto::start().await else {
        return;
    };
    let hub = HubSim::new()
        .image("corp/app:1", Image::small())
        .private("corp/app", &["alice"])
        .account("alice", "first", None)
        .start()
        .await;
    let value = |value: Value| value.to_string();
    for (name, secret) in [
        (
            "ecr-pullthroughcache/a",
            json!({"username": "alice", "password": "first"}),
        ),
        (
            "ecr-pullthroughcache/b",
            json!({"username": "alice", "accessToken": "first"}),
        ),
    ] {
        let body = json!({"Name": name, "SecretString": value(secret)});
        moto.call("CreateSecret", body).await;
        let rig = Setup::of(&hub)
            .change(|config| config.credentials = moto.secret(name))
            .start();
        rig.manifest("corp/app:1").await.unwrap();
        // Rotated while we run: the old password is refused once, the new one fetched.
        hub.set_account("alice", "second", None);
        hub.revoke_tokens();
        let rotated = json!({"username": "alice", "password": "second"});
        moto.call(
            "PutSecretValue",
            json!({"SecretId": name, "SecretString": value(rotated)}),
        )
        .await;
        rig.clock.advance(minutes(10));
        rig.manifest("corp/app:1").await.unwrap();
        hub.set_account("alice", "first", None);
    }
}

#[tokio::test]
async fn a_secret_that_is_not_there_is_no_statement_about_the_image() {
    let Some(moto) = Moto::start().await else {
        return;
    };
    let hub = HubSim::new().image("app:1", Image::small()).start().await;
    let rig = Setup::of(&hub)
        .change(|config| config.credentials = moto.secret("absent"))
        .start();
    let error = rig.manifest("app:1").await.unwrap_err();
    assert!(matches!(error, SourceError::Unavailable { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("GetSecretValue") && text.contains("ResourceNotFoundException"),
        "{text}"
    );
    assert!(!text.contains("s3cret"));
    assert_eq!(hub.count(is_token), 0);
}
