//! Any text as a workflow, a task definition or CDK: a login is put in once, and nothing panics.
#![no_main]

use forebay_setup::{Access, Client, Files, Registry, SetupError, plan_access};
use libfuzzer_sys::fuzz_target;

const KINDS: [(Client, &str); 6] = [
    (Client::GithubActions, "ci.yml"),
    (Client::GitlabCi, "ci.yml"),
    (Client::Ecs, "task.json"),
    (Client::Ecs, "stack.yaml"),
    (Client::Ecs, "app.py"),
    (Client::Ecs, "app.ts"),
];

struct Text<'a>(&'a str);

impl Files for Text<'_> {
    fn read(&self, _: &str) -> Result<Option<String>, SetupError> {
        Ok(Some(self.0.to_owned()))
    }

    fn list(&self, _: &str) -> Result<Vec<String>, SetupError> {
        Ok(Vec::new())
    }
}

fuzz_target!(|input: (u8, String)| {
    let (which, text) = input;
    let (client, file) = KINDS[usize::from(which) % KINDS.len()];
    let access = Access {
        client,
        registry: Registry::Hub,
        host: None,
        username: None,
        password: None,
        secret: None,
        namespace: "default".to_owned(),
        image: None,
        context: ".".to_owned(),
        file: Some(file.to_owned()),
    };
    let Ok(made) = plan_access(&access, &Text(&text)) else {
        return;
    };
    let after = &made.files[0].after;
    let again = plan_access(&access, &Text(after)).expect("what was made is taken again");
    assert_eq!(&again.files[0].after, after);
});
