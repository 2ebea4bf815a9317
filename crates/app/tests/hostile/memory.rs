//! No memory is left, in the middle of fills: the program may end, and what it leaves is whole. Fault 30.

use std::process::ExitStatus;
use std::sync::Arc;

use hub_sim::{Hub, HubSim, Image};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::crash::comes_back;
use crate::disks::{blob_files, keeps};
use crate::program::{Program, Setup};
use crate::pull::{Pulled, pull};

const WARM: &str = "library/warm:1";

/// Cold images, all asked for at once.
const COLD: usize = 12;

/// How much more memory the program gets than it has when the fills begin, in KiB: from nothing to more than enough.
const LEFT_KIB: [u64; 10] = [
    0, 4096, 16_384, 32_768, 36_864, 40_960, 45_056, 49_152, 57_344, ENOUGH_KIB,
];

const ENOUGH_KIB: u64 = 4_194_304;

async fn hub() -> Arc<Hub> {
    let mut hub = HubSim::new().image(WARM, Image::with_layers(&[3, 200_001]));
    for number in 0..COLD as u64 {
        let layers = Image::with_layers(&[2_000_001 + number, 131_072 + number, 7 + number]);
        hub = hub.image(&cold(number), layers);
    }
    Arc::new(hub.start().await)
}

fn cold(number: u64) -> String {
    format!("library/cold{number}:1")
}

#[tokio::test(flavor = "multi_thread")]
async fn without_memory_the_program_may_end_and_leaves_whole_objects() {
    let hub = hub().await;
    let mut ends = Vec::new();
    for left_kib in LEFT_KIB {
        let folder = TempDir::new().unwrap();
        let setup = Setup::before(&hub, folder.path());
        let program = setup.start();
        keeps(&program, &hub, WARM).await;
        leave(&program, left_kib);
        let whole = pull_all(&program, &hub).await;
        let status = program.stop().0;
        let at_rest = blob_files(&setup.data()).len();
        println!(
            "{left_kib} KiB left: {whole} of {COLD} pulled, {at_rest} objects at rest, then {status}"
        );
        assert!(
            left_kib < ENOUGH_KIB || (whole == COLD && status.success()),
            "there was enough"
        );
        ends.push(status);

        comes_back(folder.path(), left_kib).await;
        hub.go_down().await.unwrap();
        let alone = setup.start();
        let warm = pull(alone.address, &hub, WARM).await;
        assert_eq!(warm, Pulled::Whole, "{left_kib}: what was kept is served");
        assert!(alone.stop().0.success());
        hub.come_back().await.unwrap();
        let again = setup.start();
        assert_eq!(pull_all(&again, &hub).await, COLD, "{left_kib}");
        assert!(again.stop().0.success());
        let report = comes_back(folder.path(), left_kib).await;
        assert!(report.unrecorded.is_empty(), "{left_kib}: {report:?}");
    }
    let died = ends.iter().filter(|status| !ExitStatus::success(status));
    assert!(died.count() > 0, "memory was never short: {ends:?}");
}

/// How many of the cold images came whole; no answer was wrong.
async fn pull_all(program: &Program, hub: &Arc<Hub>) -> usize {
    let mut pulls = JoinSet::new();
    for number in 0..COLD as u64 {
        let (address, hub) = (program.address, Arc::clone(hub));
        pulls.spawn(async move { pull(address, &hub, &cold(number)).await });
    }
    let pulled = pulls.join_all().await;
    let whole = pulled.iter().filter(|pulled| **pulled == Pulled::Whole);
    whole.count()
}

/// Lets the program have so much more memory to write to than it has, and none above. (Not addresses, of which the allocator
/// takes far more than it uses.)
fn leave(program: &Program, kib: u64) {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.pid())).unwrap();
    let mapped = status.lines().find_map(|line| line.strip_prefix("VmData:"));
    let mapped: u64 = mapped
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    let most = Some((mapped + kib) * 1024);
    let limit = Rlimit {
        current: most,
        maximum: most,
    };
    let pid = Pid::from_raw(program.pid().cast_signed());
    prlimit(pid, Resource::Data, limit).unwrap();
}
