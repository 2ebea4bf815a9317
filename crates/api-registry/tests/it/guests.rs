//! What is told at the host of an upstream that says itself who may pull, for each thing that it says.

use std::sync::Arc;

use async_trait::async_trait;
use forebay_content::{
    ClientLogin, ClientRight, ClientRights, ClientVisit, Missing, Request, Sought, SourceError,
};

use crate::edge::Edge;
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
        let edge = Edge::with(|table| {
            let name = || "registry.example".into();
            table.routes.apart.insert(name());
            table.routes.hosts.insert("own.example".into(), name());
            table.rights.insert(name(), Arc::new(Says(right)));
        });
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
