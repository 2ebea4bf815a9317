//! The whole matrix of addresses that a hostile upstream may name.
