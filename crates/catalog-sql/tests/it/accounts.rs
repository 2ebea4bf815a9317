//! Accounts over a restart, and rot in their rows.

use std::path::Path;

use forebay_catalog_sql::{REGISTRY_FILE_NAME, SqlRegistry};
use forebay_content::{
    Added, CatalogError, KeptRobot, KeptUser, RobotId, Robots, Secret, Stamp, Timestamp, Users,
};
use sqlx::{AnyConnection, Connection};

fn user() -> KeptUser {
    KeptUser {
        name: "alice".parse().unwrap(),
        password: Secret::new("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"),
        is_disabled: true,
        stamp: Stamp(1 << 63),
        created_at: Timestamp(1),
        changed_at: Timestamp(2),
    }
}

fn robot() -> KeptRobot {
    KeptRobot {
        id: RobotId::of_random([1; 12]),
        name: "ci".parse().unwrap(),
        secret_hash: [7; 32],
        rights: Vec::new(),
        stamp: Stamp(3),
        created_at: Timestamp(1),
        expires_at: None,
        revoked_at: Some(Timestamp(9)),
    }
}

async fn run(path: &Path, statement: &'static str) {
    sqlx::any::install_default_drivers();
    let address = format!("sqlite://{}?mode=rw", path.to_str().unwrap());
    let mut connection = AnyConnection::connect(&address).await.unwrap();
    sqlx::raw_sql(statement)
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn accounts_are_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(REGISTRY_FILE_NAME);
    let registry = SqlRegistry::open(&path).await.unwrap();
    assert_eq!(registry.add_user(&user()).await.unwrap(), Added::Yes);
    assert_eq!(registry.add_robot(&robot()).await.unwrap(), Added::Yes);
    registry.close().await.unwrap();
    let registry = SqlRegistry::open(&path).await.unwrap();
    assert_eq!(registry.users(None, 9).await.unwrap(), [user()]);
    assert_eq!(registry.robots(None, 9).await.unwrap(), [robot()]);
    let file = tokio::fs::read(&path).await.unwrap();
    assert!(!file.is_empty());
}

/// A bit that turns must not let in whom an operator has put out.
#[tokio::test]
async fn rot_in_an_account_is_told_and_lets_nobody_in() {
    for rot in [
        "UPDATE users SET is_disabled = 0; UPDATE robots SET revoked_at = NULL",
        "UPDATE users SET stamp = 0; UPDATE robots SET stamp = 0",
        "UPDATE users SET password = 'x'; UPDATE robots SET rights = 'pull **'",
        "UPDATE users SET is_disabled = 2; UPDATE robots SET secret_hash = X'00'",
        "UPDATE users SET changed_at = 'x'; UPDATE robots SET rights = 'pull x y:z'",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(REGISTRY_FILE_NAME);
        let registry = SqlRegistry::open(&path).await.unwrap();
        registry.add_user(&user()).await.unwrap();
        registry.add_robot(&robot()).await.unwrap();
        registry.close().await.unwrap();
        run(&path, rot).await;
        let registry = SqlRegistry::open(&path).await.unwrap();
        let (name, id) = (user().name, robot().id);
        let found = registry.find_user(&name).await;
        assert!(matches!(found, Err(CatalogError::Corrupt(_))), "{rot}");
        let found = registry.find_robot(&id).await;
        assert!(matches!(found, Err(CatalogError::Corrupt(_))), "{rot}");
        // Made anew, it is whole again.
        let password = Secret::new("$argon2id$another");
        let change = forebay_content::AccountChange {
            at: Timestamp(3),
            stamp: Stamp(4),
        };
        let changed = registry.set_password(&name, &password, change).await;
        assert!(changed.is_err(), "{rot}");
        assert!(registry.remove_user(&name).await.unwrap());
        assert_eq!(registry.add_user(&user()).await.unwrap(), Added::Yes);
        assert_eq!(registry.find_user(&name).await.unwrap(), Some(user()));
    }
}
