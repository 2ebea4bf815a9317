//! The lines of an open file, one after the other, in a bounded memory; and where its last whole line ends.

use std::fs::File;
use std::io;
use std::ops::Range;

use crate::disk::{Disk, read_full};
use crate::journal::line::MAX_LINE_BYTES;

/// How much is read in one go, in bytes.
const READ_BYTES: usize = 64 * 1024;

/// The lines of a file from some place on.
pub(crate) struct Lines<'a> {
    disk: &'a dyn Disk,
    file: &'a File,
    /// Where the next line begins in the file.
    offset: u64,
    buffer: Vec<u8>,
    /// Where the next line begins in the buffer.
    start: usize,
}

impl<'a> Lines<'a> {
    /// The lines from `offset` on, where one begins.
    pub(crate) fn from(disk: &'a dyn Disk, file: &'a File, offset: u64) -> Self {
        Self {
            disk,
            file,
            offset,
            buffer: Vec::new(),
            start: 0,
        }
    }

    /// Where the next line begins in the file.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next line without its newline, empty if it is longer than [`MAX_LINE_BYTES`]; `None` where no whole one follows.
    pub(crate) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        Ok(self.find()?.map(|line| &self.buffer[line]))
    }

    fn find(&mut self) -> io::Result<Option<Range<usize>>> {
        let (mut searched, mut passed_over) = (0, 0);
        loop {
            let ahead = &self.buffer[self.start..];
            if let Some(found) = ahead[searched..].iter().position(|byte| *byte == b'\n') {
                let length = searched + found;
                let line = self.start..self.start + length;
                self.start += length + 1;
                self.offset += passed_over + length as u64 + 1;
                let is_whole = passed_over == 0 && length < MAX_LINE_BYTES;
                return Ok(Some(if is_whole { line } else { 0..0 }));
            }
            searched = ahead.len();
            if searched >= MAX_LINE_BYTES {
                passed_over += searched as u64;
                self.start = self.buffer.len();
                searched = 0;
            }
            let read_to = self.offset + passed_over + searched as u64;
            if !self.fill(read_to)? {
                return Ok(None);
            }
        }
    }

    /// Reads on behind what the buffer has ahead; false at the end of the file.
    fn fill(&mut self, read_to: u64) -> io::Result<bool> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let ahead = self.buffer.len();
        self.buffer.resize(ahead + READ_BYTES, 0);
        let count = read_full(self.disk, self.file, &mut self.buffer[ahead..], read_to)?;
        self.buffer.truncate(ahead + count);
        Ok(count > 0)
    }
}

/// Where the last newline of the first `bytes` of a file ends; 0 if they have none.
pub(crate) fn whole_bytes(disk: &dyn Disk, file: &File, bytes: u64) -> io::Result<u64> {
    let mut end = bytes;
    // Nearly always the very last byte is one.
    let mut buffer = vec![0; 1];
    while end > 0 {
        let start = end.saturating_sub(buffer.len() as u64);
        let wanted = usize::try_from(end - start).unwrap_or(buffer.len());
        let count = read_full(disk, file, &mut buffer[..wanted], start)?;
        let found = buffer[..count].iter().rposition(|byte| *byte == b'\n');
        if let Some(found) = found {
            return Ok(start + found as u64 + 1);
        }
        end = start;
        buffer.resize(READ_BYTES, 0);
    }
    Ok(0)
}
