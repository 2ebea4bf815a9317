//! Helm's charts and templates: what a chart is made of, its templates' lines, the values that these ask for, and what is printed of them.
//!
//! What a template does beyond that is not evaluated.

mod actions;
mod chart;
mod dots;
mod pairs;
mod printed;

pub use actions::{Values, only_action, only_value, values_in};
pub use chart::{Chart, ChartFiles, Near, no_chart};
pub use dots::Dots;
pub use pairs::{Value, pairs};
pub use printed::{KEYS, Printed, WrittenIn};
