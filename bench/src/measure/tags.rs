//! What it takes to push 10,000 tags into one repository and to list them, and what those feel meanwhile who pull.

use std::thread::{scope, sleep};
use std::time::Duration;

use crate::client::{Connection, Url};
use crate::error::Error;
use crate::hosts::{HOSTS, Hosts};
use crate::measure::beside::{Beside, alone, p99_ms};
use crate::measure::load::steady;
use crate::measure::pushed;
use crate::pusher::{Blob, Pusher, Way, manifest};
use crate::report::{Row, Target, Who};
use crate::settings::Settings;

/// Tags of the repository, each of a manifest of its own.
const TAGS: usize = 10_000;

/// Clients that push them.
const PUSHERS: usize = 8;

/// How often they are listed in one round, so that CPU time can be told.
const LISTS: u32 = 10;

/// More pages than any list here has.
const MAX_PAGES: usize = 1000;

/// Beside pulls, all are listed so often.
const LIST_EVERY: Duration = Duration::from_millis(100);

const REPOSITORY: &str = "bench/tags";

const KINDS: [(&str, &str); 2] = [("all at once", ""), ("by pages of 100", "?n=100")];

pub(crate) fn run(hosts: &Hosts, settings: &Settings) -> Result<Vec<Row>, Error> {
    let tags = if settings.is_quick { TAGS / 10 } else { TAGS };
    let mut pushes = Row::new(
        format!("push of {tags} small manifests by 8: each"),
        "ms",
        2,
    )
    .target(Target::AtMost(1.0, Who::DockerRegistry));
    let mut push_cpu = Row::new("the same: CPU time of each", "ms", 2)
        .target(Target::AtMost(1.0, Who::DockerRegistry));
    let mut servers = Vec::new();
    #[expect(clippy::cast_precision_loss, reason = "ten thousand")]
    let count = tags as f64;
    for (who, name) in HOSTS.iter().zip(["tags-a", "tags-b"]) {
        let server = hosts.start(*who, &hosts.empty_dir(name)?)?;
        let (before, began) = (server.cpu_seconds()?, hosts.elapsed());
        push(hosts, *who, tags)?;
        let took = hosts.elapsed().saturating_sub(began).as_secs_f64();
        pushes.add(*who, took * 1e3 / count);
        push_cpu.add(*who, (server.cpu_seconds()? - before) * 1e3 / count);
        servers.push((*who, server));
    }
    let mut rows = vec![pushes, push_cpu];
    for (how, query) in KINDS {
        let mut time = Row::new(format!("{tags} tags listed {how}: time"), "ms", 1)
            .target(Target::AtMost(1.0, Who::DockerRegistry));
        let mut cpu = Row::new("the same: CPU time", "ms", 1)
            .target(Target::AtMost(1.0, Who::DockerRegistry));
        for _ in 0..settings.rounds {
            for (who, server) in &servers {
                let (before, began) = (server.cpu_seconds()?, hosts.elapsed());
                for _ in 0..LISTS {
                    list_all(&tag_list(hosts, *who, query), tags)?;
                }
                let took = hosts.elapsed().saturating_sub(began).as_secs_f64();
                time.add(*who, took * 1e3 / f64::from(LISTS));
                let spent = server.cpu_seconds()? - before;
                cpu.add(*who, spent * 1e3 / f64::from(LISTS));
            }
        }
        rows.extend([time, cpu]);
    }
    for (who, _) in &servers {
        pushed::push(hosts, *who)?;
    }
    for (how, query) in KINDS {
        let mut beside = Beside::of(&format!("{tags} tags are listed {how}, ten times a second"));
        for _ in 0..settings.rounds {
            for (who, _) in &servers {
                let list = tag_list(hosts, *who, query);
                let waited = waits_beside(hosts, (*who, settings), || list_all(&list, tags))?;
                beside.add(*who, waited);
            }
        }
        rows.extend(beside.rows());
    }
    let mut memory = Row::new("idle again with so many tags: resident memory", "MB", 1);
    for (who, server) in &servers {
        memory.add(*who, server.resident_mb()?);
    }
    rows.push(memory);
    Ok(rows)
}

fn tag_list(hosts: &Hosts, who: Who, query: &str) -> Url {
    hosts.url(who, &format!("/v2/{REPOSITORY}/tags/list{query}"))
}

/// The p99 of those who pull the warm image with nothing beside, and while `work` is done every [`LIST_EVERY`], in milliseconds.
fn waits_beside(
    hosts: &Hosts,
    (who, settings): (Who, &Settings),
    mut work: impl FnMut() -> Result<(), Error>,
) -> Result<(f64, f64), Error> {
    let path = format!("/v2/{}/manifests/1", pushed::REPOSITORY);
    let url = hosts.url(who, &path);
    let before = alone(&url, settings)?;
    let (waits, ()) = steady(&url, || {
        let began = hosts.elapsed();
        loop {
            let passed = hosts.elapsed().saturating_sub(began);
            if passed > settings.load {
                return Ok(());
            }
            work()?;
            let worked = hosts.elapsed().saturating_sub(began + passed);
            sleep(LIST_EVERY.saturating_sub(worked));
        }
    })?;
    Ok((before, p99_ms(waits)))
}

fn push(hosts: &Hosts, who: Who, tags: usize) -> Result<(), Error> {
    let at = hosts.url(who, "/v2/");
    let config = Blob::new(0, b"tags");
    Pusher::open(&at)?.push_blob(REPOSITORY, &config, Way::Whole)?;
    let config = std::slice::from_ref(&config);
    let work = |first: usize| {
        let mut pusher = Pusher::open(&at)?;
        for number in (first..tags).step_by(PUSHERS) {
            let bytes = manifest(config, &number.to_string());
            pusher.push_manifest(REPOSITORY, &format!("v{number}"), &bytes)?;
        }
        Ok(())
    };
    scope(|scope| {
        let pushers: Vec<_> = (0..PUSHERS)
            .map(|first| scope.spawn(move || work(first)))
            .collect();
        pushers.into_iter().try_for_each(|pusher| {
            let panicked = |_| Err(Error::program("bench", "a pusher panicked"));
            pusher.join().unwrap_or_else(panicked)
        })
    })
}

/// Reads a list, which must have so many tags.
fn list_all(url: &Url, tags: usize) -> Result<(), Error> {
    let listed = list(url)?;
    if listed != tags {
        return Err(url.wrong(format!("{listed} tags of {tags}")));
    }
    Ok(())
}

/// How many tags a list has: those in quotes behind its key. What is measured beside it must not wait for us to read JSON.
fn count(body: &[u8]) -> Option<usize> {
    const KEY: &[u8] = b"\"tags\":[";
    let at = body.windows(KEY.len()).position(|bytes| bytes == KEY)?;
    let quotes = body[at + KEY.len()..].iter().filter(|byte| **byte == b'"');
    Some(quotes.count() / 2)
}

/// Reads a list to its last page; how many tags it has.
fn list(url: &Url) -> Result<usize, Error> {
    let mut connection = Connection::open(url.address)?;
    let mut url = url.clone();
    let mut listed = 0;
    for _ in 0..MAX_PAGES {
        let answer = connection.exchange("GET", &url, &[])?;
        if answer.status != 200 {
            return Err(url.wrong(format!("status {}", answer.status)));
        }
        listed += count(&answer.body).ok_or_else(|| url.wrong("no list"))?;
        let link = answer.find_field("link").unwrap_or_default();
        let next = link.strip_prefix('<').and_then(|rest| rest.split_once('>'));
        match next {
            Some((path, _)) if path.starts_with('/') => path.clone_into(&mut url.path),
            Some((location, _)) => url = url.redirected(location)?,
            None => return Ok(listed),
        }
    }
    Err(url.wrong("a list without end"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_a_list_are_counted_as_they_come() {
        for (body, tags) in [
            (r#"{"name":"a","tags":["1","2"]}"#, Some(2)),
            (r#"{"name":"tags","tags":[]}"#, Some(0)),
            (r#"{"errors":[]}"#, None),
        ] {
            assert_eq!(count(body.as_bytes()), tags, "{body}");
        }
    }
}
