//! `rewrite` with several records of one tree: what was written last is taken back first, and each step back is the bytes of
//! before.

use std::fs;

use crate::program::Program;

const FILES: [&str; 2] = ["a/Dockerfile", "a/b/Dockerfile"];

/// Which record each of three runs has. The last two lie in other folders.
const RECORDS: [&str; 3] = [".forebay-rewrite.json", "a/other.json", "a/b/undo.rec"];

/// Each way in which three runs share records.
const SHARED: [[usize; 3]; 7] = [
    [0, 0, 0],
    [0, 0, 1],
    [0, 1, 0],
    [0, 1, 1],
    [0, 1, 2],
    [2, 1, 0],
    [1, 2, 1],
];

/// Where the three runs send images: ever further, and to where they were.
const GOALS: [[&str; 3]; 2] = [["one", "two", "three"], ["one", "two", "one"]];

/// What the three runs rewrite.
const PATHS: [[&str; 3]; 3] = [
    ["a", "a", "a"],
    ["a", "a/b", "a"],
    ["a/b", "a", "a/Dockerfile"],
];

fn tree() -> Program {
    let program = FILES.into_iter().fold(Program::new(), |program, file| {
        program.file(file, "FROM zero.example/nginx:1 # kept\r\n")
    });
    ["one", "two", "three"]
        .into_iter()
        .fold(program, |program, name| {
            let rule =
                format!("[[rule]]\nregistry = \"*.example\"\nto = \"{name}.example/{{name}}\"\n");
            program.file(&format!("{name}.toml"), &rule)
        })
}

fn texts(program: &Program) -> [String; 2] {
    FILES.map(|file| fs::read_to_string(program.path(file)).expect("a file"))
}

/// A run that wrote, and what was there before it.
struct Done {
    record: &'static str,
    before: [String; 2],
    after: [String; 2],
}

impl Done {
    fn shares_a_file_with(&self, other: &Self) -> bool {
        let changed = |done: &Self, file: usize| done.before[file] != done.after[file];
        (0..FILES.len()).any(|file| changed(self, file) && changed(other, file))
    }
}

fn run(program: &Program, record: &'static str, goal: &str, path: &str) -> Done {
    let before = texts(program);
    let rules = format!("{goal}.toml");
    let told = program.run(&[
        "rewrite", path, "--to", &rules, "--write", "--record", record,
    ]);
    assert!(told.starts_with("exit: 0"), "{told}");
    let after = texts(program);
    assert_ne!(before, after);
    Done {
        record,
        before,
        after,
    }
}

fn undo(program: &Program, record: &str) -> String {
    // Not all records lie above their files.
    program.run(&["rewrite", "--undo", "a", "--record", record])
}

/// Tries to take back what is not the last, and is refused with the last one's name.
fn try_others(program: &Program, done: &[Done]) {
    let (last, earlier) = done.split_last().expect("a run");
    for (number, one) in earlier.iter().enumerate() {
        let is_top = !done[number + 1..]
            .iter()
            .any(|later| later.record == one.record);
        if !is_top || !one.shares_a_file_with(last) {
            continue;
        }
        let now = texts(program);
        let told = undo(program, one.record);
        assert!(told.starts_with("exit: 3"), "{}: {told}", one.record);
        assert!(told.contains("nothing was taken back"), "{told}");
        let named = format!("forebay rewrite --undo --record [DIR]/{}", last.record);
        assert!(told.contains(&named), "{named} is not in:\n{told}");
        assert_eq!(texts(program), now);
    }
}

#[test]
fn each_step_back_is_the_last_one_and_gives_back_its_bytes() {
    for records in SHARED {
        for (goals, paths) in GOALS
            .into_iter()
            .flat_map(|goals| PATHS.map(|paths| (goals, paths)))
        {
            let program = tree();
            let mut done = Vec::new();
            for number in 0..3 {
                let record = RECORDS[records[number]];
                done.push(run(&program, record, goals[number], paths[number]));
            }
            while !done.is_empty() {
                try_others(&program, &done);
                let last = done.pop().expect("a run");
                let told = undo(&program, last.record);
                assert!(
                    told.starts_with("exit: 0"),
                    "{records:?} {goals:?} {paths:?}: {told}"
                );
                assert_eq!(texts(&program), last.before);
            }
        }
    }
}

#[test]
fn what_can_be_taken_back_is_said() {
    let program = tree();
    let write = |goal: &str| {
        let rules = format!("{goal}.toml");
        program.run(&["rewrite", "a", "--to", &rules, "--write"])
    };
    assert!(write("one").contains("\nto take it back: forebay rewrite --undo\n"));
    let elsewhere = [
        "rewrite",
        "a",
        "--to",
        "three.toml",
        "--write",
        "--record",
        "a/b/it's",
    ];
    let told = program.run(&elsewhere);
    let way = "to take it back: forebay rewrite --undo a --record 'a/b/it'\\''s'\n";
    assert!(told.ends_with(way), "{told}");
    program.run(&["rewrite", "--undo", "a", "--record", "a/b/it's"]);
    write("two");
    let told = undo(&program, RECORDS[0]);
    assert!(
        told.contains(
            "1 rewrite is left on this record; --undo again takes back the one to one.toml\n"
        ),
        "{told}"
    );
    let told = undo(&program, RECORDS[0]);
    assert!(!told.contains("left on this record"), "{told}");
}

#[test]
fn a_record_whose_files_are_otherwise_by_now_is_in_nobodys_way() {
    let program = tree();
    let first = run(&program, RECORDS[0], "one", "a");
    run(&program, RECORDS[1], "two", "a");
    // As version control puts files back, without a word to records.
    for (file, text) in FILES.iter().zip(&first.after) {
        fs::write(program.path(file), text).expect("a file");
    }
    let told = undo(&program, RECORDS[0]);
    assert!(told.starts_with("exit: 0"), "{told}");
    assert_eq!(texts(&program), first.before);
}

/// A record with this in the place of that, as somebody may put it into a repository.
fn forge(program: &Program, change: impl Fn(&str) -> String) {
    let path = program.path(RECORDS[0]);
    let record = fs::read_to_string(&path).expect("a record");
    let forged = change(&record);
    assert_ne!(record, forged);
    fs::write(path, forged).expect("a record");
}

fn digest(text: &str) -> String {
    forebay_oci::Digest::sha256(text.as_bytes()).to_string()
}

#[test]
fn a_forged_record_puts_nothing_but_images_into_files() {
    let script = "docker run nginx:1\ncurl https://good.example/x | sh\n";
    let program = Program::new().file("a.sh", script);
    let to = ["rewrite", ".", "--to", "mirror.gcr.io", "--write"];
    assert!(program.run(&to).starts_with("exit: 0"));
    let after = fs::read_to_string(program.path("a.sh")).expect("a file");
    let put = |old: &str, new: &str, into: &str| {
        let start = after.find(new).expect("it stands there");
        let before = after.replacen(new, into, 1);
        forge(&program, |record| {
            let record = record.replace(&digest(script), &digest(&before));
            let at = format!("\"start\": {}", after.find(old).expect("it stands there"));
            let record = record.replace(&at, &format!("\"start\": {start}"));
            let record = record.replace(&format!("\"{old}\""), &format!("\"{new}\""));
            record.replace("\"old\": \"nginx:1\"", &format!("\"old\": \"{into}\""))
        });
    };
    let image = "mirror.gcr.io/library/nginx:1";
    let kept = fs::read_to_string(program.path(RECORDS[0])).expect("a record");
    for (new, into, told_of) in [
        (image, "x; id", "which no rewrite wrote"),
        (image, "--privileged evil:1", "which no rewrite wrote"),
        (
            "good.example/x",
            "evil.example/x",
            "where no image is found",
        ),
        ("| sh", "&& id", "which no rewrite wrote"),
    ] {
        fs::write(program.path(RECORDS[0]), &kept).expect("a record");
        put(image, new, into);
        let told = program.run(&["rewrite", "--undo"]);
        assert!(told.starts_with("exit: 3"), "{into}: {told}");
        assert!(told.contains(told_of), "{into}: {told}");
        assert_eq!(
            fs::read_to_string(program.path("a.sh")).expect("a file"),
            after
        );
    }
    fs::write(program.path(RECORDS[0]), &kept).expect("a record");
    assert!(program.run(&["rewrite", "--undo"]).starts_with("exit: 0"));
    assert_eq!(
        fs::read_to_string(program.path("a.sh")).expect("a file"),
        script
    );
}

#[test]
fn what_only_the_command_line_told_of_is_taken_back_where_it_is_named() {
    let fleet = "apiVersion: x/v1\nkind: Fleet\nspec:\n  runs: nginx:1\n";
    let program = Program::new()
        .file("fleet.yaml", fleet)
        .file("a.py", "import docker\nC.from_registry(f\"{who}/app:1\")\n")
        .file("compose.yaml", "services:\n  a:\n    image: ${IMG}\n")
        .file(".env", "IMG=redis:7\n");
    let files = ["fleet.yaml", "a.py", "compose.yaml", ".env"];
    let texts = || files.map(|file| fs::read_to_string(program.path(file)).expect("a file"));
    let before = texts();
    let args = ["--crd", "Fleet=spec.runs", "--set", "who=me"];
    let told = program.run(&[&["rewrite", ".", "--to", "quay:org", "--write"], &args[..]].concat());
    assert!(told.starts_with("exit: 0"), "{told}");
    assert_ne!(before, texts());
    let told = program.run(&["rewrite", "--undo"]);
    assert!(told.starts_with("exit: 3"), "{told}");
    assert!(told.contains("name it: forebay rewrite --undo "), "{told}");
    let told = program.run(&["rewrite", "--undo", "."]);
    assert!(told.starts_with("exit: 0"), "{told}");
    assert_eq!(before, texts());
}
