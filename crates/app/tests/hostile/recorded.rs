//! What a program asked of its disk until it died, and what a loss of power at that moment would have left.
//!
//! The databases flush by themselves what they acknowledge: their files are taken as the kernel had them.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use forebay_blobs_fs::Disk;
use forebay_disk_faults::power_loss::{Change, Model, Recorder, Survival};

use crate::program::Setup;

/// Tells a program on a faulty disk where to write down what it asks of it.
const RECORD: &str = "TEST_RECORD";

/// What the record is called, beside the data directory.
const FILE: &str = "changes.jsonl";

/// What lies on the disk that is recorded, of a data directory.
const ON_DISK: [&str; 3] = ["blobs", "staging", "registry"];

/// The program with a record of its changes.
pub(crate) fn recorded(setup: Setup) -> Setup {
    let record = setup.folder().join(FILE);
    setup.env(RECORD, record.to_str().unwrap())
}

/// For the program itself: its disk, with a record of what happens in its data directory if that was asked for.
pub(crate) fn if_asked(disk: Arc<dyn Disk>, data: &Path) -> Arc<dyn Disk> {
    let Ok(record) = std::env::var(RECORD) else {
        return disk;
    };
    let record = Mutex::new(File::create(record).unwrap());
    let tell = move |change: Change| {
        let mut line = serde_json::to_vec(&change).unwrap();
        line.push(b'\n');
        record.lock().unwrap().write_all(&line).unwrap();
    };
    Arc::new(Recorder::telling(data, disk, tell).unwrap())
}

/// What was on the disk before the program ran in this folder.
pub(crate) fn before(folder: &Path) -> Model {
    Model::of(&folder.join("data")).unwrap()
}

/// Takes what the program asked of its disk there.
pub(crate) fn take(model: &mut Model, folder: &Path) {
    let record = fs::read(folder.join(FILE)).unwrap();
    for line in record.split(|byte| *byte == b'\n') {
        // Its last line it may have died over.
        if let Ok(change) = serde_json::from_slice(line) {
            model.apply(&change).unwrap();
        }
    }
}

/// Makes in the folder `to` what a loss of power would have left of the data directory in `folder`, whose program was killed.
pub(crate) fn lose_power(model: &Model, left: Survival, folder: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let copied = Command::new("cp")
        .arg("-a")
        .arg(folder.join("data"))
        .arg(to)
        .status();
    assert!(copied.unwrap().success());
    let restored = to.join("restored");
    fs::create_dir(&restored).unwrap();
    model.restore(&restored, left).unwrap();
    for name in ON_DISK {
        let place = to.join("data").join(name);
        if place.exists() {
            fs::remove_dir_all(&place).unwrap();
        }
        if restored.join(name).exists() {
            fs::rename(restored.join(name), place).unwrap();
        }
    }
    fs::remove_dir_all(restored).unwrap();
}
