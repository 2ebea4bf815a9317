#![doc = include_str!("../README.md")]

mod bytes;
mod capture;
mod dns;
mod error;
mod flow_log;
mod packet;
mod sni;
mod sockets;
mod tally;

pub use capture::{Capture, MAX_FRAME_BYTES};
pub use error::Error;
pub use flow_log::{FlowLog, MAX_LINE_BYTES};
pub use sockets::{Container, Socket, read_cgroup, read_socket, read_tracked};
pub use tally::{Conversation, MAX_CONVERSATIONS, MAX_NOTES, Row, Tally, Told};
