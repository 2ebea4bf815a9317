//! Files as clients have them, and what is left of them.

use super::*;

#[test]
fn passwords_of_each_form_are_hidden_and_their_neighbours_shown() {
    for (path, text, shown) in [
        (
            "/etc/rancher/k3s/registries.yaml",
            "configs:\n  \"r.lan\":\n    auth:\n      username: me\n      password: hunter2, two words\n    tls:\n      ca_file: /a\n",
            "configs:\n  \"r.lan\":\n    auth:\n      username: ***\n      password: ***\n    tls:\n      ca_file: /a\n",
        ),
        (
            "registries.yaml",
            "auth: {username: me, password: hunter2}\ntoken: hunter2 # k3s\nagent-token: 'hunter2'\nnode-name: a\n",
            "auth: {username: ***, password: ***}\ntoken: ***\nagent-token: '***'\nnode-name: a\n",
        ),
        (
            "a.yaml",
            "- password: |\n    hunter2\n\n    hunter2\n  user: a\n- password:\n    hunter2\n- password: >-\n    hunter2\n- x: 1\n",
            "- password: |\n    ***\n\n    ***\n  user: a\n- password:\n    ***\n- password: >-\n    ***\n- x: 1\n",
        ),
        (
            "a.yaml",
            "password: \"a\n  hunter2\"\nb: c\r\npasswd: hunter2\r\nc: d",
            "password: ***\n  ***\nb: c\r\npasswd: ***\r\nc: d",
        ),
        (
            "/root/.docker/config.json",
            "{\"auths\": {\"r.lan\": {\"auth\": \"aHVudGVyMg==\"}, \"q\": {\"identitytoken\":\"a\\\"hunter2\"}}, \"debug\": true}\n",
            "{\"auths\": {\"r.lan\": {\"auth\": \"***\"}, \"q\": {\"identitytoken\":\"***\"}}, \"debug\": true}\n",
        ),
        (
            "config.toml",
            "[plugins.cri.registry.configs.\"r.lan\".auth]\npassword = \"hunter2\"\nauth = 'hunter2'\nidentitytoken = \"\"\"\nhunter2\n\"\"\"\nx = 1\n",
            "[plugins.cri.registry.configs.\"r.lan\".auth]\npassword = \"***\"\nauth = '***'\nidentitytoken = \"\"\"\n***\n***\nx = 1\n",
        ),
        (
            "hosts.toml",
            "[host.\"https://r.lan\".header]\n  x-jfrog = \"hunter2\"\n  Authorization = [\"Basic hunter2\",\n    \"hunter2\"]\n[host.\"https://q.lan\"]\n  ca = \"/a\"\n",
            "",
        ),
        (
            ".npmrc",
            "//r.lan/:_authToken=hunter2\n//r.lan/:_auth = hunter2\n",
            "//r.lan/:_authToken=***\n//r.lan/:_auth = ***\n",
        ),
        (
            "daemon.json",
            "{\n  \"http-proxy\": \"http://me:hunter2@proxy:1\",\n  \"mtu\": 1500\n}\n",
            "{\n  \"http-proxy\": \"http://***@proxy:1\",\n  \"mtu\": 1500\n}\n",
        ),
        (
            "a.yaml",
            "key: |\n  -----BEGIN RSA PRIVATE KEY-----\n  hunter2\n  -----END RSA PRIVATE KEY-----\nb: c\nrun: docker login -u me -p hunter2 r.lan\n",
            "key: |\n  ***\n  ***\n  ***\nb: c\nrun: docker login -u me -p *** r.lan\n",
        ),
        (
            "app.py",
            "secret = Secret.of(self, \"a\")\npassword = \"hunter2\"\n",
            "secret = Secret.of(self, \"a\")\npassword = \"***\"\n",
        ),
    ] {
        let hidden = without_secrets(path, text);
        assert!(!hidden.contains("hunter2"), "{hidden}");
        if shown.is_empty() {
            assert!(hidden.contains("ca = \"/a\""), "{hidden}");
            assert_eq!(hidden.lines().count(), text.lines().count());
        } else {
            assert_eq!(hidden, shown);
        }
    }
}

#[test]
fn no_form_of_a_value_ends_before_the_secret_does() {
    for (text, shown) in [
        ("password: \\a\\étail\nx: 1\n", "password: ***\nx: 1\n"),
        ("password: \\a\\btail\n", "password: ***\n"),
        ("password: 'it''stail'\nx: 1\n", "password: '***'\nx: 1\n"),
        (
            "auth: {password: 'x''ytail', user: a}\n",
            "auth: {password: '***', user: a}\n",
        ),
        ("auth: [\"a]btail\"]\nx: 1\n", "auth: ***\nx: 1\n"),
        (
            "token:\n- atail\n- btail\nx: 1\n",
            "token:\n***\n***\nx: 1\n",
        ),
        (
            "token:\n  - atail\n\n  - btail\nx: 1\n",
            "token:\n  ***\n\n  ***\nx: 1\n",
        ),
        ("password: $tail\n", "password: ***\n"),
        ("password: ${tail}\n", "password: ***\n"),
        (
            "x: \"{\\\"password\\\": \\\"étail\\\", \\\"a\\\": 1}\"\n",
            "x: \"{\\\"password\\\": ***, \\\"a\\\": 1}\"\n",
        ),
    ] {
        let hidden = without_secrets("/etc/rancher/k3s/registries.yaml", text);
        assert!(!hidden.contains("tail"), "{text}: {hidden}");
        assert_eq!(hidden, shown, "{text}");
    }
}

#[test]
fn what_only_names_a_secret_is_shown() {
    for text in [
        "permissions:\n  id-token: write\n  contents: read\n",
        "env={'account': '123456789012'}\nusername: AWS\nDOCKER_USERNAME: acme\n",
        "username: ${{ github.actor }}\npassword: ${{ secrets.GITHUB_TOKEN }}\n",
        "- run: echo \"${{ secrets.T }}\" | docker login -u me --password-stdin r.lan\n",
        "credentialsParameter: arn:aws:secretsmanager:eu-west-1:1:secret:hub-ab12cd\n",
        "volumes:\n- name: a\n  secret:\n    secretName: b\n",
        "DOCKER_PASSWORD=$DOCKER_PASSWORD\ntoken: <token>\nautomountServiceAccountToken: false\n",
        "server = \"http://127.0.0.1:5000\"\n\n[host.\"http://127.0.0.1:5000\"]\n  capabilities = [\"pull\"]\n",
        "{\"registry-mirrors\": [\"http://127.0.0.1:5000\"], \"log-opts\": {\"tag\": \"a\"}}\n",
        "",
    ] {
        assert_eq!(without_secrets(".github/workflows/a.yaml", text), text);
    }
}
