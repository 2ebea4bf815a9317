//! What is known of limits and of who spends them: shown by commands, by a running server and without one, and kept over a
//! restart.

use hub_sim::{Fault, HubSim, Image, On, hours};
use serde_json::Value;

use crate::client::Ask;
use crate::image::Pull;
use crate::program::{Forebay, Program, files_below};

const NGINX: &str = "library/nginx:1.27";
const REDIS: &str = "library/redis:7";

async fn json(setup: &Forebay, arguments: &[&str]) -> Value {
    let ended = setup.run(arguments).await;
    assert!(ended.status.success(), "{}", ended.transcript());
    serde_json::from_str(&ended.out).expect("JSON")
}

async fn pull(program: &Program, hub: &hub_sim::Hub, image: &str) {
    let pull = Pull::of(hub, image);
    pull.by_tag.expect(&program.get(&pull.by_tag.path).await);
}

/// The first budget of docker.io.
fn budget_of(report: &Value) -> &Value {
    let upstreams = report["upstreams"].as_array().expect("a list");
    let hub = upstreams.iter().find(|one| one["upstream"] == "docker.io");
    &hub.expect("docker.io")["budgets"][0]
}

#[tokio::test]
async fn budget_top_and_export_tell_what_a_running_server_knows_and_what_it_wrote_down() {
    let hub = HubSim::new()
        .image(NGINX, Image::small())
        .image(REDIS, Image::small())
        .anonymous_limit(100, hours(6));
    let hub = hub.start().await;
    let program = Forebay::before(&hub).start().await;
    let setup = program.setup.clone();
    let before = setup.run(&["budget", "docker.io", "--floor", "20%"]).await;
    assert_eq!(before.status.code(), Some(3), "{}", before.transcript());
    pull(&program, &hub, NGINX).await;
    pull(&program, &hub, NGINX).await;
    pull(&program, &hub, REDIS).await;
    assert_eq!(hub.charged(), 2);

    let report = json(&setup, &["budget", "--json"]).await;
    let budget = budget_of(&report);
    assert_eq!(
        (&budget["limit"], &budget["remaining"]),
        (&100.into(), &98.into())
    );
    assert_eq!(budget["source"], "127.0.0.1");
    for (floor, code) in [("98", 0), ("99", 1), ("20%", 0), ("99%", 1)] {
        let ended = setup.run(&["budget", "docker.io", "--floor", floor]).await;
        assert_eq!(ended.status.code(), Some(code), "{}", ended.transcript());
    }
    for is_running in [true, false] {
        let top = json(&setup, &["top", "--once", "--json", "--sort", "pulls"]).await;
        let spent = top["spent"].as_array().expect("a list");
        let told: Vec<_> = spent
            .iter()
            .map(|spent| (&spent["repository"], &spent["pulls"], &spent["charged_max"]))
            .collect();
        let nginx = (&"library/nginx".into(), &2.into(), &1.into());
        let redis = (&"library/redis".into(), &1.into(), &1.into());
        assert_eq!(told, [nginx, redis], "{is_running}: {top}");
        let export = setup.run(&["ledger", "export", "--csv"]).await;
        let lines: Vec<&str> = export.out.split("\r\n").collect();
        assert!(lines[0].starts_with("period,start,address"), "{lines:?}");
        assert_eq!(lines.len(), 4, "{lines:?}");
        let report = json(&setup, &["budget", "docker.io", "--json"]).await;
        assert_eq!(budget_of(&report)["remaining"], 98, "{is_running}");
        if is_running {
            program.signal(rustix::process::Signal::TERM);
            program.log.until(|_| false).await;
        }
    }
}

#[tokio::test]
async fn a_probe_costs_nothing_and_goes_with_a_server_and_without() {
    let hub = HubSim::new()
        .image("ratelimitpreview/test:latest", Image::small())
        .image(NGINX, Image::small())
        .anonymous_limit(100, hours(6));
    let hub = hub.start().await;
    let program = Forebay::before(&hub).start().await;
    let setup = program.setup.clone();
    let probe = ["budget", "docker.io", "--probe", "--json"];
    let report = json(&setup, &probe).await;
    assert_eq!(budget_of(&report)["remaining"], 100);
    program.stop().await;
    let report = json(&setup, &probe).await;
    assert_eq!(budget_of(&report)["remaining"], 100);
    assert_eq!(hub.charged(), 0);
    let requests = hub.requests().to_string();
    assert!(
        !requests.contains("GET registry /v2/ratelimitpreview"),
        "{requests}"
    );
}

#[tokio::test]
async fn a_restart_in_the_middle_of_a_cool_down_keeps_it() {
    let hub = HubSim::new().image(NGINX, Image::small());
    let hub = hub.start().await;
    let program = Forebay::before(&hub).start().await;
    hub.fault(Fault::AbuseLimited).on(On::Manifest).once();
    let nginx = Pull::of(&hub, NGINX).by_tag;
    let refused = program.get(&nginx.path).await;
    assert_eq!(refused.status, 429, "{refused:?}");
    assert!(hub.requests().to_string().contains(" 429"));
    let setup = program.setup.clone();
    program.stop().await;
    hub.clear_requests();
    let program = setup.start().await;
    let refused = program.get(&nginx.path).await;
    assert_eq!(refused.status, 429, "{refused:?}");
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
    assert_eq!(hub.requests().to_string(), "", "nothing is asked");
}

#[tokio::test]
async fn a_probe_without_a_server_keeps_to_a_cool_down_too() {
    let hub = HubSim::new().image(NGINX, Image::small()).start().await;
    let program = Forebay::before(&hub).start().await;
    hub.fault(Fault::AbuseLimited).on(On::Manifest).once();
    let nginx = Pull::of(&hub, NGINX).by_tag;
    assert_eq!(program.get(&nginx.path).await.status, 429);
    let setup = program.setup.clone();
    program.stop().await;
    hub.clear_requests();
    let probed = setup.run(&["budget", "--probe"]).await;
    assert_eq!(probed.status.code(), Some(3), "{}", probed.transcript());
    assert!(
        probed.log.contains("cannot probe docker.io"),
        "{}",
        probed.log
    );
    assert_eq!(hub.requests().to_string(), "", "nothing is asked");
}

#[tokio::test]
async fn a_budget_that_was_used_up_is_known_after_a_restart() {
    let hub = HubSim::new()
        .image(NGINX, Image::small())
        .anonymous_limit(1, hours(6));
    let hub = hub.start().await;
    let program = Forebay::before(&hub).start().await;
    pull(&program, &hub, NGINX).await;
    let setup = program.setup.clone();
    program.stop().await;
    hub.clear_requests();
    let _program = setup.start().await;
    let report = json(&setup, &["budget", "docker.io", "--json"]).await;
    assert_eq!(budget_of(&report)["remaining"], 0);
    let under = setup.run(&["budget", "docker.io", "--floor", "1"]).await;
    assert_eq!(under.status.code(), Some(1), "{}", under.transcript());
    assert_eq!(hub.requests().to_string(), "", "nothing is asked for it");
}

#[tokio::test]
async fn a_client_that_asks_again_and_again_is_named() {
    let hub = HubSim::new().image("team/app:2", Image::small());
    let hub = hub.start().await;
    let program = Forebay::before(&hub)
        .with("[ledger]\nstorm_threshold = 5")
        .start()
        .await;
    // As many as five a minute make in four.
    for _ in 0..21 {
        assert_eq!(program.get("/v2/team/app/manifests/1").await.status, 404);
    }
    let line = program.log.line_with("a client asks again and again").await;
    let line = line.expect("a line");
    for word in ["docker.io/team/app:1", "127.0.0.1", "not_found"] {
        assert!(line.contains(word), "{line}");
    }
    let storms = program
        .metric("forebay_storms{upstream=\"docker.io\"}")
        .await;
    assert!((storms - 1.0).abs() < f64::EPSILON);
    let top = json(&program.setup, &["top", "--once", "--json"]).await;
    let storm = &top["storms"][0];
    assert_eq!(
        (&storm["repository"], &storm["gets"]),
        (&"team/app".into(), &"not_found".into())
    );
}

#[tokio::test]
async fn what_a_platform_costs_is_learned_from_pulls() {
    for (children_are_free, pulls) in [(false, 2), (true, 1)] {
        let mut hub = HubSim::new().anonymous_limit(100, hours(6));
        if children_are_free {
            hub = hub.children_are_free();
        }
        let images: Vec<String> = (0..4).map(|n| format!("library/app{n}:1")).collect();
        for image in &images {
            hub = hub.image(image, Image::small().platforms(&["linux/amd64"]));
        }
        let hub = hub.start().await;
        let program = Forebay::before(&hub).start().await;
        for image in &images {
            pull(&program, &hub, image).await;
            let platform = Pull::of_platform(&hub, image, "linux/amd64").by_tag;
            platform.expect(&program.get(&platform.path).await);
        }
        let report = json(&program.setup, &["budget", "docker.io", "--json"]).await;
        let top = json(&program.setup, &["top", "--once", "--json"]).await;
        for spent in top["spent"].as_array().expect("a list") {
            let charged = (&spent["charged_min"], &spent["charged_max"]);
            assert_eq!(charged, (&pulls.into(), &pulls.into()), "{spent}");
        }
        let cost = &report["upstreams"][0]["pull_cost"];
        let learned = (&cost["least"], &cost["most"], &cost["seen"]);
        assert_eq!(learned, (&pulls.into(), &pulls.into(), &4.into()), "{cost}");
    }
}

#[tokio::test]
async fn what_was_charged_is_an_interval_until_it_is_known_what_a_platform_costs() {
    let image = || Image::small().platforms(&["linux/amd64", "linux/arm64"]);
    let hub = HubSim::new()
        .anonymous_limit(100, hours(6))
        .image(NGINX, image());
    let hub = hub.start().await;
    let program = Forebay::before(&hub).start().await;
    pull(&program, &hub, NGINX).await;
    let told = async || {
        let top = json(&program.setup, &["top", "--once", "--json"]).await;
        let spent = &top["spent"][0];
        (spent["charged_min"].clone(), spent["charged_max"].clone())
    };
    assert_eq!(told().await, (1.into(), 1.into()), "an index");
    for (platform, expected) in [("linux/amd64", (1, 2)), ("linux/arm64", (2, 3))] {
        let platform = Pull::of_platform(&hub, NGINX, platform).by_tag;
        platform.expect(&program.get(&platform.path).await);
        assert_eq!(told().await, (expected.0.into(), expected.1.into()));
    }
    let shown = program.setup.run(&["top", "--once"]).await;
    assert!(shown.out.contains("  2–3  "), "{}", shown.transcript());
    let csv = program.setup.run(&["ledger", "export", "--csv"]).await;
    let columns = csv.out.lines().next().expect("a header");
    assert!(columns.contains(",charged_min,charged_max,"), "{columns}");
    assert!(csv.out.contains(",2,3,"), "{}", csv.out);
}

/// Every file below the data directory with its bytes and when it was written.
fn state_of(setup: &Forebay) -> Vec<(String, Vec<u8>, std::time::SystemTime)> {
    let files = files_below(&setup.data()).into_iter();
    let state = files.filter_map(|name| {
        let path = setup.data().join(&name);
        let written = path.metadata().ok()?.modified().ok()?;
        // Of a socket there are no bytes.
        Some((name, std::fs::read(path).unwrap_or_default(), written))
    });
    state.collect()
}

#[tokio::test]
async fn without_a_server_nothing_is_locked_made_or_changed() {
    let hub = HubSim::new()
        .image(NGINX, Image::small())
        .anonymous_limit(100, hours(6));
    let hub = hub.start().await;
    let program = Forebay::before(&hub).start().await;
    let setup = program.setup.clone();
    pull(&program, &hub, NGINX).await;
    program.stop().await;
    let before = state_of(&setup);
    for command in [
        ["budget", "--json"].as_slice(),
        &["top", "--once"],
        &["ledger", "export"],
    ] {
        let ended = setup.run(command).await;
        assert!(ended.status.success(), "{}", ended.transcript());
        assert!(state_of(&setup) == before, "{command:?}");
    }
    // Nor does one that goes on stand in the way of a server.
    let watch = setup
        .clone()
        .played_by(forebay(&["budget", "--watch", "--json"]));
    let watch = watch.begin();
    assert!(
        watch
            .out
            .until(|text| text.contains("\"remaining\":99"))
            .await
    );
    let _program = setup.start().await;
    let again = watch.out.until(|text| text.lines().count() > 1).await;
    assert!(again, "{}", watch.log.text());
    assert!(watch.out.text().ends_with("}\n"));
}

fn forebay(words: &[&str]) -> Vec<String> {
    let words = std::iter::once(&env!("CARGO_BIN_EXE_forebay")).chain(words);
    words.map(|&word| word.to_owned()).collect()
}

#[tokio::test]
async fn what_a_killed_server_wrote_is_told_and_its_log_stays_for_the_next() {
    let hub = HubSim::new()
        .image(NGINX, Image::small())
        .anonymous_limit(100, hours(6));
    let hub = hub.start().await;
    let program = Forebay::before(&hub).start().await;
    let setup = program.setup.clone();
    pull(&program, &hub, NGINX).await;
    // Has it written down.
    json(&setup, &["top", "--once", "--json"]).await;
    program.kill().await;
    let files = || {
        let of_log = |name: &String| !name.ends_with("-shm");
        let mut files = state_of(&setup);
        files.retain(|(name, ..)| of_log(name));
        files
    };
    let before = files();
    assert!(
        before
            .iter()
            .any(|(name, bytes, _)| name.ends_with("-wal") && !bytes.is_empty())
    );
    for _ in 0..2 {
        let top = json(&setup, &["top", "--once", "--json"]).await;
        assert_eq!(top["spent"][0]["pulls"], 1, "{top}");
        assert!(files() == before);
    }
    let program = setup.start().await;
    pull(&program, &hub, NGINX).await;
    assert_eq!(hub.charged(), 1);
}

#[tokio::test]
async fn an_export_is_no_formula_no_second_line_and_no_secret_whatever_clients_call_themselves() {
    let hub = HubSim::new().image(NGINX, Image::small()).start().await;
    let program = Forebay::before(&hub).start().await;
    let path = Pull::of(&hub, NGINX).by_tag.path;
    for (agent, workload) in [
        ("curl/8", "=HYPERLINK(\"http://evil.example\",\"x\")"),
        ("curl/8", "a,b \"c\""),
        ("curl/8", "token=s3cretS3cretS3cret"),
        ("ghp_s3cretS3cretS3cretS3cret/1", "plain"),
        ("@SUM(A1)", "plain"),
    ] {
        let ask = Ask::get(&path).header("user-agent", agent);
        let answer = program.ask(ask.header("forebay-workload", workload)).await;
        assert_eq!(answer.status, 200);
    }
    let export = ["ledger", "export", "--since", "24h", "--csv"];
    let csv = program.setup.run(&export).await;
    let rows: Vec<&str> = csv.out.split_terminator("\r\n").collect();
    assert_eq!(rows.len(), 6, "{}", csv.out);
    for field in [
        ",\"'=HYPERLINK(\"\"http://evil.example\"\",\"\"x\"\")\",",
        ",\"a,b \"\"c\"\"\",",
        ",'@SUM(A1),plain,",
    ] {
        assert!(csv.out.contains(field), "{field} is not in\n{}", csv.out);
    }
    for command in [
        export.as_slice(),
        &["ledger", "export", "--json"],
        &["top", "--once"],
        &["top", "--once", "--json"],
    ] {
        let told = program.setup.run(command).await.out.to_ascii_lowercase();
        assert!(!told.contains("s3cret"), "{command:?}: {told}");
    }
}
