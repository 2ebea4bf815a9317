//! A terminal for what is shown live: redrawn as a whole, put back as it was at the end.
//!
//! Plain ANSI sequences (ECMA-48), and nothing that a terminal of the last decades does not know.

use std::io::{IsTerminal as _, Read as _};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr,
};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::fit;
use crate::printer::Printer;

/// Empties the screen and goes to its top.
pub const CLEAR: &str = "\x1b[H\x1b[2J";

/// Another screen than the one with the shell's history, without a cursor.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";

/// Back to it.
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

/// What Ctrl-C sends.
const CTRL_C: u8 = 0x03;

/// What is asked of who shows something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// To end: by `q`, Ctrl-C, a signal, or the terminal that is gone.
    End,
    /// Another key.
    Key(u8),
    /// To draw anew: the screen has another size.
    Resized,
}

/// The most keys that wait to be looked at.
const MAX_KEYS: usize = 16;

/// The size of a screen that does not tell its own: lines and columns.
const USUAL_SIZE: (usize, usize) = (24, 80);

/// A terminal that is ours until this is dropped.
pub struct Screen<'a> {
    printer: &'a Printer,
    before: Termios,
    keys: mpsc::Receiver<u8>,
    /// Those that end the program.
    ends: [Signal; 3],
    resized: Signal,
}

impl<'a> Screen<'a> {
    /// Takes the terminal; `None` if there is none to write to and to hear keys from.
    pub fn take(printer: &'a Printer) -> Option<Self> {
        let (input, output) = (std::io::stdin(), std::io::stdout());
        if !input.is_terminal() || !output.is_terminal() {
            return None;
        }
        // Before the terminal is changed: from then on they find it put back.
        let ends = [
            SignalKind::terminate(),
            SignalKind::interrupt(),
            SignalKind::hangup(),
        ];
        let [terminated, interrupted, hung_up] = ends.map(|kind| signal(kind).ok());
        let ends = [terminated?, interrupted?, hung_up?];
        let resized = signal(SignalKind::window_change()).ok()?;
        let before = tcgetattr(&input).ok()?;
        let mut ours = before.clone();
        // Keys one by one and unseen; Ctrl-C too, so that the terminal is put back first.
        ours.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
        ours.special_codes[SpecialCodeIndex::VMIN] = 1;
        ours.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&input, OptionalActions::Now, &ours).ok()?;
        let (pressed, keys) = mpsc::channel(MAX_KEYS);
        // A thread that ends with the process: a read from a terminal cannot be given up.
        std::thread::spawn(move || {
            let bytes = std::io::stdin().lock().bytes();
            for key in bytes.map_while(Result::ok) {
                if pressed.blocking_send(key).is_err() {
                    return;
                }
            }
        });
        printer.control(ENTER);
        Some(Self {
            printer,
            before,
            keys,
            ends,
            resized,
        })
    }

    /// Lines and columns.
    pub fn size() -> (usize, usize) {
        match tcgetwinsize(std::io::stdout()) {
            Ok(size) if size.ws_row > 0 && size.ws_col > 0 => {
                (size.ws_row.into(), size.ws_col.into())
            }
            _ => USUAL_SIZE,
        }
    }

    /// Shows these lines, cut to the screen, in the place of all that was there.
    pub fn show(&self, text: &str) {
        let (rows, columns) = Self::size();
        let lines = text.lines().take(rows.saturating_sub(1));
        let mut frame = CLEAR.to_owned();
        for line in lines {
            frame.extend(fit::one_line(line).chars().take(columns));
            frame.push_str("\r\n");
        }
        self.printer.control(&frame);
        self.printer.flush();
    }

    /// What is asked next.
    pub async fn hear(&mut self) -> Heard {
        let [terminated, interrupted, hung_up] = &mut self.ends;
        tokio::select! {
            _ = terminated.recv() => Heard::End,
            _ = interrupted.recv() => Heard::End,
            _ = hung_up.recv() => Heard::End,
            _ = self.resized.recv() => Heard::Resized,
            key = self.keys.recv() => match key {
                None | Some(b'q' | CTRL_C) => Heard::End,
                Some(key) => Heard::Key(key),
            }
        }
    }
}

impl Drop for Screen<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.before);
        self.printer.control(LEAVE);
        self.printer.flush();
    }
}
