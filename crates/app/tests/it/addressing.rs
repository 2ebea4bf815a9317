//! The ways to say which upstream is meant, all at once; a closed world; whom it lets ask.

use std::fmt::Write as _;

use hub_sim::{Hub, HubSim, Image};

use crate::client::Ask;
use crate::image::Pull;
use crate::program::{Forebay, Program};

const ACCEPT: &str = "application/vnd.oci.image.manifest.v1+json";

/// Three hubs with other content under the same name, each to be reached in its own ways.
struct World {
    docker: Hub,
    github: Hub,
    amazon: Hub,
    program: Program,
}

impl World {
    async fn begin() -> Self {
        let hub = |seed| HubSim::new().image("library/nginx:1", Image::small().seed(seed));
        let (docker, github, amazon) = (
            hub(1).start().await,
            hub(2).start().await,
            hub(3).start().await,
        );
        let program = Forebay::before(&docker)
            .upstream_with("ghcr.io", &github, "hosts = [\"git.local\"]")
            .upstream_with("public.ecr.aws", &amazon, "prefix = \"ecr-public\"")
            .start()
            .await;
        Self {
            docker,
            github,
            amazon,
            program,
        }
    }

    /// Which hub's image is answered; an error's status and code otherwise.
    async fn find(&self, host: Option<&str>, path: &str) -> String {
        let mut ask = Ask::get(path).header("accept", ACCEPT);
        if let Some(host) = host {
            ask = ask.header("host", host);
        }
        let answer = self.program.ask(ask).await;
        let hubs = [
            (&self.docker, "docker.io"),
            (&self.github, "ghcr.io"),
            (&self.amazon, "public.ecr.aws"),
        ];
        for (hub, name) in hubs {
            if answer.is(hub.manifest("library/nginx:1").bytes()) {
                let namespace = answer.header("oci-namespace");
                return namespace.map_or(name.to_owned(), |namespace| {
                    format!("{name}, by the namespace {namespace}")
                });
            }
        }
        let (status, code) = answer.refusal();
        format!("{status} {code}")
    }

    fn asked(&self) -> usize {
        let hubs = [&self.docker, &self.github, &self.amazon];
        hubs.iter().map(|hub| hub.requests().len()).sum()
    }
}

#[tokio::test]
async fn the_four_ways_mean_the_same_image_and_it_is_fetched_once() {
    let hub = HubSim::new()
        .image("library/nginx:1.27", Image::small())
        .start()
        .await;
    let keys = "prefix = \"hub\"\nhosts = [\"mirror.local\"]";
    let program = Forebay::new()
        .upstream_with("docker.io", &hub, keys)
        .start()
        .await;
    let wanted = Pull::of(&hub, "library/nginx:1.27").by_tag;
    for (host, path) in [
        (None, "/v2/library/nginx/manifests/1.27"),
        (None, "/v2/library/nginx/manifests/1.27?ns=docker.io"),
        (None, "/v2/docker.io/library/nginx/manifests/1.27"),
        (None, "/v2/hub/library/nginx/manifests/1.27"),
        (Some("mirror.local"), "/v2/library/nginx/manifests/1.27"),
        (Some("Mirror.Local.:5000"), "/v2/nginx/manifests/1.27"),
    ] {
        let mut ask = Ask::get(path);
        if let Some(host) = host {
            ask = ask.header("host", host);
        }
        let answer = program.ask(ask).await;
        wanted.expect(&answer);
        let by_namespace = path.contains("ns=").then_some("docker.io");
        assert_eq!(answer.header("oci-namespace"), by_namespace, "{path}");
    }
    insta::assert_snapshot!(hub.requests(), @r"
    HEAD registry /v2/library/nginx/manifests/1.27 401
    GET token /token?service=registry.docker.io&scope=repository%3Alibrary%2Fnginx%3Apull 200
    HEAD registry /v2/library/nginx/manifests/1.27 200
    GET registry /v2/library/nginx/manifests/sha256:afaef6877b88… 200 charged
    ");
}

#[tokio::test]
async fn a_namespace_wins_over_a_host_and_a_host_over_a_path() {
    let world = World::begin().await;
    let mut found = String::new();
    for (host, path) in [
        (None, "/v2/library/nginx/manifests/1"),
        (None, "/v2/library/nginx/manifests/1?ns=ghcr.io"),
        (None, "/v2/ghcr.io/library/nginx/manifests/1"),
        (None, "/v2/ecr-public/library/nginx/manifests/1"),
        (Some("git.local"), "/v2/library/nginx/manifests/1"),
        (
            Some("git.local"),
            "/v2/library/nginx/manifests/1?ns=public.ecr.aws",
        ),
        // Not the upstream of the path: a repository of that name, at the upstream of the host.
        (
            Some("git.local"),
            "/v2/ecr-public/library/nginx/manifests/1",
        ),
        (
            None,
            "/v2/ecr-public/library/nginx/manifests/1?ns=docker.io",
        ),
    ] {
        let answer = world.find(host, path).await;
        let host = host.map(|host| format!(" at {host}")).unwrap_or_default();
        writeln!(found, "{path}{host}: {answer}").expect("a string takes all");
    }
    insta::assert_snapshot!(found, @r"
    /v2/library/nginx/manifests/1: docker.io
    /v2/library/nginx/manifests/1?ns=ghcr.io: ghcr.io, by the namespace ghcr.io
    /v2/ghcr.io/library/nginx/manifests/1: ghcr.io
    /v2/ecr-public/library/nginx/manifests/1: public.ecr.aws
    /v2/library/nginx/manifests/1 at git.local: ghcr.io
    /v2/library/nginx/manifests/1?ns=public.ecr.aws at git.local: public.ecr.aws, by the namespace public.ecr.aws
    /v2/ecr-public/library/nginx/manifests/1 at git.local: 401 UNAUTHORIZED
    /v2/ecr-public/library/nginx/manifests/1?ns=docker.io: 401 UNAUTHORIZED
    ");
}

#[tokio::test]
async fn an_unknown_name_is_asked_of_no_upstream() {
    let world = World::begin().await;
    let neighbour = world.github.host();
    let encoded = neighbour.replace(':', "%3A");
    for path in [
        "/v2/library/nginx/manifests/1?ns=quay.example",
        &format!("/v2/library/nginx/manifests/1?ns={neighbour}"),
        &format!("/v2/library/nginx/manifests/1?ns={encoded}"),
        "/v2/library/nginx/manifests/1?ns=",
        "/v2/library/nginx/manifests/1?ns=127.0.0.1",
        "/v2/library/nginx/manifests/1?ns=169.254.169.254",
        "/v2/library/nginx/manifests/1?ns=GHCR.IO",
        "/v2/library/nginx/manifests/1?ns=ghcr.io.",
        "/v2/library/nginx/manifests/1?ns=ghcr.io:443",
        "/v2/quay.example/library/nginx/manifests/1",
        "/v2/localhost/library/nginx/manifests/1",
        "/v2/127.0.0.1/library/nginx/manifests/1",
        "/v2/docker.io/manifests/1",
        "/v2/nginx/manifests/1",
        "/v2/nginx/blobs/sha256:0000000000000000000000000000000000000000000000000000000000000000",
        "/v2/quay.example/library/nginx/tags/list",
    ] {
        let answer = world.program.get(path).await;
        assert_eq!(answer.refusal(), (404, "NAME_UNKNOWN".to_owned()), "{path}");
    }
    assert_eq!(world.asked(), 0);
}

#[tokio::test]
async fn a_host_nobody_mapped_is_a_name_of_ours_and_means_the_root() {
    let world = World::begin().await;
    let path = "/v2/library/nginx/manifests/1";
    assert_eq!(world.find(Some("evil.example"), path).await, "docker.io");
    assert_eq!(
        world.find(Some(&world.github.host()), path).await,
        "docker.io"
    );
    assert!(world.github.requests().is_empty());
}

#[tokio::test]
async fn library_is_added_only_where_a_client_named_docker_io() {
    let world = World::begin().await;
    for path in [
        "/v2/nginx/manifests/1?ns=docker.io",
        "/v2/docker.io/nginx/manifests/1",
    ] {
        let found = world.find(None, path).await;
        assert!(found.starts_with("docker.io"), "{path}: {found}");
    }
    world.docker.clear_requests();
    let bare = world.program.get("/v2/nginx/manifests/1").await;
    assert_eq!(bare.refusal().0, 404);
    assert!(bare.text().contains("library/nginx"), "{}", bare.text());
    assert_eq!(world.asked(), 0);
    // Another registry has repositories of one part.
    assert_eq!(
        world
            .program
            .get("/v2/ghcr.io/nginx/manifests/1")
            .await
            .status,
        401
    );
    let asked = world
        .github
        .requests_where(|request| request.role == hub_sim::Role::Registry);
    assert!(
        asked
            .iter()
            .all(|request| request.repository.as_deref() == Some("nginx"))
    );
}

#[tokio::test]
async fn what_is_not_on_the_allow_list_is_refused_with_the_nearest_and_not_asked_for() {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .image("hashicorp/vault:1", Image::small())
        .image("hashicorp/vualt:1", Image::small())
        .start()
        .await;
    let keys = "allow = [\"library/*\", \"hashicorp/vault\"]";
    let program = Forebay::new()
        .upstream_with("docker.io", &hub, keys)
        .start()
        .await;
    for path in [
        "manifests/1".to_owned(),
        format!("manifests/{}", hub.digest("hashicorp/vualt:1")),
        format!("blobs/{}", hub.blobs("hashicorp/vualt:1")[0].digest()),
        "tags/list".to_owned(),
        format!("referrers/{}", hub.digest("hashicorp/vualt:1")),
    ] {
        let answer = program.get(&format!("/v2/hashicorp/vualt/{path}")).await;
        assert_eq!(answer.refusal(), (403, "DENIED".to_owned()), "{path}");
        assert!(
            answer.text().contains("hashicorp/vault"),
            "{}",
            answer.text()
        );
        let head = program.head(&format!("/v2/hashicorp/vualt/{path}")).await;
        assert_eq!(head.status, 403, "{path}");
    }
    for (asked, nearest) in [
        ("libary/nginx", "library/nginx"),
        ("hashicorp/vualt", "hashicorp/vault"),
        ("docker.io/libary/redis", "library/redis"),
        ("docker.io/hashicrop/vault", "hashicorp/vault"),
    ] {
        let text = program
            .get(&format!("/v2/{asked}/manifests/1"))
            .await
            .text();
        let named = format!("the nearest allowed image is {nearest}:");
        assert!(text.contains(&named), "{asked}: {text}");
    }
    assert!(hub.requests().is_empty());
    let allowed = Pull::of(&hub, "hashicorp/vault:1");
    allowed.succeeds(&program).await;
    Pull::of(&hub, "library/nginx:1").succeeds(&program).await;
}

#[tokio::test]
async fn off_loopback_it_does_not_start_without_a_word_on_who_may_ask() {
    let ended = Forebay::new().listening("0.0.0.0:0").try_start().await;
    let ended = ended.expect_err("it must not start");
    insta::assert_snapshot!(ended.transcript(), @r#"
    exit: 2
    ----- stdout -----
    ----- stderr -----
    error: forebay.toml:1: `listen` is 0.0.0.0:0, which others can reach, and `clients.allow` says of nobody that they may ask
    hint: write whose networks may, such as [clients] allow = ["10.0.0.0/8"], or FOREBAY_CLIENTS__ALLOW=10.0.0.0/8
    hint: or listen on 127.0.0.1 alone
    "#);
    assert!(
        !ended.setup.data().exists(),
        "it touched its data before it judged"
    );
    let told = Forebay::new()
        .listening("0.0.0.0:0")
        .with("[clients]\nallow = [\"10.0.0.0/8\"]");
    told.start().await.stop().await;
}

#[tokio::test]
async fn nothing_of_an_upstream_can_be_written_or_listed_whole() {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .start()
        .await;
    let pushing = "[clients]\nloopback_push = true";
    let program = Forebay::before(&hub).with(pushing).start().await;
    for (method, path) in [
        (http::Method::PUT, "/v2/library/nginx/manifests/1"),
        (http::Method::DELETE, "/v2/library/nginx/manifests/1"),
        (http::Method::POST, "/v2/library/nginx/blobs/uploads/"),
        (
            http::Method::PATCH,
            "/v2/library/nginx/blobs/uploads/0123456789abcdef0123456789abcdef",
        ),
    ] {
        let answer = program.ask(Ask::new(method, path)).await;
        assert_eq!(answer.refusal(), (405, "UNSUPPORTED".to_owned()), "{path}");
    }
    let listed = program.get("/v2/_catalog").await;
    assert_eq!(listed.text(), r#"{"repositories":[]}"#);
    assert_eq!(program.get("/v2/").await.status, 200);
    assert!(hub.requests().is_empty());
}
