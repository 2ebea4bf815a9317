//! Any lines as a request's path, query and host: what is read is written alike, and no name leads out of its repository.
#![no_main]

use std::collections::BTreeMap;

use forebay_oci::{Endpoint, Query, RouteTable, Verb, route};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut lines = text.lines();
    let mut next = || lines.next().unwrap_or_default();
    let (path, query, host) = (next(), next(), next());
    let _ = Verb::parse(host);
    let Ok(query) = Query::parse(query) else {
        return;
    };
    let Ok(endpoint) = Endpoint::parse(path, &query) else {
        return;
    };
    let written = endpoint.to_string();
    let (path, rest) = written.split_once('?').unwrap_or((&written, ""));
    let again = Query::parse(rest).map(|query| Endpoint::parse(path, &query));
    assert_eq!(again, Ok(Ok(endpoint.clone())), "{written}");
    let Some(name) = endpoint.name() else {
        return;
    };
    let parts = name.as_str().split('/');
    assert!(
        parts
            .clone()
            .all(|part| !part.is_empty() && part != "." && part != "..")
    );
    let table = RouteTable {
        names: BTreeMap::from([("docker.io".to_owned(), "docker.io".into())]),
        hosts: BTreeMap::from([("hub.example".to_owned(), "docker.io".into())]),
        prefixes: BTreeMap::from([("hub".to_owned(), "docker.io".into())]),
        root: Some("docker.io".into()),
        local: vec!["team/*".parse().unwrap()],
        ..RouteTable::default()
    };
    if let Ok(route) = route(Some(host), query.ns.as_deref(), name, &table) {
        let asked = route.target.repository.as_str();
        assert!(
            asked.ends_with(name.as_str())
                || name.as_str().ends_with(asked)
                || asked.starts_with("library/")
        );
        assert!(!route.target.is_local() || query.ns.is_none());
    }
});
