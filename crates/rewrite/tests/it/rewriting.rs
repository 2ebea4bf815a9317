//! Properties of a rewrite: twice is once, taking it back is as if nothing had been, and what is planted is what changes.

#![expect(
    clippy::unwrap_used,
    reason = "a preset and an edit that fail end the test where they are"
)]

use forebay_rewrite::rules::{FileRecord, Goal, plan};
use forebay_rewrite::{Settings, apply, find};
use proptest::prelude::*;

/// How an image is written in a file: the file's name, and the text with `@` for the image.
const FORMS: [(&str, &str); 12] = [
    (
        "a.py",
        "import docker\nC.from_registry(\"@\")  # a comment\r\n",
    ),
    (
        "a.py",
        "i = '@'\nC.from_registry(i)\nprint('pulling a/b:1')\n",
    ),
    (
        "a.py",
        "import docker\nx = dict(image='@', name=\"\u{e9}\")\n",
    ),
    (
        "a.py",
        "i = os.environ.get('I') or '@'\nclient.images.pull(i)\n",
    ),
    (
        "a.ts",
        "// \u{1f433}\nconst i = process.env.I ?? '@';\nC.fromRegistry(i);\n",
    ),
    (
        "a.ts",
        "import 'docker';\nf({ containers: [{ image: \"@\" }] });\n",
    ),
    (
        "a.sh",
        "#!/bin/sh\nIMG='@'\ndocker run --rm -it \"$IMG\" echo a/b:1\n",
    ),
    ("a.sh", "docker pull \\\n  @ # @\n"),
    (
        "a.yaml",
        "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: \"@\"\n    name: x # y\n",
    ),
    ("a.yaml", "services:\r\n  a:\r\n    image: @\r\n"),
    ("Dockerfile", "# c\nFROM @ AS x\nCOPY --from=x / /"),
    ("a.md", "Text a/b:1\n\n```bash\ndocker pull @\n```\n"),
];

const GOALS: [&str; 5] = [
    "quay:me",
    "ecr:123456789012:eu-west-1",
    "ecr-pull-through:123456789012:eu-west-1",
    "mirror.gcr.io",
    "forebay:cache.example:5000",
];

fn image() -> impl Strategy<Value = String> {
    let part = "[a-z][a-z0-9]{0,7}([._-][a-z0-9]{1,4})?";
    let registry = prop_oneof![
        Just(String::new()),
        Just("docker.io/".to_owned()),
        Just("ghcr.io/org/".to_owned()),
        Just("localhost:5000/".to_owned()),
    ];
    let namespace = prop_oneof![Just(String::new()), part.prop_map(|part| part + "/")];
    let tag = prop_oneof![
        Just(":1.27".to_owned()),
        Just(":latest".to_owned()),
        Just(":v2-alpine".to_owned()),
        Just(format!(":1@sha256:{}", "ab".repeat(32))),
    ];
    (registry, namespace, part, tag)
        .prop_map(|(registry, namespace, name, tag)| format!("{registry}{namespace}{name}{tag}"))
}

fn rewritten(path: &str, text: &str, goal: &str) -> (String, Vec<forebay_rewrite::Edit>) {
    let goal = Goal::find_preset(goal).unwrap().unwrap();
    let found = find(path, text.as_bytes(), &Settings::default());
    let plan = plan(text, &found, &goal, None);
    (apply(text, plan.edits.clone()).unwrap(), plan.edits)
}

proptest! {
    #[test]
    fn twice_is_once_and_taken_back_is_as_if_nothing_had_been(
        image in image(),
        form in 0..FORMS.len(),
        goal in 0..GOALS.len(),
    ) {
        let (path, template) = FORMS[form];
        let text = template.replace('@', &image);
        let (after, edits) = rewritten(path, &text, GOALS[goal]);
        prop_assert_eq!(&rewritten(path, &after, GOALS[goal]).0, &after);
        let record = FileRecord::new(path.to_owned(), &text, &after, &edits);
        prop_assert_eq!(record.undo(&after).unwrap(), text);
    }

    #[test]
    fn what_is_planted_is_found_and_nothing_else(image in image(), form in 0..FORMS.len()) {
        let (path, template) = FORMS[form];
        let text = template.replace('@', &image);
        let found = find(path, text.as_bytes(), &Settings::default());
        let images: Vec<&str> = found.places.iter().map(|place| place.image.as_str()).collect();
        prop_assert_eq!(images, vec![image.as_str()], "{}", text);
    }

    #[test]
    fn no_text_breaks_a_finder(text in "[ -~\\n\u{e9}]{0,200}", form in 0..FORMS.len()) {
        let (path, template) = FORMS[form];
        let text = template.replace('@', &text);
        let (after, edits) = rewritten(path, &text, "quay:me");
        let record = FileRecord::new(path.to_owned(), &text, &after, &edits);
        prop_assert_eq!(record.undo(&after).unwrap(), text);
    }
}
