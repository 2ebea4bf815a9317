//! Load on one manifest: as much as goes, by wrk, or so much a second and how long each answer takes.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use forebay_content::{Clock, SystemClock};

use crate::client::{ACCEPT, Connection, Url};
use crate::error::Error;
use crate::settings::{MANIFEST_CONNECTIONS, Settings};

/// Clients that ask for so much a second.
const STEADY_CLIENTS: u32 = 4;

/// Between two requests of one of them: 400 a second in all.
const STEADY_EVERY: Duration = Duration::from_millis(10);

/// What wrk saw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Load {
    /// Good answers, and there were no others.
    pub(crate) answers: f64,
    /// The 99th of a hundred waits, in milliseconds.
    pub(crate) p99_ms: f64,
}

/// Has wrk ask as fast as it can on some connections that are kept.
pub(crate) fn by_wrk(url: &Url, settings: &Settings) -> Result<Load, Error> {
    let output = Command::new("wrk")
        .args(["-t1", "--latency", &format!("-c{MANIFEST_CONNECTIONS}")])
        .arg(format!("-d{}s", settings.load.as_secs()))
        .args(["-H", &format!("Accept: {ACCEPT}"), &url.to_string()])
        .output()
        .map_err(Error::io("cannot run wrk"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if text.contains("Non-2xx") || text.contains("Socket errors") {
        return Err(url.wrong(format!("not all answers were good:\n{text}")));
    }
    read(&text).ok_or_else(|| Error::program("wrk", format!("said {text}")))
}

fn read(text: &str) -> Option<Load> {
    let line = text.lines().find(|line| line.contains(" requests in "))?;
    let answers = line.split_whitespace().next()?.parse().ok()?;
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("99%"))?;
    let wait = line.trim();
    let unit = wait.find(|c: char| c.is_ascii_alphabetic())?;
    let in_ms = match &wait[unit..] {
        "us" => 1e-3,
        "ms" => 1.0,
        "s" => 1e3,
        _ => return None,
    };
    let p99_ms = wait[..unit].parse::<f64>().ok()? * in_ms;
    Some(Load { answers, p99_ms })
}

/// Asks steadily on some connections that are kept, while `meanwhile` runs: how long each answer took, and what that came to.
pub(crate) fn steady<T>(
    url: &Url,
    meanwhile: impl FnOnce() -> Result<T, Error>,
) -> Result<(Vec<Duration>, T), Error> {
    let is_over = AtomicBool::new(false);
    let over = &is_over;
    scope(|scope| {
        let clients: Vec<_> = (0..STEADY_CLIENTS)
            .map(|number| {
                scope.spawn(move || {
                    sleep(STEADY_EVERY * number / STEADY_CLIENTS);
                    ask(url, over)
                })
            })
            .collect();
        let came = meanwhile();
        is_over.store(true, Ordering::Relaxed);
        let mut waits = Vec::new();
        for client in clients {
            let joined = client.join();
            waits.extend(joined.map_err(|_| Error::program("bench", "a client panicked"))??);
        }
        Ok((waits, came?))
    })
}

fn ask(url: &Url, is_over: &AtomicBool) -> Result<Vec<Duration>, Error> {
    let mut connection = Connection::open(url.address)?;
    let clock = SystemClock::new();
    let mut waits = Vec::new();
    for turn in 1_u32.. {
        let asked = clock.monotonic();
        let answer = connection.exchange("GET", url, &[("Accept", ACCEPT)])?;
        waits.push(clock.monotonic().saturating_sub(asked));
        if answer.status != 200 {
            return Err(url.wrong(format!("status {}", answer.status)));
        }
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        sleep((STEADY_EVERY * turn).saturating_sub(clock.monotonic()));
    }
    Ok(waits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wrk_prints_is_read() {
        let text = "  Thread Stats   Avg\n     99%    1.02ms\n  157236 requests in 6.00s, 99.87MB read\nRequests/sec:  26206.00\n";
        let load = Load {
            answers: 157_236.0,
            p99_ms: 1.02,
        };
        assert_eq!(read(text), Some(load));
        let quick = text.replace("1.02ms", "250.00us");
        assert_eq!(read(&quick).map(|load| load.p99_ms), Some(0.25));
        assert_eq!(read("unable to connect"), None);
    }
}
