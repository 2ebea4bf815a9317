//! Cortex's files before and after, by version.

use super::*;
use crate::rules::{Goal, plan};
use crate::{Settings, apply, find};

const CLUSTER_FILE: &str = "# cluster.yaml\ncluster_name: dev\r\nregion: us-west-2\r\nimage_manager: cortexlabs/manager:0.22.1 # ours\r\n";

fn planned(path: &str, text: &str, goal: &str) -> (String, Vec<String>) {
    let goal = Goal::find_preset(goal).unwrap().unwrap();
    let found = find(path, text.as_bytes(), &Settings::default());
    let plan = plan(text, &found, &goal, None);
    let unsure = plan.unsure.into_iter().map(|unsure| unsure.why).collect();
    (apply(text, plan.edits).unwrap(), unsure)
}

#[test]
fn a_clusters_images_are_moved_and_those_that_are_missing_added() {
    let (after, unsure) = planned("cluster.yaml", CLUSTER_FILE, "cortex");
    assert_eq!(unsure, Vec::<String>::new());
    assert!(after.contains("image_manager: quay.io/cortexlabs/manager:0.22.1 # ours\r\n"));
    for (key, image) in &CLUSTER[1..] {
        let line = format!("\r\n{key}: quay.io/cortexlabs/{image}:0.22.1\r\n");
        assert!(after.contains(&line), "{after}");
    }
    assert!(!after.contains("galley"));
    assert_eq!(after.lines().count(), 4 + 12);
    let (twice, _) = planned("cluster.yaml", &after, "cortex");
    assert_eq!(twice, after);
}

#[test]
fn up_to_0_20_two_more_are_named() {
    for (version, keys) in [
        ("0.16.0", 15),
        ("0.20.0", 15),
        ("0.21.0", 13),
        ("0.22.1", 13),
    ] {
        let text = "cluster_name: x\nregion: y\n";
        let (after, _) = planned("cluster.yaml", text, &format!("cortex:{version}"));
        assert_eq!(after.lines().count(), 2 + keys, "{version}");
        let has_galley = after.contains(&format!(
            "image_istio_galley: quay.io/cortexlabs/istio-galley:{version}\nimage_istio_citadel"
        ));
        assert_eq!(has_galley, keys == 15, "{version}");
    }
}

#[test]
fn newer_versions_change_nothing_and_older_ones_are_advised() {
    let (after, unsure) = planned("cluster.yaml", CLUSTER_FILE, "cortex:0.23.0");
    assert_eq!((after.as_str(), unsure.len()), (CLUSTER_FILE, 0));
    for (version, told) in [
        ("0.15.1", "upgrade"),
        ("0.20.5", "no Cortex 0.20.5 is known"),
    ] {
        let (after, unsure) = planned("cluster.yaml", CLUSTER_FILE, &format!("cortex:{version}"));
        assert_eq!(after, CLUSTER_FILE);
        assert!(unsure[0].contains(told), "{unsure:?}");
    }
    let (_, unsure) = planned("cluster.yaml", "cluster_name: x\nregion: y\n", "cortex");
    assert!(unsure[0].contains("say it"), "{unsure:?}");
}

#[test]
fn a_version_that_differs_is_told_and_so_is_why_nothing_changes() {
    let text = "cluster_name: x\nregion: y\nimage_operator: cortexlabs/operator:0.19.0\n";
    for (version, told) in [
        (
            "0.20.0",
            "line 3: operator stays of 0.19.0 beside images of 0.20.0",
        ),
        (
            "0.23.0",
            "line 1: Cortex 0.23.0 takes its images from quay.io by itself",
        ),
    ] {
        let goal = Goal::find_preset(&format!("cortex:{version}"))
            .unwrap()
            .unwrap();
        let found = find("cluster.yaml", text.as_bytes(), &Settings::default());
        let notes = plan(text, &found, &goal, None).notes;
        assert!(notes.len() == 1 && notes[0].starts_with(told), "{notes:?}");
    }
}

#[test]
fn predictors_are_moved_with_their_cuda_and_defaults_are_named() {
    let text = "- name: a\n  kind: RealtimeAPI\n  predictor:\n    type: python\n    image: cortexlabs/python-predictor-gpu-slim:0.20.0-cuda10.1\n\
                - name: b\n  predictor:\n    type: tensorflow\n  compute:\n    gpu: 1\n\
                - name: c\n  predictor:\n    type: python\n    image: me/mine:1\n\
                - name: d\n  predictor:\n    type: python\n    image: cortexlabs/python-predictor-gpu-slim:0.20.0";
    let (after, unsure) = planned("apis.yaml", text, "cortex:0.20.0");
    let expected = text
        .replace("cortexlabs/python-predictor-gpu-slim:0.20.0-cuda10.1", "quay.io/cortexlabs/python-predictor-gpu-slim:0.20.0-cuda10.1")
        .replace(
            "    type: tensorflow\n",
            "    type: tensorflow\n    image: quay.io/cortexlabs/tensorflow-predictor:0.20.0\n    tensorflow_serving_image: \
             quay.io/cortexlabs/tensorflow-serving-gpu:0.20.0\n",
        );
    assert_eq!(after, expected);
    assert!(unsure[0].contains("-cuda10.0, -cuda10.1"), "{unsure:?}");
}

#[test]
fn files_of_others_are_left_alone() {
    let text = "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: x, image: cortexlabs/manager:0.20.0}]}\n";
    assert_eq!(planned("pod.yaml", text, "cortex:0.20.0").0, text);
}
