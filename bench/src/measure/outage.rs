//! How long a warm manifest by tag takes while the upstream is out of reach, before and right after a restart.

use std::time::Duration;

use crate::client::download;
use crate::error::Error;
use crate::lab::{Lab, Upstream};
use crate::report::{Row, Target, Who};
use crate::sample::percentile;
use crate::settings::Settings;

/// What 99 of 100 answers may take, in milliseconds.
const LATE_MS: f64 = 2000.0;

/// How often is asked each time. The first few are the slow ones, for they alone wait for the upstream's word: what follows finds
/// a check under way, or the breaker open. So p99 is told with the slowest beside it.
const ANSWERS: usize = 100;

/// What becomes of the upstream, and its name.
type Ailment = (&'static str, fn(&mut Upstream) -> Result<(), Error>);

/// In the order of the table.
const AILMENTS: [Ailment; 2] = [
    ("hangs", |upstream| upstream.hang()),
    ("refuses", |upstream| {
        upstream.go_down();
        Ok(())
    }),
];

/// The rows of one place in the story.
struct Figures {
    middle: Row,
    late: Row,
    slowest: Row,
}

pub(crate) fn run(lab: &Lab, settings: &Settings) -> Result<Vec<Row>, Error> {
    let mut rows = Vec::new();
    for (name, strike) in AILMENTS {
        let what = format!("warm manifest by tag, the upstream {name}");
        let mut before = Figures::of(&what);
        let mut after = Figures::of(&format!("{what}, right after a restart"));
        for round in 0..settings.rounds {
            let data = lab.make_dir(&format!("outage-{name}-{round}"))?;
            let mut upstream = lab.start_upstream()?;
            let server = lab.start_before(&upstream, &data)?;
            ask(lab)?;
            strike(&mut upstream)?;
            before.add(lab)?;
            drop(server);
            let _server = lab.start_before(&upstream, &data)?;
            after.add(lab)?;
        }
        rows.extend(before.rows());
        rows.extend(after.rows());
    }
    Ok(rows)
}

impl Figures {
    fn of(what: &str) -> Self {
        let row = |part: &str| Row::new(format!("{what}: {part}"), "ms", 1);
        Self {
            middle: row("p50"),
            late: row("p99").target(Target::Below(LATE_MS)),
            slowest: row("slowest"),
        }
    }

    /// Asks as often as is to be asked, one after another.
    fn add(&mut self, lab: &Lab) -> Result<(), Error> {
        let answers: Result<Vec<Duration>, Error> = (0..ANSWERS).map(|_| ask(lab)).collect();
        let answers = answers?;
        for (row, percent) in [
            (&mut self.middle, 50),
            (&mut self.late, 99),
            (&mut self.slowest, 100),
        ] {
            let took = percentile(answers.clone(), percent);
            row.add(Who::Forebay, took.as_secs_f64() * 1e3);
        }
        Ok(())
    }

    fn rows(self) -> [Row; 3] {
        [self.middle, self.late, self.slowest]
    }
}

/// How long the manifest takes by its tag, on a connection of its own.
fn ask(lab: &Lab) -> Result<Duration, Error> {
    let url = lab.url(Who::Forebay, "/v2/library/warm/manifests/1");
    let began = lab.elapsed();
    let got = download(&url)?.to_string();
    let took = lab.elapsed().saturating_sub(began);
    if got != lab.content().manifest {
        return Err(url.wrong(format!("the bytes of {got}")));
    }
    Ok(took)
}
