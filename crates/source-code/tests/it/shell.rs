//! Scripts and Markdown before and after a rule.

use forebay_references::{Format, PullPolicy, Settings};
use forebay_source_code::find_as;

use crate::rewritten::{check, rewritten};

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
            "docker service update --force -q --image a/b:1 --replicas 2 web",
            "docker service update --force -q --image ecr.example/b:1 --replicas 2 web",
        ),
        (
            "docker service update --image=a/b:1 a/c",
            "docker service update --image=ecr.example/b:1 a/c",
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
fn a_builds_argument_is_an_image_by_its_name() {
    for (text, expected) in [
        ("BASE_IMAGE=a/b", "BASE_IMAGE=ecr.example/b"),
        ("BASE=a/b:1", "BASE=ecr.example/b:1"),
        ("FROM=a/b:1", "FROM=ecr.example/b:1"),
        ("FROM=a/b", "FROM=a/b"),
        ("BASE=http://a/b:1", "BASE=http://a/b:1"),
        ("VERSION=a/b:1", "VERSION=a/b:1"),
    ] {
        let command = |argument: &str| format!("docker build --build-arg {argument} .");
        assert_eq!(rewritten("x.sh", &command(text), &[]), command(expected));
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
        ],
    );
}

#[test]
fn what_a_script_is_given_stays_and_what_a_variable_is_by_default_it_is() {
    check(
        "x.sh",
        &[
            (
                "IMAGE=${1:-a/b:1}\ndocker run \"$IMAGE\"",
                &[],
                "IMAGE=${1:-ecr.example/b:1}\ndocker run \"$IMAGE\"",
            ),
            ("IMAGE=${X-a/b:1}", &[], "IMAGE=${X-ecr.example/b:1}"),
            (
                "WEB_IMAGE=\"${2:-a/b:1}\"",
                &[],
                "WEB_IMAGE=\"${2:-ecr.example/b:1}\"",
            ),
            (
                "O=a/b:1; MY_IMAGE=$O",
                &[],
                "O=ecr.example/b:1; MY_IMAGE=$O",
            ),
            (
                "A_IMAGE=$B_IMAGE B_IMAGE=$A_IMAGE",
                &[],
                "A_IMAGE=$B_IMAGE B_IMAGE=$A_IMAGE",
            ),
            (
                "R=${R:-a}\ndocker pull \"$R/x:1\"",
                &[],
                "R=${R:-a}\ndocker pull \"ecr.example/x:1\"",
            ),
            (
                ": \"${R:=a}\"\ndocker pull $R/x:1",
                &[],
                ": \"${R:=a}\"\ndocker pull ecr.example/x:1",
            ),
            (
                ": \"${IMAGE:=a/b:1}\"\ndocker pull $IMAGE",
                &[],
                ": \"${IMAGE:=ecr.example/b:1}\"\ndocker pull $IMAGE",
            ),
            (": ${IMAGE:=a/b:1}", &[], ": ${IMAGE:=ecr.example/b:1}"),
            (
                "R=$R/a; docker pull $R/x:1",
                &[],
                "R=$R/a; docker pull $R/x:1\n? 1: $R/x:1 (`R` is not set here)",
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
fn a_command_is_read_behind_what_runs_it() {
    for before in [
        "timeout 10",
        "timeout -k 5 --foreground $T",
        "nice -n 5",
        "nice",
        "ionice -c 3",
        "sudo -E",
        "sudo -n",
        "sudo -u bob timeout --kill-after=5 60",
        "time -p",
        "env -u X A=b",
        "nohup",
        "stdbuf -oL",
        "flock -w 5 /tmp/x",
        "xargs -n 1 -P4",
        "ssh host",
        "ssh -i k -p 22 user@$HOST sudo",
        "sshpass -p x ssh -o A=b host --",
        "retry 3",
        "./retry.sh -n 3 --",
        "with_retries",
        "docker-retry3",
        "run",
        "if ! timeout 5",
    ] {
        let text = format!("{before} docker pull a/b:1");
        assert_eq!(
            rewritten("x.sh", &text, &[]),
            text.replace("a/b", "ecr.example/b")
        );
    }
    for text in [
        "echo timeout 10 docker pull a/b:1",
        "apt-get install docker run a/b:1",
        "retrieve docker run a/b:1",
        "portrait.sh docker run a/b:1",
        "grep -r docker pull a/b:1",
        "timeout",
        "retry 3",
        "ssh host",
        "sudo -u",
    ] {
        assert_eq!(rewritten("x.sh", text, &[]), text);
    }
    for text in [
        "ssh h 'docker pull @'",
        "eval \"docker pull @\"",
        "trap 'docker pull @' EXIT",
        "watch -n 5 'docker pull @'",
        "timeout 5 bash -c 'docker pull @'",
        "ssh h sudo sh -c 'docker pull @'",
    ] {
        assert_eq!(
            rewritten("x.sh", &text.replace('@', "a/b:1"), &[]),
            text.replace('@', "ecr.example/b:1")
        );
    }
}

#[test]
fn what_a_command_reads_from_others_is_listed() {
    for (text, listed) in [
        ("cat list | xargs -n1 docker pull", "docker pull"),
        ("cat list | xargs -I{} docker pull a/{}:1", "a/{}:1"),
        ("RUN='--rm a/b:1 sh'; docker run $RUN", "'--rm a/b:1 sh'"),
        ("I=a; I+=/b:1; docker pull $I", "$I"),
    ] {
        let shown = rewritten("x.sh", text, &[]);
        let before = format!("{text}\n? 1: {listed} (");
        assert!(shown.starts_with(&before), "{shown}");
    }
    for text in [
        "docker images -q | xargs docker rmi",
        "xargs docker build -t",
    ] {
        assert_eq!(rewritten("x.sh", text, &[]), text);
    }
}

#[test]
fn each_word_of_a_list_is_an_image() {
    check(
        "x.sh",
        &[
            (
                "IMAGES=(a/b:1)\nIMAGES+=(a/c:1 \"a/d:1\")",
                &[],
                "IMAGES=(ecr.example/b:1)\nIMAGES+=(ecr.example/c:1 \"ecr.example/d:1\")",
            ),
            (
                "L=(a/b)\nL+=(a/c)\nfor i in \"${L[@]}\"; do docker pull $i; done",
                &[],
                "L=(ecr.example/b)\nL+=(ecr.example/c)\nfor i in \"${L[@]}\"; do docker pull $i; done",
            ),
            (
                "L=\"a/b a/c:$T\n  a/d\"; T=1\nfor i in $L a/e; do docker pull $i; done",
                &[],
                "L=\"ecr.example/b ecr.example/c:$T\n  ecr.example/d\"; T=1\nfor i in $L ecr.example/e; do docker pull $i; done",
            ),
            (
                "APP_IMAGES=\"a/b:1 a/c:1\"",
                &[],
                "APP_IMAGES=\"ecr.example/b:1 ecr.example/c:1\"",
            ),
            (
                "THE_IMAGE=\"a picture at 10:30\"",
                &[],
                "THE_IMAGE=\"a picture at 10:30\"",
            ),
        ],
    );
}

#[test]
fn a_text_is_commands_only_for_who_runs_it() {
    let text = |head: &str| format!("{head}\ndocker pull a/b:1\nX\n");
    for head in [
        "bash <<X",
        "sudo -u bob bash -s <<'X'",
        "ssh host <<X",
        "ssh host 'bash -s' <<'X'",
        "cat <<X | sh",
        "cat <<X | ssh host",
    ] {
        let text = text(head);
        let expected = text.replace("a/b", "ecr.example/b");
        assert_eq!(rewritten("x.sh", &text, &[]), expected);
    }
    for head in [
        "cat <<X",
        "cat <<X > install.sh",
        "cat <<X || bash",
        "sudo tee install.sh <<X",
        "cat <<X | sudo tee install.sh",
    ] {
        let text = text(head);
        let expected = format!("{text}\n? 2: a/b:1 (in a text that nothing here runs)");
        assert_eq!(rewritten("x.sh", &text, &[]), expected);
    }
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
fn a_transcripts_commands_are_those_behind_prompts_over_all_their_lines() {
    for (language, body, expected) in [
        (
            "sh",
            "$ docker pull a/b:1\na/b:1: Pulling\n",
            "$ docker pull ecr.example/b:1\na/b:1: Pulling\n",
        ),
        (
            "console",
            "$ docker run \\\n>   -p 80:80 \\\n> a/b:1 sh\nroot@h:/# docker pull a/b:1\n",
            "$ docker run \\\n>   -p 80:80 \\\n> ecr.example/b:1 sh\nroot@h:/# docker pull ecr.example/b:1\n",
        ),
        (
            "console",
            "[me@h ~]$ I=a/b:1\né docker pull a/b:1\n[me@h ~]$ docker pull $I\n",
            "[me@h ~]$ I=ecr.example/b:1\né docker pull a/b:1\n[me@h ~]$ docker pull $I\n",
        ),
        (
            "{.bash}",
            "docker pull a/b:1\n",
            "docker pull ecr.example/b:1\n",
        ),
        ("bash", "# $ docker pull a/b:1\n", "# $ docker pull a/b:1\n"),
        (
            "console",
            "cost: 5$ docker pull a/b:1\n",
            "cost: 5$ docker pull a/b:1\n",
        ),
    ] {
        for end in ["```\n", ""] {
            let text = |body: &str| format!("# A\n```{language}\n{body}{end}");
            assert_eq!(rewritten("x.md", &text(body), &[]), text(expected));
        }
    }
}

#[test]
fn what_a_script_builds_tags_or_pushes_it_does_not_pull() {
    let text = "docker pull r.io/a:1\ndocker run --rm r.io/b:1 true\ndocker build -t r.io/c:1 .\ndocker push r.io/d:1\n\
                docker tag r.io/e:1 r.io/f:1\npodman image rm r.io/g:1\nskopeo inspect docker://r.io/h:1\n";
    let found = find_as(Format::Shell, "deploy.sh", text, &Settings::default());
    let never =
        |place: &forebay_references::Place| place.owner.pull_policy == Some(PullPolicy::Never);
    let pulled = found.places.iter().filter(|place| !never(place));
    let pulled: Vec<&str> = pulled.map(|place| place.image.as_str()).collect();
    assert_eq!(pulled, ["r.io/a:1", "r.io/b:1", "r.io/h:1"]);
    assert_eq!(found.places.len(), 8);
}

#[test]
fn what_a_command_writes_to_or_looks_at_on_the_machine_it_does_not_pull() {
    for (text, pulled, others) in [
        ("crane copy r.io/a:1 r.io/b:1", &["r.io/a:1"] as &[_], 1),
        ("crane cp r.io/a:1 r.io/b:1", &["r.io/a:1"], 1),
        ("regctl image copy r.io/a:1 r.io/b:1", &["r.io/a:1"], 1),
        (
            "skopeo copy docker://r.io/a:1 docker://r.io/b:1 --all",
            &["r.io/a:1"],
            1,
        ),
        (
            "skopeo --debug copy --all \"$FROM\" docker://r.io/b:1",
            &[],
            1,
        ),
        ("skopeo copy docker-daemon:a:1 docker://r.io/b:1", &[], 1),
        ("skopeo copy docker://r.io/a:1 oci:here", &["r.io/a:1"], 0),
        ("skopeo inspect docker://r.io/a:1", &["r.io/a:1"], 0),
        (
            "docker buildx imagetools create -t r.io/b:1 r.io/a:1",
            &["r.io/a:1"],
            1,
        ),
        (
            "docker buildx imagetools create --tag=r.io/b:1 r.io/a:1",
            &["r.io/a:1"],
            1,
        ),
        (
            "docker buildx imagetools inspect r.io/a:1",
            &["r.io/a:1"],
            0,
        ),
        (
            "docker manifest create r.io/b:1 r.io/a:1 r.io/a:2",
            &["r.io/a:1", "r.io/a:2"],
            1,
        ),
        ("docker manifest inspect r.io/a:1", &["r.io/a:1"], 0),
        ("docker image inspect r.io/a:1", &[], 1),
        ("podman image inspect r.io/a:1", &[], 1),
        // What any of them pulls is pulled, in whatever order they stand.
        (
            "IMG=r.io/a:1\ndocker image inspect \"$IMG\" >/dev/null || docker pull \"$IMG\"\ndocker run \"$IMG\"",
            &["r.io/a:1"],
            0,
        ),
        (
            "IMG=r.io/a:1\ndocker pull \"$IMG\"\ndocker rmi \"$IMG\" || true",
            &["r.io/a:1"],
            0,
        ),
    ] {
        let found = find_as(Format::Shell, "deploy.sh", text, &Settings::default());
        let is_pulled =
            |place: &&forebay_references::Place| place.owner.pull_policy != Some(PullPolicy::Never);
        let images = found.places.iter().filter(is_pulled);
        let images: Vec<&str> = images.map(|place| place.image.as_str()).collect();
        assert_eq!(images, pulled, "{text}");
        assert_eq!(found.places.len() - images.len(), others, "{text}");
    }
}

#[test]
fn who_pulls_is_told_by_the_programs_name_alone() {
    for (path, text) in [
        ("x.sh", "sudo /usr/bin/docker pull r.io/a:1"),
        (
            "x.py",
            "subprocess.run(['sudo', '/usr/bin/docker', 'pull', 'r.io/a:1'])\n",
        ),
    ] {
        let format = Format::sniff(path, text).expect("a format");
        let found = find_as(format, path, text, &Settings::default());
        let kinds: Vec<&str> = found
            .places
            .iter()
            .map(|one| one.owner.kind.as_str())
            .collect();
        assert_eq!(kinds, ["docker"], "{text}");
    }
}
