//! The client against hostile upstreams, the listener against hostile clients, over real sockets on loopback.

#[cfg(test)]
mod addresses;
#[cfg(test)]
mod answers;
#[cfg(test)]
mod bodies;
#[cfg(test)]
mod credentials;
#[cfg(test)]
mod drain;
#[cfg(test)]
mod files;
#[cfg(test)]
mod http2;
#[cfg(test)]
mod http2_attacks;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod proxies;
#[cfg(test)]
mod refusals;
mod requests;
#[cfg(test)]
mod responses;
#[cfg(test)]
mod secure;
#[cfg(test)]
mod secure_clients;
#[cfg(test)]
mod secure_limits;
#[cfg(test)]
mod smuggling;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod unread;
#[cfg(test)]
mod upstream;
#[cfg(test)]
mod weak;
#[cfg(test)]
mod wire;
