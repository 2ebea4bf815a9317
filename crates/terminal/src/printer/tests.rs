//! Readers that leave, disks that are full, and what is made fit.

use std::sync::Arc;

use super::*;

struct Failing(ErrorKind);

impl Write for Failing {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Keeps what was written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn ending_with(kind: ErrorKind) -> (ExitStatus, String) {
    let told = Kept::default();
    let printer = Printer::to(Box::new(Failing(kind)), Box::new(told.clone()));
    assert!(!printer.is_closed());
    printer.line("hello");
    assert!(printer.is_closed());
    (printer.finish(ExitStatus::Ok), told.text())
}

#[test]
fn a_reader_that_left_is_no_failure() {
    let (status, told) = ending_with(ErrorKind::BrokenPipe);
    assert_eq!((status, told.as_str()), (ExitStatus::Ok, ""));
}

#[test]
fn output_that_cannot_be_written_is_a_failure_that_is_told() {
    let (status, told) = ending_with(ErrorKind::StorageFull);
    assert_eq!(status, ExitStatus::Failed);
    assert_eq!(
        told,
        "error: cannot write to standard output: no storage space\n"
    );
}

#[test]
fn what_a_terminal_would_obey_comes_to_it_as_control_alone() {
    let (out, err) = (Kept::default(), Kept::default());
    let mut printer = Printer::to(Box::new(out.clone()), Box::new(err.clone()));
    printer.line("{\"a\": \"\u{9b}2J\u{202e}\"}\n{}");
    printer.raw(b"\x1b[1m+ as it is\r\n");
    printer.is_terminal = true;
    printer.raw(b"\x1b[1m+ shown\r\n");
    printer.control("\u{1b}[H");
    assert_eq!(
        out.text(),
        "{\"a\": \"\\u009b2J\\u202e\"}\n{}\n\x1b[1m+ as it is\r\n\\u001b[1m+ shown\r\n\x1b[H"
    );
    printer.note("cannot read a\nhint: b\u{1b}c");
    printer.notes("one\ntwo\u{7f}");
    assert_eq!(
        err.text(),
        "cannot read a\\nhint: b\\u001bc\none\ntwo\\u007f\n"
    );
}
