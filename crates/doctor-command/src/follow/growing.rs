//! A file that grows, and is rotated: renamed and made anew, or cut off and filled again.
//!
//! What was renamed is read to its end before what has its name now: whoever writes to it goes on for a moment. One that is cut
//! off and has grown beyond where it was within a second, looks as if it had only grown.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use forebay_terminal::plain_file;

use super::MAX_PARTS;
use crate::gathering::Gathering;
use crate::source::READ_BYTES;

/// How often in a row a file that was renamed may have grown before it is left for what has its name now.
const MAX_LINGERS: u32 = 10;

/// A file, and up to where it was read.
pub(super) struct Growing {
    path: PathBuf,
    file: File,
    read: u64,
    lingers: u32,
}

/// What is left to be read of what there was at one moment: of the file, and of the one that has its name now.
pub(super) struct Rest<'a> {
    growing: &'a mut Growing,
    until: u64,
    next: Option<(File, u64)>,
}

impl Growing {
    /// Begins to read a file.
    pub(super) fn open(path: &Path, gathering: &mut Gathering) -> io::Result<Self> {
        let file = plain_file::open(path)?;
        gathering.begin(&path.display().to_string());
        Ok(Self {
            path: path.to_owned(),
            file,
            read: 0,
            lingers: 0,
        })
    }

    /// Reads some of what was added, and in what has its name now, if that is another. Whether that was all for now.
    pub(super) fn read_on(&mut self, gathering: &mut Gathering) -> io::Result<bool> {
        // Asked before the rest is read: so that is read, too, which was written while it was renamed.
        let is_another = self.is_another()?;
        self.heed_cut(gathering)?;
        let before = self.read;
        let is_at_end = self.read_more(u64::MAX, gathering)?;
        if !is_at_end || !is_another {
            return Ok(is_at_end);
        }
        if self.read > before && self.lingers < MAX_LINGERS {
            self.lingers += 1;
            return Ok(true);
        }
        let Some(file) = self.find_next()? else {
            return Ok(true);
        };
        self.turn_to(file, gathering);
        Ok(false)
    }

    /// What is left of what there is now: what is written from now on does not belong to it.
    pub(super) fn rest(&mut self, gathering: &mut Gathering) -> io::Result<Rest<'_>> {
        self.heed_cut(gathering)?;
        let mut next = None;
        if self.is_another()?
            && let Some(file) = self.find_next()?
        {
            let length = file.metadata()?.len();
            next = Some((file, length));
        }
        Ok(Rest {
            until: self.file.metadata()?.len(),
            growing: self,
            next,
        })
    }

    /// Begins anew if it was cut off.
    fn heed_cut(&mut self, gathering: &mut Gathering) -> io::Result<()> {
        if self.file.metadata()?.len() < self.read {
            self.file.seek(SeekFrom::Start(0))?;
            self.read = 0;
            gathering.begin(&self.path.display().to_string());
        }
        Ok(())
    }

    fn turn_to(&mut self, file: File, gathering: &mut Gathering) {
        self.file = file;
        self.read = 0;
        self.lingers = 0;
        gathering.begin(&self.path.display().to_string());
    }

    /// What has the name now; `None` if it was taken away again: the next look sees what is there then.
    fn find_next(&self) -> io::Result<Option<File>> {
        match plain_file::open(&self.path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the name is another file's now; one that is not there at the moment is being rotated.
    fn is_another(&self) -> io::Result<bool> {
        let named = match fs::metadata(&self.path) {
            Ok(named) => named,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let open = self.file.metadata()?;
        Ok((named.dev(), named.ino()) != (open.dev(), open.ino()))
    }

    /// Reads some parts, up to a length at most; whether that was all.
    fn read_more(&mut self, until: u64, gathering: &mut Gathering) -> io::Result<bool> {
        let mut bytes = vec![0; READ_BYTES];
        for _ in 0..MAX_PARTS {
            let left = usize::try_from(until.saturating_sub(self.read)).unwrap_or(usize::MAX);
            let room = left.min(READ_BYTES);
            let length = self.file.read(&mut bytes[..room])?;
            if length == 0 {
                return Ok(true);
            }
            gathering.push(&bytes[..length]);
            self.read += length as u64;
        }
        Ok(self.read >= until)
    }
}

impl Rest<'_> {
    /// Reads some of it; whether there is more.
    pub(super) fn read_on(&mut self, gathering: &mut Gathering) -> io::Result<bool> {
        if !self.growing.read_more(self.until, gathering)? {
            return Ok(true);
        }
        let Some((file, length)) = self.next.take() else {
            return Ok(false);
        };
        self.growing.turn_to(file, gathering);
        self.until = length;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use forebay_doctor::{Context, Moment};

    use super::*;

    const LINE: &[u8] =
        b"Error response from daemon: toomanyrequests: Too Many Requests (HAP429).\n";

    fn gathering() -> Gathering {
        Gathering::new(Context {
            now: Moment::from_unix_ms(0),
            utc_offset_seconds: 0,
        })
    }

    fn found(gathering: Gathering) -> u64 {
        let findings = gathering.finish().findings;
        findings.iter().map(|finding| finding.count).sum()
    }

    #[test]
    fn what_is_written_to_a_file_that_was_renamed_is_read_until_nothing_more_comes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docker.log");
        let mut old = File::create(&path).unwrap();
        old.write_all(LINE).unwrap();
        let mut gathering = gathering();
        let mut growing = Growing::open(&path, &mut gathering).unwrap();
        assert!(growing.read_on(&mut gathering).unwrap());
        fs::rename(&path, folder.path().join("docker.log.1")).unwrap();
        fs::write(&path, LINE).unwrap();
        // Who writes to it has not heard of that yet.
        for _ in 0..2 {
            old.write_all(LINE).unwrap();
            assert!(growing.read_on(&mut gathering).unwrap());
        }
        assert!(!growing.read_on(&mut gathering).unwrap(), "now the new one");
        assert!(growing.read_on(&mut gathering).unwrap());
        assert_eq!(found(gathering), 4);
    }

    #[test]
    fn as_long_as_nothing_is_written_nothing_is_to_be_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docker.log");
        fs::write(&path, LINE).unwrap();
        let mut gathering = gathering();
        let mut growing = Growing::open(&path, &mut gathering).unwrap();
        let mut looked_at = Vec::new();
        for is_written in [false, false, true, false] {
            if is_written {
                let mut file = File::options().append(true).open(&path).unwrap();
                file.write_all(LINE).unwrap();
            }
            growing.read_on(&mut gathering).unwrap();
            looked_at.push(gathering.steps());
        }
        assert_eq!(looked_at, [2, 2, 3, 3]);
    }

    #[test]
    fn one_that_grows_for_ever_is_left_for_the_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docker.log");
        let mut old = File::create(&path).unwrap();
        let mut gathering = gathering();
        let mut growing = Growing::open(&path, &mut gathering).unwrap();
        fs::rename(&path, folder.path().join("docker.log.1")).unwrap();
        fs::write(&path, LINE).unwrap();
        let looks = (0..=MAX_LINGERS).filter(|_| {
            old.write_all(b"nothing\n").unwrap();
            growing.read_on(&mut gathering).unwrap()
        });
        assert_eq!(looks.count(), MAX_LINGERS as usize);
        growing.read_on(&mut gathering).unwrap();
        assert_eq!(found(gathering), 1);
    }

    #[test]
    fn the_rest_is_what_there_is_now_and_of_both_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docker.log");
        let mut old = File::create(&path).unwrap();
        let mut gathering = gathering();
        let mut growing = Growing::open(&path, &mut gathering).unwrap();
        old.write_all(LINE).unwrap();
        fs::rename(&path, folder.path().join("docker.log.1")).unwrap();
        fs::write(&path, LINE).unwrap();
        let mut rest = growing.rest(&mut gathering).unwrap();
        old.write_all(LINE).unwrap();
        while rest.read_on(&mut gathering).unwrap() {}
        assert_eq!(found(gathering), 2);
    }
}
