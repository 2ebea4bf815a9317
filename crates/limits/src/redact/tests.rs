//! Texts as registries and clients write them, and what is left of them.

use super::*;

#[test]
fn accounts_and_sessions_in_a_pull_limits_text_are_gone() {
    let table = [
        (
            "You have reached your pull rate limit as 'alice': dckr_jti_AbC-123_xyzAbC-123_xyzAbCde=. You may increase the limit by upgrading. https://www.docker.com/increase-rate-limit",
            "You have reached your pull rate limit as '***': ***. You may increase the limit by upgrading. https://www.docker.com/increase-rate-limit",
        ),
        (
            "pull rate limit as \\\"alice\\\": x",
            "pull rate limit as \\\"***\\\": x",
        ),
        ("pull rate limit as ‘alice’.", "pull rate limit as ‘***’."),
        ("Pull Rate Limit as alice: x", "Pull Rate Limit as ***: x"),
    ];
    for (text, expected) in table {
        assert_eq!(redact(text), expected);
    }
}

#[test]
fn tokens_and_credentials_are_gone() {
    let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIifQ.c2ln";
    let table = [
        (
            format!("Authorization: Bearer {jwt}\nHost: x"),
            "Authorization: ***\nHost: x",
        ),
        (format!("sent bearer {jwt} to"), "sent bearer *** to"),
        (
            "authorization: server message: insufficient_scope: authorization failed".to_owned(),
            "authorization: server message: insufficient_scope: authorization failed",
        ),
        (
            format!("authorization: server message: Bearer {jwt} is bad"),
            "authorization: server message: Bearer *** is bad",
        ),
        (
            "authorization: c2VjcmV0 server message: x".to_owned(),
            "authorization: ***",
        ),
        ("Basic YTpi failed".to_owned(), "Basic *** failed"),
        (format!("see{jwt}!"), "see***!"),
        (
            format!(r#"{{"token":"{jwt}","expires_in":300}}"#),
            r#"{"token":"***","expires_in":300}"#,
        ),
        (
            r#"{"password":"a\"b\\","x":1}"#.to_owned(),
            r#"{"password":"***","x":1}"#,
        ),
        (
            r#"{\"password\":\"ab\",\"x\":1}"#.to_owned(),
            r#"{\"password\":\"***\",\"x\":1}"#,
        ),
        ("password = hunter2, x".to_owned(), "password = ***, x"),
        (
            "grant_type=password&username=bob&password=p".to_owned(),
            "grant_type=password&username=***&password=***",
        ),
        ("basic /abcdefghijklmnop=\"".to_owned(), "basic ***\""),
        (
            "with dckr_pat_abcdEFGH1234 given".to_owned(),
            "with *** given",
        ),
        (
            format!("fbt_abcdefghijkl_{} given", "0123456789abcdef".repeat(4)),
            "*** given",
        ),
        (
            "ghp_0123456789abcdef0123 and AKIA0123456789ABCDEF".to_owned(),
            "*** and ***",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(redact(&text), expected, "{text}");
    }
}

#[test]
fn userinfo_and_signatures_in_urls_are_gone() {
    let table = [
        (
            "Get https://bob:p@ss@r.example/v2/",
            "Get https://***@r.example/v2/",
        ),
        (
            r#""https:\/\/bob:pw@r.example\/v2""#,
            r#""https:\/\/***@r.example\/v2""#,
        ),
        (
            "proxy http://bob@10.0.0.1:3128 said",
            "proxy http://***@10.0.0.1:3128 said",
        ),
        (
            "https://b.example/sha256/ab?X-Amz-Signature=abc&X-Amz-Expires=20&n=5",
            "https://b.example/sha256/ab?X-Amz-Signature=***&X-Amz-Expires=***&n=5",
        ),
        (
            r#""https://auth.docker.io/token?account=bob&scope=repository%3Alibrary%2Fredis%3Apull&service=registry.docker.io": EOF"#,
            r#""https://auth.docker.io/token?account=***&scope=repository%3Alibrary%2Fredis%3Apull&service=registry.docker.io": EOF"#,
        ),
        (
            r"https://b.example/x?verify=123\u0026scope=a b",
            "https://b.example/x?*** b",
        ),
        ("/x?scope=eyJabcdefghijklmnopqrst&n=1", "/x?***&n=1"),
        (
            "/v2/x/blobs/uploads/1?_state=abc",
            "/v2/x/blobs/uploads/1?_state=***",
        ),
        ("https://b.example/x?0123abc", "https://b.example/x?***"),
    ];
    for (text, expected) in table {
        assert_eq!(redact(text), expected);
    }
}

#[test]
fn words_that_help_are_left_as_they_are() {
    let table = [
        "toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit",
        "unexpected status from POST request to https://auth.docker.io/token: 429 Too Many Requests",
        "failed to fetch anonymous token: unexpected status: 401 Unauthorized",
        "too many failed login attempts for username or IP address",
        r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/alpine:pull""#,
        "no basic auth credentials; is the bearer token wrong?",
        "manifest for rbsys/x:0.9 not found (really?)",
        "dial tcp: lookup registry-1.docker.io on 192.168.65.1:53: i/o timeout",
        "sha256:dceaebcdee980d6ead9950925d6b1990437125c6f261e64782e0887ebf5ed61a",
        "toomanyrequests: retry-after: 985.86µs, allowed: 44000/minute",
        "",
    ];
    for text in table {
        assert!(
            matches!(redact(text), Cow::Borrowed(same) if same == text),
            "{text} became {}",
            redact(text)
        );
    }
}

#[test]
fn secrets_are_known_by_how_their_names_end_and_flags_by_what_they_are_for() {
    let secrets = [
        "AWS_SECRET_ACCESS_KEY=HUNTER2xyz",
        "AWS_SESSION_TOKEN=HUNTER2xyz",
        "DOCKER_PASSWORD=HUNTER2xyz",
        "PGPASSWORD=HUNTER2xyz",
        "docker login -u bob -p HUNTER2xyz",
        "docker login --username HUNTER2xyz",
        "docker login --password HUNTER2xyz",
        "docker login --password=HUNTER2xyz",
        "kubectl create secret docker-registry x --docker-password=HUNTER2xyz",
        "--registry-token HUNTER2xyz",
        "curl -u bob:HUNTER2xyz https://x",
        r#"{"auths":{"https://index.docker.io/v1/":{"auth":"HUNTER2xyz"}}}"#,
        r#"{\"auth\":\"HUNTER2xyz\"}"#,
        "X-Registry-Auth: HUNTER2xyz",
        "x-api-key: HUNTER2xyz",
        "Cookie: session=HUNTER2xyz",
        "identity_token=HUNTER2xyz",
        "api_key=HUNTER2xyz",
        "AccessKey: HUNTER2xyz",
        "AccountKey=HUNTER2xyz",
        "passphrase=HUNTER2xyz",
        "pwd=HUNTER2xyz",
        "X-Amz-Signature=HUNTER2xyz",
        "PASSWORD%3DHUNTER2xyz",
        "PASSWORD%253DHUNTER2xyz",
        "user=HUNTER2xyz",
        "username \"HUNTER2xyz\"",
        "-----BEGIN RSA PRIVATE KEY-----\nHUNTER2xyz\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY----- HUNTER2xyz",
        "pull image \"bob:HUNTER2xyz@reg.example/x:1\"",
        "docker pull bob:HUNTER2xyz@localhost:5000/x",
        "//bob:HUNTER2xyz@reg/x",
        "password := HUNTER2xyz",
        "DOCKER_PASSWORD \"HUNTER2xyz\"",
        "<password>HUNTER2xyz</password>",
        "PRIVATE-TOKEN: HUNTER2xyz",
        "password: 'a\\'HUNTER2xyz'",
        "docker login -u HUNTER2xyz",
        "docker login -u bob -pHUNTER2xyz",
        "docker login -password HUNTER2xyz",
        "pull for user HUNTER2xyz@corp.example",
        r#""email":"HUNTER2xyz@corp.example""#,
        "pass=HUNTER2xyz",
        "pass: HUNTER2xyz",
        "user: bob pass: HUNTER2xyz, host: x",
        "passwd HUNTER2xyz",
        "with passwd HUNTER2xyz.",
        "passwd: HUNTER2xyz",
        "PWD=HUNTER2xyz",
        "pwd: HUNTER2xyz",
        "SharedAccessSignature sr=x&sig=HUNTER2xyz",
    ];
    for text in secrets {
        let clean = redact(text);
        assert!(!clean.contains("HUNTER2"), "{clean}");
        assert_eq!(redact(&clean), clean);
    }
    for text in [
        "eyJabcdefghijklmnopqrstpassword: x",
        "xeyJabcdefghijklmnopqrst-token=x",
        "-eyJabcdefghijklmnopqrst-user \"x\"",
    ] {
        assert!(!redact(text).contains("eyJ"), "{text}");
    }
    for token in [
        "ASIA", "npm_", "xoxb-", "ya29.", "sk-proj-", "sk_live_", "AIza", "hf_", "pypi-", "SG.",
    ] {
        let text = format!("with {token}0123456789abcdef0123");
        assert_eq!(redact(&text), "with ***");
    }
}

#[test]
fn without_names_only_what_is_a_secret_by_itself_is_gone() {
    for (text, expected) in [
        (
            "password: x user=bob ghp_0123456789abcdef0123",
            "password: x user=bob ***",
        ),
        (
            "https://bob:pw@r.example/x?sig=a",
            "https://***@r.example/x?sig=a",
        ),
        (
            "docker login -u bob -p hunter2 r.example",
            "docker login -u bob -p *** r.example",
        ),
        (
            "curl -u bob:hunter2 --username bob",
            "curl -u *** --username bob",
        ),
        ("Authorization: Basic Ym9iOng=", "Authorization: Basic ***"),
        (
            "arn:aws:secretsmanager:eu-west-1:1:secret:hub",
            "arn:aws:secretsmanager:eu-west-1:1:secret:hub",
        ),
    ] {
        assert_eq!(redact_tokens(text), expected);
    }
}

#[test]
fn what_only_looks_like_a_secrets_name_is_left() {
    for text in [
        "docker run -p 8080:80 -u 1000:1000 nginx",
        "docker login --username <docker-id> --password-stdin < token.txt",
        "docker login --password $TOKEN",
        "User \"system:serviceaccount:default:x\" cannot get pods",
        "failed to fetch anonymous token: unexpected status",
        "invalid signature: no matching signatures",
        "serviceAccountName: default",
        "- name: registry-auth: none",
        "error getting credentials - err: exit status 1",
        "nginx:1.25@sha256:50aa4698fa6262977cff89181b2664b99d8a56dbca847bf62f2ef04854597cf8 not found",
        "registry.example/nginx:1.25@sha256:50aa",
        "git@github.com:acme/shop.git",
        "at 10:42:11 user@node-1",
        "secret \"regcred\" not found",
        "unexpected token \"<\"",
        "the password is wrong for user alice",
        "cannot read /etc/passwd for uid 0",
        "no passwd entry for user 1000",
        "bypass: all",
        "docker run --name mysql -p 3306:3306 mysql:8",
        "docker run --name mysql -p3306:3306 mysql:8",
        "docker compose -p shop2 up, mkdir -p /Data/X1, cargo test -p forebay-traffic",
        "-p, --port NUMBER",
        "the username or password is incorrect",
        "incorrect username or password UNAUTHORIZED: denied",
        "unauthorized: incorrect username or password 401 Unauthorized",
        "PASSWORD REQUIRED",
        "the password is wrong, the password is expired",
        "a password is REQUIRED; password is NULL",
        "docker ps -a web, redis-cli ping --all -atime",
        "docker images -a acme/web:1",
        r#"{"user":"system:serviceaccount:default:x"}"#,
        "cannot get creds: exit status 1, creds - err",
        "user -> node, token=>",
        "https://r.example:5000/acme/x@sha256:50aa4698fa6262977cff89181b2664b99d8a56dbca847bf62f2ef04854597cf8",
        "https://packages.example/@scope/pkg.js",
        "https://r.example/v2/acme:x/y@z",
    ] {
        assert_eq!(redact(text), text);
    }
}

#[test]
fn passwords_in_commands_sentences_and_addresses_that_nobody_escaped_are_gone() {
    for text in [
        r#"exec: "mysql -uroot -pHUNTER2xyz": executable file not found"#,
        r#"exec: \"mysql -uroot -pHUNTER2xyz\": executable file not found"#,
        r#"["mysqldump","-h","db","-pHUNTER2xyz"]"#,
        r#"["x","--password","HUNTER2xyz"]"#,
        r#"[\"x\",\"--password\",\"HUNTER2xyz\"]"#,
        "mongosh -u root -p HUNTER2xyz",
        "sshpass -p HUNTER2 ssh h",
        "x -p HUNTER2xyz Failed to pull",
        "cannot connect to db/x password HUNTER2",
        "user bob password HUNTER2xyz.",
        "https://user:HUN/HUNTER2@registry-1.docker.io/v2/",
        "https://user:HUNTER2/x?y#z@registry-1.docker.io/v2/",
        r#"Get "https://user:a/HUNTER2@localhost:5000/v2/": EOF"#,
        "xoxb-1234-HUNTER2",
        "redis-cli -h cache -a HUNTER2xyz ping",
        r#"["redis-cli","-a","HUNTER2xyz"]"#,
        "redis-server --requirepass HUNTER2xyz",
        "skopeo copy --src-creds bob:HUNTER2xyz docker://a",
        "skopeo inspect --creds=bob:HUNTER2xyz docker://a",
        "429 Too Many Requests password is HUNTER2xyz",
        "the password is 'HUNTER2xyz', the one before",
        "its password was HUNTER2.",
        "{'password': 'HUNTER2xyz', 'user': 'HUNbob'}",
        "{'password':'HUNTER2xyz','registry':'x'}",
        "{'user': u'HUNbob', 'password': b'HUNTER2xyz'}",
        r#"{"user":"HUNbob","x":1}"#,
        r#":password => "HUNTER2xyz""#,
        "password -> HUNTER2xyz",
        "hvs.CAESIHUNTER2xyz",
    ] {
        let clean = redact(text);
        assert!(!clean.contains("HUN"), "{clean}");
        assert_eq!(redact(&clean), clean);
    }
}

#[test]
fn credentials_are_known_by_the_last_part_of_their_names() {
    for text in [
        "--build-arg NPM_AUTH=HUNTER2xyz",
        "//registry.npmjs.org/:_authToken=HUNTER2xyz",
        "_auth=HUNTER2xyz",
        "(token: HUNTER2xyz)",
        "credentials=HUNTER2xyz",
        "creds: HUNTER2xyz",
        "REGISTRY_CREDS=HUNTER2xyz",
        "SIGNING_KEY=HUNTER",
        "SIGNING_KEY: HUNTER",
        "encryption-key: HUNTER2xyz",
        r#""ssh_key":"HUNTER""#,
        r#""sshKey":"HUNTER""#,
        "githubPAT=HUNTER",
        "PAT=HUNTER",
        "GH_PAT: HUNTER",
        "otp=HUNTER",
        "JWT=HUNTER",
        ".dockerconfigjson: HUNTER2xyz",
        "dockerconfigjson=HUNTER",
        "dockercfg: HUNTER2xyz",
        "https://hooks.slack.com/services/T0000/B0000/HUNTER2xyz",
        "dop_v1_HUNTER2xyzabcdefghij",
        r#"Proxy-Authorization: Digest username="a", response="HUNTER2xyz""#,
        "DOCKERHUB_USER: HUNTER",
        "DOCKER_LOGIN=HUNTER",
        r#""login":"HUNTER""#,
    ] {
        let clean = redact(text);
        assert!(!clean.contains("HUN"), "{clean}");
        assert_eq!(redact(&clean), clean);
    }
}

#[test]
fn a_value_is_secret_whose_name_stands_in_the_field_beside_it() {
    for text in [
        r#"{"name":"DB_PASSWORD","value":"HUNTER2xyz"}"#,
        r#"{"value":"HUNTER2xyz","name":"API_TOKEN"}"#,
        r#"{\"Name\":\"API_TOKEN\",\"Value\":\"HUNTER2xyz\"}"#,
        r#"{"name":"DB_PASSWORD","type":"PLAINTEXT","value":"HUNTER2xyz"}"#,
        r#"{"ParameterKey":"DbPassword","ParameterValue":"HUNTER2xyz"}"#,
        "{Name:DB_PASSWORD Value:HUNTER2xyz ValueFrom:nil}",
        "- name: GH_PAT\n  value: HUNTER2xyz",
    ] {
        let clean = redact(text);
        assert!(!clean.contains("HUN"), "{clean}");
        assert_eq!(redact(&clean), clean);
    }
    for text in [
        r#"{"name":"TOKEN","valueFrom":{}},{"name":"IMAGE","value":"nginx:1.27"}"#,
        r#"{"ParameterKey":"Image","ParameterValue":"acme/web:1"},{"ParameterKey":"Password"}"#,
        "- name: GH_PAT - name: LEVEL value: debug",
        "invalid value: cannot parse",
    ] {
        assert_eq!(redact(text), text);
    }
}

#[test]
fn what_is_piped_into_a_login_is_gone() {
    for (text, expected) in [
        (
            "+ echo HUNTER2 | docker login -u bot --password-stdin",
            "+ echo *** | docker login -u *** --password-stdin",
        ),
        (
            "echo -n 'HUNTER2' | docker login --password-stdin",
            "echo -n '***' | docker login --password-stdin",
        ),
        (
            "printf %s HUNTER2 | crane auth login r.example --password-stdin",
            "printf %s *** | crane auth login r.example --password-stdin",
        ),
        (
            "docker login --password-stdin <<< HUNTER2; x",
            "docker login --password-stdin <<< ***; x",
        ),
        (
            "docker login --password-stdin <<<\"HUNTER2 b\" x",
            "docker login --password-stdin <<<\"***\" x",
        ),
    ] {
        assert_eq!(redact(text), expected);
        assert_eq!(redact(expected), expected);
    }
    for text in [
        "echo \"$TOKEN\" | docker login --password-stdin",
        "printf '%s' \"$HUB_TOKEN\" | docker login --password-stdin",
        "echo done | tee out",
        "grep x <<< y",
        "echo no pipe",
        "|echo ",
        "cat token | docker login --password-stdin",
    ] {
        assert_eq!(redact(text), text);
    }
}

#[test]
fn accounts_that_clients_tell_of_are_gone() {
    for (text, expected) in [
        ("(as user bob)", "(as user ***)"),
        ("logged in as bob.", "logged in as ***."),
        ("logged in as user bob", "logged in as user ***"),
        ("Login Succeeded for bob", "Login Succeeded for ***"),
        (
            "account bob1999 is over its limit",
            "account *** is over its limit",
        ),
    ] {
        assert_eq!(redact(text), expected);
        assert_eq!(redact(expected), expected);
    }
}

#[test]
fn sentences_about_credentials_keep_their_words() {
    for text in [
        "container will run as user root, as user 1000",
        "account 123456789012 is suspended",
        "service account builder2000 has no secrets",
        "fetch creds: AccessDenied, credentials: x509: certificate signed by unknown authority",
        "failed to fetch anonymous token: GET request, oauth token: TooManyRequests",
        "auth: docker.io/library/nginx:1.27: not found",
        "cannot resolve auth: ghcr.io/acme/web2:1.0",
        "cache-key: sha256:50aa4698fa62, cacheKey=acme/web:1",
        r#"topologyKey: "kubernetes.io/hostname""#,
        "key=value, key: node-role2000",
        "registry-auth: 2026-11-22T00:10:00Z",
        "illegal base64 in .dockerconfigjson: illegal base64 data",
        "invalid signature: key2000",
        r#"docker login "ghcr.io" failed"#,
        "failed with status: 401, auth: 401 Unauthorized",
    ] {
        assert_eq!(redact(text), text);
    }
}

#[test]
fn a_variable_that_is_set_without_a_sign_is_gone() {
    for text in [
        "RUN step: ENV NPM_TOKEN HUNTER",
        "ENV password HUNTER",
        "NPM_TOKEN HUNTER2xyz",
        "with AWS_SECRET_ACCESS_KEY HUNTER2xyz set",
        "NPM_TOKEN \"HUNTER two\" x",
        "npm config set //registry.npmjs.org/:_authToken HUNTER",
        "setx GH_PAT HUNTER",
    ] {
        let clean = redact(text);
        assert!(!clean.contains("HUN"), "{clean}");
        assert_eq!(redact(&clean), clean);
    }
    for text in [
        "NPM_TOKEN is not set, NPM_TOKEN required, NPM_TOKEN MISSING",
        "secret NPM_TOKEN not found",
        "NPM_TOKEN GH_TOKEN_2 DB_PASS",
        "ENV NPM_TOKEN $NPM_TOKEN",
        "NPM_TOKEN 2026-01-05T10:00:00Z",
        "set token to, config set to a token",
    ] {
        assert_eq!(redact(text), text);
    }
}

#[test]
fn credentials_in_addresses_whose_signs_are_escaped_are_gone() {
    for (text, expected) in [
        (
            "https://user%3Apass@r.example/v2/",
            "https://***@r.example/v2/",
        ),
        (
            "https://user%3Apass%40r.example/v2/",
            "https://***%40r.example/v2/",
        ),
        (
            "x=https%3A%2F%2Fuser%3Apass%40r.example%2Fv2%2Fa%40b",
            "x=https%3A%2F%2F***%40r.example%2Fv2%2Fa%40b",
        ),
        (
            "http%3a%2f%2fbob%3apw@r.example",
            "http%3a%2f%2f***@r.example",
        ),
        (
            "https%3A%2F%2Fuser%3Apa%2Fss%40r.example",
            "https%3A%2F%2F***%40r.example",
        ),
        (
            "https%253A%252F%252Fuser%253Apa%252Fss%2540r.example%252Fv2",
            "https%253A%252F%252F***%2540r.example%252Fv2",
        ),
        (
            "https%3A//user%3Apass%40localhost",
            "https%3A//***%40localhost",
        ),
        ("https://user:pa%3Fss@nexus/v2/", "https://***@nexus/v2/"),
        (
            "pull user%253Apass%2540r.example/x",
            "pull ***%2540r.example/x",
        ),
        ("pull user%3Apass@r.example/x", "pull ***@r.example/x"),
        ("pull user%3apass%40r.example/x", "pull ***%40r.example/x"),
    ] {
        assert_eq!(redact(text), expected);
        assert_eq!(redact(expected), expected);
    }
    for text in [
        "https%3A%2F%2Fr.example%2F%40scope%2Fpkg",
        "https%253A%252F%252Fr.example%252F%2540scope%252Fpkg",
        "pkg:npm/%40scope/x@1.0",
        "repository%3Alibrary%2Fredis%3Apull",
        "nginx%3A1.27%40sha256%3A50aa4698",
        "acme%2Fweb%3A1@sha256:50aa4698",
    ] {
        assert_eq!(redact(text), text);
    }
}

#[test]
fn a_password_in_quotes_is_gone_with_all_its_words() {
    for (text, expected) in [
        (
            "docker login -u bob --password \"HUNTER HUNTER\" r.example",
            "docker login -u *** --password \"***\" r.example",
        ),
        (
            "docker login -p 'HUNTER HUNTER' r.example",
            "docker login -p '***' r.example",
        ),
        ("x --password='HUNTER HUN' y", "x --password='***' y"),
        (
            r#"[\"x\", \"--password\", \"HUNTER HUN\", \"y\"]"#,
            r#"[\"x\", \"--password\", \"***\", \"y\"]"#,
        ),
        ("curl -u \"HUN:HUNTER HUN\" x", "curl -u \"***\" x"),
        (
            "the password is 'HUNTER HUN', x",
            "the password is '***', x",
        ),
        ("password \"HUNTER HUN\" x", "password \"***\" x"),
        (
            "mysql -u root -p\"HUNTER HUN\" x",
            "mysql -u root -p\"***\" x",
        ),
    ] {
        assert_eq!(redact(text), expected);
        assert_eq!(redact(expected), expected);
    }
}

/// Whoever writes a text decides how many beginnings of secrets it has: each is looked at with as much as it may need.
#[test]
fn the_work_grows_with_the_text_and_not_with_its_square() {
    const TEXT_BYTES: usize = 16_000;
    for sign in [
        "%3a%2f%2f",
        "://",
        "-----BEGIN ",
        "-p=",
        "-u a ",
        "_auth:",
        "value:",
    ] {
        let text = sign.repeat(TEXT_BYTES / sign.len());
        let seen = std::cell::Cell::new(0);
        let clean = redact_by(&text, |near, at| {
            seen.set(seen.get() + near.len());
            find_secret(near, at)
        });
        assert_eq!(clean, text);
        let most = text.len() * (MAX_BEFORE_BYTES + MAX_BEHIND_BYTES);
        assert!(seen.get() <= most, "{sign}: {} of {most}", seen.get());
    }
}

#[test]
fn a_secret_is_gone_to_its_end_however_long_it_is() {
    for (begin, end) in [
        ("password=", " x"),
        ("\"auth\":\"", "\","),
        ("-----BEGIN PRIVATE KEY-----\n", "-----END x"),
        ("Authorization: Basic ", "\n"),
        ("docker login -p ", " r.example"),
        ("ghp_", "!"),
    ] {
        for length in [500, MAX_BEHIND_BYTES / 2, MAX_BEHIND_BYTES, 20_000] {
            // Full stops end no token within it.
            let text = format!("a {begin}{}{end}", "Zz9.".repeat(length / 4));
            let clean = redact(&text);
            assert!(!clean.contains("Zz9"), "{begin} {length}: {clean}");
            assert!(clean.ends_with(end), "{begin} {length}: {clean}");
        }
    }
}

#[test]
fn tokens_behind_their_name_and_the_names_of_databases_are_gone() {
    for (text, expected) in [
        (
            "dial mysql root:HUNTER2@tcp(10.0.0.1:3306)/app",
            "dial mysql ***@tcp(10.0.0.1:3306)/app",
        ),
        (
            "root:HUN/T@E:R2@unix(/run/mysqld.sock)/app",
            "***@unix(/run/mysqld.sock)/app",
        ),
        ("bob:HUN@/app", "***@/app"),
        ("bob:HUN@TER@r.example/x", "***@r.example/x"),
        ("oracle scott/HUNTER@//db:1521", "oracle ***@//db:1521"),
        ("token HUNTER2abcdefghijklmnop expired", "token *** expired"),
        (
            "using token \"HUNTER2abcdefghijklmnop\"",
            "using token \"***\"",
        ),
    ] {
        assert_eq!(redact(text), expected);
        assert_eq!(redact(expected), expected);
    }
    for text in [
        "token TooManyRequestsException, token https://r.example/v2/a1b2c3d4e5f6a7b8",
        "failed to fetch oauth token: unexpected status",
        "tokens 0123456789abcdef0123",
        "unexpected token \"<\" in JSON",
    ] {
        assert_eq!(redact(text), text);
    }
}
