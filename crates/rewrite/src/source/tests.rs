//! Source code before and after a rule, as tables: what changes, what stays, and what is left to a person.

use std::fmt::Write as _;

use crate::rules::{Goal, plan};
use crate::{Settings, apply, find};

/// The incident's rule: an account's images at Docker Hub are now in ECR, by their last name.
const RULES: &str = r#"
[[rule]]
registry = "docker.io"
to = "ecr.example/{name}"
"#;

fn settings(set: &[(&str, &str)]) -> Settings {
    Settings {
        set: set
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..Settings::default()
    }
}

/// The text afterwards, then what was left to a person, a line each.
fn rewritten(path: &str, text: &str, set: &[(&str, &str)]) -> String {
    let goal = Goal::of_file(RULES).unwrap();
    let found = find(path, text.as_bytes(), &settings(set));
    let plan = plan(text, &found, &goal, None);
    let mut after = apply(text, plan.edits).unwrap();
    for unsure in plan.unsure {
        let _ = write!(
            after,
            "\n? {}: {} ({})",
            unsure.line, unsure.text, unsure.why
        );
    }
    after
}

type Row = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
);

fn check(path: &str, rows: &[Row]) {
    for (text, set, expected) in rows {
        assert_eq!(rewritten(path, text, set), *expected, "{text}");
    }
}

/// The file of the incident, around the line that it quotes.
const INCIDENT: &str = r#"from aws_cdk import aws_ecs as ecs

# The Docker Hub account: iseepatterns/court-case-backend:latest
docker_username = self.node.try_get_context("docker_username")
print(f"pulling {docker_username}/court-case-backend:latest")

fargate = ecs_patterns.ApplicationLoadBalancedFargateService(
    task_image_options=ecs_patterns.ApplicationLoadBalancedTaskImageOptions(
        image=ecs.ContainerImage.from_registry(f"{docker_username}/court-case-backend:latest"),
        container_port=8000,
    ),
)
"#;

#[test]
fn the_incidents_image_is_found_once_its_account_is_set_and_becomes_a_plain_literal() {
    let after = rewritten("app.py", INCIDENT, &[("docker_username", "iseepatterns")]);
    let expected = INCIDENT.replace(
        "from_registry(f\"{docker_username}/court-case-backend:latest\")",
        "from_registry(\"ecr.example/court-case-backend:latest\")",
    );
    assert_eq!(after, expected);
    let unset = rewritten("app.py", INCIDENT, &[]);
    assert!(
        unset.ends_with(
            "? 9: f\"{docker_username}/court-case-backend:latest\" (`docker_username` is not set here)"
        ),
        "{unset}"
    );
}

#[test]
fn python_literals_of_every_kind_are_rewritten_in_place() {
    check(
        "app.py",
        &[
            (
                "C.from_registry('a/b:1')",
                &[],
                "C.from_registry('ecr.example/b:1')",
            ),
            (
                r#"C.from_registry(r"a/b:1")"#,
                &[],
                r#"C.from_registry(r"ecr.example/b:1")"#,
            ),
            (
                r#"C.from_registry("""a/b:1""")"#,
                &[],
                r#"C.from_registry("""ecr.example/b:1""")"#,
            ),
            (
                r#"C.from_registry(f"a/b:1")"#,
                &[],
                r#"C.from_registry("ecr.example/b:1")"#,
            ),
            (
                r#"C.from_registry("a\x2fb:1")"#,
                &[],
                r#"C.from_registry("ecr.example/b:1")"#,
            ),
            (
                r#"C.from_registry("a/" "b:1")"#,
                &[],
                r#"C.from_registry("ecr.example/b:1")"#,
            ),
            (
                r#"C.from_registry("a/" + "b:1")"#,
                &[],
                r#"C.from_registry("ecr.example/b:1")"#,
            ),
            (
                r#"C.from_registry(name="a/b")"#,
                &[],
                r#"C.from_registry(name="ecr.example/b")"#,
            ),
            (
                "C.from_registry(b'a/b:1')",
                &[],
                "C.from_registry(b'a/b:1')\n? 1: b'a/b:1' (computed when it runs)",
            ),
        ],
    );
}

#[test]
fn pythons_variables_go_only_where_the_rule_changes_what_they_hold() {
    check(
        "app.py",
        &[
            (
                "u = 'me'\nt = '1'\nC.from_registry(f'{u}/b:{t}')",
                &[],
                "u = 'me'\nt = '1'\nC.from_registry(f'ecr.example/b:{t}')",
            ),
            (
                "t = 1\nC.from_registry('me/b:' + str(t))",
                &[],
                "t = 1\nC.from_registry('ecr.example/b:' + str(t))",
            ),
            (
                "u = 'me'\nt = '1'\nC.from_registry(u + '/b:' + t)",
                &[],
                "u = 'me'\nt = '1'\nC.from_registry('ecr.example' + '/b:' + t)",
            ),
            (
                "t = '1'\nC.from_registry('me/b:%s' % t)",
                &[],
                "t = '1'\nC.from_registry('ecr.example/b:%s' % t)",
            ),
            (
                "u = 'me'\nC.from_registry('%s/b:1' % u)",
                &[],
                "u = 'me'\nC.from_registry('ecr.example/b:1')",
            ),
            (
                "u = 'me'\nC.from_registry('{}/b:{t}'.format(u, t='2'))",
                &[],
                "u = 'me'\nC.from_registry('{}/b:{t}'.format(u, t='2'))\n? 2: me/b:2 (some of the format's values \
                 would go and others stay: write `ecr.example/b:2` by hand)",
            ),
        ],
    );
}

#[test]
fn a_variable_that_is_the_whole_image_is_rewritten_where_it_is_bound() {
    check(
        "app.py",
        &[
            (
                "i = 'a/b:1'\nC.from_registry(i)",
                &[],
                "i = 'ecr.example/b:1'\nC.from_registry(i)",
            ),
            (
                "i = 'a/b:1' if prod else 'a/c:2'\nC.from_registry(i)",
                &[],
                "i = 'ecr.example/b:1' if prod else 'ecr.example/c:2'\nC.from_registry(i)",
            ),
            (
                "i = os.environ.get('I', 'a/b:1')\nC.from_registry(i)",
                &[],
                "i = os.environ.get('I', 'ecr.example/b:1')\nC.from_registry(i)",
            ),
            (
                "i = os.getenv('I') or 'a/b:1'\nC.from_registry(i)",
                &[],
                "i = os.getenv('I') or 'ecr.example/b:1'\nC.from_registry(i)",
            ),
            (
                "def f(i='a/b:1'):\n    C.from_registry(i)\nf('a/c:2')",
                &[],
                "def f(i='ecr.example/b:1'):\n    C.from_registry(i)\nf('ecr.example/c:2')",
            ),
            (
                "for i in ['a/b:1', 'a/c']:\n    client.images.pull(i)",
                &[],
                "for i in ['ecr.example/b:1', 'ecr.example/c']:\n    client.images.pull(i)",
            ),
            (
                "class S:\n    IMAGE = 'a/b:1'\n    def f(self):\n        C.from_registry(self.IMAGE)",
                &[],
                "class S:\n    IMAGE = 'ecr.example/b:1'\n    def f(self):\n        C.from_registry(self.IMAGE)",
            ),
            (
                "c = {'api': {'image': 'a/b:1'}}\nC.from_registry(c['api']['image'])",
                &[],
                "c = {'api': {'image': 'ecr.example/b:1'}}\nC.from_registry(c['api']['image'])",
            ),
            (
                "p.add_argument('--image', default='a/b:1')\nargs = p.parse_args()\nC.from_registry(args.image)",
                &[],
                "p.add_argument('--image', default='ecr.example/b:1')\nargs = p.parse_args()\nC.from_registry(args.image)",
            ),
        ],
    );
}

#[test]
fn what_python_computes_or_changes_is_listed_and_not_guessed() {
    check(
        "app.py",
        &[
            (
                "u = 'x'\nu = 'y'\nC.from_registry(f'{u}/b')",
                &[],
                "u = 'x'\nu = 'y'\nC.from_registry(f'{u}/b')\n? 3: f'{u}/b' (`u` has more than one value here)",
            ),
            (
                "def f(u):\n    C.from_registry(f'{u}/b')",
                &[],
                "def f(u):\n    C.from_registry(f'{u}/b')\n? 2: f'{u}/b' (`u` is not set here)",
            ),
            (
                "C.from_registry(f'{os.environ[\"U\"]}/b')",
                &[("U", "me")],
                "C.from_registry('ecr.example/b')",
            ),
            (
                "C.from_registry(f'{u!r}/b')",
                &[("u", "me")],
                "C.from_registry(f'{u!r}/b')\n? 1: f'{u!r}/b' (computed when it runs)",
            ),
            (
                "client.images.pull('a/b', tag='1')",
                &[],
                "client.images.pull('a/b', tag='1')\n? 1: 'a/b' (`'1'` is given beside it)",
            ),
            (
                "c = {'u': 'me'}\nc['u'] = g()\nC.from_registry(f\"{c['u']}/b\")",
                &[],
                "c = {'u': 'me'}\nc['u'] = g()\nC.from_registry(f\"{c['u']}/b\")\n? 3: f\"{c['u']}/b\" (`u` is not set here)",
            ),
        ],
    );
}

#[test]
fn python_finds_images_by_key_by_command_and_in_pulumi() {
    check(
        "app.py",
        &[
            (
                "import kubernetes\nV1Container(name='x', image='nginx')",
                &[],
                "import kubernetes\nV1Container(name='x', image='ecr.example/nginx')",
            ),
            (
                "import pulumi_docker as docker\ndocker.RemoteImage('n', name='nginx:1')",
                &[],
                "import pulumi_docker as docker\ndocker.RemoteImage('n', name='ecr.example/nginx:1')",
            ),
            (
                "import pulumi\nspec = {'containers': [{'name': 'n', 'image': 'a/b:1'}]}",
                &[],
                "import pulumi\nspec = {'containers': [{'name': 'n', 'image': 'ecr.example/b:1'}]}",
            ),
            (
                "subprocess.run(['docker', 'run', '--rm', '-v', 'a:b', 'a/b:1', 'nginx'])",
                &[],
                "subprocess.run(['docker', 'run', '--rm', '-v', 'a:b', 'ecr.example/b:1', 'nginx'])",
            ),
            (
                "os.system('docker pull a/b:1 && echo a/b:1')",
                &[],
                "os.system('docker pull ecr.example/b:1 && echo a/b:1')",
            ),
            (
                "BASE_IMAGE = 'python:3.12'  # docker",
                &[],
                "BASE_IMAGE = 'ecr.example/python:3.12'  # docker",
            ),
        ],
    );
}

#[test]
fn texts_that_only_look_like_images_stay() {
    for text in [
        "log.info('pulling a/b:1 from docker')",
        "url = 'https://hub.docker.com/r/a/b'",
        "Button(image='logo.png')  # docker",
        "Button(image='a/b')",
        "# image='a/b:1' docker",
        "'''docker: image='a/b:1' '''",
        "image = cv2.imread('docker/b:1')",
        "subprocess.run(['docker', 'compose', 'pull', 'web'])",
        "ecs.ContainerImage.from_asset('./docker')",
    ] {
        assert_eq!(rewritten("app.py", text, &[]), text);
    }
}

#[test]
fn typescripts_literals_templates_and_defaults_are_rewritten() {
    check(
        "app.ts",
        &[
            (
                "ecs.ContainerImage.fromRegistry('a/b:1');",
                &[],
                "ecs.ContainerImage.fromRegistry('ecr.example/b:1');",
            ),
            (
                "const u = 'me', t = '1';\nC.fromRegistry(`${u}/b:${t}`);",
                &[],
                "const u = 'me', t = '1';\nC.fromRegistry(`ecr.example/b:${t}`);",
            ),
            (
                "const u = 'me';\nC.fromRegistry(`${u}/b:1`);",
                &[],
                "const u = 'me';\nC.fromRegistry('ecr.example/b:1');",
            ),
            (
                "const u = process.env.U ?? 'me';\nC.fromRegistry(`${u}/b:1`);",
                &[],
                "const u = process.env.U ?? 'me';\nC.fromRegistry('ecr.example/b:1');",
            ),
            (
                "const i: string = process.env.I || 'a/b:1';\nC.fromRegistry(i);",
                &[],
                "const i: string = process.env.I || 'ecr.example/b:1';\nC.fromRegistry(i);",
            ),
            (
                "const u = 'me';\nC.fromRegistry(u + '/b:' + tag);",
                &[("tag", "1")],
                "const u = 'me';\nC.fromRegistry('ecr.example' + '/b:' + tag);",
            ),
            (
                "class S { private readonly u = 'me'; f() { C.fromRegistry(`${this.u}/b`); } }",
                &[],
                "class S { private readonly u = 'me'; f() { C.fromRegistry('ecr.example/b'); } }",
            ),
            (
                "const c = { u: 'me' };\nC.fromRegistry(`${c.u}/b`);",
                &[],
                "const c = { u: 'me' };\nC.fromRegistry('ecr.example/b');",
            ),
            (
                "enum I { A = 'a/b:1' }\nC.fromRegistry(I.A);",
                &[],
                "enum I { A = 'ecr.example/b:1' }\nC.fromRegistry(I.A);",
            ),
            (
                "const f = (i: string) => C.fromRegistry(i);\nf('a/b:1');",
                &[],
                "const f = (i: string) => C.fromRegistry(i);\nf('ecr.example/b:1');",
            ),
            (
                "let u = 'x'; if (p) { u = 'y'; }\nC.fromRegistry(`${u}/b`);",
                &[],
                "let u = 'x'; if (p) { u = 'y'; }\nC.fromRegistry(`${u}/b`);\n? 2: `${u}/b` (`u` has more than one value here)",
            ),
            (
                "C.fromRegistry(this.node.tryGetContext('i'));",
                &[],
                "C.fromRegistry(this.node.tryGetContext('i'));\n? 1: this.node.tryGetContext('i') (`i` is not set here)",
            ),
        ],
    );
}

#[test]
fn typescript_finds_images_by_key_in_pulumi_and_in_tests() {
    check(
        "app.ts",
        &[
            (
                "import * as k8s from '@pulumi/kubernetes';\nconst c = { containers: [{ name: 'n', image: 'nginx:1' }] };",
                &[],
                "import * as k8s from '@pulumi/kubernetes';\nconst c = { containers: [{ name: 'n', image: 'ecr.example/nginx:1' }] };",
            ),
            (
                "const image = 'a/b:1';\nnew docker.Container('x', { image });",
                &[],
                "const image = 'ecr.example/b:1';\nnew docker.Container('x', { image });",
            ),
            (
                "new docker.RemoteImage('x', { name: 'nginx:1' });",
                &[],
                "new docker.RemoteImage('x', { name: 'ecr.example/nginx:1' });",
            ),
            (
                "const t = '1'; new awsx.ecs.X('x', { container: { image: pulumi.interpolate`me/b:${t}` } });",
                &[],
                "const t = '1'; new awsx.ecs.X('x', { container: { image: pulumi.interpolate`ecr.example/b:${t}` } });",
            ),
            (
                "await new GenericContainer(\"redis:7\").start();",
                &[],
                "await new GenericContainer(\"ecr.example/redis:7\").start();",
            ),
            (
                "console.log('docker image: a/b:1');",
                &[],
                "console.log('docker image: a/b:1');",
            ),
            (
                "const x = <img src='a/b' />;",
                &[],
                "const x = <img src='a/b' />;",
            ),
        ],
    );
}

#[test]
fn the_words_of_commands_that_are_images_are_rewritten() {
    for (text, expected) in [
        ("docker pull a/b:1", "docker pull ecr.example/b:1"),
        (
            "sudo -E docker pull 'a/b:1' # a/b:1",
            "sudo -E docker pull 'ecr.example/b:1' # a/b:1",
        ),
        (
            "docker run -d --name a/x -p 80:80 -it a/b:1 echo a/b:1",
            "docker run -d --name a/x -p 80:80 -it ecr.example/b:1 echo a/b:1",
        ),
        (
            "docker tag a/b a/c",
            "docker tag ecr.example/b ecr.example/c",
        ),
        (
            "docker build -t a/b:1 .",
            "docker build -t ecr.example/b:1 .",
        ),
        (
            "docker build --build-arg BASE_IMAGE=a/b .",
            "docker build --build-arg BASE_IMAGE=ecr.example/b .",
        ),
        (
            "docker build -t app:1 . && docker run app:1",
            "docker build -t app:1 . && docker run app:1",
        ),
        (
            "skopeo copy docker://a/b dir:x",
            "skopeo copy docker://ecr.example/b dir:x",
        ),
        (
            "crane copy a/b c/d",
            "crane copy ecr.example/b ecr.example/d",
        ),
        ("crane tag a/b:1 latest", "crane tag ecr.example/b:1 latest"),
        (
            "kubectl run x --image=a/b:1",
            "kubectl run x --image=ecr.example/b:1",
        ),
        (
            "kubectl set image deploy/x c=a/b:1",
            "kubectl set image deploy/x c=ecr.example/b:1",
        ),
        (
            "X=$(docker run --rm a/b:1)",
            "X=$(docker run --rm ecr.example/b:1)",
        ),
        (
            "ssh h 'docker pull a/b:1'",
            "ssh h 'docker pull ecr.example/b:1'",
        ),
        (
            "if docker pull a/b; then x; fi",
            "if docker pull ecr.example/b; then x; fi",
        ),
        (
            "docker pull \\\n  a/b:1",
            "docker pull \\\n  ecr.example/b:1",
        ),
        ("docker compose pull web", "docker compose pull web"),
        ("echo docker pull a/b:1", "echo docker pull a/b:1"),
        ("docker logs a/b", "docker logs a/b"),
        (
            "docker pull a/b:1 > a/b 2>&1",
            "docker pull ecr.example/b:1 > a/b 2>&1",
        ),
    ] {
        assert_eq!(rewritten("x.sh", text, &[]), expected, "{text}");
    }
}

#[test]
fn a_scripts_variables_are_followed() {
    check(
        "x.sh",
        &[
            (
                "I=a/b:1\ndocker pull $I",
                &[],
                "I=ecr.example/b:1\ndocker pull $I",
            ),
            (
                "docker pull \"${I:-a/b:1}\"",
                &[],
                "docker pull \"${I:-ecr.example/b:1}\"",
            ),
            (
                "U=me T=1\ndocker pull \"$U/b:${T}\"",
                &[],
                "U=me T=1\ndocker pull \"ecr.example/b:${T}\"",
            ),
            (
                "U=me; docker pull \"$U\"/b:1",
                &[],
                "U=me; docker pull ecr.example/b:1",
            ),
            (
                "for i in a/b a/c:1; do docker pull $i; done",
                &[],
                "for i in ecr.example/b ecr.example/c:1; do docker pull $i; done",
            ),
            (
                "IMAGES=(a/b:1 'a/c:1')\nfor i in \"${IMAGES[@]}\"; do docker pull \"$i\"; done",
                &[],
                "IMAGES=(ecr.example/b:1 'ecr.example/c:1')\nfor i in \"${IMAGES[@]}\"; do docker pull \"$i\"; done",
            ),
            (
                "export APP_IMAGE=\"a/b:${T:-1}\"",
                &[],
                "export APP_IMAGE=\"ecr.example/b:${T:-1}\"",
            ),
            (
                "docker pull $1",
                &[],
                "docker pull $1\n? 1: $1 (computed when it runs)",
            ),
            (
                "docker pull a/b:$T",
                &[],
                "docker pull a/b:$T\n? 1: a/b:$T (`T` is not set here)",
            ),
            (
                "docker pull a/b:$T",
                &[("T", "1")],
                "docker pull ecr.example/b:$T",
            ),
            (
                "docker run $DOCKER_OPTS a/b:1",
                &[],
                "docker run $DOCKER_OPTS ecr.example/b:1",
            ),
        ],
    );
}

#[test]
fn here_documents_are_read_in_their_own_format() {
    let text = "kubectl apply -f - <<EOF\napiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: a/b:1\nEOF\n\
                docker build - <<'X'\nFROM a/b:1\nX\n";
    let expected = text.replace("a/b:1", "ecr.example/b:1");
    assert_eq!(rewritten("x.sh", text, &[]), expected);
}

#[test]
fn markdowns_fences_are_read_by_their_language_and_prose_is_not() {
    let text = "Pull a/b:1 with `docker pull a/b:1`:\n\n```bash\ndocker pull a/b:1\n```\n\n~~~console\n$ docker pull \
                a/b:1\na/b:1: Pulling\n~~~\n\n```\ndocker pull a/b:1\n```\n\n- ```python\n  C.from_registry('a/b:1')\n  ```\n";
    let expected = text
        .replace(
            "bash\ndocker pull a/b:1",
            "bash\ndocker pull ecr.example/b:1",
        )
        .replace("$ docker pull a/b:1", "$ docker pull ecr.example/b:1")
        .replace("('a/b:1')", "('ecr.example/b:1')");
    assert_eq!(rewritten("x.md", text, &[]), expected);
}

#[test]
fn values_that_double_without_end_are_given_up() {
    let mut python = "a0 = 'x'\n".to_owned();
    let mut shell = "A0=x\n".to_owned();
    for n in 1..40 {
        let before = n - 1;
        let _ = writeln!(python, "a{n} = a{before} + a{before}");
        let _ = writeln!(shell, "A{n}=$A{before}$A{before}$A{before}$A{before}");
    }
    python += "C.from_registry(a39)\n";
    shell += "docker pull $A39/x\n";
    assert!(rewritten("a.py", &python, &[]).contains("? 40: "));
    assert!(rewritten("a.sh", &shell, &[]).contains("? 41: "));
}

#[test]
fn names_that_lead_to_many_others_are_followed_once_each() {
    let mut text = String::new();
    for n in 0..40 {
        for _ in 0..40 {
            let _ = writeln!(text, "a{n} = a{}", n + 1);
        }
    }
    text += "a40 = 'a/b:1'\nC.from_registry(a0)\n";
    let expected = text.replace("a/b:1", "ecr.example/b:1");
    assert_eq!(rewritten("a.py", &text, &[]), expected);
}

#[test]
fn scripts_in_scripts_end_somewhere() {
    let mut text = String::new();
    for n in 0..2000 {
        let _ = writeln!(text, "#!/bin/sh\nsh <<E{n}");
    }
    text += "docker pull a/b:1\n";
    assert_eq!(rewritten("a.sh", &text, &[]), text);
    let nested = "$(".repeat(5000) + "docker pull a/b:1";
    assert_eq!(rewritten("a.sh", &nested, &[]), nested);
    let deep = "(".repeat(5000) + "x" + &" + 'a')".repeat(5000);
    let deep = format!("C.from_registry({deep})\n");
    assert!(rewritten("a.py", &deep, &[]).starts_with(&deep));
}
