//! Matrices of pipelines: how many jobs one of them stands for, and with which values.
//!
//! Source: GitHub's "Workflow syntax", `jobs.<job_id>.strategy.matrix`; GitLab CI/CD YAML syntax reference,
//! `parallel:matrix`.

use crate::At;

/// Jobs of one matrix; GitHub itself runs no more, and GitLab fewer.
const MAX_JOBS: usize = 256;

/// Entries of `include` and `exclude`, each of which is held against all jobs.
const MAX_ENTRIES: usize = 1_024;

/// Values of one matrix that are held against others, and how deep objects are looked into.
const MAX_COMPARED: u32 = 4_000_000;
const MAX_DEPTH: u32 = 16;

/// One job's values, by the matrix's keys.
pub type Job<'a> = Vec<(&'a str, At<'a>)>;

/// The jobs of a GitHub matrix; `None` where it is computed when it runs.
pub fn github_jobs(matrix: At<'_>) -> Option<Vec<Job<'_>>> {
    let is_list = |key: &&str| matrix.get(key).is_none_or(At::is_list);
    if !matrix.is_map() || !["include", "exclude"].iter().all(is_list) {
        return None;
    }
    let mut jobs = combinations(matrix)?;
    let mut comparing = Comparing::new();
    for entry in listed(matrix, "exclude") {
        jobs.retain(|job| !comparing.is_of(entry, job));
    }
    let jobs = included(matrix, &jobs, &mut comparing);
    (comparing.left > 0).then_some(jobs)
}

/// How many jobs GitLab's `parallel` makes of one; `None` where the file alone does not tell.
pub fn gitlab_count(parallel: At<'_>) -> Option<u32> {
    let Some(matrix) = parallel.get("matrix") else {
        return parallel.text()?.parse().ok();
    };
    let count = |entry: At<'_>| {
        let lengths = entry.entries().map(|(_, at)| at.items().count().max(1));
        lengths.fold(1, usize::saturating_mul)
    };
    let jobs: usize = matrix.items().take(MAX_JOBS).map(count).sum();
    u32::try_from(jobs).ok()
}

/// A job's value of a key.
pub fn value<'a>(job: &Job<'a>, key: &str) -> Option<At<'a>> {
    let found = job.iter().find(|(own, _)| *own == key);
    found.map(|(_, at)| *at)
}

/// What its own keys come to, without what is included and excluded.
fn combinations(matrix: At<'_>) -> Option<Vec<Job<'_>>> {
    let mut jobs: Vec<Job<'_>> = Vec::new();
    let is_own = |key: &str| !matches!(key, "include" | "exclude");
    for (key, values) in matrix.entries().filter(|(key, _)| is_own(key)) {
        if !values.is_list() {
            return None;
        }
        let before = if jobs.is_empty() {
            vec![Vec::new()]
        } else {
            jobs
        };
        jobs = multiplied(&before, key, &values.items().collect::<Vec<_>>());
    }
    Some(jobs)
}

/// The jobs with what is included: added to each of the matrix's own whose values it leaves as they are, or one more job.
fn included<'a>(matrix: At<'a>, own: &[Job<'a>], comparing: &mut Comparing) -> Vec<Job<'a>> {
    let mut jobs = own.to_owned();
    for entry in listed(matrix, "include") {
        let mut is_added = false;
        for (own, job) in own.iter().zip(&mut jobs) {
            if comparing.leaves(entry, own) {
                is_added = true;
                entry.entries().for_each(|(key, at)| set(job, key, at));
            }
        }
        if !is_added && jobs.len() < MAX_JOBS {
            jobs.push(entry.entries().collect());
        }
    }
    jobs
}

fn listed<'a>(matrix: At<'a>, key: &str) -> impl Iterator<Item = At<'a>> {
    let items = matrix.get(key).into_iter().flat_map(At::items);
    items.take(MAX_ENTRIES)
}

fn set<'a>(job: &mut Job<'a>, key: &'a str, value: At<'a>) {
    match job.iter_mut().find(|(own, _)| *own == key) {
        Some((_, at)) => *at = value,
        None => job.push((key, value)),
    }
}

fn multiplied<'a>(jobs: &[Job<'a>], key: &'a str, values: &[At<'a>]) -> Vec<Job<'a>> {
    let pairs = jobs
        .iter()
        .flat_map(|job| values.iter().map(move |value| (job, *value)));
    let longer = pairs.take(MAX_JOBS).map(|(job, value)| {
        let mut longer = job.clone();
        longer.push((key, value));
        longer
    });
    longer.collect()
}

/// Holds values against each other, by what is in them.
struct Comparing {
    /// How many values may still be looked at.
    left: u32,
}

impl Comparing {
    fn new() -> Self {
        Self { left: MAX_COMPARED }
    }

    /// Whether a job has all that an entry says.
    fn is_of(&mut self, entry: At<'_>, job: &Job<'_>) -> bool {
        let is_so = |(key, wanted)| value(job, key).is_some_and(|own| self.same(own, wanted, 0));
        entry.entries().all(is_so)
    }

    /// Whether an entry gives a job no other value for a key that it has.
    fn leaves(&mut self, entry: At<'_>, job: &Job<'_>) -> bool {
        let is_left = |(key, wanted)| value(job, key).is_none_or(|own| self.same(own, wanted, 0));
        entry.entries().all(is_left)
    }

    fn same(&mut self, one: At<'_>, other: At<'_>, depth: u32) -> bool {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 || depth == MAX_DEPTH {
            return false;
        }
        if one.is_map() && other.is_map() {
            return one.entries().count() == other.entries().count()
                && one.entries().all(|(key, at)| {
                    let its = other.get(key);
                    its.is_some_and(|its| self.same(at, its, depth + 1))
                });
        }
        if one.is_list() && other.is_list() {
            return one.items().count() == other.items().count()
                && one
                    .items()
                    .zip(other.items())
                    .all(|(one, other)| self.same(one, other, depth + 1));
        }
        one.text().is_some() && one.text() == other.text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read_yaml;

    /// A line for each job of a matrix.
    fn jobs(text: &str) -> Vec<String> {
        let (trees, _) = read_yaml(text);
        let jobs = github_jobs(At::root(&trees[0])).expect("a known number of jobs");
        let line = |job: &Job<'_>| {
            let pairs = job.iter().map(|(key, at)| {
                let value = at.text().unwrap_or("...");
                format!("{key}={value}")
            });
            pairs.collect::<Vec<_>>().join(" ")
        };
        jobs.iter().map(line).collect()
    }

    /// The example of GitHub's "Expanding or adding matrix configurations".
    #[test]
    fn what_is_included_is_held_against_the_matrixs_own_values() {
        let text = "\
fruit: [apple, pear]
animal: [cat, dog]
include:
  - color: green
  - color: pink
    animal: cat
  - fruit: apple
    shape: circle
  - fruit: banana
  - fruit: banana
    animal: cat
";
        let expected = [
            "fruit=apple animal=cat color=pink shape=circle",
            "fruit=apple animal=dog color=green shape=circle",
            "fruit=pear animal=cat color=pink",
            "fruit=pear animal=dog color=green",
            "fruit=banana",
            "fruit=banana animal=cat",
        ];
        assert_eq!(jobs(text), expected);
    }

    #[test]
    fn objects_are_the_same_if_the_same_is_in_them() {
        let text = "os: [{name: a, tags: [x]}, {name: b}]\nexclude: [{os: {tags: [x], name: a}}]\n\
                    include: [{os: {name: b}, v: 1}, {os: {name: c}}]\n";
        assert_eq!(jobs(text), ["os=... v=1", "os=..."]);
        assert_eq!(jobs("a: [1, 2]\nexclude: [{b: 1}]\n"), ["a=1", "a=2"]);
    }

    #[test]
    fn a_matrix_that_compares_without_end_is_not_known() {
        let values: Vec<String> = (0..200).map(|at| format!("{{n: {at}}}")).collect();
        let wide = vec!["1"; 100].join(", ");
        let entries = vec![format!("{{a: [{wide}]}}"); 1_000].join(", ");
        let text = format!(
            "a: [[{wide}]]\nb: [{}]\ninclude: [{entries}]\n",
            values.join(", ")
        );
        let (trees, _) = read_yaml(&text);
        assert!(github_jobs(At::root(&trees[0])).is_none());
    }
}
