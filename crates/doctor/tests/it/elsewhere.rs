//! Images and logins at another registry: what is pushed, named anew and mended there, and nothing else.

use forebay_doctor::{WayKind, explain};

use crate::found::find;
use crate::pasted::{fakes, filled, sh};
use crate::sayings::{LIMIT, commands, events, limited, of, sources, told};

#[test]
fn only_images_that_were_pushed_are_named_anew_each_by_a_rule_as_rewrite_reads_it() {
    let folder = fakes("rule");
    for (images, expected) in [
        (
            &["redis:7", "acme/redis:7"][..],
            [
                ("library/redis", "library/redis"),
                ("acme/redis", "acme/redis"),
            ]
            .as_slice(),
        ),
        (&["acme/api:9", "acme/api:10"], &[("acme/api", "api")]),
    ] {
        let (_, ways) = find(&[&limited(images)]);
        let all = commands(&ways);
        let made = all
            .iter()
            .find(|text| text.contains("[[rule]]") && text.contains("ghcr.io"));
        assert!(sh(&filled(made.unwrap()), &[], &folder).status.success());
        let rules = std::fs::read_to_string(folder.join("forebay-rules.toml")).unwrap();
        let expected: Vec<String> = expected
            .iter()
            .map(|(from, to)| format!("[[rule]]\nregistry = \"docker.io\"\nrepository = \"{from}\"\nto = \"ghcr.io/owner/{to}\"\nmirror = false\n"))
            .collect();
        assert_eq!(rules, expected.concat());
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn no_image_is_pushed_over_another() {
    let (_, ways) = find(&[&limited(&[
        "redis:7",
        "bitnami/redis:7",
        "acme/redis:7",
        "redis:8",
    ])]);
    for kind in [WayKind::Ghcr, WayKind::Quay, WayKind::Ecr] {
        let told = of(&ways, kind);
        let mut pushed: Vec<&str> = told
            .lines()
            .filter(|line| line.starts_with("docker push "))
            .collect();
        assert_eq!(pushed.len(), 4, "{told}");
        pushed.sort_unstable();
        pushed.dedup();
        assert_eq!(pushed.len(), 4, "{told}");
        for name in [
            "library/redis:7",
            "library/redis:8",
            "bitnami/redis:7",
            "acme/redis:7",
        ] {
            assert!(
                pushed.iter().any(|line| line.ends_with(name)),
                "{name}: {told}"
            );
        }
        assert!(
            told.contains("forebay rewrite . --to forebay-rules.toml --write"),
            "{told}"
        );
    }
    let told = of(&ways, WayKind::Ecr);
    assert_eq!(
        told.matches("--repository-name library/redis ").count(),
        1,
        "{told}"
    );
    assert_eq!(told.matches("create-repository").count(), 3, "{told}");
    let (_, alone) = find(&[&limited(&["acme/redis:7", "acme/redis:8"])]);
    let told = of(&alone, WayKind::Ecr);
    assert_eq!(told.matches("create-repository").count(), 1, "{told}");
    let (_, unknown) = find(&[&format!("Error response from daemon: {LIMIT}\n")]);
    let told = of(&unknown, WayKind::Ghcr);
    assert!(told.contains("--to ghcr:<owner>"), "{told}");
}

#[test]
fn an_image_of_which_only_the_beginning_is_a_name_is_not_asked_for() {
    let text = "CannotPullContainerError: failed to resolve ref docker.io/library/x;y: not found\n";
    let told = told(text);
    assert!(told.contains("imagetools inspect <image>"), "{told}");
}

#[test]
fn a_refused_login_is_mended_at_the_registry_that_refuses_it() {
    for (image, wanted) in [
        ("ghcr.io/acme/pay:1", "--registry ghcr"),
        ("quay.io/acme/pay:1", "--registry quay"),
        ("acme/pay:1", "--registry hub"),
        (
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/pay:1",
            "--registry ecr --host 123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        ),
        (
            "registry.acme.example/pay:1",
            "'registry.acme.example' '<user>'",
        ),
    ] {
        let text = events(&[(
            "pod/pay-7d4b9c6f8d-x2x7k",
            &format!(
                "Failed to pull image \"{image}\": failed to resolve reference \"{image}\": unexpected status: 401 Unauthorized"
            ),
        )]);
        let told = told(&text);
        assert!(told.contains(wanted), "{wanted}: {told}");
        assert!(
            wanted.contains("hub") || !told.contains("<docker-id>"),
            "{told}"
        );
    }
}

#[test]
fn a_line_that_names_nothing_of_aws_still_has_ecrs_cache_and_a_node_tells_the_region() {
    let (_, ways) = find(&[&format!("Too Many Requests – Server message: {LIMIT}\n")]);
    assert!(of(&ways, WayKind::EcrPullThrough).contains("<region>"));
    let text = limited(&["redis:7"]).replace(
        "NAMESPACE",
        "Jan 15 14:40:30 ip-192-168-12-34.us-west-2.compute.internal kubelet[8]: E0115 14:40:30.000000 8 remote_image.go:1] \"PullImage from image service failed\" err=\"toomanyrequests: You have reached your pull rate limit.\" image=\"redis:7\"\nNAMESPACE",
    );
    let (_, ways) = find(&[&text]);
    let told = of(&ways, WayKind::Ecr);
    assert!(told.contains("--region us-west-2 "), "{told}");
}

#[test]
fn forebays_own_probe_is_not_told_to_show_the_login_of_others() {
    for source in sources() {
        let (found, ways) = find(&[&source]);
        for way in &ways.ways {
            if matches!(way.kind, WayKind::Authenticate | WayKind::PaidPlan) {
                assert!(!of(&ways, way.kind).contains("doctor --probe"), "{way:?}");
            }
        }
        let text = explain(&found, &ways).to_text();
        assert!(!text.contains("$ forebay serve"), "{text}");
    }
}
