//! Alerts before receivers on loopback that answer as they are told.
