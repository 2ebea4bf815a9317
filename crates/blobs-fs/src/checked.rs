//! Which chunks of a blob were compared with their checksums, and how long that counts.
//!
//! Pure: takes the file's state and the time as arguments. A chunk that was checked a moment ago in a file that has not
//! changed since lies in memory, where disks do not rot; so a crowd that reads the same blob pays for one check. What is
//! trusted is bounded by time, because a chunk may leave memory and come back from the disk as something else.

use std::time::Duration;

use crate::disk::FileState;

/// How long a chunk needs no other look while its file is unchanged.
pub(crate) const TRUSTED_FOR: Duration = Duration::from_mins(1);

/// The checked chunks of one file.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// The state of the file in which they were checked.
    state: Option<FileState>,
    /// When each was checked: whole seconds of the monotonic clock and one more; 0 is never. Empty until one is.
    at_secs: Box<[u32]>,
}

impl Checked {
    /// How many chunks in a row need no look from `first` on, `max` at most.
    pub(crate) fn run(&self, first: usize, max: usize, state: FileState, now: Duration) -> usize {
        if self.state != Some(state) {
            return 0;
        }
        let now_secs = stamp(now);
        let is_trusted = |at_secs: &&u32| {
            let age_secs = now_secs.saturating_sub(**at_secs);
            // Both are rounded down, so that the age may be almost one more.
            **at_secs > 0 && u64::from(age_secs) + 1 < TRUSTED_FOR.as_secs()
        };
        let rest = self.at_secs.get(first..).unwrap_or_default();
        rest.iter().take(max).take_while(is_trusted).count()
    }

    /// Notes that the chunk `index` of `chunks` was checked at `now`, in a file that was in this state before.
    pub(crate) fn note(&mut self, index: usize, chunks: usize, state: FileState, now: Duration) {
        if self.state != Some(state) {
            self.state = Some(state);
            self.at_secs = vec![0; chunks].into();
        }
        if let Some(at_secs) = self.at_secs.get_mut(index) {
            *at_secs = stamp(now);
        }
    }
}

fn stamp(now: Duration) -> u32 {
    u32::try_from(now.as_secs().saturating_add(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: FileState = FileState {
        file: (1, 1),
        is_file: true,
        bytes: 1000,
        modified: (1, 1),
        changed: (1, 1),
    };

    const NOW: Duration = Duration::from_secs(1000);

    fn checked(indices: &[usize]) -> Checked {
        let mut checked = Checked::default();
        for index in indices {
            checked.note(*index, 10, STATE, NOW);
        }
        checked
    }

    #[test]
    fn only_what_was_checked_is_trusted_in_a_row() {
        let checked = checked(&[0, 1, 2, 5]);
        for (first, max, run) in [
            (0, 9, 3),
            (1, 9, 2),
            (0, 2, 2),
            (3, 9, 0),
            (5, 9, 1),
            (9, 9, 0),
            (10, 9, 0),
            (11, 9, 0),
        ] {
            assert_eq!(checked.run(first, max, STATE, NOW), run, "{first} {max}");
        }
        assert_eq!(Checked::default().run(0, 9, STATE, NOW), 0);
    }

    #[test]
    fn trust_ends_with_its_time() {
        let checked = checked(&[0]);
        let after = |secs| checked.run(0, 1, STATE, NOW + Duration::from_secs(secs));
        assert_eq!((after(58), after(59), after(60)), (1, 0, 0));
    }

    #[test]
    fn trust_ends_with_any_change_of_the_file() {
        let changes: [fn(&mut FileState); 4] = [
            |state| state.file.1 += 1,
            |state| state.bytes += 1,
            |state| state.modified.1 += 1,
            |state| state.changed.1 += 1,
        ];
        for change in changes {
            let mut checked = checked(&[0, 1]);
            let mut other = STATE;
            change(&mut other);
            assert_eq!(checked.run(0, 2, other, NOW), 0);
            checked.note(1, 10, other, NOW);
            assert_eq!(
                checked.run(0, 2, other, NOW),
                0,
                "nothing is left of before"
            );
            assert_eq!(checked.run(1, 2, other, NOW), 1);
        }
    }
}
