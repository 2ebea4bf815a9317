//! Files that are made to be expensive.

use std::fmt::Write as _;

use crate::rewritten::rewritten;

#[test]
fn values_that_double_without_end_are_given_up() {
    let mut python = "a0 = 'x'\n".to_owned();
    let mut shell = "A0=x\n".to_owned();
    for n in 1..40 {
        let before = n - 1;
        let _ = writeln!(python, "a{n} = a{before} + a{before}");
        let _ = writeln!(shell, "A{n}=$A{before}$A{before}$A{before}$A{before}");
    }
    python += "C.from_registry(a39)\n";
    shell += "docker pull $A39/x\n";
    assert!(rewritten("a.py", &python, &[]).contains("? 40: "));
    assert!(rewritten("a.sh", &shell, &[]).contains("? 41: "));
}

#[test]
fn names_that_lead_to_many_others_are_followed_once_each() {
    let mut text = String::new();
    for n in 0..40 {
        for _ in 0..40 {
            let _ = writeln!(text, "a{n} = a{}", n + 1);
        }
    }
    text += "a40 = 'a/b:1'\nC.from_registry(a0)\n";
    let expected = text.replace("a/b:1", "ecr.example/b:1");
    assert_eq!(rewritten("a.py", &text, &[]), expected);
}

#[test]
fn scripts_in_scripts_end_somewhere() {
    let mut text = String::new();
    for n in 0..2000 {
        let _ = writeln!(text, "#!/bin/sh\nsh <<E{n}");
    }
    text += "docker pull a/b:1\n";
    assert_eq!(rewritten("a.sh", &text, &[]), text);
    let nested = "$(".repeat(5000) + "docker pull a/b:1";
    assert_eq!(rewritten("a.sh", &nested, &[]), nested);
    let deep = "(".repeat(5000) + "x" + &" + 'a')".repeat(5000);
    let deep = format!("C.from_registry({deep})\n");
    assert!(rewritten("a.py", &deep, &[]).starts_with(&deep));
}
