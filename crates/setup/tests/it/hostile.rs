//! Whatever stands in a file: it is changed once, or refused, and nothing panics.

use forebay_setup::{Access, Client, Registry, plan, plan_access};
use proptest::prelude::*;

use crate::disk::{Disk, order};

/// The file of a client that is merged, and a text of its kind to break.
const FILES: [(Client, &str, &str); 8] = [
    (
        Client::Docker,
        "/etc/docker/daemon.json",
        "{\n  \"a\": [1, \"}\"],\n  \"registry-mirrors\": [\"x\", \"é\"]\n}\n",
    ),
    (
        Client::Containerd,
        "/etc/containerd/config.toml",
        "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"\" # é\n",
    ),
    (
        Client::Containerd,
        "/etc/containerd/certs.d/ghcr.io/hosts.toml",
        "server = \"https://a\"\n[host.\"https://b\"]\n  ca = \"c\"\n",
    ),
    (
        Client::Podman,
        "/etc/containers/registries.conf.d/50-forebay.conf",
        "[[registry]]\nprefix = \"ghcr.io\"\nlocation = \"a\"\n",
    ),
    (
        Client::Buildkit,
        "/etc/buildkit/buildkitd.toml",
        "[registry.\"docker.io\"]\n  mirrors = [\n  \"a\" # é\n]\n",
    ),
    (
        Client::K3s,
        "/etc/rancher/k3s/registries.yaml",
        "x: &x [c]\nmirrors:\n  docker.io:\n    endpoint: # é\n    - a\n  \"*\": {endpoint: [b]}\n  ghcr.io:\n      rewrite: {y: z}\n  quay.io: {endpoint: *x}\n",
    ),
    (
        Client::Rke2,
        "/etc/rancher/rke2/config.yaml",
        "token: |\n  é\n  x\ndisable-default-registry-endpoint: false\n",
    ),
    (
        Client::Kind,
        "kind.yaml",
        "kind: Cluster\nnodes:\n- role: worker\n  extraMounts:\n  - hostPath: /é\n    containerPath: /b\ncontainerdConfigPatches:\n- |-\n  x\n",
    ),
];

/// Files that logins go into.
const LOGINS: [(Client, &str, &str); 8] = [
    (
        Client::GithubActions,
        "ci.yml",
        "jobs:\n  a:\n    permissions:\n      contents: read\n    steps:\n    # é\n    - run: |\n        docker build .\n    - run: cdk deploy\n",
    ),
    (
        Client::GithubActions,
        "ci.yml",
        "env:\n  R: docker.io\njobs:\n  a:\n    strategy: {matrix: {i: ['node:1', é/b:2]}}\n    container: node:22 # é\n    services:\n      db:\n        image: ${{ matrix.i }}\n      q: {image: x}\n    steps:\n    - run: docker pull $R/x\n  b:\n    uses: ./x.yml\n",
    ),
    (
        Client::GitlabCi,
        "ci.yml",
        "variables: &v\n  R: docker.io\na:\n  variables: *v\n  parallel: {matrix: [{I: [é/b, c]}]}\n  script: [docker pull $I]\nb:\n  extends: a\n  script: docker push x\nc:\n  script:\n  - docker build .\n",
    ),
    (
        Client::GitlabCi,
        "ci.yml",
        "a:\n  script:\n    - docker push é\n    - kubectl apply -f x\n",
    ),
    (
        Client::Ecs,
        "task.json",
        "{\"containerDefinitions\": [{\"image\": \"a/é\"}, {\"image\": \"a/b:1\"}]}",
    ),
    (
        Client::Ecs,
        "stack.yaml",
        "Resources:\n  T:\n    Properties:\n      ContainerDefinitions:\n      - Image: a/b:1\n      - {Image: c}\n",
    ),
    (
        Client::Ecs,
        "app.py",
        "class S:\n    def f(self):\n        x(ecs.ContainerImage.from_registry(f\"{e}/a:1\", ))\n",
    ),
    (
        Client::Ecs,
        "app.ts",
        "class S { f() { x(ecs.ContainerImage.fromRegistry(`a/b`)) } }\n",
    ),
];

/// What is put into a text: marks of the languages, and anything.
const MARKS: [&str; 16] = [
    "\r\n", "\n", "\t", "{", "}", "[", "]", "\"", "- ", ": ", "#", "'", "|", "&a ", "*a", "---\n",
];

/// Where a text is broken: from where, how much is cut, and what comes there.
type Break = (usize, usize, String);

fn broken(text: &str, breaks: &[Break]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for (at, cut, piece) in breaks {
        let at = at % (chars.len() + 1);
        let end = (at + cut).min(chars.len());
        chars.splice(at..end, piece.chars());
    }
    chars.into_iter().collect()
}

fn breaks() -> impl Strategy<Value = Vec<Break>> {
    let mark = prop::sample::select(MARKS.to_vec()).prop_map(str::to_owned);
    let piece = prop_oneof![mark, "\\PC{0,4}"];
    prop::collection::vec((0..400_usize, 0..6_usize, piece), 0..4)
}

fn login(client: Client, path: &str) -> Access {
    Access {
        client,
        registry: Registry::Hub,
        host: None,
        username: None,
        password: None,
        secret: None,
        namespace: "default".to_owned(),
        image: None,
        context: ".".to_owned(),
        file: Some(path.to_owned()),
    }
}

proptest! {
    #[test]
    fn a_broken_file_is_changed_once_or_refused(which in 0..FILES.len(), breaks in breaks()) {
        let (client, path, text) = FILES[which];
        let disk = Disk::with(path, &broken(text, &breaks));
        if let Ok(made) = plan(&order(client), &disk) {
            let after = disk.after(&made);
            let again = plan(&order(client), &after);
            prop_assert!(again.is_ok(), "what was made is refused: {again:?} in\n{}", after.text(path));
            prop_assert_eq!(again.map(|again| after.after(&again)).ok(), Some(after));
        }
    }

    #[test]
    fn a_broken_file_takes_a_login_once_or_is_refused(which in 0..LOGINS.len(), breaks in breaks()) {
        let (client, path, text) = LOGINS[which];
        let disk = Disk::with(path, &broken(text, &breaks));
        if let Ok(made) = plan_access(&login(client, path), &disk) {
            let after = disk.after(&made);
            let again = plan_access(&login(client, path), &after);
            prop_assert!(again.is_ok(), "what was made is refused: {again:?} in\n{}", after.text(path));
            prop_assert_eq!(again.map(|again| after.after(&again)).ok(), Some(after));
        }
    }
}
