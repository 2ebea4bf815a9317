use std::error::Error as _;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn repositories() -> Vec<RepositoryPattern> {
    vec!["team/*".parse().unwrap()]
}

fn read(rules: &Value) -> Result<Imported, InvalidPolicy> {
    import(&json!({ "rules": rules }).to_string(), &repositories())
}

fn rule(priority: u32, selection: &Value) -> Value {
    json!({ "rulePriority": priority, "selection": selection, "action": { "type": "expire" } })
}

fn untagged(days: u64) -> Value {
    json!({
        "tagStatus": "untagged",
        "countType": "sinceImagePushed",
        "countUnit": "days",
        "countNumber": days,
    })
}

fn any(count: u64) -> Value {
    json!({ "tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": count })
}

/// A selection with some of its fields changed; null takes one away.
fn with(mut selection: Value, fields: Value) -> Value {
    let Value::Object(fields) = fields else {
        panic!("fields");
    };
    for (field, value) in fields {
        if value.is_null() {
            selection.as_object_mut().unwrap().remove(&field);
        } else {
            selection[field] = value;
        }
    }
    selection
}

#[test]
fn a_policy_becomes_rules_in_the_order_of_their_priorities() {
    let tagged = json!({
        "tagStatus": "tagged",
        "tagPrefixList": ["prod", "v"],
        "countType": "imageCountMoreThan",
        "countNumber": 5,
    });
    let imported = read(&json!([rule(20, &untagged(14)), rule(3, &tagged)])).unwrap();
    let patterns = ["prod*", "v*"].map(|pattern| pattern.parse().unwrap());
    let expected = [
        Rule {
            name: "ECR rule 3".to_owned(),
            priority: 3,
            repositories: repositories(),
            selection: Selection::Tagged(Tagged {
                patterns: patterns.to_vec(),
                needs_every: true,
                spares_other_tags: false,
            }),
            expiry: Expiry::KeepNewest(5),
        },
        Rule {
            name: "ECR rule 20".to_owned(),
            priority: 20,
            repositories: repositories(),
            selection: Selection::Untagged,
            expiry: Expiry::PushedFor(DAY * 14),
        },
    ];
    assert_eq!(imported.rules, expected);
    assert_eq!(imported.left_out, []);
}

#[test]
fn what_the_aws_command_prints_is_read_as_well() {
    let policy = json!({ "rules": [rule(1, &untagged(14))] }).to_string();
    let answer = json!({
        "registryId": "123456789012",
        "repositoryName": "team/app",
        "lifecyclePolicyText": policy,
        "lastEvaluatedAt": 1,
    });
    let imported = import(&answer.to_string(), &repositories()).unwrap();
    assert_eq!(imported, import(&policy, &repositories()).unwrap());
}

#[test]
fn storage_classes_are_left_out_and_told() {
    let since = |what: &str| {
        with(
            untagged(30),
            json!({ "tagStatus": "any", "countType": what }),
        )
    };
    let transition = json!({
        "rulePriority": 1,
        "selection": since("sinceImagePulled"),
        "action": { "type": "transition", "targetStorageClass": "archive" },
    });
    let archived = with(
        since("sinceImageTransitioned"),
        json!({ "storageClass": "archive" }),
    );
    let standard = with(untagged(14), json!({ "storageClass": "standard" }));
    let rules = json!([transition, rule(2, &archived), rule(3, &standard)]);
    let imported = read(&rules).unwrap();
    assert_eq!(imported.rules, []);
    let told: Vec<String> = imported.left_out.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "rule 1 was left out: it moves images to the archive storage class, where ECR keeps them, and here there is only \
             one; rules behind it that are about some of the same images are left out, too",
            "rule 2 was left out: it is about images in the archive storage class, and here there are none",
            "rule 3 was left out: rule 1 comes before it and moves images to the archive storage class, where ECR keeps them: \
             here it would let them go, if they are among those that it is about; if they may go, write it by hand",
        ]
    );
}

#[test]
fn what_ecr_would_archive_no_rule_behind_lets_go() {
    let transition = |priority: u32, status: Value| {
        let selection = with(untagged(30), status);
        json!({
            "rulePriority": priority,
            "selection": with(selection, json!({ "countType": "sinceImagePulled" })),
            "action": { "type": "transition", "targetStorageClass": "archive" },
        })
    };
    let tagged = |number: u32, prefix: &str| {
        let of = json!({ "tagStatus": "tagged", "tagPrefixList": [prefix] });
        rule(number, &with(untagged(9), of))
    };
    let release = json!({ "tagStatus": "tagged", "tagPrefixList": ["v"] });
    // Behind one about tagged images: those of tagged and of any images, and not those before it, nor of untagged ones.
    let rules = json!([
        tagged(1, "dev"),
        transition(2, release),
        rule(3, &untagged(14)),
        tagged(4, "pr"),
        rule(5, &any(100)),
    ]);
    let imported = read(&rules).unwrap();
    let kept: Vec<u32> = imported.rules.iter().map(|rule| rule.priority).collect();
    assert_eq!(kept, [1, 3]);
    let left_out = imported.left_out.iter().map(|one| (one.priority, one.why));
    assert_eq!(
        left_out.collect::<Vec<_>>(),
        [
            (2, NoEqual::Transition),
            (4, NoEqual::Behind(2)),
            (5, NoEqual::Behind(2)),
        ]
    );
    // Behind one about untagged images, those of tagged ones stay.
    let rules = json!([
        transition(1, json!({})),
        tagged(2, "pr"),
        rule(3, &any(100))
    ]);
    let imported = read(&rules).unwrap();
    assert_eq!(imported.rules.len(), 1);
    assert_eq!(imported.left_out.len(), 2);
}

#[test]
fn what_ecr_would_not_take_is_refused_with_what_to_write() {
    let tagged =
        json!({ "tagStatus": "tagged", "countType": "imageCountMoreThan", "countNumber": 1 });
    let prefixes = |list: Value| rule(1, &with(tagged.clone(), json!({ "tagPrefixList": list })));
    let patterns = |list: Value| rule(1, &with(tagged.clone(), json!({ "tagPatternList": list })));
    let fields = |fields: Value| rule(1, &with(untagged(14), fields));
    let cases = [
        (
            json!([rule(0, &untagged(1))]),
            "rulePriority must be 1 or more",
        ),
        (
            json!([rule(1, &untagged(1)), rule(1, &any(1))]),
            "another rule has the same rulePriority; give each its own",
        ),
        (
            json!([rule(1, &untagged(1)), rule(2, &untagged(2))]),
            "another rule is about untagged images; ECR takes one",
        ),
        (
            json!([rule(1, &any(1)), rule(2, &untagged(2))]),
            "tagStatus \"any\" must have the highest rulePriority: nothing is left for the rules after it",
        ),
        (
            json!([rule(1, &tagged)]),
            "tagStatus \"tagged\" needs either tagPatternList or tagPrefixList, with 1 to 100 entries",
        ),
        (
            json!([prefixes(json!([]))]),
            "tagStatus \"tagged\" needs either tagPatternList or tagPrefixList, with 1 to 100 entries",
        ),
        (
            json!([fields(json!({ "tagPrefixList": ["v"] }))]),
            "tagPatternList and tagPrefixList go with tagStatus \"tagged\" alone",
        ),
        (
            json!([prefixes(json!([""]))]),
            "\"\" is empty or too long: a pattern has 1 to 128 characters",
        ),
        (
            json!([prefixes(json!(["v*"]))]),
            "\"v*\" can match no tag: tags have letters, digits, '_', '.' and '-'",
        ),
        (
            json!([patterns(json!(["v[12]"]))]),
            "\"v[12]\" can match no tag: tags have letters, digits, '_', '.' and '-'",
        ),
        (
            json!([patterns(json!(["*a*b*c*d*"]))]),
            "\"*a*b*c*d*\" has more than 4 '*'",
        ),
    ];
    refuses(&cases);
}

#[test]
fn what_says_nothing_that_ecr_knows_is_refused() {
    let fields = |fields: Value| rule(1, &with(untagged(14), fields));
    let cases = [
        (
            json!([fields(json!({ "tagStatus": "none" }))]),
            "tagStatus is \"none\"; it must be \"tagged\", \"untagged\" or \"any\"",
        ),
        (
            json!([fields(json!({ "countNumber": 0 }))]),
            "countNumber is 0; it must be 1 to 36500",
        ),
        (
            json!([rule(1, &any(100_001))]),
            "countNumber is 100001; it must be 1 to 100000",
        ),
        (
            json!([fields(json!({ "countUnit": "weeks" }))]),
            "countUnit is \"weeks\"; it must be \"days\"",
        ),
        (
            json!([fields(json!({ "countUnit": null }))]),
            "countUnit \"days\" goes with the countTypes that begin with \"since\", and they with it",
        ),
        (
            json!([fields(json!({ "countType": "sinceImageTransitioned" }))]),
            "countType \"sinceImageTransitioned\" needs storageClass \"archive\" and the action \"expire\"",
        ),
        (
            json!([fields(json!({ "storageClass": "cold" }))]),
            "storageClass is \"cold\"; it must be \"standard\" or \"archive\"",
        ),
    ];
    refuses(&cases);
}

fn refuses(cases: &[(Value, &str)]) {
    for (rules, why) in cases {
        let Err(InvalidPolicy::Rule { fault, .. }) = read(rules) else {
            panic!("{rules} was read");
        };
        assert_eq!(fault.to_string(), *why, "{rules}");
    }
}

#[test]
fn an_error_names_the_rule_or_the_place() {
    let error = read(&json!([rule(5, &untagged(1)), rule(7, &untagged(0))])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "rule 2 (rulePriority 7): another rule is about untagged images; ECR takes one"
    );
    let error = read(&json!([rule(9, &any(0)), rule(7, &untagged(1))])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "rule 1 (rulePriority 9): countNumber is 0; it must be 1 to 100000"
    );
    let error = import("{\"rules\": [\n{\"rulePriority\": 1,}]}", &[]).unwrap_err();
    let source = error.source().unwrap().to_string();
    assert!(source.contains("line 2"), "{source}");
    let unknown = with(untagged(1), json!({ "countnumber": 3 }));
    let error = read(&json!([rule(1, &unknown)])).unwrap_err();
    assert!(error.source().unwrap().to_string().contains("countnumber"));
    assert!(matches!(read(&json!([])), Err(InvalidPolicy::Rules(0))));
    let many: Vec<Value> = (1..=51).map(|number| rule(number, &any(1))).collect();
    assert!(matches!(read(&json!(many)), Err(InvalidPolicy::Rules(51))));
    let long = " ".repeat(MAX_POLICY_BYTES + 1);
    assert!(matches!(import(&long, &[]), Err(InvalidPolicy::TooLong(_))));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let _ = import(&text, &repositories());
    }
}
