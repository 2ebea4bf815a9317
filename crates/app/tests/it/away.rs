//! A volume that is not mounted where the data was: a start that begins anew there says so, and, where data must exist, none does.

use std::fs;
use std::path::Path;

use crate::program::Forebay;

const BEGUN: &str = "a new data directory was begun";
const FOUND: &str = "the data directory was found";
const REFUSED: &str = "`data_must_exist` is true: nothing is begun anew there";

#[tokio::test]
async fn a_start_says_whether_it_found_data_or_began_anew() {
    let program = Forebay::new().start().await;
    let told = program.log.line_with(BEGUN).await.expect("a line");
    assert!(told.contains("data"), "{told}");
    let ended = program.stop().await;
    assert!(!ended.log.contains(FOUND), "{}", ended.log);
    let program = ended.setup.start().await;
    assert!(program.log.line_with(FOUND).await.is_some());
    let ended = program.stop().await;
    assert!(!ended.log.contains(BEGUN), "{}", ended.log);
}

#[tokio::test]
async fn where_data_must_exist_no_start_and_no_command_begins_anew() {
    let ended = Forebay::new().start().await.stop().await;
    let setup = ended.setup.anew().with("data_must_exist = true");
    setup.start().await.stop().await;

    let (data, volume) = (setup.data(), setup.file("volume"));
    fs::rename(&data, &volume).expect("a volume that goes");
    for has_mount_point in [false, true] {
        if has_mount_point {
            fs::create_dir(&data).expect("a mount point");
        }
        let refused = setup.try_start().await.expect_err("nothing is there");
        assert_eq!(refused.status.code(), Some(3));
        assert!(refused.log.contains(REFUSED), "{}", refused.log);
        for hint in ["mount it", "--data", "FOREBAY_DATA_MUST_EXIST=false"] {
            assert!(refused.log.contains(hint), "{}", refused.log);
        }
        for command in [
            &["user", "add", "alice", "--generate"][..],
            &["repo", "create", "app"],
        ] {
            let refused = setup.run(command).await;
            assert_eq!(refused.status.code(), Some(3), "{}", refused.transcript());
            assert!(refused.log.contains(REFUSED), "{}", refused.log);
        }
        let checked = setup.run(&["config", "check"]).await;
        assert!(checked.status.success(), "{}", checked.transcript());
        let told = "where there is no data, and `data_must_exist` is true";
        assert!(checked.out.contains(told), "{}", checked.out);
        assert_eq!(data.exists(), has_mount_point);
        assert!(is_empty(&data), "nothing is made");
    }

    // Who means it begins anew once.
    let anew = setup.clone().env("FOREBAY_DATA_MUST_EXIST", "false");
    let program = anew.start().await;
    assert!(program.log.line_with(BEGUN).await.is_some());
    program.stop().await;

    fs::remove_dir_all(&data).expect("what was begun");
    fs::rename(&volume, &data).expect("a volume that is back");
    let program = setup.start().await;
    assert!(program.log.line_with(FOUND).await.is_some());
    program.stop().await;
}

fn is_empty(dir: &Path) -> bool {
    fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none()) || !dir.exists()
}
