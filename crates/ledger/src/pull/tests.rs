use forebay_oci::Digest;

use super::*;

/// A request: seconds since the one before, `H` or `G`, and a reference: `tag…`, or anything else for the digest of it.
type Step = (u64, char, &'static str);

fn reference(name: &str) -> Reference {
    if name.starts_with("tag") {
        Reference::Tag(name.parse().unwrap())
    } else {
        Reference::Digest(Digest::sha256(name.as_bytes()))
    }
}

/// How many pulls a sequence is, and how many tries of one, which count for a storm.
fn count(steps: impl IntoIterator<Item = Step>) -> (usize, usize) {
    let mut last = None;
    let mut now = Duration::from_secs(1_000);
    let (mut pulls, mut tries) = (0, 0);
    for (after, method, name) in steps {
        now += Duration::from_secs(after);
        let reference = reference(name);
        let asked = Asked {
            reference: &reference,
            is_head: method == 'H',
        };
        let meaning = meaning(asked, last.as_ref(), now);
        LastAsked::note(&mut last, asked, meaning, now);
        pulls += usize::from(meaning.is_pull);
        tries += usize::from(meaning.is_try);
    }
    (pulls, tries)
}

#[test]
fn each_clients_sequence_is_as_many_pulls_as_it_pulls() {
    let table: [(&str, &[Step], usize); 15] = [
        (
            "containerd",
            &[(0, 'H', "tag"), (0, 'G', "index"), (0, 'G', "child")],
            1,
        ),
        ("containerd, all kept", &[(0, 'H', "tag")], 1),
        (
            "dockerd",
            &[(0, 'H', "tag"), (0, 'G', "index"), (0, 'G', "child")],
            1,
        ),
        (
            "dockerd of old",
            &[(0, 'H', "tag"), (0, 'G', "tag"), (0, 'G', "child")],
            1,
        ),
        ("podman", &[(0, 'G', "tag"), (1, 'G', "child")], 1),
        ("podman, one platform", &[(0, 'G', "tag")], 1),
        (
            "crane digest, twice",
            &[(0, 'H', "tag"), (1, 'H', "tag")],
            2,
        ),
        ("podman, twice", &[(0, 'G', "tag"), (1, 'G', "tag")], 2),
        ("pinned", &[(0, 'G', "index"), (0, 'G', "child")], 1),
        (
            "pinned, containerd",
            &[(0, 'H', "index"), (0, 'G', "index"), (0, 'G', "child")],
            1,
        ),
        (
            "two tags",
            &[
                (0, 'H', "tag1"),
                (0, 'H', "tag2"),
                (0, 'G', "i1"),
                (0, 'G', "i2"),
            ],
            2,
        ),
        (
            "a slow client",
            &[(0, 'H', "tag"), (60, 'G', "index"), (60, 'G', "child")],
            1,
        ),
        (
            "pinned, later again",
            &[(0, 'G', "index"), (61, 'G', "index")],
            2,
        ),
        (
            "three nodes as one client",
            &[
                (0, 'H', "tag"),
                (0, 'H', "tag"),
                (0, 'G', "tag"),
                (0, 'H', "tag"),
                (0, 'G', "tag"),
                (0, 'G', "tag"),
            ],
            3,
        ),
        (
            "containerd, twice",
            &[
                (0, 'H', "tag"),
                (0, 'G', "index"),
                (90, 'H', "tag"),
                (0, 'G', "index"),
            ],
            2,
        ),
    ];
    for (client, steps, expected) in table {
        assert_eq!(count(steps.iter().copied()).0, expected, "{client}");
    }
}

#[test]
fn what_follows_the_begin_of_a_pull_counts_for_no_storm() {
    let table: [(&str, &[Step], usize); 6] = [
        (
            "containerd",
            &[(0, 'H', "tag"), (0, 'G', "index"), (0, 'G', "child")],
            1,
        ),
        ("podman", &[(0, 'G', "tag"), (0, 'G', "child")], 1),
        (
            "pinned",
            &[(0, 'H', "index"), (0, 'G', "index"), (0, 'G', "child")],
            1,
        ),
        (
            "dockerd of old, twice",
            &[
                (0, 'H', "tag"),
                (0, 'G', "tag"),
                (2, 'H', "tag"),
                (0, 'G', "tag"),
            ],
            2,
        ),
        (
            "another digest after a gap",
            &[(0, 'G', "one"), (61, 'G', "two")],
            2,
        ),
        (
            "a digest alone",
            &[(0, 'G', "one"), (2, 'G', "one"), (2, 'G', "one")],
            3,
        ),
    ];
    for (client, steps, expected) in table {
        assert_eq!(count(steps.iter().copied()).1, expected, "{client}");
    }
    let of_containerd = [(2, 'H', "tag"), (0, 'G', "index"), (0, 'G', "child")];
    let looping = of_containerd.into_iter().cycle().take(300);
    assert_eq!(count(looping), (100, 100));
    let pinned = [(2, 'G', "index"), (0, 'G', "child")].into_iter().cycle();
    assert_eq!(count(pinned.take(200)).1, 100);
}
