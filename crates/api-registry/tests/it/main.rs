//! The registry's edge from outside, over a listener on loopback and stores in memory.

#[cfg(test)]
mod audited;
#[cfg(test)]
mod door;
#[cfg(test)]
mod edge;
#[cfg(test)]
mod guests;
#[cfg(test)]
mod limited;
#[cfg(test)]
mod lists;
#[cfg(test)]
mod logins_first;
#[cfg(test)]
mod loopback;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod unseen;
#[cfg(test)]
mod waits;
#[cfg(test)]
mod wire;
