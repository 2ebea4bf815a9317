#![doc = include_str!("../README.md")]

mod cost;
pub mod elsewhere;
mod fact;
mod fleet;
mod foresee;
mod image_use;
mod interval;
mod modules;
pub mod preflight;
mod scaler;
mod schedule;

pub use cost::Wanted;
pub use fact::{Budget, Fact, Form, Kept, Login, Metering, Presence, Survey, SurveyRequest};
pub use fleet::{Egress, Fleet, Runtime};
pub use foresee::{Failing, Fit, Forecast, ImageForecast, RegistryForecast, Way, foresee};
pub use image_use::ImageUse;
pub use interval::Interval;
pub use modules::Modules;
pub use scaler::Scalers;
