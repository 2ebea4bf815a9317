//! What a Dockerfile takes from registries, and what it does not.

use super::*;
use crate::Why;

fn found(text: &str) -> Found {
    find("Dockerfile", text, &Settings::default())
}

fn images(text: &str) -> Vec<String> {
    found(text)
        .places
        .into_iter()
        .map(|place| place.image)
        .collect()
}

#[test]
fn stages_numbers_and_scratch_are_no_images() {
    let text = "FROM golang:1.22 AS Build\nFROM build AS test\nFROM scratch\nCOPY --from=build /a /a\nCOPY --from=0 /b /b\nCOPY --from=TEST /c /c\nCOPY --chown=1 --from=alpine:3 /d /d\n";
    assert_eq!(images(text), ["golang:1.22", "alpine:3"]);
}

#[test]
fn the_syntax_line_is_an_image_and_only_at_the_top() {
    assert_eq!(
        images("# syntax = docker/dockerfile:1.7\n# escape=\\\nFROM a\n"),
        ["docker/dockerfile:1.7", "a"]
    );
    assert_eq!(
        images("# a comment\n# syntax=docker/dockerfile:1\nFROM a\n"),
        ["a"]
    );
}

#[test]
fn continued_lines_hold_comments_and_empty_lines() {
    let text = "FROM \\\n  # why\n\n  --platform=linux/arm64 \\  \r\n  nginx:1 as web\r\nRUN a\\\n && b\nFROM b\n";
    let found = found(text);
    assert_eq!(found.places[0].image, "nginx:1");
    assert_eq!(
        found.places[0].owner.platform.as_deref(),
        Some("linux/arm64")
    );
    assert_eq!(found.places[0].owner.name.as_deref(), Some("web"));
    assert_eq!(found.places[1].image, "b");
}

#[test]
fn another_escape_character_makes_the_backslash_a_letter() {
    let text = "# escape=`\nFROM a:1 `\n  AS b\nRUN dir c:\\\nFROM c:2\n";
    assert_eq!(images(text), ["a:1", "c:2"]);
}

#[test]
fn what_is_in_a_heredoc_is_no_instruction() {
    let text = "FROM a\nRUN <<EOF bash -x\nFROM b\nEOF\nCOPY <<-\"A\" <<B /x/\nFROM c\n\tA\nFROM d\nB\nFROM e\n";
    assert_eq!(images(text), ["a", "e"]);
}

#[test]
fn arguments_count_in_their_scope() {
    let text = "ARG BASE=nginx:1.27\nARG TAG=3 REG=ghcr.io\nFROM ${BASE}\nARG TAG\nARG INNER=x\nCOPY --from=alpine:${TAG} / /\nFROM ${REG}/${INNER}\nFROM \"${REG}/a/b:${TAG:-9}\"\nFROM ${NO:-c:1}\n";
    let found = found(text);
    let images: Vec<_> = found
        .places
        .iter()
        .map(|place| place.image.as_str())
        .collect();
    assert_eq!(images, ["nginx:1.27", "alpine:3", "ghcr.io/a/b:3", "c:1"]);
    // The image of a stage that is all variable is written where its default is.
    assert_eq!(found.places[0].span, 9..19);
    assert_eq!(found.ambiguous[0].why, Why::Unset("INNER".to_owned()));
}

#[test]
fn a_mount_names_an_image_or_a_stage() {
    let text = "FROM a AS b\nRUN --mount=type=bind,from=c:1,target=/x --mount=type=cache,target=/y --mount=from=b cmd --mount=from=no\nONBUILD COPY --from=d:2 / /\n";
    assert_eq!(images(text), ["a", "c:1", "d:2"]);
}

#[test]
fn hostile_files_end() {
    for text in [
        "FROM a \\",
        "\\",
        "FROM \"a",
        "RUN <<A",
        "\u{feff}FROM a",
        "FROM é\\é",
        "ARG A=$A\nFROM $A",
        "FROM",
        "COPY --from=",
        "RUN --mount=from=",
        "# syntax=",
    ] {
        let _ = found(text);
    }
    assert_eq!(images("\u{feff}FROM a"), ["a"]);
}

#[test]
fn what_the_last_stage_does_not_need_is_pulled_if_its_stage_is_built() {
    let text = "# syntax=docker/dockerfile:1\nARG BASE=tools\nFROM golang:1 AS b\nFROM alpine:3 AS unused\n\
                FROM perl:5 AS tools\nFROM node:22\nCOPY --from=b / /\nFROM ${BASE}\nCOPY --from=3 / /\n\
                COPY --from=busybox:1 / /\n";
    let doubted = |text: &str| -> Vec<String> {
        let places = found(text).places.into_iter();
        let doubted = places.filter(|place| place.owner.condition.is_some());
        doubted.map(|place| place.image).collect()
    };
    assert_eq!(doubted(text), ["alpine:3"]);
    let last = "FROM a:1 AS a\nFROM b:1 AS b\nCOPY --from=c:1 / /\nFROM d:1\n";
    assert_eq!(doubted(last), ["a:1", "b:1", "c:1"]);
    assert_eq!(doubted("FROM a:1\nRUN x\n"), [""; 0]);
}
