//! Descriptors: as many as the process may have, and how many connections they are enough for.
//!
//! A program that runs out of them in the middle of a pull breaks it; so what does not fit is not promised at the start.

use rustix::process::{Resource, getrlimit, setrlimit};
use tracing::{debug, warn};

use forebay_terminal::Failure;

/// A client's connection, and the blob or stage that it is sent.
const PER_CONNECTION: u64 = 2;

/// What connections do not get: our own files, the listeners, connections too many that are being told so (64), and the
/// connections and stages of fills.
const RESERVED: u64 = 192;

/// Fewer connections than this are no service: a single node's pull opens several.
const FEWEST_CONNECTIONS: u64 = 32;

/// The limit below which the start is refused.
const LEAST_LIMIT: u64 = RESERVED + PER_CONNECTION * FEWEST_CONNECTIONS;

/// Takes all descriptors that the process may have, and says how many connections of the `wanted` they are enough for.
///
/// # Errors
/// There are too few to work with.
pub(crate) fn take(wanted: usize) -> Result<usize, Failure> {
    let limit = raise();
    let most = connections_within(limit).ok_or_else(|| too_few(limit))?;
    if most >= wanted {
        return Ok(wanted);
    }
    let needed = RESERVED + PER_CONNECTION * wanted as u64;
    warn!(
        limit,
        needed,
        max_connections = most,
        "the limit of open files is too low for server.max_connections, which is lowered: raise it (ulimit -Hn, LimitNOFILE=) or lower the key"
    );
    Ok(most)
}

/// How many connections a limit of open files is enough for; `None` if it is too low to work with.
fn connections_within(limit: u64) -> Option<usize> {
    let most = limit.saturating_sub(RESERVED) / PER_CONNECTION;
    let most = (limit >= LEAST_LIMIT).then_some(most)?;
    Some(usize::try_from(most).unwrap_or(usize::MAX))
}

/// Raises the soft limit, which shells start with at 1,024, to the hard one; returns what holds then.
fn raise() -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    let before = limit.current;
    if before.is_some() && before != limit.maximum {
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            warn!(%error, "the limit of open files stays as it is");
            limit.current = before;
        } else {
            // Not louder: a start that fails says why, and nothing beside.
            debug!(?before, now = ?limit.current, "the limit of open files was raised");
        }
    }
    // None is no limit.
    limit.current.unwrap_or(u64::MAX)
}

fn too_few(limit: u64) -> Failure {
    Failure::plain(format!(
        "cannot work with {limit} open files, which is the limit of this process; at least {LEAST_LIMIT} are needed"
    ))
    .with_hint("raise it: ulimit -Hn 65536 in a shell, LimitNOFILE=65536 in a systemd unit, --ulimit nofile=65536 for a container")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_connection_has_two_and_the_rest_is_kept_for_us() {
        for (limit, expected) in [
            (0, None),
            (255, None),
            (256, Some(32)),
            (1024, Some(416)),
            (20_192, Some(10_000)),
            (u64::MAX, Some(9_223_372_036_854_775_711)),
        ] {
            assert_eq!(connections_within(limit), expected, "{limit}");
        }
    }
}
