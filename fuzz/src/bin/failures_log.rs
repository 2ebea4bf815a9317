//! Any bytes in any pieces as a log: excerpts are one bounded line, and lines are counted forwards.
#![no_main]

use forebay_failures::{Findings, MAX_EXCERPT_BYTES, MAX_FINDINGS, Scanner};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u16, &[u8])| {
    let (piece_bytes, log) = input;
    let all_lines = log.iter().filter(|&&byte| byte == b'\n').count() as u64 + 1;
    let mut findings = Findings::new();
    let mut last_line = 0;
    let mut found = |failure: forebay_failures::Failure| {
        let excerpt = failure.excerpt.text();
        assert!(excerpt.len() <= MAX_EXCERPT_BYTES);
        assert!(!excerpt.contains(char::is_control));
        assert!(*failure.lines.start() >= last_line && *failure.lines.end() <= all_lines);
        last_line = *failure.lines.start();
        findings.add(failure);
    };
    let mut scanner = Scanner::new();
    for piece in log.chunks(usize::from(piece_bytes) + 1) {
        scanner.push(piece, &mut found);
    }
    scanner.finish(&mut found);
    assert!(findings.finish().0.len() <= MAX_FINDINGS);
});
