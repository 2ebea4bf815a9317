//! Any text as what is deployed, and behind a `\x01` as what `aws` answers: counts have a least that is not above their most, and nothing panics.
#![no_main]

use forebay_forecast::preflight::{Outcome, names, secret, secrets, stack};
use forebay_forecast::{Fleet, ImageUse, Scalers, elsewhere::elsewhere};
use forebay_references::{Settings, find};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (bool, u8, &str)| {
    let (is_ok, nodes, text) = input;
    let (text, answer) = text.split_once('\x01').unwrap_or((text, text));
    let mut scalers = Scalers::default();
    scalers.read(text);
    let fleet = Fleet {
        nodes: (nodes > 0).then(|| u64::from(nodes)),
        ..Fleet::default()
    };
    let image = "nginx:1.27".parse().expect("an image");
    for path in ["deploy.yaml", "compose.yaml", "main.tf", "task.json"] {
        for place in find(path, text.as_bytes(), &Settings::default()).places {
            let scaled = scalers.replicas_of(&place.owner);
            let used = ImageUse::of((&place.owner, scaled), path.to_owned(), &image, &fleet);
            for count in [used.starts, used.machines] {
                assert!(
                    count.most.is_none_or(|most| count.least <= most),
                    "{used:?}"
                );
            }
        }
        elsewhere(path, text);
    }
    let outcome = Outcome::Ended {
        is_ok,
        out: answer.to_owned(),
        err: answer.to_owned(),
    };
    let checks = names(text, None).into_iter();
    for check in checks.chain(secrets(text).iter().map(|arn| secret(arn))) {
        check.read(&outcome);
    }
    stack("web", None).read(&outcome);
});
