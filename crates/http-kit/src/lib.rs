#![doc = include_str!("../README.md")]

pub mod address;
mod client;
mod error;
mod server;

pub use client::{
    AddressPolicy, Client, ClientPolicy, Credentials, INSTANCE, KEEP_ANSWER, LOOKUP_LIMIT,
    LOOKUPS_AT_ONCE, MALFORMED_HEAD_BYTES, MinRate, NAMES_KEPT, Origin, Outgoing, ProxyEnvironment,
    ProxyRule, Redirects, Reply, ReplyBody, Resolve, Resolver, SystemResolve, Timeouts, Trust,
};
pub use error::{BodyError, ClientError, RedirectRefusal, SendError, Stage, TlsCause};
pub use server::{
    AccessEntry, AccessLabels, AccessLog, AlternativeName, Body, BodyPart, BodyStream, BoxError,
    Certificate, ClientAddress, Connections, FileLane, FilePart, Handler, Listener, MAX_HEAD_BYTES,
    MAX_TARGET_BYTES, NoAccessLog, Peer, RequestBody, RequestBodyError, RequestId, Room, Secured,
    ServeLimits, Server, ServerTls, TlsClients, TlsError, TlsMaterial, TlsPart, TlsProblem,
    TlsSetup, WholeBody, find_host,
};
