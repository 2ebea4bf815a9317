//! Properties that hold for whatever a stranger sends; each file is one subject.

mod answers;
mod retry_after;
mod texts;
