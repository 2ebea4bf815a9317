//! Stories of who gets in, and who does not.
