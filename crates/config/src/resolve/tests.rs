//! Rules between keys, as tables.

use crate::{CredentialSource, Environment, Flags, Sources, load};

fn problem(variables: &[(&str, &str)]) -> String {
    let environment = Environment::of(variables.iter().copied());
    let sources = Sources::new(None, environment, Flags::default());
    match load(&sources) {
        Ok(_) => String::new(),
        Err(errors) => errors.to_string(),
    }
}

#[test]
fn nothing_written_is_right() {
    assert_eq!(problem(&[]), "");
}

#[test]
fn listening_off_loopback_needs_clients() {
    for address in ["0.0.0.0:5000", "[::]:5000", "10.0.0.1:5000"] {
        assert!(
            problem(&[("FOREBAY_LISTEN", address)]).contains("clients.allow"),
            "{address}"
        );
        let allowed = [
            ("FOREBAY_LISTEN", address),
            ("FOREBAY_CLIENTS__ALLOW", "10.0.0.0/8"),
        ];
        assert_eq!(problem(&allowed), "");
    }
    for address in ["127.0.0.9:5000", "[::1]:5000", "[::ffff:127.0.0.1]:5000"] {
        assert_eq!(problem(&[("FOREBAY_LISTEN", address)]), "");
    }
}

#[test]
fn plain_http_goes_only_where_nobody_listens() {
    let url = "FOREBAY_UPSTREAMS__DOCKER_IO__URL";
    for near in [
        "http://127.0.0.1:7000",
        "http://localhost:7000",
        "http://10.1.2.3",
        "http://[fd00::1]",
    ] {
        assert_eq!(problem(&[(url, near)]), "", "{near}");
    }
    for far in [
        "http://registry-1.docker.io",
        "http://8.8.8.8",
        "http://169.254.169.254",
        "http://registry.internal",
    ] {
        assert!(problem(&[(url, far)]).contains("plain http"), "{far}");
        let insecure = ("FOREBAY_UPSTREAMS__DOCKER_IO__INSECURE", "true");
        assert_eq!(problem(&[(url, far), insecure]), "", "{far}");
    }
}

#[test]
fn values_have_bounds() {
    for (variable, wrong) in [
        ("FOREBAY_CACHE__TAG_TTL", "31d"),
        ("FOREBAY_CACHE__VERSION_TTL", "721h"),
        ("FOREBAY_CACHE__TAG_RULES", "[{pattern='*', ttl='31d'}]"),
        ("FOREBAY_CACHE__REVALIDATE_BUDGET", "2m"),
        ("FOREBAY_CACHE__NEGATIVE_TTL", "2d"),
        ("FOREBAY_CACHE__MAX_SIZE", "63MiB"),
        ("FOREBAY_SERVER__MAX_CONNECTIONS", "0"),
        ("FOREBAY_SERVER__DRAIN", "2h"),
    ] {
        assert_ne!(problem(&[(variable, wrong)]), "", "{variable}={wrong}");
    }
}

#[test]
fn built_in_token_hosts_hold_for_the_built_in_registry_only() {
    let hosts = |variables: &[(&str, &str)]| {
        let environment = Environment::of(variables.iter().copied());
        let config = load(&Sources::new(None, environment, Flags::default()));
        config.map(|config| config.upstreams["docker.io"].token_hosts.clone())
    };
    let url = ("FOREBAY_UPSTREAMS__DOCKER_IO__URL", "http://127.0.0.1:7000");
    let further = (
        "FOREBAY_UPSTREAMS__DOCKER_IO__TOKEN_HOSTS",
        "login.example.com",
    );
    assert_eq!(hosts(&[]), Ok(vec!["auth.docker.io".to_owned()]));
    assert_eq!(hosts(&[url]), Ok(vec![]));
    assert_eq!(
        hosts(&[url, further]),
        Ok(vec!["login.example.com".to_owned()])
    );
    let both = vec!["login.example.com".to_owned(), "auth.docker.io".to_owned()];
    assert_eq!(hosts(&[further]), Ok(both));
}

#[test]
fn a_configuration_prints_no_secret_however_it_is_printed() {
    let environment = Environment::of([
        ("FOREBAY_UPSTREAMS__DOCKER_IO__USERNAME", "alice"),
        ("FOREBAY_UPSTREAMS__DOCKER_IO__PASSWORD", "canary"),
        (
            "FOREBAY_UPSTREAMS__GHCR_IO__PROXY",
            "http://bob:canary@proxy:3128",
        ),
        ("HTTPS_PROXY", "http://carol:canary@proxy:3128"),
    ]);
    let sources = Sources::new(None, environment, Flags::default());
    let told = format!("{:?} {sources:?}", load(&sources));
    assert!(told.contains("alice") && !told.contains("canary"), "{told}");
}

#[test]
fn a_file_is_read_again_each_time() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("forebay.toml");
    let sources = Sources::new(Some(path.clone()), Environment::default(), Flags::default());
    let tag_ttl = |text: &str| {
        std::fs::write(&path, text)?;
        Ok::<_, std::io::Error>(
            load(&sources)
                .ok()
                .map(|config| config.cache.tag_ttl.as_secs()),
        )
    };
    assert_eq!(tag_ttl("[cache]\ntag_ttl = \"1m\"\n")?, Some(60));
    assert_eq!(tag_ttl("[cache]\ntag_ttl = \"2\"\n")?, None);
    assert_eq!(tag_ttl("[cache]\ntag_ttl = \"3m\"\n")?, Some(180));
    Ok(())
}

#[test]
fn secrets_manager_asks_in_the_region_written_or_in_the_arns_or_the_environments() {
    let region = |variables: &[(&str, &str)]| {
        let environment = Environment::of(variables.iter().copied());
        let config = load(&Sources::new(None, environment, Flags::default())).ok()?;
        match &config.upstreams["docker.io"].credentials {
            CredentialSource::SecretsManager { region, .. } => Some(region.clone()),
            _ => None,
        }
    };
    let secret = "FOREBAY_UPSTREAMS__DOCKER_IO__AWS_SECRET";
    let written = (
        "FOREBAY_UPSTREAMS__DOCKER_IO__AWS_SECRET_REGION",
        "eu-west-1",
    );
    let arn = (
        secret,
        "arn:aws:secretsmanager:us-gov-east-1:123456789012:secret:hub-a1b2c3",
    );
    let environment = ("AWS_DEFAULT_REGION", "ap-south-2");
    assert_eq!(
        region(&[arn, written, environment]).as_deref(),
        Some("eu-west-1")
    );
    assert_eq!(
        region(&[arn, environment]).as_deref(),
        Some("us-gov-east-1")
    );
    assert_eq!(
        region(&[(secret, "hub"), environment]).as_deref(),
        Some("ap-south-2")
    );
    assert_eq!(region(&[(secret, "hub")]), None);
    assert_eq!(
        region(&[(secret, "hub"), ("AWS_REGION", "evil.example/")]),
        None
    );
}

#[test]
fn what_is_wrong_with_clients_is_told() {
    for (key, text, told) in [
        ("TRUSTED_PROXIES", "10.0.0.1/32", ""),
        ("TRUSTED_PROXIES", "0.0.0.0/0", "holds every address"),
        ("TRUSTED_PROXIES", "::/0", "holds every address"),
        (
            "LIMITS",
            r#"[{ network = "10.0.0.0/8", requests_per_minute = 600, burst = 9 }, { user = "ci", requests_per_minute = 1 }]"#,
            "",
        ),
        (
            "LIMITS",
            "[{ requests_per_minute = 1 }]",
            "for nobody, or for several",
        ),
        (
            "LIMITS",
            r#"[{ user = "a", agent = "curl", requests_per_minute = 1 }]"#,
            "for nobody, or for several",
        ),
        (
            "LIMITS",
            r#"[{ user = "a" }]"#,
            "without `requests_per_minute`",
        ),
        (
            "LIMITS",
            r#"[{ user = "a", requests_per_minute = 0 }]"#,
            "wanted 1 to",
        ),
        (
            "LIMITS",
            r#"[{ user = "a", requests_per_minute = 1, brust = 1 }]"#,
            "the unknown key `brust`",
        ),
        (
            "LIMITS",
            r#"[{ network = "10.0.0.1/8", requests_per_minute = 1 }]"#,
            "`network`",
        ),
        ("PATIENCE", r#"{ docker = "24s", other = "0s" }"#, ""),
        ("PATIENCE", r#"{ docker = "25s" }"#, "at most 24s is taken"),
        ("PATIENCE", r#"{ podman = "5s" }"#, "unknown key `podman`"),
        ("PATIENCE", "20s", "wanted a table such as"),
    ] {
        let found = problem(&[(&format!("FOREBAY_CLIENTS__{key}"), text)]);
        assert!(
            found.contains(told) && found.is_empty() == told.is_empty(),
            "{key}={text}: {found}"
        );
    }
    let delay = [("FOREBAY_SERVER__STOP_DELAY", "6m")];
    assert!(problem(&delay).contains("at most 5m is taken"));
}

#[test]
fn tls_and_its_addresses_come_together() {
    let (listen, cert, key) = (
        "FOREBAY_LISTEN",
        "FOREBAY_TLS__CERT_FILE",
        "FOREBAY_TLS__KEY_FILE",
    );
    let secure = (listen, "127.0.0.1:5000, https://127.0.0.1:5443");
    for (variables, told) in [
        (vec![secure], "there is no certificate for it"),
        (vec![secure, (cert, "a.pem")], "without `tls.key_file`"),
        (vec![secure, (key, "a.pem")], "without `tls.cert_file`"),
        (
            vec![(cert, "a.pem"), (key, "b.pem")],
            "no address of `listen`",
        ),
        (
            vec![("FOREBAY_TLS__CLIENT_AUTH", "optional")],
            "without `tls.cert_file`",
        ),
        (
            vec![
                secure,
                (cert, "a.pem"),
                (key, "b.pem"),
                ("FOREBAY_TLS__CLIENT_AUTH", "optional"),
            ],
            "without `tls.client_ca_file`",
        ),
        (
            vec![secure, (cert, "/nowhere/a.pem"), (key, "b.pem")],
            "/nowhere/a.pem cannot be read",
        ),
        (
            vec![secure, (cert, "/dev/null"), (key, "/dev/null")],
            "holds no PEM certificate",
        ),
        (
            vec![secure, (cert, "/dev/zero"), (key, "/dev/null")],
            "is longer than 4194304 bytes",
        ),
    ] {
        let problem = problem(&variables);
        assert!(problem.contains(told), "{variables:?}: {problem}");
    }
}

#[test]
fn an_address_within_tls_is_open_as_well() {
    let address = ("FOREBAY_LISTEN", "https://0.0.0.0:5443");
    assert!(problem(&[address]).contains("clients.allow"));
}
