//! Logins from AWS as the configuration says them: an account of ECR, a secret of Secrets Manager, at an endpoint of their own.

use hub_sim::{HubSim, Image, Role};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::PATIENCE;
use crate::image::Pull;
use crate::moto::Moto;
use crate::program::{Forebay, Program};

const REGION: &str = "eu-west-1";
const ACCOUNT: &str = "123456789012";
const IMAGE: &str = "corp/app:1";

/// A registry that gives the image to this account alone.
fn private(user: &str, password: &str) -> HubSim {
    let hub = HubSim::new().image(IMAGE, Image::small());
    hub.private("corp/app", &[user])
        .account(user, password, None)
}

/// With the credentials of AWS that moto takes: any.
async fn start(setup: Forebay) -> Program {
    setup
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "s3cret")
        .start()
        .await
}

/// Makes a secret there.
async fn create_secret(moto: &Moto, name: &str, value: &str) {
    let address = (
        "127.0.0.1",
        moto.url.port().expect("a port that the kernel chose"),
    );
    let body = format!("{{\"Name\": {name:?}, \"SecretString\": {value:?}}}");
    let request = format!(
        "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {}\r\n\
         X-Amz-Target: secretsmanager.CreateSecret\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=test/20261121/{REGION}/secretsmanager/aws4_request, SignedHeaders=host, Signature=0\r\n\r\n{body}",
        body.len()
    );
    let exchange = async {
        let mut wire = TcpStream::connect(address).await?;
        wire.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        wire.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let answer = timeout(PATIENCE, exchange).await.expect("an answer");
    let answer = answer.expect("an answer");
    assert!(answer.split(' ').nth(1) == Some("200"), "{answer}");
}

#[tokio::test]
async fn an_account_and_a_region_open_a_private_ecr_registry() {
    let Some(moto) = Moto::start().await else {
        return;
    };
    let hub = private("AWS", &format!("{ACCOUNT}-auth-token"))
        .start()
        .await;
    let keys = format!(
        "ecr_account = \"{ACCOUNT}\"\necr_region = \"{REGION}\"\naws_endpoint = \"{}\"",
        moto.url
    );
    let name = format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com");
    let setup = Forebay::new().with(&format!("root = \"{name}\""));
    let program = start(setup.upstream_with(&name, &hub, &keys)).await;
    Pull::of(&hub, IMAGE).succeeds(&program).await;
    let logins = hub.count(|request| request.role == Role::Token && request.status == Some(200));
    assert!(logins > 0, "nobody logged in");
    let told = program.stop().await;
    assert!(!told.log.contains("auth-token") && !told.log.contains("s3cret"));
}

#[tokio::test]
async fn a_secret_of_secrets_manager_opens_a_private_registry() {
    let Some(moto) = Moto::start().await else {
        return;
    };
    let secret = r#"{"username":"alice","password":"wonderland"}"#;
    create_secret(&moto, "ecr-pullthroughcache/hub", secret).await;
    let hub = private("alice", "wonderland").start().await;
    let keys = format!(
        "aws_secret = \"ecr-pullthroughcache/hub\"\naws_secret_region = \"{REGION}\"\naws_endpoint = \"{}\"",
        moto.url
    );
    let program = start(Forebay::new().upstream_with("docker.io", &hub, &keys)).await;
    Pull::of(&hub, IMAGE).succeeds(&program).await;
    let logins = hub.count(|request| request.role == Role::Token && request.status == Some(200));
    assert!(logins > 0, "nobody logged in");
    let told = program.stop().await;
    assert!(!told.log.contains("wonderland") && !told.log.contains("s3cret"));
}
