//! The crate from outside.
#![expect(clippy::cast_precision_loss, reason = "figures are rounded")]

mod bounds;
mod formats;
mod sizes;
mod speed;
