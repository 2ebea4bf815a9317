//! Any text as a client's file: what is made of it is made once, and nothing panics.
#![no_main]

use std::collections::BTreeMap;

use forebay_setup::{Client, Files, Order, SetupError, plan};
use libfuzzer_sys::fuzz_target;

/// Clients that have a file that is merged.
const CLIENTS: [Client; 7] = [
    Client::Docker,
    Client::Containerd,
    Client::Podman,
    Client::Buildkit,
    Client::K3s,
    Client::Kind,
    Client::GithubActions,
];

/// The same text in every file that there is; in the named one once it was changed, what it was changed to.
struct Text<'a> {
    path: &'a str,
    text: &'a str,
}

impl Files for Text<'_> {
    fn read(&self, path: &str) -> Result<Option<String>, SetupError> {
        Ok((path == self.path).then(|| self.text.to_owned()))
    }

    fn list(&self, _: &str) -> Result<Vec<String>, SetupError> {
        Ok(Vec::new())
    }
}

fuzz_target!(|input: (u8, String)| {
    let (which, text) = input;
    let order = Order {
        client: CLIENTS[usize::from(which) % CLIENTS.len()],
        address: "http://10.0.0.5:5000".parse().expect("an address"),
        upstreams: vec!["docker.io".to_owned()],
        paths: BTreeMap::from([("docker.io".to_owned(), String::new())]),
        doors: BTreeMap::new(),
        fall_back: which >= 128,
        is_address_given: true,
        file: Some("the-file".to_owned()),
    };
    let path = "the-file";
    let Ok(made) = plan(&order, &Text { path, text: &text }) else {
        return;
    };
    let after = made.files.iter().find(|file| file.path == path);
    let after = after.map_or(text.as_str(), |file| file.after.as_str());
    let again = plan(&order, &Text { path, text: after }).expect("what was made is taken again");
    assert!(
        again
            .files
            .iter()
            .all(|file| file.path != path || !file.is_change())
    );
});
