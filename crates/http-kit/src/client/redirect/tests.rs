//! The matrix of redirects.
