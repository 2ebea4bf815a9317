//! What the program is told on its command line, and the hub that follows from it.

use clap::Parser;
use hub_sim::{HubSim, Image, RetryAfter, hours, minutes};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// A Docker Hub in a box: tokens, manifests, blobs and pull limits on loopback.
#[derive(Debug, Parser)]
#[command(name = "hub-sim", version)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own on the command line"
)]
pub(crate) struct Args {
    /// Where the registry listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7000")]
    listen: SocketAddr,
    /// Where the blob host listens, to which the registry redirects
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.9:7001")]
    blob_listen: SocketAddr,
    /// Where the token service listens [default: the registry's address]
    #[arg(long, value_name = "ADDRESS")]
    token_listen: Option<SocketAddr>,
    /// Anonymous pulls for each address in a window, or `none`
    #[arg(long, value_name = "PULLS", default_value = "100", value_parser = parse_limit)]
    limit: Limit,
    /// The length of the window of all pull limits (90s, 15m, 6h)
    #[arg(long, value_name = "TIME", default_value = "6h", value_parser = parse_time)]
    window: Duration,
    /// Requests of any kind a minute for each address before the abuse limit answers
    #[arg(long, value_name = "REQUESTS")]
    abuse_limit: Option<u64>,
    /// Seconds that a pull-limit 429 names in Retry-After [default: no such header]
    #[arg(long, value_name = "SECONDS")]
    retry_after: Option<u64>,
    /// An account; without a limit of pulls in the window it has none
    #[arg(long = "account", value_name = "USER:PASSWORD[:PULLS]", value_parser = parse_account)]
    accounts: Vec<Account>,
    /// A repository that only these accounts may pull from
    #[arg(long = "private", value_name = "NAME=USER[,USER…]", value_parser = parse_private)]
    private: Vec<Private>,
    /// An image and the sizes of its layers [default: library/nginx:1.27=1MB,30MB and library/alpine:latest=3MB]
    #[arg(long = "image", value_name = "NAME:TAG=SIZE[,SIZE…]", value_parser = parse_image)]
    images: Vec<Pushed>,
    /// Platforms of every image, which makes them indexes (linux/amd64,linux/arm64)
    #[arg(long, value_name = "PLATFORMS", value_delimiter = ',')]
    platforms: Vec<String>,
    /// Adds attestation manifests to every image
    #[arg(long)]
    attestations: bool,
    /// Bytes a second on each connection (500kB, 100MB)
    #[arg(long, value_name = "BYTES", value_parser = parse_size)]
    rate: Option<u64>,
    /// Bytes a second over all connections
    #[arg(long, value_name = "BYTES", value_parser = parse_size)]
    total_rate: Option<u64>,
    /// Takes every client to come from this address
    #[arg(long, value_name = "IP")]
    see_clients_as: Option<IpAddr>,
    /// The registry serves blobs itself, without a redirect
    #[arg(long)]
    blobs_inline: bool,
    /// Asks nobody for a token
    #[arg(long)]
    open: bool,
    /// Prints every request
    #[arg(long)]
    pub(crate) log: bool,
}

/// Pulls in a window, or as many as one likes.
#[derive(Clone, Copy, Debug)]
struct Limit(Option<u64>);

#[derive(Clone, Debug)]
struct Account {
    user: String,
    password: String,
    pulls: Option<u64>,
}

#[derive(Clone, Debug)]
struct Private {
    repository: String,
    readers: Vec<String>,
}

#[derive(Clone, Debug)]
struct Pushed {
    reference: String,
    layers: Vec<u64>,
}

impl Args {
    /// The hub that was asked for, in real time.
    pub(crate) fn into_sim(self) -> HubSim {
        let mut sim = HubSim::new()
            .real_time()
            .listen(self.listen)
            .blob_listen(self.blob_listen);
        sim = match self.token_listen {
            Some(address) => sim.token_listen(address),
            None => sim.tokens_at_registry(),
        };
        if let Limit(Some(pulls)) = self.limit {
            sim = sim.anonymous_limit(pulls, self.window);
        }
        if let Some(requests) = self.abuse_limit {
            sim = sim.abuse_limit(requests, minutes(1));
        }
        if let Some(seconds) = self.retry_after {
            sim = sim.retry_after(RetryAfter::Seconds(seconds));
        }
        for Account {
            user,
            password,
            pulls,
        } in &self.accounts
        {
            sim = sim.account(user, password, pulls.map(|pulls| (pulls, self.window)));
        }
        sim = self.push_images(sim);
        for Private {
            repository,
            readers,
        } in &self.private
        {
            let readers: Vec<&str> = readers.iter().map(String::as_str).collect();
            sim = sim.private(repository, &readers);
        }
        self.shape(sim)
    }

    fn push_images(&self, mut sim: HubSim) -> HubSim {
        let shown = [
            Pushed {
                reference: "library/nginx:1.27".to_owned(),
                layers: vec![1_000_000, 30_000_000],
            },
            Pushed {
                reference: "library/alpine:latest".to_owned(),
                layers: vec![3_000_000],
            },
        ];
        let platforms: Vec<&str> = self.platforms.iter().map(String::as_str).collect();
        let images = if self.images.is_empty() {
            &shown[..]
        } else {
            &self.images
        };
        for Pushed { reference, layers } in images {
            let mut image = Image::with_layers(layers).platforms(&platforms);
            if self.attestations {
                image = image.attestations();
            }
            sim = sim.image(reference, image);
        }
        sim
    }

    fn shape(&self, mut sim: HubSim) -> HubSim {
        if let Some(rate) = self.rate {
            sim = sim.rate(rate);
        }
        if let Some(rate) = self.total_rate {
            sim = sim.total_rate(rate);
        }
        if let Some(address) = self.see_clients_as {
            sim = sim.see_clients_as(address);
        }
        if self.blobs_inline {
            sim = sim.blobs_inline();
        }
        if self.open {
            sim = sim.open();
        }
        sim
    }
}

fn parse_private(text: &str) -> Result<Private, String> {
    let (repository, readers) = text
        .split_once('=')
        .filter(|(repository, _)| !repository.is_empty())
        .ok_or_else(|| "a repository and its accounts, as team/app=alice,bob".to_owned())?;
    let readers = readers.split(',').filter(|reader| !reader.is_empty());
    Ok(Private {
        repository: repository.to_owned(),
        readers: readers.map(str::to_owned).collect(),
    })
}

fn parse_limit(text: &str) -> Result<Limit, String> {
    if text == "none" {
        return Ok(Limit(None));
    }
    let pulls = text
        .parse()
        .map_err(|_| "a number of pulls, or none".to_owned())?;
    Ok(Limit(Some(pulls)))
}

fn parse_time(text: &str) -> Result<Duration, String> {
    let (number, unit) = split_number(text)?;
    match unit {
        "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(minutes(number)),
        "h" => Ok(hours(number)),
        _ => Err("a time needs a unit: s, m or h".to_owned()),
    }
}

fn parse_size(text: &str) -> Result<u64, String> {
    let (number, unit) = split_number(text)?;
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return Err("sizes are given in B, kB, MB, GB, KiB, MiB or GiB".to_owned()),
    };
    number
        .checked_mul(factor)
        .ok_or_else(|| "too large".to_owned())
}

fn split_number(text: &str) -> Result<(u64, &str), String> {
    let end = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number = number
        .parse()
        .map_err(|_| format!("{text:?} begins with no number"))?;
    Ok((number, unit.trim()))
}

fn parse_account(text: &str) -> Result<Account, String> {
    let mut parts = text.splitn(3, ':');
    let (Some(user), Some(password)) = (parts.next(), parts.next()) else {
        return Err("an account is USER:PASSWORD or USER:PASSWORD:PULLS".to_owned());
    };
    let pulls = parts.next().map(str::parse).transpose();
    Ok(Account {
        user: user.to_owned(),
        password: password.to_owned(),
        pulls: pulls.map_err(|_| "PULLS is a number".to_owned())?,
    })
}

fn parse_image(text: &str) -> Result<Pushed, String> {
    let (reference, sizes) = text
        .split_once('=')
        .ok_or("an image is NAME:TAG=SIZE[,SIZE…]")?;
    let layers = sizes.split(',').map(parse_size).collect::<Result<_, _>>()?;
    Ok(Pushed {
        reference: reference.to_owned(),
        layers,
    })
}

#[cfg(test)]
mod tests {
    use super::{Args, parse_image, parse_size, parse_time};
    use clap::{CommandFactory as _, Parser as _};
    use std::time::Duration;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn sizes_and_times_have_units() {
        assert_eq!(parse_size("100MB"), Ok(100_000_000));
        assert_eq!(parse_size("4KiB"), Ok(4096));
        assert_eq!(parse_size("7"), Ok(7));
        assert!(parse_size("MB").is_err() && parse_size("1 parsec").is_err());
        assert_eq!(parse_time("6h"), Ok(Duration::from_hours(6)));
        assert!(parse_time("6").is_err());
    }

    #[test]
    fn an_image_is_a_reference_and_the_sizes_of_its_layers() {
        let pushed = parse_image("library/nginx:1.27=1MB,2kB").unwrap();
        assert_eq!(pushed.reference, "library/nginx:1.27");
        assert_eq!(pushed.layers, [1_000_000, 2_000]);
    }

    #[tokio::test]
    async fn the_options_make_the_hub_that_they_describe() {
        let line = "hub-sim --listen 127.0.0.1:0 --blob-listen 127.0.0.9:0 --account alice:secret:5 \
            --image a/b:1=10kB --platforms linux/amd64,linux/arm64 --attestations";
        let hub = Args::parse_from(line.split_ascii_whitespace())
            .into_sim()
            .start()
            .await;
        assert_eq!(hub.children("a/b:1").len(), 4);
        assert_eq!(hub.token_host(), hub.host());
        assert_eq!(hub.remaining([127, 0, 0, 1].into()), Some(100));
    }
}
