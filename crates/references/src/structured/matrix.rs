//! Matrices of pipelines: how many jobs one of them stands for, and with which values.
//!
//! Source: GitHub's "Workflow syntax", `jobs.<job_id>.strategy.matrix`; GitLab CI/CD YAML syntax reference,
//! `parallel:matrix`.

use crate::tree::At;

/// Jobs of one matrix; GitHub itself runs no more, and GitLab fewer.
const MAX_JOBS: usize = 256;

/// Entries of `include` and `exclude`, each of which is held against all jobs.
const MAX_ENTRIES: usize = 1_024;

/// One job's values, by the matrix's keys.
pub(crate) type Job<'a> = Vec<(&'a str, At<'a>)>;

/// The jobs of a GitHub matrix; `None` where it is computed when it runs.
pub(crate) fn github_jobs(matrix: At<'_>) -> Option<Vec<Job<'_>>> {
    if !matrix.is_map() {
        return None;
    }
    let extra = |key: &str| matches!(key, "include" | "exclude");
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for (key, values) in matrix.entries().filter(|(key, _)| !extra(key)) {
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
    for key in ["include", "exclude"] {
        if matrix.get(key).is_some_and(|at| !at.is_list()) {
            return None;
        }
    }
    let listed = |key: &str| {
        let items = matrix.get(key).into_iter().flat_map(At::items);
        items.take(MAX_ENTRIES)
    };
    for entry in listed("exclude") {
        jobs.retain(|job| !agrees(entry, job, true));
    }
    let own = jobs.clone();
    for entry in listed("include") {
        // One that agrees with jobs of the matrix adds to them, and is no job of its own.
        if !own.iter().any(|job| agrees(entry, job, false)) && jobs.len() < MAX_JOBS {
            jobs.push(entry.entries().collect());
        } else {
            for job in jobs.iter_mut().filter(|job| agrees(entry, job, false)) {
                let new = entry.entries().filter(|(key, _)| value(job, key).is_none());
                let new: Job<'_> = new.collect();
                job.extend(new);
            }
        }
    }
    Some(jobs)
}

/// How many jobs GitLab's `parallel` makes of one; `None` where the file alone does not tell.
pub(crate) fn gitlab_count(parallel: At<'_>) -> Option<u32> {
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
pub(crate) fn value<'a>(job: &Job<'a>, key: &str) -> Option<At<'a>> {
    let found = job.iter().find(|(own, _)| *own == key);
    found.map(|(_, at)| *at)
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

/// Whether an entry's values are those of a job. Keys that the job does not have agree with all, unless all must be there.
fn agrees(entry: At<'_>, job: &Job<'_>, is_whole: bool) -> bool {
    entry.entries().all(|(key, wanted)| match value(job, key) {
        Some(own) => own.text() == wanted.text(),
        None => !is_whole,
    })
}
