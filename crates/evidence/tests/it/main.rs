//! The crate from outside.
#![expect(clippy::cast_precision_loss, reason = "figures are rounded")]

mod bounds;
mod called_off;
mod captures;
mod formats;
mod known;
mod pasted;
mod pods;
mod sizes;
mod speed;
mod told;
mod twice;
mod witness;
