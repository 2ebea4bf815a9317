//! What a push of an image of 10 × 50 MB costs, four uploads at a time, and what the disk and SHA-256 alone take for as much.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::scope;

use forebay_oci::{Algorithm, Hasher};

use crate::error::Error;
use crate::hosts::{HOSTS, Hosts};
use crate::pusher::{Blob, Pusher, Way, manifest};
use crate::report::{Row, Target, Who};
use crate::settings::Settings;

/// Layers of the image.
const LAYERS: u64 = 10;

/// The bytes of each.
const LAYER_BYTES: usize = 50_000_000;

/// Uploads at a time: docker's are five, podman's six.
const UPLOADS: usize = 4;

/// As in what clients send, in bytes.
const PIECE_BYTES: usize = 64 * 1024;

const REPOSITORY: &str = "bench/push";

const WAYS: [(Way, &str); 2] = [
    (Way::Streamed, "PATCH of chunks, as docker does"),
    (Way::Whole, "PUT of the whole, as podman does"),
];

/// Writes and hashes one blob of the machine's own.
type Alone<'a> = &'a (dyn Fn(&Blob<'_>) -> Result<(), Error> + Sync);

pub(crate) fn run(hosts: &Hosts, settings: &Settings) -> Result<Vec<Row>, Error> {
    let rest = noise(LAYER_BYTES - 64);
    let mut rows = Vec::new();
    let mut peak = Row::new("the same pushes: most resident memory", "MB", 1)
        .target(Target::AtMost(1.0, Who::DockerRegistry));
    let mut number = 0;
    for (way, how) in WAYS {
        let mut time = Row::new(format!("push of 10 × 50 MB, {how}: time"), "s", 2)
            .target(Target::AtMost(1.0, Who::DockerRegistry));
        let mut cpu =
            Row::new("the same: CPU time", "s", 2).target(Target::AtMost(1.0, Who::DockerRegistry));
        for _ in 0..settings.rounds.min(5) {
            number += LAYERS;
            let blobs: Vec<_> = (number..number + LAYERS)
                .map(|number| Blob::new(number, &rest))
                .collect();
            for who in HOSTS {
                let data = hosts.empty_dir("push")?;
                let server = hosts.start(who, &data)?;
                rustix::fs::sync();
                let (before, began) = (server.cpu_seconds()?, hosts.elapsed());
                push(hosts, who, &blobs, way)?;
                time.add(who, hosts.elapsed().saturating_sub(began).as_secs_f64());
                cpu.add(who, server.cpu_seconds()? - before);
                peak.add(who, server.peak_resident_mb()?);
            }
            let dir = hosts.empty_dir("push")?;
            rustix::fs::sync();
            let began = hosts.elapsed();
            let cpu_before = own_cpu_seconds();
            each(&blobs, &|blob| keep(&dir, blob))?;
            time.add(
                Who::Direct,
                hosts.elapsed().saturating_sub(began).as_secs_f64(),
            );
            cpu.add(Who::Direct, own_cpu_seconds() - cpu_before);
        }
        rows.extend([time, cpu]);
    }
    hosts.empty_dir("push")?;
    rows.push(peak);
    Ok(rows)
}

fn push(hosts: &Hosts, who: Who, blobs: &[Blob<'_>], way: Way) -> Result<(), Error> {
    let at = hosts.url(who, "/v2/");
    each(blobs, &|blob| {
        Pusher::open(&at)?.push_blob(REPOSITORY, blob, way)
    })?;
    let bytes = manifest(blobs, "push");
    Pusher::open(&at)?.push_manifest(REPOSITORY, "1", &bytes)?;
    Ok(())
}

/// Does it to each blob, some at a time.
fn each(blobs: &[Blob<'_>], act: Alone<'_>) -> Result<(), Error> {
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(blob) = blobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            act(blob)?;
        }
        Ok(())
    };
    scope(|scope| {
        let workers: Vec<_> = (0..UPLOADS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| {
            let panicked = |_| Err(Error::program("bench", "an uploader panicked"));
            worker.join().unwrap_or_else(panicked)
        })
    })
}

/// What no registry can do without: the bytes hashed, written and flushed to the disk.
fn keep(dir: &Path, blob: &Blob<'_>) -> Result<(), Error> {
    let path = dir.join(blob.digest.replace(':', "-"));
    let cannot = || Error::io(format!("cannot write {}", path.display()));
    let mut file = File::create(&path).map_err(cannot())?;
    let mut hasher = Hasher::new(Algorithm::Sha256);
    for piece in blob
        .parts()
        .iter()
        .flat_map(|part| part.chunks(PIECE_BYTES))
    {
        hasher.update(piece);
        file.write_all(piece).map_err(cannot())?;
    }
    file.sync_data().map_err(cannot())?;
    drop(file);
    if hasher.finish().to_string() != blob.digest {
        return Err(Error::program("bench", "hashes wrongly"));
    }
    fs::metadata(&path).map_err(cannot()).map(drop)
}

/// User and system time of this process so far.
fn own_cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "ticks of an hour fit")]
    let ticks = crate::process::cpu_ticks(&stat).unwrap_or_default() as f64;
    ticks / crate::process::TICKS_PER_SECOND
}

/// Bytes that do not repeat soon.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}
