//! Fault 29: out of file descriptors, new connections are told so, the open ones are served, and it passes.

#[cfg(test)]
mod exhausted;
