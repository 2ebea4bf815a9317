//! The table: what was measured, what was asked for, and whether it was met.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde::Serialize;
use serde_json::json;

use crate::build::{root, version};
use crate::error::Error;
use crate::sample::Sample;
use crate::settings::Settings;

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Who {
    Forebay,
    DockerRegistry,
    Nginx,
    /// The upstream, asked without anything between.
    Direct,
}

/// The columns, in their order.
const COLUMNS: [(Who, &str); 4] = [
    (Who::Forebay, "Forebay"),
    (Who::DockerRegistry, "docker-registry"),
    (Who::Nginx, "nginx"),
    (Who::Direct, "direct"),
];

/// What rows stand under.
pub(crate) const HEADER: &str = "| what | Forebay | docker-registry | nginx | direct | target | measured | |\n|---|---|---|---|---|---|---|---|\n";

/// What was asked for of Forebay's figure.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Target {
    /// At least so many times another's.
    AtLeast(f64, Who),
    /// At most so many times another's.
    AtMost(f64, Who),
    /// Less than this, in the row's unit.
    Below(f64),
}

/// One thing that was measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    what: String,
    unit: &'static str,
    decimals: usize,
    samples: Vec<(Who, Sample)>,
    targets: Vec<Target>,
}

/// All that was measured in a run.
pub(crate) struct Report {
    date: String,
    machine: Vec<(&'static str, String)>,
    is_whole: bool,
    rows: Vec<Row>,
}

// === impl Row ===

impl Row {
    pub(crate) fn new(what: impl Into<String>, unit: &'static str, decimals: usize) -> Self {
        Self {
            what: what.into(),
            unit,
            decimals,
            samples: Vec::new(),
            targets: Vec::new(),
        }
    }

    #[must_use]
    pub(crate) fn target(mut self, target: Target) -> Self {
        self.targets.push(target);
        self
    }

    /// Adds one round's figure.
    pub(crate) fn add(&mut self, who: Who, figure: f64) {
        let found = self.samples.iter_mut().find(|(known, _)| *known == who);
        if let Some((_, sample)) = found {
            return sample.add(figure);
        }
        let mut sample = Sample::default();
        sample.add(figure);
        self.samples.push((who, sample));
    }

    fn find(&self, who: Who) -> Option<&Sample> {
        let found = self.samples.iter().find(|(known, _)| *known == who);
        found.map(|(_, sample)| sample)
    }

    fn median(&self, who: Who) -> f64 {
        self.find(who).map_or(f64::NAN, Sample::median)
    }

    fn cell(&self, who: Who) -> String {
        let decimals = self.decimals;
        self.find(who).map_or("–".to_owned(), |sample| {
            let (median, min, max) = (sample.median(), sample.min(), sample.max());
            format!("**{median:.decimals$}** ({min:.decimals$}–{max:.decimals$})")
        })
    }

    /// What was asked for, what it came to, and whether that will do. A missing figure never will.
    fn judge(&self, target: Target) -> (String, String, bool) {
        let forebay = self.median(Who::Forebay);
        let (asked, figure, passes) = match target {
            Target::AtLeast(times, who) => {
                let ratio = forebay / self.median(who);
                (format!("≥ {times} × {}", name(who)), ratio, ratio >= times)
            }
            Target::AtMost(times, who) => {
                let ratio = forebay / self.median(who);
                (format!("≤ {times} × {}", name(who)), ratio, ratio <= times)
            }
            Target::Below(limit) => {
                let asked = format!("< {limit} {}", self.unit);
                return (
                    asked,
                    format!("{forebay:.1} {}", self.unit),
                    forebay < limit,
                );
            }
        };
        (asked, format!("{figure:.2} ×"), passes)
    }

    /// The row, as the table has it.
    pub(crate) fn line(&self) -> String {
        let mut line = format!("| {}, {} |", self.what, self.unit);
        for (who, _) in COLUMNS {
            let _ = write!(line, " {} |", self.cell(who));
        }
        let judged: Vec<_> = self
            .targets
            .iter()
            .map(|target| self.judge(*target))
            .collect();
        let column = |pick: &dyn Fn(&(String, String, bool)) -> String| {
            judged.iter().map(pick).collect::<Vec<_>>().join("<br>")
        };
        let asked = column(&|(asked, ..)| asked.clone());
        let figure = column(&|(_, figure, _)| figure.clone());
        let verdict = column(&|(.., passes)| if *passes { "pass" } else { "**miss**" }.to_owned());
        let _ = writeln!(line, " {asked} | {figure} | {verdict} |");
        line
    }
}

fn name(who: Who) -> &'static str {
    let column = COLUMNS.iter().find(|(known, _)| *known == who);
    column.map_or("", |(_, name)| name)
}

// === impl Report ===

impl Report {
    pub(crate) fn begin(settings: &Settings) -> Result<Self, Error> {
        Ok(Self {
            date: jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
            machine: machine()?,
            is_whole: settings.is_whole(),
            rows: Vec::new(),
        })
    }

    pub(crate) fn add(&mut self, rows: Vec<Row>) {
        for row in &rows {
            print!("{}", row.line());
        }
        self.rows.extend(rows);
    }

    /// The table and what it was measured on.
    pub(crate) fn markdown(&self) -> String {
        let mut text = HEADER.to_owned();
        self.rows.iter().for_each(|row| text.push_str(&row.line()));
        text.push_str("\nMedians of several rounds, in turns, with the least and the most. ");
        text.push_str("Access logs on in all three; all on loopback.\n\n");
        let _ = write!(text, "Measured {}", self.date);
        for (key, value) in &self.machine {
            let _ = write!(text, "; {key} {value}");
        }
        text.push_str(".\n");
        text
    }

    /// Writes the run to `results/`, unless it was a quick one.
    pub(crate) fn write(&self) -> Result<(), Error> {
        if !self.is_whole {
            println!("a quick run or a part of one: nothing is kept");
            return Ok(());
        }
        let results = root().join("bench/results");
        let date = &self.date;
        let json = json!({ "date": date, "machine": self.machine, "rows": self.rows });
        let write = |name: String, text: String| {
            let path = results.join(name);
            fs::write(&path, text).map_err(Error::io(format!("cannot write {}", path.display())))
        };
        fs::create_dir_all(&results).map_err(Error::io("cannot make the results' directory"))?;
        write(format!("{date}.md"), self.markdown())?;
        write(format!("{date}.json"), format!("{json:#}\n"))?;
        write("latest.md".to_owned(), self.markdown())
    }
}

/// What a run was made on and beside.
pub(crate) fn machine() -> Result<Vec<(&'static str, String)>, Error> {
    let read =
        |path: &str| fs::read_to_string(path).map_err(Error::io(format!("cannot read {path}")));
    let cpuinfo = read("/proc/cpuinfo")?;
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("unknown", |rest| rest.trim_start_matches(['\t', ' ', ':']));
    let cpus = cpuinfo
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let meminfo = read("/proc/meminfo")?;
    let memory_kib = meminfo
        .split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse::<u64>().ok());
    // Each ends in its version: "… nginx/1.22.1", "… 2.8.2+ds1".
    let said = |program: &str, argument: &str| {
        let line = version(Path::new(program), argument);
        line.rsplit([' ', '/'])
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    Ok(vec![
        ("CPU", format!("{cpus} × {model}")),
        (
            "memory",
            format!("{} GB", memory_kib.unwrap_or(0) / 1_000_000),
        ),
        (
            "Linux",
            read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
        ),
        (
            "TCP",
            read("/proc/sys/net/ipv4/tcp_congestion_control")?
                .trim()
                .to_owned(),
        ),
        ("docker-registry", said("docker-registry", "--version")),
        ("nginx", said("nginx", "-v")),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(target: Target) -> Row {
        let mut row = Row::new("answers", "1/s", 0).target(target);
        for (who, figures) in [
            (Who::Forebay, [10.0, 30.0, 20.0]),
            (Who::Nginx, [9.0, 10.0, 11.0]),
        ] {
            for figure in figures {
                row.add(who, figure);
            }
        }
        row
    }

    #[test]
    fn a_target_is_judged_by_medians() {
        for (target, passes) in [
            (Target::AtLeast(2.0, Who::Nginx), true),
            (Target::AtLeast(2.1, Who::Nginx), false),
            (Target::AtMost(2.0, Who::Nginx), true),
            (Target::AtMost(1.9, Who::Nginx), false),
            (Target::Below(20.0), false),
            (Target::Below(20.1), true),
            (Target::AtLeast(0.1, Who::Direct), false),
            (Target::AtMost(9.0, Who::Direct), false),
        ] {
            assert_eq!(row(target).judge(target).2, passes, "{target:?}");
        }
    }

    #[test]
    fn a_line_says_what_was_asked_for_and_what_came() {
        assert_eq!(
            row(Target::AtLeast(3.0, Who::Nginx)).line(),
            "| answers, 1/s | **20** (10–30) | – | **10** (9–11) | – | ≥ 3 × nginx | 2.00 × | **miss** |\n"
        );
    }
}
