//! What is seen from outside: health, metrics, the access log.

use hub_sim::{Fault, HubSim, Image, On, hours};

use crate::client::Ask;
use crate::image::Pull;
use crate::program::{Forebay, Program};

const KEPT: &str = "forebay_fills_ended_total{upstream=\"docker.io\",end=\"kept\"}";

/// A program before a hub with a limit, after a pull that was cold, then warm, then stale, and one that failed.
async fn after_a_story(sections: &str) -> (hub_sim::Hub, Program, Pull) {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .anonymous_limit(100, hours(6))
        .start()
        .await;
    let sections = format!("[cache]\nversion_ttl = \"0s\"\n{sections}");
    let program = Forebay::before(&hub).with(&sections).start().await;
    let pull = Pull::of(&hub, "library/nginx:1");
    for part in pull.parts() {
        part.get(&program).await;
    }
    program.until_metric(KEPT, 3.0).await;
    for part in pull.parts() {
        part.get(&program).await;
    }
    program.get("/v2/library/nginx/manifests/none").await;
    hub.fault(Fault::Status(503)).on(On::Manifest).always();
    pull.by_tag.get(&program).await;
    (hub, program, pull)
}

#[tokio::test]
async fn health_and_readiness_say_so() {
    let program = Forebay::new().start().await;
    let health = program.get("/healthz").await;
    assert_eq!((health.status, &*health.text()), (200, "ok\n"));
    let ready = program.get("/readyz").await;
    assert_eq!(ready.status, 200);
    assert_eq!(ready.text(), r#"{"status":"ready","problems":[]}"#);
    let front = program.get("/").await;
    assert_eq!(front.status, 200);
    assert!(front.text().contains("registry API is at /v2/"));
    assert_eq!(program.get("/v3/").await.status, 404);
}

/// The data directory goes away under a running program: it says so, and goes on without keeping.
#[tokio::test]
async fn a_cache_that_cannot_keep_is_degraded_and_still_serves() {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .start()
        .await;
    let program = Forebay::before(&hub).start().await;
    std::fs::remove_dir_all(program.setup.data()).expect("a folder of ours");
    let pull = Pull::of(&hub, "library/nginx:1");
    pull.succeeds(&program).await;
    pull.succeeds(&program).await;
    let ready = program.get("/readyz").await;
    assert_eq!(ready.status, 200);
    insta::assert_snapshot!(ready.text(), @r#"{"status":"degraded","problems":["the blob store failed: No such file or directory (os error 2)"]}"#);
    assert!(program.metric("forebay_cache_writable").await < 1.0);
    let passed = "forebay_fills_ended_total{upstream=\"docker.io\",end=\"passed\"}";
    assert!(program.metric(passed).await > 0.0);
}

#[tokio::test]
async fn metrics_tell_the_story() {
    let (_hub, program, _) = after_a_story("").await;
    let answer = program.get("/metrics").await;
    let kind = answer.header("content-type").expect("a type");
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    let text = answer.text();
    assert!(text.ends_with("# EOF\n"));
    // Durations, and what is counted while it is read, differ from run to run.
    let mut told: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.contains("duration"))
        .filter(|line| {
            !line.contains("http_response_body_bytes") && !line.contains("cache_size_bytes")
        })
        .filter(|line| !line.contains("http_responses") && !line.contains("http_connections"))
        .filter(|line| !line.starts_with("process_") && !line.contains("_timestamp_"))
        .filter(|line| !line.contains("budget_full_seconds"))
        .collect();
    told.sort_unstable();
    for name in [
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_max_fds",
        "process_start_time_seconds",
        "forebay_config_last_reload_success_timestamp_seconds",
    ] {
        assert!(program.metric(name).await >= 0.0, "{name}");
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    forebay_alerts_delivered_total 0
    forebay_alerts_failed_total 0
    forebay_budget_limit{upstream="docker.io",identity="anonymous"} 100
    forebay_budget_remaining{upstream="docker.io",identity="anonymous"} 99
    forebay_build_info{version="0.1.0"} 1
    forebay_cache_max_size_bytes 53687091200
    forebay_cache_writable 1
    forebay_config_last_reload_successful 1
    forebay_corrupt_objects_total 0
    forebay_evicted_bytes_total 0
    forebay_evicted_objects_total 0
    forebay_expired_manifests_total 0
    forebay_fill_received_bytes_total{upstream="docker.io"} 14411
    forebay_fills_ended_total{upstream="docker.io",end="kept"} 3
    forebay_fills_total{upstream="docker.io"} 3
    forebay_registry_objects 0
    forebay_registry_repositories 0
    forebay_registry_size_bytes 0
    forebay_registry_uploads_open 0
    forebay_served_total{upstream="docker.io",kind="blob",result="hit"} 3
    forebay_served_total{upstream="docker.io",kind="blob",result="miss"} 3
    forebay_served_total{upstream="docker.io",kind="manifest",result="confirmed"} 1
    forebay_served_total{upstream="docker.io",kind="manifest",result="hit"} 2
    forebay_served_total{upstream="docker.io",kind="manifest",result="miss"} 1
    forebay_served_total{upstream="docker.io",kind="manifest",result="stale"} 1
    forebay_storms_begun_total 0
    forebay_upstream_limit_remaining{upstream="docker.io"} 99
    forebay_upstream_limit_window_seconds{upstream="docker.io"} 21600
    forebay_upstream_limit{upstream="docker.io"} 100
    forebay_upstream_requests_total{upstream="docker.io",call="get_blob",status="200"} 3
    forebay_upstream_requests_total{upstream="docker.io",call="get_manifest",status="200"} 1
    forebay_upstream_requests_total{upstream="docker.io",call="head_manifest",status="200"} 2
    forebay_upstream_requests_total{upstream="docker.io",call="head_manifest",status="401"} 1
    forebay_upstream_requests_total{upstream="docker.io",call="head_manifest",status="404"} 1
    forebay_upstream_requests_total{upstream="docker.io",call="head_manifest",status="503"} 3
    forebay_upstream_requests_total{upstream="docker.io",call="token",status="200"} 1
    "#);
    for family in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let name = family.split(' ').next().expect("a name");
        assert!(
            text.contains(&format!("# HELP {name} ")),
            "{name} has no help"
        );
    }
}

#[tokio::test]
async fn each_request_leaves_one_line_of_text() {
    let (_hub, program, _) = after_a_story("").await;
    let ask = Ask::get("/v2/library/nginx/tags/list?n=%0d%0aevil")
        .header("user-agent", "evil\tagent \"x\"");
    program.ask(ask).await;
    let ended = program.stop().await;
    let lines: Vec<_> = pulls(&ended.out).map(scrub_text).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    [TIME] 127.0.0.1 GET /v2/library/nginx/manifests/1 200 548 [SECONDS] [ID] whole cache=miss upstream=docker.io repository=library/nginx ""
    [TIME] 127.0.0.1 GET /v2/library/nginx/manifests/sha256:2fa2f6ecdb510fbccf651c56163f8a4fa081f39c8e60525e2df619cf9b29646e 200 548 [SECONDS] [ID] whole cache=hit upstream=docker.io repository=library/nginx ""
    [TIME] 127.0.0.1 GET /v2/library/nginx/blobs/sha256:8e9b0fc36aaf42d22b44e433d3661915e85520c954d402f63e3ccf228f9d527b 200 315 [SECONDS] [ID] whole cache=miss upstream=docker.io repository=library/nginx ""
    [TIME] 127.0.0.1 GET /v2/library/nginx/blobs/sha256:ed70983774f23acb37c74fc0b0cbb08504073e480024a0bb6a513fd2a9bac65b 200 4096 [SECONDS] [ID] whole cache=miss upstream=docker.io repository=library/nginx ""
    [TIME] 127.0.0.1 GET /v2/library/nginx/blobs/sha256:3864f968191f902260dd88dcd61d77becaba53df92c5850507979a1da749d41c 200 10000 [SECONDS] [ID] whole cache=miss upstream=docker.io repository=library/nginx ""
    [TIME] 127.0.0.1 GET /v2/library/nginx/manifests/1 200 548 [SECONDS] [ID] whole cache=confirmed upstream=docker.io repository=library/nginx ""
    [TIME] 127.0.0.1 GET /v2/library/nginx/manifests/sha256:2fa2f6ecdb510fbccf651c56163f8a4fa081f39c8e60525e2df619cf9b29646e 200 548 [SECONDS] [ID] whole cache=hit upstream=docker.io repository=library/nginx ""
    [TIME] 127.0.0.1 GET /v2/library/nginx/blobs/sha256:8e9b0fc36aaf42d22b44e433d3661915e85520c954d402f63e3ccf228f9d527b 200 315 [SECONDS] [ID] whole cache=hit upstream=docker.io repository=library/nginx ""
    [TIME] 127.0.0.1 GET /v2/library/nginx/blobs/sha256:ed70983774f23acb37c74fc0b0cbb08504073e480024a0bb6a513fd2a9bac65b 200 4096 [SECONDS] [ID] whole cache=hit upstream=docker.io repository=library/nginx ""
    [TIME] 127.0.0.1 GET /v2/library/nginx/blobs/sha256:3864f968191f902260dd88dcd61d77becaba53df92c5850507979a1da749d41c 200 10000 [SECONDS] [ID] whole cache=hit upstream=docker.io repository=library/nginx ""
    [TIME] 127.0.0.1 GET /v2/library/nginx/manifests/none 404 71 [SECONDS] [ID] whole error=MANIFEST_UNKNOWN reason="manifest not found" upstream=docker.io repository=library/nginx ""
    [TIME] 127.0.0.1 GET /v2/library/nginx/manifests/1 200 548 [SECONDS] [ID] whole cache=stale upstream=docker.io repository=library/nginx ""
    [TIME] 127.0.0.1 GET /v2/library/nginx/tags/list?n=%0d%0aevil 400 73 [SECONDS] [ID] whole error=UNSUPPORTED reason="invalid query parameter n" "evil agent \"x\""
    "#);
}

#[tokio::test]
async fn each_request_leaves_one_line_of_json() {
    let (_hub, program, _) = after_a_story("[log]\nformat = \"json\"").await;
    let ask = Ask::get("/v2/library/nginx/tags/list").header("user-agent", "evil\tagent \"x\"");
    program.ask(ask).await;
    let ended = program.stop().await;
    let mut seen = Vec::new();
    for line in pulls(&ended.out) {
        let mut entry: serde_json::Value = serde_json::from_str(line).expect("JSON");
        for key in ["timestamp", "seconds", "id"] {
            assert!(!entry[key].is_null(), "{line}");
            entry[key] = "…".into();
        }
        seen.push(entry.to_string());
    }
    insta::assert_snapshot!(seen.join("\n"), @r#"
    {"agent":"","bytes":548,"cache":"miss","client":"127.0.0.1","end":"whole","id":"…","method":"GET","path":"/v2/library/nginx/manifests/1","repository":"library/nginx","seconds":"…","status":200,"timestamp":"…","upstream":"docker.io"}
    {"agent":"","bytes":548,"cache":"hit","client":"127.0.0.1","end":"whole","id":"…","method":"GET","path":"/v2/library/nginx/manifests/sha256:2fa2f6ecdb510fbccf651c56163f8a4fa081f39c8e60525e2df619cf9b29646e","repository":"library/nginx","seconds":"…","status":200,"timestamp":"…","upstream":"docker.io"}
    {"agent":"","bytes":315,"cache":"miss","client":"127.0.0.1","end":"whole","id":"…","method":"GET","path":"/v2/library/nginx/blobs/sha256:8e9b0fc36aaf42d22b44e433d3661915e85520c954d402f63e3ccf228f9d527b","repository":"library/nginx","seconds":"…","status":200,"timestamp":"…","upstream":"docker.io"}
    {"agent":"","bytes":4096,"cache":"miss","client":"127.0.0.1","end":"whole","id":"…","method":"GET","path":"/v2/library/nginx/blobs/sha256:ed70983774f23acb37c74fc0b0cbb08504073e480024a0bb6a513fd2a9bac65b","repository":"library/nginx","seconds":"…","status":200,"timestamp":"…","upstream":"docker.io"}
    {"agent":"","bytes":10000,"cache":"miss","client":"127.0.0.1","end":"whole","id":"…","method":"GET","path":"/v2/library/nginx/blobs/sha256:3864f968191f902260dd88dcd61d77becaba53df92c5850507979a1da749d41c","repository":"library/nginx","seconds":"…","status":200,"timestamp":"…","upstream":"docker.io"}
    {"agent":"","bytes":548,"cache":"confirmed","client":"127.0.0.1","end":"whole","id":"…","method":"GET","path":"/v2/library/nginx/manifests/1","repository":"library/nginx","seconds":"…","status":200,"timestamp":"…","upstream":"docker.io"}
    {"agent":"","bytes":548,"cache":"hit","client":"127.0.0.1","end":"whole","id":"…","method":"GET","path":"/v2/library/nginx/manifests/sha256:2fa2f6ecdb510fbccf651c56163f8a4fa081f39c8e60525e2df619cf9b29646e","repository":"library/nginx","seconds":"…","status":200,"timestamp":"…","upstream":"docker.io"}
    {"agent":"","bytes":315,"cache":"hit","client":"127.0.0.1","end":"whole","id":"…","method":"GET","path":"/v2/library/nginx/blobs/sha256:8e9b0fc36aaf42d22b44e433d3661915e85520c954d402f63e3ccf228f9d527b","repository":"library/nginx","seconds":"…","status":200,"timestamp":"…","upstream":"docker.io"}
    {"agent":"","bytes":4096,"cache":"hit","client":"127.0.0.1","end":"whole","id":"…","method":"GET","path":"/v2/library/nginx/blobs/sha256:ed70983774f23acb37c74fc0b0cbb08504073e480024a0bb6a513fd2a9bac65b","repository":"library/nginx","seconds":"…","status":200,"timestamp":"…","upstream":"docker.io"}
    {"agent":"","bytes":10000,"cache":"hit","client":"127.0.0.1","end":"whole","id":"…","method":"GET","path":"/v2/library/nginx/blobs/sha256:3864f968191f902260dd88dcd61d77becaba53df92c5850507979a1da749d41c","repository":"library/nginx","seconds":"…","status":200,"timestamp":"…","upstream":"docker.io"}
    {"agent":"","bytes":71,"client":"127.0.0.1","end":"whole","error":"MANIFEST_UNKNOWN","id":"…","method":"GET","path":"/v2/library/nginx/manifests/none","reason":"manifest not found","repository":"library/nginx","seconds":"…","status":404,"timestamp":"…","upstream":"docker.io"}
    {"agent":"","bytes":548,"cache":"stale","client":"127.0.0.1","end":"whole","id":"…","method":"GET","path":"/v2/library/nginx/manifests/1","repository":"library/nginx","seconds":"…","status":200,"timestamp":"…","upstream":"docker.io"}
    {"agent":"evil agent \"x\"","bytes":37,"cache":"miss","client":"127.0.0.1","end":"whole","id":"…","method":"GET","path":"/v2/library/nginx/tags/list","repository":"library/nginx","seconds":"…","status":200,"timestamp":"…","upstream":"docker.io"}
    "#);
    for line in ended.log.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert!(entry["level"].is_string(), "{line}");
    }
}

/// An operator who reads the log of a bad day finds what happened in it, and little else.
#[tokio::test]
async fn the_log_tells_what_runs_and_what_ails_it() {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .anonymous_limit(0, hours(6))
        .start()
        .await;
    let program = Forebay::before(&hub).start().await;
    for _ in 0..5 {
        let answer = program.get("/v2/library/nginx/manifests/1").await;
        assert_eq!(answer.status, 429);
    }
    let ended = program.stop().await;
    let warnings: Vec<_> = ended
        .log
        .lines()
        .filter(|line| line.contains("WARN") && line.contains("upstream"))
        .collect();
    assert_eq!(warnings.len(), 1, "{}", ended.log);
    for expected in ["docker.io", "pull limit of address", "nothing is left"] {
        assert!(warnings[0].contains(expected), "{}", ended.log);
    }
    for expected in [
        concat!("version=\"", env!("CARGO_PKG_VERSION"), "\""),
        "docker.io (anonymous)",
    ] {
        assert!(ended.log.contains(expected), "{expected}: {}", ended.log);
    }
    assert!(!ended.log.contains("task{"), "{}", ended.log);
    let told = "error=TOOMANYREQUESTS reason=\"docker.io: the pull limit";
    assert_eq!(ended.out.matches(told).count(), 5, "{}", ended.out);
}

#[tokio::test]
async fn an_upstream_that_is_forebay_itself_is_refused_at_once() {
    let program = Forebay::new().start().await;
    let itself = format!(
        "[upstreams.\"docker.io\"]\nurl = \"http://{}\"",
        program.address
    );
    program.setup.clone().with(&itself).write_config();
    assert!(program.reload().await);
    let began = std::time::Instant::now();
    let answer = program.get("/v2/library/nginx/tags/list").await;
    assert_eq!(answer.refusal(), (502, "UNAVAILABLE".to_owned()));
    assert!(
        answer.text().contains("leads back to this server"),
        "{}",
        answer.text()
    );
    assert!(began.elapsed().as_secs() < 5);
}

#[tokio::test]
async fn lines_can_be_left_out() {
    let (_hub, program, _) = after_a_story("[log]\naccess = false").await;
    let ended = program.stop().await;
    assert_eq!(ended.out, "");
}

/// The lines of an access log, but for those of this test's own looking.
fn pulls(out: &str) -> impl Iterator<Item = &str> {
    out.lines().filter(|line| !line.contains("/metrics"))
}

/// Takes out the time, the duration and the request's id.
fn scrub_text(line: &str) -> String {
    let mut words: Vec<_> = line.split(' ').collect();
    assert!(words.len() >= 8, "{line}");
    words[0] = "[TIME]";
    words[6] = "[SECONDS]";
    words[7] = "[ID]";
    words.join(" ")
}
