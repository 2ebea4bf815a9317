//! What takes the place of which image: rules in a file or a preset, and the plan that they make for a file.
mod image;
mod pattern;
mod template;
mod version;
