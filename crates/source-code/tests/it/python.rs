//! Python before and after a rule: what changes, what stays, and what is left to a person.

use crate::rewritten::{check, rewritten};

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
fn a_command_line_with_holes_is_read_around_them() {
    check(
        "x.py",
        &[
            (
                "subprocess.run(f'docker run -v {x if y else z} --name {n} a/b:1 {m}', shell=True)",
                &[],
                "subprocess.run(f'docker run -v {x if y else z} --name {n} ecr.example/b:1 {m}', shell=True)",
            ),
            (
                "I = 'a/b'\nsubprocess.run(f'docker pull {I}', shell=True)",
                &[],
                "I = 'ecr.example/b'\nsubprocess.run(f'docker pull {I}', shell=True)",
            ),
            (
                "subprocess.run(f'docker pull {U}/b:1', shell=True)",
                &[],
                "subprocess.run(f'docker pull {U}/b:1', shell=True)\n? 1: {U}/b:1 (computed when it runs)",
            ),
            (
                "subprocess.run(['bash', '-c', 'docker pull a/b:1'])",
                &[],
                "subprocess.run(['bash', '-c', 'docker pull ecr.example/b:1'])",
            ),
        ],
    );
    check(
        "x.ts",
        &[
            (
                "spawn('docker', ['run', '--rm', 'a/b:1']);",
                &[],
                "spawn('docker', ['run', '--rm', 'ecr.example/b:1']);",
            ),
            (
                "const I = 'a/b';\nexecSync(`docker pull ${I} && docker pull a/c`);",
                &[],
                "const I = 'ecr.example/b';\nexecSync(`docker pull ${I} && docker pull ecr.example/c`);",
            ),
        ],
    );
}

#[test]
fn the_key_of_a_dictionary_is_no_image() {
    for (text, expected) in [
        (
            "import docker\nIMAGES.get('db')",
            "import docker\nIMAGES.get('db')",
        ),
        (
            "import docker\nself.images.get('db')",
            "import docker\nself.images.get('db')",
        ),
        (
            "import docker\nclient.images.get('db')",
            "import docker\nclient.images.get('ecr.example/db')",
        ),
    ] {
        assert_eq!(rewritten("x.py", text, &[]), expected);
    }
}
