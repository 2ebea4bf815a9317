//! A scripted resolver behind the cache.
