//! `--check`: has the client pull an image, and reads in the ledger whether it came through Forebay.

use std::path::Path;
use std::time::Duration;

use forebay_api_admin::{OneRepository, TopRequest};
use forebay_config::{Config, Sources, load};
use forebay_content::PullOrder;
use forebay_ledger::TopReport;
use forebay_oci::ImageName;
use forebay_server::ask_running;
use forebay_setup::{Address, Client, ProbeWay, Reach, Served, Verdict, probe_ways};
use forebay_terminal::{ExitStatus, Failure, Printer};

use crate::command::{Args, address_of, failure, order};
use crate::disk::Disk;
use crate::run_steps::run_one;
use crate::weigh::weigh;

/// How far back the ledger is read, in milliseconds: more than a pull takes.
const WITHIN_MS: u64 = 3 * 60 * 60 * 1_000;

/// How many spenders are read.
const MAX_SPENDERS: u32 = 1_000;

/// How often the ledger is read again for what is still missing, and how long it is waited in between: an answer is
/// written down when it has ended.
const READINGS: usize = 10;
const BETWEEN_READINGS: Duration = Duration::from_millis(200);

/// Checks that a client pulls through Forebay.
///
/// # Errors
/// No Forebay runs here, or the client cannot be had to pull.
pub(crate) async fn check(
    args: &Args,
    sources: &Sources,
    disk: &Disk,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    let config = load(sources)?;
    let address = match &args.address {
        Some(address) => address.clone(),
        None => address_of(&config)?,
    };
    let image: ImageName = args
        .probe_image
        .parse()
        .map_err(|error| Failure::failed(format!("{} is no image", args.probe_image), error))?;
    let name = format!("{}/{}:{}", image.registry, image.repository, tag(&image)?);
    let ledger = Ledger {
        data: &config.data,
        image: &image,
    };
    let way = find_way(args, &certs_d(args, disk)?, &name).await?;
    // Before anything is pulled: whether one runs, and whether the client would ask it and not the registry.
    ledger.read().await?;
    if let Some(file) = find_unpointed(args, &config, (&image, &address), disk)? {
        printer.line(format_args!(
            "NO: {file} does not lead {} to {address} for {}: nothing was pulled",
            args.client, image.registry
        ));
        printer.note(format_args!(
            "forebay setup {} --write installs it; where it was set up for another address, name that with --address",
            args.client
        ));
        return Ok(ExitStatus::Findings);
    }
    let probe = Probe {
        address,
        ledger,
        way,
        name,
    };
    let verdict = probe.run(printer).await?;
    for line in probe.told(verdict) {
        printer.line(line);
    }
    if let Some(note) = probe.way.note {
        printer.note(format_args!("note: {note}"));
    }
    Ok(if verdict.is_good() {
        ExitStatus::Ok
    } else {
        ExitStatus::Findings
    })
}

/// The client's file, where none of its files leads it to Forebay for the image: what it pulls would come from the registry, at its
/// pull limit.
fn find_unpointed(
    args: &Args,
    config: &Config,
    (image, address): (&ImageName, &Address),
    disk: &Disk,
) -> Result<Option<String>, Failure> {
    let order = order(args, config, vec![image.registry.clone()])?;
    let door = order.doors.get(&image.registry).unwrap_or(address);
    let door = door.to_string();
    let authority = door.split_once("://").map_or(&*door, |(_, rest)| rest);
    let plan = forebay_setup::plan(&order, disk).map_err(failure)?;
    for file in &plan.files {
        let now = disk.read_now(&file.path);
        let now =
            now.map_err(|error| Failure::failed(format!("cannot read {}", file.path), error))?;
        if now.is_some_and(|text| names(&text, authority)) {
            return Ok(None);
        }
    }
    let first = plan.files.first();
    Ok(first.map(|file| file.path.clone()))
}

/// True if the text has this host and port, and not as a part of others: `127.0.0.1:5000` is no part of `127.0.0.1:50001`.
fn names(text: &str, authority: &str) -> bool {
    let goes_on = |next: char| next.is_ascii_alphanumeric() || "-.".contains(next);
    let is_port = |rest: &str| {
        let port = rest.strip_prefix(':');
        port.is_some_and(|port| port.starts_with(|first: char| first.is_ascii_digit()))
    };
    text.match_indices(authority).any(|(start, found)| {
        let (before, after) = (&text[..start], &text[start + found.len()..]);
        !before.ends_with(goes_on) && !after.starts_with(goes_on) && !is_port(after)
    })
}

fn tag(image: &ImageName) -> Result<String, Failure> {
    match &image.reference {
        forebay_oci::Reference::Tag(tag) => Ok(tag.to_string()),
        forebay_oci::Reference::Digest(_) => Err(Failure::plain(
            "the image to probe with is named by a tag, not by a digest",
        )),
    }
}

/// Where containerd looks for the files of registries, as its configuration says.
fn certs_d(args: &Args, disk: &Disk) -> Result<String, Failure> {
    let file = args
        .file
        .as_deref()
        .filter(|_| args.client == Client::Containerd);
    let usual = Reach::of(Client::Containerd, file, None);
    let path = usual.files.first().map_or("", String::as_str);
    let read = disk.read_now(path);
    let text = read.map_err(|error| Failure::failed(format!("cannot read {path}"), error))?;
    let reach = Reach::of(Client::Containerd, file, text.as_deref());
    // What its configuration names comes after what is usual.
    Ok(reach.certs_d.into_iter().next_back().unwrap_or_default())
}

/// The first way whose program is there.
async fn find_way(args: &Args, certs_d: &str, name: &str) -> Result<ProbeWay, Failure> {
    let ways = probe_ways(args.client, name, certs_d);
    for way in &ways {
        let program = way.pull.first().map(String::as_str).unwrap_or_default();
        if run_one(&[program, "--version"]).await.is_ok() {
            return Ok(way.clone());
        }
    }
    let programs: Vec<&str> = ways
        .iter()
        .filter_map(|way| Some(way.pull.first()?.as_str()))
        .collect();
    let what = if programs.is_empty() {
        format!("{} cannot be had to pull from here", args.client)
    } else {
        format!(
            "none of the programs that would pull is installed: {}",
            programs.join(", ")
        )
    };
    Err(Failure::plain(what)
        .with_hint("pull an image with it, and see whether forebay top --once tells of it"))
}

struct Probe<'a> {
    address: Address,
    ledger: Ledger<'a>,
    way: ProbeWay,
    name: String,
}

impl Probe<'_> {
    async fn run(&self, printer: &Printer) -> Result<Verdict, Failure> {
        let (is_ok, said) = self.client(&self.way.has).await?;
        let had = is_ok && !(self.way.is_told_by_output && said.is_empty());
        // Asked before the ledger is read first, so that this does not count as the client's.
        let needed = if had {
            None
        } else {
            weigh(&self.address, self.ledger.image).await
        };
        if had {
            printer.note(format_args!(
                "the client has {} already, so that it asks for little",
                self.name
            ));
        } else if needed.is_none() {
            printer.note(
                "Forebay could not be asked how large the image is: only requests are counted",
            );
        }
        let before = self.ledger.read().await?;
        let (pulled, said) = self.client(&self.way.pull).await?;
        let served = self.ledger.since(before, needed).await?;
        if pulled && !had {
            self.client(&self.way.forget).await?;
        }
        if !pulled {
            printer.note(said);
        }
        Ok(Verdict::of(pulled, served, needed))
    }

    async fn client(&self, words: &[String]) -> Result<(bool, String), Failure> {
        let line: Vec<&str> = words.iter().map(String::as_str).collect();
        let ran = run_one(&line).await;
        let ran =
            ran.map_err(|error| Failure::failed(format!("cannot run {}", words.join(" ")), error))?;
        Ok((ran.is_ok, ran.said))
    }

    fn told(&self, verdict: Verdict) -> Vec<String> {
        let (name, address) = (&self.name, &self.address);
        match verdict {
            Verdict::Here => vec![format!("yes: {name} came through {address}, all of it")],
            Verdict::Partly { missing } => vec![
                format!(
                    "NO: {name} was asked for at {address}, and {missing} bytes of it came from elsewhere"
                ),
                "the client went on to the registry under way, at its own pull limit, or had some layers already"
                    .to_owned(),
            ],
            Verdict::WentOn => vec![
                format!(
                    "NO: {name} was asked for at {address}, got an error, and came from elsewhere"
                ),
                "the log of forebay serve says why; the client fell back to the registry"
                    .to_owned(),
            ],
            Verdict::Elsewhere => vec![
                format!("NO: {name} was not asked for at {address}: it came from elsewhere"),
                "is the configuration written (--write), and has the client read it again?"
                    .to_owned(),
            ],
            Verdict::Failed { asked: true } => {
                vec![format!(
                    "NO: {name} was asked for at {address}, and the pull failed"
                )]
            }
            Verdict::Failed { asked: false } => vec![format!(
                "NO: the pull of {name} failed, and it was not asked for at {address}"
            )],
        }
    }
}

/// What the ledger of the running server tells of one repository.
struct Ledger<'a> {
    data: &'a Path,
    image: &'a ImageName,
}

impl Ledger<'_> {
    async fn read(&self) -> Result<Served, Failure> {
        let request = TopRequest {
            within_ms: WITHIN_MS,
            order: PullOrder::Requests,
            limit: MAX_SPENDERS,
            // On a busy server a probe is among the least.
            of: Some(OneRepository {
                upstream: self.image.registry.clone(),
                repository: self.image.repository.to_string(),
            }),
        };
        let report: Option<TopReport> = ask_running(self.data, "/top", &request).await?;
        let Some(report) = report else {
            let what = format!(
                "no server runs on the data directory {}",
                self.data.display()
            );
            let hint = "name the directory of the one that the client asks with --data, or its --config; on another \
                        machine, pull an image here and look at forebay top there";
            return Err(Failure::plain(what).with_hint(hint));
        };
        Ok(report
            .spent
            .iter()
            .fold(Served::default(), |sum, row| Served {
                requests: sum.requests + row.counts.requests,
                bytes: sum.bytes + row.counts.bytes_cache + row.counts.bytes_upstream,
                errors: sum.errors + row.counts.errors,
            }))
    }

    /// What was served since a reading; waits a little for what is `needed` to be written down.
    async fn since(&self, before: Served, needed: Option<u64>) -> Result<Served, Failure> {
        let mut served = Served::default();
        for _ in 0..READINGS {
            let now = self.read().await?;
            served = Served {
                requests: now.requests.saturating_sub(before.requests),
                bytes: now.bytes.saturating_sub(before.bytes),
                errors: now.errors.saturating_sub(before.errors),
            };
            if served.requests > 0 && served.bytes >= needed.unwrap_or(0) {
                break;
            }
            tokio::time::sleep(BETWEEN_READINGS).await;
        }
        Ok(served)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    /// Where a check looks on a machine whose file says this of containerd.
    fn looks_in(client: &str, file: &str, text: &str) -> String {
        let root = tempfile::tempdir().expect("a folder");
        let place = root.path().join(file.trim_start_matches('/'));
        fs::create_dir_all(place.parent().expect("its folder")).expect("folders");
        fs::write(place, text).expect("a file");
        let mut words = vec!["setup", client, "--check"];
        if file != "/etc/containerd/config.toml" {
            words.extend(["--file", file]);
        }
        let Cli { args } = Cli::try_parse_from(words).expect("arguments");
        let disk = Disk::open(root.path().to_owned(), args.client, args.file.as_deref());
        let disk = disk.unwrap_or_else(|_| unreachable!("a folder without a record"));
        certs_d(&args, &disk).unwrap_or_else(|_| unreachable!("it can be read"))
    }

    #[test]
    fn an_address_is_named_as_a_whole() {
        for (text, authority, is_named) in [
            ("http://127.0.0.1:5000", "127.0.0.1:5000", true),
            ("[\"127.0.0.1:5000\"]", "127.0.0.1:5000", true),
            ("127.0.0.1:5000/v2/", "127.0.0.1:5000", true),
            ("127.0.0.1:5000:", "127.0.0.1:5000", true),
            ("127.0.0.1:50001, 127.0.0.1:5000", "127.0.0.1:5000", true),
            ("http://127.0.0.1:50001", "127.0.0.1:5000", false),
            ("http://10.127.0.0.1:5000", "27.0.0.1:5000", false),
            ("https://cache.example/", "cache.example", true),
            ("https://cache.example:5000/", "cache.example", false),
            ("https://cache.example.org/", "cache.example", false),
            ("https://my-cache.example/", "cache.example", false),
            ("", "127.0.0.1:5000", false),
        ] {
            assert_eq!(names(text, authority), is_named, "{authority} in {text}");
        }
    }

    #[test]
    fn a_check_has_containerd_look_where_its_configuration_says() {
        let usual = "/etc/containerd/config.toml";
        let named = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"/opt/certs.d\"\n";
        for client in ["containerd", "kubernetes"] {
            assert_eq!(looks_in(client, usual, named), "/opt/certs.d");
            assert_eq!(
                looks_in(client, usual, "version = 2\n"),
                "/etc/containerd/certs.d"
            );
        }
        assert_eq!(looks_in("containerd", "/opt/c.toml", named), "/opt/certs.d");
    }
}
