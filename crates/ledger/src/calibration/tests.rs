use forebay_oci::Digest;

use super::*;

/// What happens at the upstream.
#[derive(Clone, Copy)]
enum Step {
    Sent,
    /// An index, a platform's manifest, or anything else by tag; from which repository; what is left.
    Index(&'static str, u64),
    Child(&'static str, u64),
    ByTag(&'static str, u64),
    /// Without a word on limits, or no answer.
    Unsaid,
    Seconds(u64),
}

use Step::{ByTag, Child, Index, Seconds, Sent, Unsaid};

fn key() -> BudgetKey {
    BudgetKey {
        upstream: "docker.io".into(),
        account: None,
        source: None,
    }
}

fn learned(steps: &[Step]) -> (u32, u32) {
    let mut calibration = Calibration::default();
    let mut now = Duration::from_secs(100);
    let (tag, child) = (
        Reference::Tag("latest".parse().unwrap()),
        Reference::Digest(Digest::sha256(b"child")),
    );
    for step in steps {
        let (repository, reference, is_index, remaining) = match *step {
            Sent => {
                calibration.note_sent(now);
                continue;
            }
            Seconds(seconds) => {
                now += Duration::from_secs(seconds);
                continue;
            }
            Unsaid => {
                calibration.note_answered(None, now);
                continue;
            }
            Index(repository, remaining) => (repository, &tag, true, remaining),
            Child(repository, remaining) => (repository, &child, false, remaining),
            ByTag(repository, remaining) => (repository, &tag, false, remaining),
        };
        let get = MeteredGet {
            key: &key(),
            repository: &repository.parse().unwrap(),
            reference,
            remaining,
        };
        calibration.note_answered(Some(get), now);
        if is_index {
            calibration.note_index(get.repository);
        }
    }
    (calibration.cost.once, calibration.cost.twice)
}

#[test]
fn a_pair_with_nothing_in_between_is_a_vote() {
    let table: [(&str, &[Step], (u32, u32)); 12] = [
        (
            "once",
            &[Sent, Index("a", 99), Sent, Child("a", 99)],
            (1, 0),
        ),
        (
            "twice",
            &[Sent, Index("a", 99), Sent, Child("a", 98)],
            (0, 1),
        ),
        (
            "others' pulls",
            &[Sent, Index("a", 99), Sent, Child("a", 90)],
            (0, 0),
        ),
        (
            "the window moved",
            &[Sent, Index("a", 99), Sent, Child("a", 100)],
            (0, 0),
        ),
        (
            "another repository",
            &[Sent, Index("a", 99), Sent, Child("b", 98)],
            (0, 0),
        ),
        (
            "another tag",
            &[Sent, Index("a", 99), Sent, ByTag("a", 98)],
            (0, 0),
        ),
        (
            "one in flight before",
            &[Sent, Sent, Index("a", 99), Child("a", 98)],
            (0, 0),
        ),
        (
            "one in flight after",
            &[Sent, Index("a", 99), Sent, Sent, Child("a", 98)],
            (0, 0),
        ),
        (
            "one between",
            &[
                Sent,
                Index("a", 99),
                Sent,
                ByTag("b", 98),
                Sent,
                Child("a", 97),
            ],
            (0, 0),
        ),
        (
            "an unmetered one between",
            &[Sent, Index("a", 99), Sent, Unsaid, Sent, Child("a", 98)],
            (0, 0),
        ),
        (
            "too late",
            &[Sent, Index("a", 99), Seconds(61), Sent, Child("a", 98)],
            (0, 0),
        ),
        (
            "a second platform is no pair",
            &[
                Sent,
                Index("a", 99),
                Sent,
                Child("a", 98),
                Sent,
                Child("a", 97),
            ],
            (0, 1),
        ),
    ];
    for (what, steps, expected) in table {
        assert_eq!(learned(steps), expected, "{what}");
    }
}

#[test]
fn a_request_that_was_lost_does_not_end_the_learning() {
    let steps = [
        Sent,
        Seconds(301),
        Sent,
        Index("a", 99),
        Sent,
        Child("a", 98),
    ];
    assert_eq!(learned(&steps), (0, 1));
    let sooner = [
        Sent,
        Seconds(10),
        Sent,
        Index("a", 99),
        Sent,
        Child("a", 98),
    ];
    assert_eq!(learned(&sooner), (0, 0));
}

/// However busy it is meanwhile: each is lost by its own age.
#[test]
fn a_request_that_was_lost_among_many_does_not_end_the_learning() {
    let mut steps = vec![Sent];
    for left in (40..100).rev() {
        steps.extend([Seconds(10), Sent, ByTag("b", left)]);
    }
    steps.extend([Sent, Index("a", 39), Sent, Child("a", 38)]);
    assert_eq!(learned(&steps), (0, 1));
}
