//! What other pull-through registries get wrong, each line a test, so that Forebay never does.
//!
//! The words in quotes are how it goes wrong elsewhere; the tests beside them say what happens here.
//!
//! - "HEAD failure answered by GET; HEAD turned into GET; resolve all children": `asked`.
//! - "Token or login per request": `asked`.
//! - "Second upstream download to fill the cache; fill tied to the client's socket; truncated fill stored as complete;
//!   coalescing that stops at the first byte; broadcast lag is a client's error; download first; only one waiter sees the
//!   leader's error; a stale temporary file blocks": `fills`. "Total time-out on blobs": `patience` beside this folder.
//! - "429 → 404 or 502, no Retry-After; authentication failure treated as absence and kept": `told`.
//! - "Boot requires upstream; index kept elsewhere or trimmed; cache key lacks the registry or the authorization; TTL from the
//!   first fetch and shared-blob expiry; unknown names asked of every upstream; deleted or now private images served without a
//!   policy; 429 as our own concurrency limit": `kept`, and `addressing` beside this folder.
//!
//! Two need a clock that can be moved, and are among the cache's own tests: "mtime FIFO called LRU" (`eviction`), and "locks that
//! age out" (`fills`: `who_joins_a_fill_that_is_an_hour_old_has_all_of_it_from_the_same_get`, and its like for a tag).

mod asked;
mod fills;
mod kept;
mod told;
