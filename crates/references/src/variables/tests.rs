//! What variables come to, in each dialect.

use super::*;

fn lookup(name: &str) -> Option<Binding> {
    let text = match name {
        "TAG" | "env.TAG" => "1.27",
        "EMPTY" => "",
        "AWS::Region" => "eu-west-1",
        _ => return None,
    };
    Some(Binding::from_outside(text))
}

fn text(text: &str, dialect: Dialect) -> Result<String, Why> {
    resolve(text, 0, dialect, &lookup).map(|resolved| resolved.text)
}

#[test]
fn each_dialect_resolves_its_own_variables() {
    for (dialect, raw, expected) in [
        (Dialect::None, "nginx:${TAG}", "nginx:${TAG}"),
        (Dialect::Compose, "nginx:${TAG}", "nginx:1.27"),
        (Dialect::Compose, "nginx:$TAG", "nginx:1.27"),
        (Dialect::Compose, "nginx:${NO:-1.0}", "nginx:1.0"),
        (Dialect::Compose, "nginx:${EMPTY:-1.0}", "nginx:1.0"),
        (Dialect::Compose, "nginx:${EMPTY-1.0}", "nginx:"),
        (Dialect::Compose, "nginx:${TAG:?say it}", "nginx:1.27"),
        (Dialect::Compose, "nginx${TAG:+:alt}", "nginx:alt"),
        (Dialect::Compose, "a$$b", "a$b"),
        (Dialect::Compose, "${A:-${B:-nginx:${TAG}}}", "nginx:1.27"),
        (Dialect::Dockerfile, "nginx:\\$TAG", "nginx:$TAG"),
        (Dialect::Dockerfile, "nginx:${TAG}-x", "nginx:1.27-x"),
        (Dialect::GitHub, "nginx:${{ env.TAG }}", "nginx:1.27"),
        (Dialect::GitHub, "nginx:$TAG", "nginx:$TAG"),
        (Dialect::Sub, "x.${AWS::Region}.y", "x.eu-west-1.y"),
        (Dialect::Sub, "a${!b}", "a${b}"),
        (Dialect::Sub, "a$TAG", "a$TAG"),
    ] {
        assert_eq!(text(raw, dialect).as_deref(), Ok(expected), "{raw}");
    }
}

#[test]
fn what_is_not_set_is_named() {
    for raw in ["${NO}", "$NO", "${NO:?say it}", "${NO:+x}", "${X:-${NO}}"] {
        assert!(
            matches!(text(raw, Dialect::Compose), Err(Why::Unset(_))),
            "{raw}"
        );
    }
    assert_eq!(text("${TAG/a/b}", Dialect::Compose), Err(Why::Computed));
    assert_eq!(text("${TAG#a}", Dialect::Dockerfile), Err(Why::Computed));
}

#[test]
fn pieces_are_the_bytes_of_the_text() {
    let raw = "a/${TAG}:x$TAG";
    let resolved = resolve(raw, 100, Dialect::Compose, &lookup).unwrap();
    let shown: Vec<(&str, bool)> = resolved
        .pieces
        .iter()
        .map(|piece| {
            (
                &raw[piece.span.start - 100..piece.span.end - 100],
                piece.variable,
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("a/", false),
            ("${TAG}", true),
            (":x", false),
            ("$TAG", true)
        ]
    );
}

#[test]
fn a_default_that_is_the_whole_text_is_the_home_of_the_image() {
    let resolved = resolve("${IMAGE:-nginx:1}", 10, Dialect::Compose, &lookup).unwrap();
    let home = Home::Here {
        span: 19..26,
        encoding: Encoding::AsIs,
    };
    assert_eq!(resolved.home, Some(home));
}

#[test]
fn hostile_texts_end() {
    let nested = format!("{}x{}", "${A:-".repeat(10_000), "}".repeat(10_000));
    assert!(text(&nested, Dialect::Compose).is_err());
    assert!(text(&"$A".repeat(100_000), Dialect::Compose).is_err());
    assert!(text(&"\\$".repeat(1000), Dialect::Dockerfile).is_err());
}
