//! What is told at the host of an upstream that says itself who may pull, for each thing that it says.

use std::sync::Arc;

use async_trait::async_trait;
use forebay_content::{
    ClientLogin, ClientRight, ClientRights, ClientVisit, Missing, Request, Sought, SourceError,
};

use forebay_api_registry::{LimitedClients, Table};

use crate::edge::Edge;
use crate::limited::limit_of;
use crate::wire::Ask;

/// A registry that says the same to all.
struct Says(ClientRight);

#[async_trait]
impl ClientRights for Says {
    async fn check_login(
        &self,
        _: &ClientVisit,
        _: &ClientLogin,
    ) -> Result<ClientRight, SourceError> {
        Ok(self.0)
    }

    async fn check_right(
        &self,
        _: &Request,
        _: Option<&ClientLogin>,
        _: &Sought,
    ) -> Result<ClientRight, SourceError> {
        Ok(self.0)
    }
}

/// An upstream that stands apart, says this of everybody's rights, and has nothing.
fn says(table: &mut Table, right: ClientRight) {
    let name = || "registry.example".into();
    table.routes.apart.insert(name());
    table.routes.hosts.insert("own.example".into(), name());
    table.rights.insert(name(), Arc::new(Says(right)));
    let nothing = table.local.clone().expect("local repositories");
    table.sources.insert(name(), nothing);
}

#[tokio::test]
async fn a_guest_is_called_by_a_name_once_the_registry_has_taken_its_login() {
    let given = |is_login_proven| ClientRight::Given { is_login_proven };
    let refused = ClientRight::Refused {
        is_login_proven: false,
    };
    for (right, name) in [
        (given(true), Some("alice")),
        // To everybody.
        (given(false), None),
        (ClientRight::WrongLogin, None),
        (refused, None),
        (ClientRight::Absent(Missing::Manifest), None),
    ] {
        // The limit of a name is for whose it is, too: here, the only one who is held back.
        let edge = Edge::with(|table| {
            says(table, right);
            table.limits = vec![limit_of(LimitedClients::User("alice".into()), 2)];
        });
        let pull = Ask::new("GET /v2/team/app/manifests/1").header("host", "own.example");
        let mut statuses = Vec::new();
        for _ in 0..3 {
            let pulled = pull.clone().login("alice", "secret").to(edge.address).await;
            statuses.push(pulled.status);
        }
        let names = vec![name.map(str::to_owned); 3];
        assert_eq!(edge.take_names(), names, "{right:?}");
        assert_eq!(statuses[2] == 429, name.is_some(), "{right:?} {statuses:?}");
        assert_ne!(statuses[1], 429, "{right:?}");
    }
}

#[tokio::test]
async fn a_greeting_is_answered_as_the_registry_answers_the_login() {
    let given = |is_login_proven| ClientRight::Given { is_login_proven };
    let refused = |is_login_proven| ClientRight::Refused { is_login_proven };
    for (right, expected) in [
        (given(true), 200),
        (ClientRight::Unknown, 200),
        (ClientRight::WrongLogin, 401),
        // Nothing is said of the password: another is no remedy.
        (refused(false), 403),
        (refused(true), 403),
        (ClientRight::Absent(Missing::Repository), 401),
    ] {
        let edge = Edge::with(|table| says(table, right));
        let greeting = || Ask::new("GET /v2/").header("host", "own.example");
        let greeted = greeting().login("alice", "secret").to(edge.address).await;
        assert_eq!(greeted.status, expected, "{right:?}: {}", greeted.body);
        let challenge = greeted.header("www-authenticate");
        assert_eq!(challenge.is_some(), expected == 401, "{right:?}");
        if expected == 403 {
            assert!(greeted.body.contains("DENIED"), "{}", greeted.body);
        }
        // Who shows none is asked for one, whatever it says.
        let greeted = greeting().to(edge.address).await;
        assert_eq!(greeted.status, 401, "{right:?}");
    }
}
