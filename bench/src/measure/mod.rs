//! What is measured, one file a question.

pub(crate) mod beside;
pub(crate) mod blobs;
pub(crate) mod cold;
pub(crate) mod connections;
pub(crate) mod garbage;
pub(crate) mod idle;
pub(crate) mod load;
pub(crate) mod manifests;
pub(crate) mod outage;
pub(crate) mod push;
pub(crate) mod pushed;
pub(crate) mod slow_readers;
pub(crate) mod start;
pub(crate) mod tags;
