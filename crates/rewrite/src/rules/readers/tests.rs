use super::*;
use crate::{Settings, find};

fn others(path: &str, text: &str) -> Vec<String> {
    let found = find(path, text.as_bytes(), &Settings::default());
    assert!(!found.places.is_empty(), "{path}: {text}");
    let mut readers = Readers::of(text, &found);
    let others = found.places.iter();
    let others = others.filter_map(|place| readers.find_other(place));
    others.map(|other| other.name.to_owned()).collect()
}

const SERVED: &[(&str, &str)] = &[
    ("a.sh", "APP=redis:7\ndocker run --name x-$APP $APP\n"),
    (
        "a.sh",
        "for i in redis:7; do\n docker pull $i\n docker tag $i h.local/$i\ndone\n",
    ),
    ("a.sh", "I=redis:7\ndocker save $I > $I.tar\n"),
    ("a.sh", "I=redis:7\nblueprintf $I\ndocker run $I\n"),
    (
        "a.sh",
        "I=redis:7\ndocker run --name echo $I -e X=echo-$I $I\n",
    ),
    (
        "a.sh",
        "output \"x\"\nI=redis\ndocker rm -f $I\ndocker run $I\n",
    ),
    (
        "a.py",
        "I = \"redis\"\ncatalog.add(I)\nclient.containers.run(I)\n",
    ),
    (
        "a.py",
        "I = \"redis\"\nx = fingerprint(I)\nclient.containers.run(I)\n",
    ),
    ("a.sh", "I=redis:7\ndocker run --name ${I%%:*} $I\n"),
    (
        "a.py",
        "IMG = \"redis:7\"\nname = IMG.split(\":\")[0]\nclient.containers.run(IMG)\n",
    ),
    (
        "a.py",
        "class A:\n  IMG = \"redis:7\"\n  def f(self):\n    open(self.IMG)\n    client.containers.run(self.IMG)\n",
    ),
    ("a.sh", "APP=redis\ndocker rm -f $APP\ndocker run $APP\n"),
    (
        "a.sh",
        "APP=\"${APP:-redis:7}\"\ndocker rm -f x-$APP\ndocker run $APP\n",
    ),
    (
        "a.sh",
        "I=redis:7\ndocker pull $I\nV=$(echo \"$I\" | cut -d: -f2)\n",
    ),
    ("a.sh", "APP=redis\ndocker run -d --name \"${APP}\" $APP\n"),
    (
        "a.tf",
        "locals {\n app=\"redis\"\n}\nresource \"docker_container\" \"a\" {\n name = local.app\n image = local.app\n}\n",
    ),
    (
        "a.ts",
        "const APP = 'redis';\nt.addContainer(APP, {image: ecs.ContainerImage.fromRegistry(APP)});\n",
    ),
    (
        "a.py",
        "APP = \"redis\"\nt.add(APP, image=ecs.ContainerImage.from_registry(APP))\n",
    ),
    (
        "a.sh",
        "APP=redis\ndocker rm -f $APP || echo \"# none\"\nB=x; B=$APP\ndocker run $B\n",
    ),
    (
        "a.sh",
        "docker pull \"${APP:=redis}\"\nB=$APP\ndocker rm \"${B}\" # gone\ndocker run $B\n",
    ),
    (
        "a.py",
        "def run(app):\n  t.add(app, image=ecs.ContainerImage.from_registry(app))\nrun(\"redis\")\n",
    ),
    (
        "a.py",
        "A = \"redis\"\nB = A\nt.add(f\"x-{A}\", image=ecs.ContainerImage.from_registry(B))\n",
    ),
    (
        "a.yml",
        "on: push\nenv:\n  APP: redis\njobs:\n  a:\n    steps:\n    - uses: docker://${{ env.APP }}\n    - run: redis-cli -h $APP\n",
    ),
    (
        ".github/workflows/a.yml",
        "on: push\njobs:\n  a:\n    strategy: {matrix: {os: [debian]}}\n    container: ${{ matrix.os }}\n    steps:\n    - uses: actions/upload-artifact@v4\n      with: {name: 'p-${{ matrix.os }}'}\n",
    ),
    (
        ".github/workflows/a.yml",
        "on: push\njobs:\n  a:\n    strategy: {matrix: {os: ['debian:12']}}\n    container:\n      image: ${{ matrix.os }}\n    steps:\n    - run: ./build.sh --${{ matrix.os }}\n",
    ),
    (
        "Dockerfile",
        "ARG APP=redis\nFROM $APP\nARG APP\nRUN apt-get install $APP\n",
    ),
    (
        "a.yaml",
        "AWSTemplateFormatVersion: 1\nParameters:\n  App: {Type: String, Default: redis}\nResources:\n  T:\n    Type: AWS::ECS::TaskDefinition\n    Properties:\n      Family: !Ref App\n      ContainerDefinitions:\n      - Image: !Ref App\n",
    ),
    (
        "compose.yaml",
        "services:\n  a:\n    image: &n redis\n    hostname: *n\n",
    ),
    (
        "pod.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: &n nginx\nspec:\n  containers:\n  - image: *n\n",
    ),
];

#[test]
fn what_serves_something_else_too_is_found() {
    for (path, text) in SERVED {
        assert_eq!(others(path, text).len(), 1, "{path}: {text}");
    }
}

#[test]
fn what_serves_images_alone_is_nobody_elses() {
    for (path, text) in [
        (
            "a.sh",
            "APP=redis # APP\necho \"pulling $APP\"\nexport APP\ndocker pull $APP\ndocker run \"$APP\"\n",
        ),
        (
            ".github/workflows/a.yml",
            "on: push\njobs:\n  a:\n    name: on ${{ matrix.os }}\n    strategy: {matrix: {os: ['debian:12', fedora]}}\n    container: ${{ matrix.os }}\n    steps:\n    - name: Build on ${{ matrix.os }}\n      run: echo ${{ matrix.os }}\n",
        ),
        (
            "a.sh",
            "I=\"${I:-redis:7}\"; echo \"x $I |\"\nexec docker run --rm \"$I\" || echo $I\n",
        ),
        ("a.sh", "export I=${I:-${J:-redis:7}}\ndocker run $I\n"),
        (
            ".gitlab-ci.yml",
            "variables: {IMG: \"python:3.12\", X: $Y}\ntest:\n  image: $IMG\n  script: [x]\n",
        ),
        (
            "Dockerfile",
            "ARG BASE=alpine\nFROM $BASE AS a\nARG BASE\nFROM ${BASE}:3\n",
        ),
        (
            "a.tf",
            "variable \"app\" { default = \"redis\" }\nresource \"docker_image\" \"a\" { name = var.app }\n",
        ),
        (
            "a.py",
            "APP = \"redis\"\nprint(APP)\necs.ContainerImage.from_registry(APP)\n",
        ),
        (
            "a.py",
            "\"\"\"Runs APP, or\nAPP too.\"\"\"\nAPP = \"redis\"  # APP\nx = 1  # not APP\nt(x, \"APP is up\", other.APP, APP=1)\nlogging.info(\"%s\", APP)\necs.ContainerImage.from_registry(APP)\n",
        ),
        (
            "a.py",
            "def run(app):\n  ecs.ContainerImage.from_registry(app)\ndef stop(app):\n  t.stop(app)\nrun(\"redis\")\n",
        ),
        (
            "a.py",
            "APP = \"redis\"\necs.ContainerImage.from_registry(APP)\necs.ContainerImage.from_registry(f\"{APP}-slim\")\n",
        ),
        (
            "a.py",
            "for app in [\"redis\", \"nginx\"]:\n  ecs.ContainerImage.from_registry(app)\n",
        ),
        (
            "a.ts",
            "/* APP\n * APP */\nconst APP = 'redis';\nconst t = `APP`; // APP\nfunction f(APP: string) { t.stop(APP); }\nf({APP: t}, props.APP);\necs.ContainerImage.fromRegistry(APP);\n",
        ),
        (
            "a.tf",
            "locals {\n  app = \"redis\"\n}\nresource \"docker_container\" \"a\" {\n  name = module.a.app\n  image = local.app\n}\noutput \"app\" {\n  value = local.app\n}\n",
        ),
        (
            "a.sh",
            ": \"${APP:=redis}\"\ndocker run $APP # $APP\necho x; echo $APP\n",
        ),
        (
            "compose.yaml",
            "x-app: &app redis\nservices:\n  a:\n    image: *app\n    environment:\n      IMAGE: *app\n",
        ),
    ] {
        assert_eq!(others(path, text), [""; 0], "{path}: {text}");
    }
}
