//! Properties of the public functions; each file is one subject.
