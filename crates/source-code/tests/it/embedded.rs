//! Scripts of pipelines and manifests in a `ConfigMap`: read as what they are, written where they stand.

use std::fmt::Write as _;

use crate::rewritten::{check, rewritten};

#[test]
fn the_scripts_of_a_workflow_are_read_as_their_shell() {
    check(
        ".github/workflows/ci.yml",
        &[
            (
                "on: push\njobs:\n  a:\n    steps:\n      - run: docker pull a/b:1 # x\n",
                &[],
                "on: push\njobs:\n  a:\n    steps:\n      - run: docker pull ecr.example/b:1 # x\n",
            ),
            (
                "on: push\njobs:\n  a:\n    steps:\n      - run: |\n          cat <<EOF\n            x\n          EOF\n\n          docker run \\\n            a/b:1\n        name: x\n",
                &[],
                "on: push\njobs:\n  a:\n    steps:\n      - run: |\n          cat <<EOF\n            x\n          EOF\n\n          docker run \\\n            ecr.example/b:1\n        name: x\n",
            ),
            (
                "on: push\njobs:\n  a:\n    steps:\n      - run: >-\n          docker run\n          a/b:1\n",
                &[],
                "on: push\njobs:\n  a:\n    steps:\n      - run: >-\n          docker run\n          ecr.example/b:1\n",
            ),
            (
                "on: push\njobs:\n  a:\n    steps:\n      - {shell: python, run: \"import docker; docker.from_env().images.pull('a/b:1')\"}\n",
                &[],
                "on: push\njobs:\n  a:\n    steps:\n      - {shell: python, run: \"import docker; docker.from_env().images.pull('ecr.example/b:1')\"}\n",
            ),
            (
                "on: push\njobs:\n  a:\n    steps:\n      - {shell: pwsh, run: docker pull a/b:1}\n",
                &[],
                "on: push\njobs:\n  a:\n    steps:\n      - {shell: pwsh, run: docker pull a/b:1}\n",
            ),
        ],
    );
}

#[test]
fn a_steps_environment_goes_before_its_jobs_and_that_before_the_files() {
    let text = "on: push\nenv: {T: '1', U: a}\njobs:\n  a:\n    env: {T: '2'}\n    steps:\n      - run: docker pull $U/b:$T\n      - env: {U: '${{ secrets.U }}', T: '3'}\n        run: docker pull \"$U/b:$T\"\n";
    let after = rewritten(".github/workflows/ci.yml", text, &[]);
    let expected = text.replacen("$U/b", "ecr.example/b", 1);
    assert_eq!(
        after,
        format!("{expected}\n? 9: \"$U/b:$T\" (`secrets.U` is not set here)"),
        "the tag stays a variable, and what is not known is not what it was"
    );
    assert_eq!(
        rewritten(".github/workflows/ci.yml", text, &[("secrets.U", "a")]),
        text.replace("$U/b", "ecr.example/b")
    );
}

#[test]
fn an_expression_is_what_the_workflow_or_the_command_line_says() {
    let head = "on: push\nenv:\n  IMAGE: a/b\n  WHOLE: a/c:1 # x\n  OF: ${{ secrets.U }}/d\njobs:\n  a:\n    steps:\n";
    let set = [("secrets.U", "a")];
    for (script, set, expected) in [
        (
            "docker push ${{ env.IMAGE }}:latest",
            &[] as &[_],
            "docker push ecr.example/b:latest",
        ),
        (
            "docker push \"$IMAGE:latest\"",
            &[],
            "docker push \"ecr.example/b:latest\"",
        ),
        (
            "docker push a/b:${{ env.TAG }}",
            &[("TAG", "1")],
            "docker push ecr.example/b:${{ env.TAG }}",
        ),
        (
            "docker push a/b:${{env.TAG}}",
            &[("env.TAG", "1")],
            "docker push ecr.example/b:${{env.TAG}}",
        ),
        (
            "docker push ${{ secrets.U }}/b:1",
            &set,
            "docker push ecr.example/b:1",
        ),
        ("docker push $OF:1", &set, "docker push ecr.example/d:1"),
    ] {
        let text = format!("{head}      - run: {script}\n");
        let after = format!("{head}      - run: {expected}\n");
        assert_eq!(rewritten("on/.github/workflows/ci.yml", &text, set), after);
    }
    // What is the whole image is written where it is set, and a default stays one.
    for script in [
        "${{ env.WHOLE }}",
        "$WHOLE",
        "\"${WHOLE}\"",
        "${WHOLE:-node:20}",
    ] {
        let text = format!("{head}      - run: docker pull {script}\n");
        let after = text.replace("a/c:1", "ecr.example/c:1");
        assert_eq!(rewritten(".github/workflows/ci.yml", &text, &[]), after);
    }
    let text = format!("{head}      - run: docker pull $OF:1 ${{{{ f(1) }}}}/x\n");
    assert_eq!(
        rewritten(".github/workflows/ci.yml", &text, &[]),
        format!("{text}\n? 9: $OF:1 (`secrets.U` is not set here)")
    );
}

#[test]
fn a_variable_of_gitlabs_is_what_is_in_it() {
    let text = "variables: {NAME: a, IMAGE: '$NAME/b:$CI_SHA'}\njob:\n  script:\n    - docker pull $IMAGE\n";
    assert_eq!(
        rewritten(".gitlab-ci.yml", text, &[]),
        format!("{text}\n? 1: $NAME/b:$CI_SHA (`CI_SHA` is not set here)")
    );
    assert_eq!(
        rewritten(".gitlab-ci.yml", text, &[("CI_SHA", "1")]),
        text.replace("$NAME/b", "ecr.example/b")
    );
}

#[test]
fn what_a_pipeline_fills_in_is_left_to_a_person() {
    let text =
        "on: push\njobs:\n  a:\n    steps:\n      - run: docker pull a/b:${{ github.sha }}\n";
    assert_eq!(
        rewritten(".github/workflows/ci.yml", text, &[]),
        format!("{text}\n? 5: a/b:${{{{ github.sha }}}} (`github.sha` is not set here)")
    );
}

#[test]
fn the_scripts_of_gitlabs_jobs_are_read_line_by_line() {
    let text = "variables:\n  TAG: {value: '1', description: x}\n.base: &base\n  - docker pull a/base:1\njob:\n  before_script:\n    - *base\n  script:\n    - docker pull a/b:$TAG\n    - - |\n        docker pull a/c:1\n        docker pull a/d:$[[ inputs.tag ]]\n    - 'docker pull a/e:$CI_SHA'\n";
    let after = text
        .replace("a/base:1", "ecr.example/base:1")
        .replace("a/b:", "ecr.example/b:")
        .replace("a/c:", "ecr.example/c:");
    assert_eq!(
        rewritten(".gitlab-ci.yml", text, &[]),
        format!(
            "{after}\n? 12: a/d:$[[ inputs.tag ]] (`inputs.tag` is not set here)\n? 13: a/e:$CI_SHA (`CI_SHA` is not set here)"
        )
    );
}

#[test]
fn a_config_maps_files_are_read_by_their_names() {
    check(
        "x.yaml",
        &[(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata:\n  pod.yaml: |\n    apiVersion: v1\n    kind: Pod\n    spec:\n      containers:\n        - image: a/b:1\n  run.sh: |\n    docker pull a/c:1\n  text: |\n    image: a/d:1\n  short.sh: docker pull a/e\n",
            &[],
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata:\n  pod.yaml: |\n    apiVersion: v1\n    kind: Pod\n    spec:\n      containers:\n        - image: ecr.example/b:1\n  run.sh: |\n    docker pull ecr.example/c:1\n  text: |\n    image: a/d:1\n  short.sh: docker pull a/e\n",
        )],
    );
}

#[test]
fn quotes_around_a_script_are_not_broken() {
    let text = "job: {script: [\"docker pull 'a/'$T\", 'docker pull \"a/c:1\"']}\n";
    let after = rewritten(".gitlab-ci.yml", text, &[("T", "b:1")]);
    assert!(
        after.contains("'docker pull \"ecr.example/c:1\"'"),
        "{after}"
    );
    assert!(!after.contains("pull \"\"ecr"), "{after}");
}

#[test]
fn texts_in_texts_end_somewhere() {
    let mut text = String::new();
    for level in 0..60 {
        let indent = "  ".repeat(2 * level);
        _ = writeln!(
            text,
            "{indent}apiVersion: v1\n{indent}kind: ConfigMap\n{indent}data:\n{indent}  image.yaml: |"
        );
    }
    let after = rewritten("x.yaml", &text, &[]);
    assert!(after.starts_with(&text));
}
