use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::*;

fn set(entries: &[&str]) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for entry in entries {
        let glob = GlobBuilder::new(entry).literal_separator(true).build();
        set.add(glob.unwrap());
    }
    set.build().unwrap()
}

fn nearest(entries: &[&str], asked: &str) -> String {
    let (asked, set) = (asked.parse().unwrap(), set(entries));
    let found = find_nearest(entries.iter().copied(), &asked, |name| set.is_match(name));
    found.unwrap()
}

#[test]
fn the_nearest_is_an_image_that_can_be_pulled() {
    let usual = &["library/*", "hashicorp/vault"][..];
    for (entries, asked, expected) in [
        // A slip in a name that is written out.
        (usual, "hashicorp/vualt", "hashicorp/vault"),
        (usual, "hashicrop/vault", "hashicorp/vault"),
        (
            &["library/nginx", "hashicorp/vault"],
            "hashicorpvault",
            "hashicorp/vault",
        ),
        (usual, "hashicorp/vault-enterprise", "hashicorp/vault"),
        // A slip before a wildcard: what stands in its place is what was asked for.
        (usual, "libary/nginx", "library/nginx"),
        (usual, "library/nginx/extra", "library/nginxextra"),
        // Docker Hub's short names.
        (usual, "nginx", "library/nginx"),
        (&["library/nginx", "bitnami/x"], "ngnix", "library/nginx"),
        (&["library/redis", "library/nginx"], "ngin", "library/nginx"),
        // Wildcards within a part, and single characters.
        (&["acme/app-*"], "acme/ap-web", "acme/app-web"),
        (
            &["acme/*-prod", "acme/*-test"],
            "acme/web-tset",
            "acme/web-test",
        ),
        (&["acme/v?"], "acne/v2", "acme/v2"),
        (&["acme/v[0-9]"], "acne/v2", "acme/v2"),
        (&["acme/v[!0-9]"], "acne/vx", "acme/vx"),
        // Alternatives.
        (&["{acme,initech}/*"], "inittech/app", "initech/app"),
        (
            &["acme/{web,{db,cache}-*}"],
            "acme/cahe-eu",
            "acme/cache-eu",
        ),
        // Across parts.
        (&["acme/**"], "acne/team/app", "acme/team/app"),
        (&["**/app"], "some/team/ap", "some/team/app"),
        (&["**/app"], "ap", "app"),
        (&["acme/**/app"], "acme/a/b/ap", "acme/a/b/app"),
        (&["acme/**/app"], "acme/ap", "acme/app"),
        // Of two as near, the first.
        (&["acme/aa", "acme/bb"], "acme/ab", "acme/aa"),
        // Of parts that are too many, those that make the fewest slips stay.
        (&["library/*"], "librar/x/y/z", "library/z"),
        // No name can be made of it.
        (&["acme/v?"], "acme/v", "acme/vv"),
        (&["team/*/app"], "team/app", "team/*/app"),
    ] {
        assert_eq!(nearest(entries, asked), expected, "{asked} by {entries:?}");
    }
}

#[test]
fn long_names_and_lists_are_compared_in_no_time() {
    let entries: Vec<String> = (0..1000)
        .map(|n| format!("team{n}/{}-*", "x".repeat(200)))
        .collect();
    let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
    let asked = format!("taem999/{}-app", "x".repeat(200));
    let found = nearest(&entries, &asked);
    assert_eq!(found, asked.replace("taem", "team"));
}

#[test]
fn many_alternatives_are_not_multiplied_out() {
    let entry = format!("acme/{}", "{a,b}".repeat(40));
    assert!(alternatives(&entry).len() <= MAX_ALTERNATIVES);
    assert_eq!(
        nearest(&[&entry], "acme/x"),
        format!("acme/{}", "a".repeat(40))
    );
}
