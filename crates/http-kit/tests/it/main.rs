//! The client against hostile upstreams, the listener against hostile clients, over real sockets on loopback.

mod addresses;
mod answers;
mod bodies;
mod credentials;
mod drain;
mod http2;
mod limits;
mod proxies;
mod requests;
mod responses;
mod smuggling;
mod tls;
mod upstream;
mod wire;
