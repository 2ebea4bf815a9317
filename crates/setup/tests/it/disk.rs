//! Files in memory, and the orders that the tests give.

use std::collections::BTreeMap;

use forebay_setup::{Client, Files, Order, Plan, SetupError, plan};

/// Files by their paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Disk(pub(crate) BTreeMap<String, String>);

impl Disk {
    pub(crate) fn with(path: &str, text: &str) -> Self {
        Self(BTreeMap::from([(path.to_owned(), text.to_owned())]))
    }

    /// The files after a plan.
    pub(crate) fn after(&self, plan: &Plan) -> Self {
        let mut after = self.clone();
        for change in plan.files.iter().filter(|change| change.is_change()) {
            after.0.insert(change.path.clone(), change.after.clone());
        }
        after
    }

    pub(crate) fn text(&self, path: &str) -> &str {
        self.0.get(path).map_or("", String::as_str)
    }
}

impl Files for Disk {
    fn read(&self, path: &str) -> Result<Option<String>, SetupError> {
        Ok(self.0.get(path).cloned())
    }

    fn list(&self, path: &str) -> Result<Vec<String>, SetupError> {
        let names = self.0.keys().filter_map(|file| {
            let name = file.strip_prefix(path)?.strip_prefix('/')?;
            (!name.contains('/')).then(|| name.to_owned())
        });
        Ok(names.collect())
    }
}

/// That a client pull Docker Hub's images, and where it can GHCR's, through an address of the network.
pub(crate) fn order(client: Client) -> Order {
    let upstreams: &[&str] = if client.is_for_docker_hub_only() {
        &["docker.io"]
    } else {
        &["docker.io", "ghcr.io"]
    };
    Order {
        client,
        address: "http://10.0.0.5:5000".parse().expect("an address"),
        upstreams: upstreams.iter().map(|&name| name.to_owned()).collect(),
        paths: BTreeMap::from([("docker.io".to_owned(), String::new())]),
        doors: BTreeMap::new(),
        fall_back: false,
        is_address_given: true,
        file: None,
    }
}

/// The files after a plan, which is checked to be done with once.
pub(crate) fn set_up(order: &Order, disk: &Disk) -> Disk {
    let after = disk.after(&plan(order, disk).expect("it can be set up"));
    let again = plan(order, &after).expect("it can be set up again");
    let changes: Vec<_> = again
        .files
        .iter()
        .filter(|change| change.is_change())
        .collect();
    assert!(
        changes.is_empty(),
        "{}: twice is not once: {changes:#?}",
        order.client
    );
    after
}
