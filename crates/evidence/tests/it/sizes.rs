//! How large images are, in each form in which a tool tells it.

use forebay_evidence::{Evidence, Packing, SizeSource};

use crate::formats::read_all;

fn size(evidence: &Evidence, image: &str) -> Option<(u64, Packing, SizeSource)> {
    let size = evidence.sizes.find(&image.parse().ok()?)?;
    Some((size.bytes, size.packing, size.source))
}

fn read(text: &str) -> Evidence {
    read_all(&[("test", text)])
}

#[test]
fn a_kubelet_tells_the_size_of_what_it_pulled_in_a_table_in_json_and_wrapped() {
    let message = r#"Successfully pulled image "nginx:1.27" in 1.2s (1.2s including waiting). Image size: 62937876 bytes."#;
    let row = format!("3m  Normal  Pulled  pod/web-7d4b9c6f8d-x2x7k  {message}\n");
    let json = serde_json::json!({"kind": "Event", "metadata": {}, "reason": "Pulled", "message": message,
        "involvedObject": {"kind": "Pod", "name": "web-7d4b9c6f8d-x2x7k"}});
    let wrapped = row.replace("waiting). ", "waiting).\n    ");
    let header = "LAST SEEN  TYPE  REASON  OBJECT  MESSAGE\n";
    for text in [row.clone(), json.to_string(), format!("{header}{wrapped}")] {
        let expected = (62_937_876, Packing::ByRuntime, SizeSource::Kubelet);
        assert_eq!(size(&read(&text), "nginx:1.27"), Some(expected), "{text}");
    }
}

#[test]
fn containerds_log_tells_the_size_of_what_it_pulled_by_all_its_names_and_no_second_pull() {
    let digest = format!("docker.io/library/nginx@sha256:{}", "a".repeat(64));
    let message = format!(
        r#"Pulled image "nginx:1.27" with image id "sha256:1e5f", repo tag "docker.io/library/nginx:1.27-alpine", repo digest "{digest}", size "30978722" in 1.204s"#
    );
    let quoted = message.replace('"', r#"\""#);
    let text = format!(r#"time="2026-01-15T12:00:01.5Z" level=info msg="{quoted}""#);
    let in_journal = format!("Jan 15 12:00:01 node-1 containerd[911]: {text}");
    let as_json = serde_json::json!({"__REALTIME_TIMESTAMP": "1768478401500000", "_HOSTNAME": "node-1",
        "SYSLOG_IDENTIFIER": "containerd", "MESSAGE": text});
    let expected = Some((30_978_722, Packing::Compressed, SizeSource::Containerd));
    for log in [text.clone(), in_journal, as_json.to_string()] {
        let evidence = read(&format!("{log}\n"));
        for name in ["nginx:1.27", "nginx:1.27-alpine", &digest] {
            assert_eq!(size(&evidence, name), expected, "{name}: {log}");
        }
        assert!(evidence.events.is_empty(), "{:?}", evidence.events);
    }
    for other in [r#"size \"\""#, r#"size \"0\""#, r#"size \"-1\""#, "in 1s"] {
        let cut = text.replace(r#"size \"30978722\""#, other);
        assert_eq!(size(&read(&cut), "nginx:1.27"), None, "{other}");
    }
    let of_somebody = text.replace("Pulled image", "I pulled: Pulled image");
    assert_eq!(size(&read(&of_somebody), "nginx:1.27"), None);
}

#[test]
fn a_nodes_status_tells_sizes_by_all_names_of_an_image_as_its_runtime_counts() {
    let node = |runtime: &str| {
        let digest = format!("docker.io/library/nginx@sha256:{}", "a".repeat(64));
        let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": [{"kind": "Node", "metadata": {"name": "n1"},
            "status": {"nodeInfo": {"containerRuntimeVersion": runtime},
                "images": [{"names": [digest, "docker.io/library/nginx:1.27"], "sizeBytes": 72_000_000}]}}]});
        serde_json::to_string_pretty(&list).unwrap()
    };
    let evidence = read(&node("containerd://1.7.27"));
    let expected = (72_000_000, Packing::Compressed, SizeSource::Node);
    assert_eq!(size(&evidence, "nginx:1.27"), Some(expected));
    let by_digest = format!("nginx@sha256:{}", "a".repeat(64));
    assert_eq!(size(&evidence, &by_digest), Some(expected));
    assert!(evidence.events.is_empty() && evidence.notes.is_empty());
    let evidence = read(&node("cri-o://1.31.0"));
    assert_eq!(
        size(&evidence, "nginx:1.27").map(|size| size.1),
        Some(Packing::Unpacked)
    );
}

#[test]
fn docker_image_ls_tells_what_lies_unpacked_and_from_docker_29_on_the_content_too() {
    let old = "REPOSITORY                TAG       IMAGE ID       CREATED        SIZE\n\
               nginx                     1.27      1e5f3c5b981a   9 months ago   192MB\n\
               ghcr.io/acme/app          <none>    2f5f3c5b981a   2 weeks ago    1.02GB\n\
               <none>                    <none>    3f5f3c5b981a   2 weeks ago    10MB\n\
               ghcr.io/acme/app          v2        4f5f3c5b981a   2 weeks ago    1.05GB\n";
    let evidence = read(old);
    let listed = |bytes, packing| Some((bytes, packing, SizeSource::ImageList));
    assert_eq!(
        size(&evidence, "nginx:1.27"),
        listed(192_000_000, Packing::Unpacked)
    );
    assert_eq!(
        size(&evidence, "ghcr.io/acme/app:v2"),
        listed(1_050_000_000, Packing::Unpacked)
    );
    assert_eq!(size(&evidence, "ghcr.io/acme/app"), None);
    let new = "                                                        i Info →   U  In Use\n\
               IMAGE                           ID             DISK USAGE   CONTENT SIZE   EXTRA\n\
               hello-world:latest              09538a1f51d3       20.6kB         4.21kB        \n\
               moby/buildkit:buildx-stable-1   0168606be231        348MB          105MB    U  \n";
    let evidence = read(new);
    assert_eq!(
        size(&evidence, "moby/buildkit:buildx-stable-1"),
        listed(105_000_000, Packing::Compressed)
    );
    assert_eq!(
        size(&evidence, "hello-world"),
        listed(4_210, Packing::Compressed)
    );
}

#[test]
fn docker_system_df_podman_images_and_crictl_images_are_lists_of_images_too() {
    let df = "Images space usage:\n\n\
              REPOSITORY   TAG       IMAGE ID       CREATED        SIZE      SHARED SIZE   UNIQUE SIZE   CONTAINERS\n\
              nginx        1.27      1e5f3c5b981a   9 months ago   192MB     74.8MB        117MB         3\n\n\
              Containers space usage:\n\n\
              CONTAINER ID   IMAGE        COMMAND   LOCAL VOLUMES   SIZE      CREATED       STATUS    NAMES\n";
    let listed = |bytes, packing| Some((bytes, packing, SizeSource::ImageList));
    assert_eq!(
        size(&read(df), "nginx:1.27"),
        listed(192_000_000, Packing::Unpacked)
    );
    let podman = "REPOSITORY                TAG         IMAGE ID      CREATED       SIZE\n\
                  docker.io/library/nginx   1.27        1e5f3c5b981a  9 months ago  196 MB\n";
    assert_eq!(
        size(&read(podman), "nginx:1.27"),
        listed(196_000_000, Packing::Unpacked)
    );
    let crictl = "IMAGE                     TAG                 IMAGE ID            SIZE\n\
                  docker.io/library/nginx   1.27                1e5f3c5b981a4       72.2MB\n";
    assert_eq!(
        size(&read(crictl), "nginx:1.27"),
        listed(72_200_000, Packing::ByRuntime)
    );
}

#[test]
fn docker_tells_sizes_as_json_by_line_by_system_df_and_by_inspect() {
    let listed = |bytes| Some((bytes, Packing::Unpacked, SizeSource::ImageList));
    let line = r#"{"Containers":"N/A","CreatedSince":"9 months ago","Digest":"<none>","ID":"1e5f3c5b981a","Repository":"nginx","SharedSize":"N/A","Size":"192MB","Tag":"1.27","UniqueSize":"N/A"}"#;
    assert_eq!(size(&read(line), "nginx:1.27"), listed(192_000_000));
    let df = format!(r#"{{"Images":[{line}],"Containers":[],"Volumes":[],"BuildCache":[]}}"#);
    assert_eq!(size(&read(&df), "nginx:1.27"), listed(192_000_000));
    let inspect = r#"[{"Id": "sha256:1e5f", "RepoTags": ["nginx:1.27", "nginx:latest"], "RepoDigests": [], "Size": 192123456}]"#;
    assert_eq!(size(&read(inspect), "nginx"), listed(192_123_456));
}

#[test]
fn json_lines_of_images_are_read_behind_much_noise() {
    let noise = "2026-01-15T12:00:00Z nothing to see here\n".repeat(1_000);
    let line = r#"{"ID":"1e5f3c5b981a","Repository":"nginx","Size":"192MB","Tag":"1.27"}"#;
    assert!(size(&read(&format!("{noise}{line}\n")), "nginx:1.27").is_some());
}

#[test]
fn ecr_tells_the_compressed_size_by_repository_and_tag() {
    let text = serde_json::to_string_pretty(&serde_json::json!({"imageDetails": [
        {"registryId": "123456789012", "repositoryName": "court-case-backend", "imageDigest": "sha256:1e5f",
         "imageTags": ["latest", "v1"], "imageSizeInBytes": 487_654_321, "imagePushedAt": "2026-01-15T12:00:00+00:00"},
        {"registryId": "123456789012", "repositoryName": "court-case-backend", "imageDigest": "sha256:2e5f",
         "imageSizeInBytes": 999_999_999}]}))
    .unwrap();
    let evidence = read(&text);
    let expected = (487_654_321, Packing::Compressed, SizeSource::Ecr);
    assert_eq!(
        size(&evidence, "iseepatterns/court-case-backend:latest"),
        Some(expected)
    );
    assert!(evidence.notes.is_empty());
}
