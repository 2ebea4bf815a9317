//! What those who ask from one origin call themselves: the name that most of them go by, or that they are several.

use std::net::IpAddr;
use std::sync::Arc;

use forebay_content::Client;

use crate::origin::Origin;

/// What was said with the requests so far.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// The first; `None` for our own work.
    address: Option<IpAddr>,
    is_one_address: bool,
    user: Vote,
    agent: Vote,
    workload: Vote,
}

/// A majority vote in constant room (Boyer and Moore): the name that leads, and by how much.
#[derive(Clone, Debug, Default)]
struct Vote {
    name: Option<Arc<str>>,
    lead: u32,
    all: u32,
}

impl Names {
    /// Nobody's yet, from where this client asks.
    pub(super) fn at(client: &Client) -> Self {
        Self {
            address: client.address,
            is_one_address: true,
            user: Vote::default(),
            agent: Vote::default(),
            workload: Vote::default(),
        }
    }

    /// A client of these asked.
    pub(super) fn note(&mut self, client: &Client) {
        self.is_one_address &= self.address == client.address;
        self.user.note(client.user.as_ref());
        self.agent.note(Some(&client.agent));
        self.workload.note(client.workload.as_ref());
    }

    /// All of them as one.
    pub(super) fn client(&self, origin: Option<Origin>) -> Client {
        let address = match origin {
            Some(origin) if !self.is_one_address => Some(origin.address()),
            _ => self.address,
        };
        Client {
            address,
            user: self.user.told("several-users"),
            agent: self.agent.told("several-agents").unwrap_or_default(),
            workload: self.workload.told("several-workloads"),
        }
    }
}

impl Vote {
    fn note(&mut self, name: Option<&Arc<str>>) {
        self.all = self.all.saturating_add(1);
        if self.lead == 0 {
            self.name = name.cloned();
        }
        if self.name.as_ref() == name {
            self.lead = self.lead.saturating_add(1);
        } else {
            self.lead -= 1;
        }
    }

    /// The name, if about three of four go by it.
    fn told(&self, several: &str) -> Option<Arc<str>> {
        if self.lead.saturating_mul(2) >= self.all {
            self.name.clone()
        } else {
            Some(several.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(host: u8, user: Option<&str>, agent: &str) -> Client {
        Client {
            address: Some(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, host.into()])),
            user: user.map(Arc::from),
            agent: agent.into(),
            workload: None,
        }
    }

    fn named(clients: &[Client]) -> Client {
        let mut names = Names::at(&clients[0]);
        for client in clients {
            names.note(client);
        }
        names.client(Origin::of(&clients[0]))
    }

    #[test]
    fn the_name_of_most_is_told_and_that_there_are_several_where_none_is() {
        let one = client(1, Some("ci"), "docker");
        assert_eq!(named(&[one.clone(), one.clone()]), one);
        let mostly: Vec<_> = (0..100)
            .map(|number| match number % 10 {
                0 => client(1, None, "curl"),
                _ => one.clone(),
            })
            .collect();
        assert_eq!(named(&mostly), one);
        let all_others: Vec<_> = (0..100)
            .map(|number| {
                let name = format!("made-up-{number}");
                client(number, Some(&name), &name)
            })
            .collect();
        let told = named(&all_others);
        assert_eq!(told.user.as_deref(), Some("several-users"));
        assert_eq!(&*told.agent, "several-agents");
        assert_eq!(told.workload, None);
        assert_eq!(told.address, Some("2001:db8::".parse().unwrap()));
    }
}
