//! What a file builds itself is no registry's, whichever of its scripts takes it.

use forebay_references::{Format, Settings};
use forebay_source_code::find_as;

/// The images of a file that it does not build, by their names.
fn pulled(format: Format, path: &str, text: &str) -> Vec<String> {
    let found = find_as(format, path, text, &Settings::default());
    let places = found.places.into_iter();
    let pulled = places.filter(|place| !place.owner.is_built);
    pulled.map(|place| place.image).collect()
}

#[test]
fn what_one_script_builds_another_takes() {
    let gitlab = "a:\n  script:\n  - docker build -t myapp:1 .\n  - docker run myapp:1\n  - docker run nginx:1\nb:\n  image: \
                  myapp:2\n  script: docker run myapp:1\n";
    assert_eq!(pulled(Format::Yaml, ".gitlab-ci.yml", gitlab), ["nginx:1"]);
    let github = "on: push\njobs:\n  a:\n    steps:\n    - uses: docker/build-push-action@v5\n      with:\n        load: true\n        \
                  tags: other:1\n    - run: docker run other:1\n    - run: docker run nginx:1\n";
    let path = ".github/workflows/a.yml";
    assert_eq!(pulled(Format::Yaml, path, github), ["nginx:1"]);
}

#[test]
fn what_is_imported_or_committed_is_made_here() {
    let script =
        "docker import x imp:1\ndocker commit c com:1\ndocker run imp:1\ndocker run com:1\n";
    assert_eq!(pulled(Format::Shell, "a.sh", script), [""; 0]);
}

#[test]
fn an_alias_is_a_command() {
    let script = "alias d='docker run nginx:1'\n";
    assert_eq!(pulled(Format::Shell, "a.sh", script), ["nginx:1"]);
}

#[test]
fn a_value_that_a_chart_is_given_is_told() {
    let script = "helm install a b --set image.repository=nginx,x=1 --set=app.image=redis --set replicas=2\n";
    let found = find_as(Format::Shell, "a.sh", script, &Settings::default());
    let told: Vec<&str> = found
        .ambiguous
        .iter()
        .map(|one| one.text.as_str())
        .collect();
    assert_eq!(
        told,
        ["image.repository=nginx,x=1", "--set=app.image=redis"]
    );
}

#[test]
fn what_a_file_beside_a_program_sets_is_changed_there_and_its_default_here() {
    let python = "from aws_cdk import aws_ecs as ecs\necs.ContainerImage.from_registry(self.node.try_get_context(\"img\") or \"redis:7\")\n";
    let script = "import * as pulumi from '@pulumi/pulumi';\nconst image = cfg.get('img') ?? 'redis:7';\nnew k8s.Pod('p', {image});\n";
    let context = "{\"context\": {\"img\": \"redis:8\"}}";
    let config = "config:\n  app:img: redis:8\n";
    for (format, path, text, file, said) in [
        (Format::Python, "a.py", python, "../cdk.json", context),
        (
            Format::TypeScript,
            "a.ts",
            script,
            "Pulumi.dev.yaml",
            config,
        ),
        (
            Format::TypeScript,
            "a.ts",
            script,
            "../Pulumi.yaml",
            "config:\n  img: {default: redis:8}\n",
        ),
    ] {
        let mut settings = Settings::default();
        settings.near.insert(file.to_owned(), said.to_owned());
        let found = find_as(format, path, text, &settings);
        let mut set: Vec<(String, String)> = found
            .places
            .iter()
            .map(|place| {
                let told = place
                    .edits("h.example/x:1")
                    .err()
                    .map(|refusal| refusal.to_string());
                (place.image.clone(), told.unwrap_or_default())
            })
            .collect();
        set.sort();
        let told = format!("`{file}` sets it: change it there");
        assert_eq!(
            set,
            [
                ("redis:7".to_owned(), String::new()),
                ("redis:8".to_owned(), told)
            ],
            "{file}"
        );
        settings.set.insert("img".to_owned(), "redis:9".to_owned());
        let found = find_as(format, path, text, &settings);
        assert!(
            found.places.iter().all(|place| place.image != "redis:8"),
            "{file}"
        );
    }
}

#[test]
fn of_what_several_files_set_none_is_surely_pulled() {
    let text = "import * as pulumi from '@pulumi/pulumi';\nconst image = cfg.get('img') ?? 'redis:7';\nnew k8s.Pod('p', {image});\n";
    let near = [
        ("Pulumi.yaml", "name: app\n"),
        (
            "Pulumi.dev.yaml",
            "config:\n  aws:img: redis:6\n  app:img: redis:8\n",
        ),
        ("Pulumi.prod.yaml", "config:\n  app:img: redis:9\n"),
    ];
    let settings = Settings {
        near: near
            .map(|(file, text)| (file.to_owned(), text.to_owned()))
            .into(),
        ..Settings::default()
    };
    let found = find_as(Format::TypeScript, "a.ts", text, &settings);
    let mut images: Vec<(&str, bool)> = found
        .places
        .iter()
        .map(|place| (place.image.as_str(), place.owner.condition.is_some()))
        .collect();
    images.sort_unstable();
    assert_eq!(
        images,
        [("redis:7", true), ("redis:8", true), ("redis:9", true)]
    );
}
