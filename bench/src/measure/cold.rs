//! How long a blob takes that nobody has yet, from an upstream whose connections are shaped.

use crate::client::download;
use crate::error::Error;
use crate::lab::Lab;
use crate::report::{Row, Target, Who};
use crate::settings::Settings;

/// Who downloads; nginx has no upstream.
const PULLERS: [Who; 3] = [Who::Direct, Who::Forebay, Who::DockerRegistry];

pub(crate) fn run(lab: &Lab, settings: &Settings) -> Result<Vec<Row>, Error> {
    let mut row = Row::new("cold 100 MB blob, upstream at 100 MB/s: time", "s", 3)
        .target(Target::AtMost(1.1, Who::Direct));
    let _servers = [lab.start(Who::Forebay)?, lab.start(Who::DockerRegistry)?];
    let mut blobs = lab.content().cold.iter();
    for _ in 0..settings.rounds {
        for (who, digest) in PULLERS.into_iter().zip(blobs.by_ref()) {
            let url = lab.url(who, &format!("/v2/library/cold/blobs/{digest}"));
            let began = lab.elapsed();
            let got = download(&url)?;
            row.add(who, lab.elapsed().saturating_sub(began).as_secs_f64());
            if got.to_string() != *digest {
                return Err(url.wrong(format!("the bytes of {got}")));
            }
        }
    }
    Ok(vec![row])
}
