//! The lines of a journal's file: a checksum, a space, and a JSON object.
//!
//! Pure. The first line says which format the file has and whose journal it is, each other one is an entry. The checksum, eight
//! hexadecimal digits, is the CRC32C of the repository's name, a newline and the JSON: a torn line, a rotten one and one of
//! another repository are told from a whole one.

use std::str::FromStr;

use forebay_content::{Change, JournalEntry, RepositorySettings, Timestamp};
use forebay_oci::{MediaType, RepositoryName};
use serde::{Deserialize, Serialize};

/// The longest line, in bytes: a push with some hundreds of tags is a tenth of it.
pub(crate) const MAX_LINE_BYTES: usize = 256 * 1024;

/// The format that this program reads and writes.
const FORMAT: u32 = 1;

/// The length of a checksum and the space behind it, in bytes.
const CHECKSUM_BYTES: usize = 9;

/// What a first line says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Header {
    /// Whose journal it is.
    Of(RepositoryName),
    /// A newer program wrote it, in this format.
    Newer(u32),
    /// It is damaged.
    Unreadable,
}

#[derive(Serialize, Deserialize)]
struct HeaderLine {
    journal: u32,
    repository: String,
}

#[derive(Serialize, Deserialize)]
struct EntryLine {
    at: Timestamp,
    change: ChangeLine,
}

/// A [`Change`] as it is written.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ChangeLine {
    Pushed {
        digest: String,
        media_type: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tags: Vec<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        absent: Vec<String>,
    },
    Given {
        digest: String,
    },
    Untagged {
        tag: String,
    },
    Dropped {
        digest: String,
    },
    Pinned {
        digest: String,
    },
    Unpinned {
        digest: String,
    },
    Settled {
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        immutable_tags: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        quota_bytes: Option<u64>,
    },
    Cleared {},
}

/// Appends the first line of a repository's journal to `to`.
pub(crate) fn encode_header(repository: &RepositoryName, to: &mut Vec<u8>) {
    let header = HeaderLine {
        journal: FORMAT,
        repository: repository.to_string(),
    };
    encode(repository, &header, to);
}

/// Appends an entry's line to `to`; false if it is longer than [`MAX_LINE_BYTES`], and `to` is then of no use.
pub(crate) fn encode_entry(
    repository: &RepositoryName,
    entry: &JournalEntry,
    to: &mut Vec<u8>,
) -> bool {
    let start = to.len();
    let line = EntryLine {
        at: entry.at,
        change: ChangeLine::of(&entry.change),
    };
    encode(repository, &line, to);
    to.len() - start <= MAX_LINE_BYTES
}

/// Reads a first line, without its newline.
pub(crate) fn decode_header(line: &[u8]) -> Header {
    let Some((checksum, json)) = split(line) else {
        return Header::Unreadable;
    };
    let Ok(header) = serde_json::from_slice::<HeaderLine>(json) else {
        return Header::Unreadable;
    };
    if checksum_of(&header.repository, json) != checksum {
        return Header::Unreadable;
    }
    if header.journal > FORMAT {
        return Header::Newer(header.journal);
    }
    let repository = header.repository.parse();
    repository.map_or(Header::Unreadable, Header::Of)
}

/// Reads an entry's line, without its newline; `None` if it is damaged or another repository's.
pub(crate) fn decode_entry(repository: &RepositoryName, line: &[u8]) -> Option<JournalEntry> {
    let (checksum, json) = split(line)?;
    if checksum_of(repository.as_str(), json) != checksum {
        return None;
    }
    let line: EntryLine = serde_json::from_slice(json).ok()?;
    Some(JournalEntry {
        at: line.at,
        change: line.change.read()?,
    })
}

#[expect(
    clippy::expect_used,
    reason = "what is written are numbers and texts, and memory takes all"
)]
fn encode(repository: &RepositoryName, line: &impl Serialize, to: &mut Vec<u8>) {
    let start = to.len();
    to.extend_from_slice(&[b' '; CHECKSUM_BYTES]);
    serde_json::to_writer(&mut *to, line).expect("numbers and texts are JSON");
    let checksum = checksum_of(repository.as_str(), &to[start + CHECKSUM_BYTES..]);
    let digits = format!("{checksum:08x}");
    to[start..start + digits.len()].copy_from_slice(digits.as_bytes());
    to.push(b'\n');
}

/// The checksum that a line claims, and its JSON.
fn split(line: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, json) = line.split_at_checked(CHECKSUM_BYTES)?;
    let (space, digits) = digits.split_last()?;
    // Upper case and signs are not what we write.
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if *space != b' ' || !digits.iter().all(is_digit) {
        return None;
    }
    let digits = std::str::from_utf8(digits).ok()?;
    Some((u32::from_str_radix(digits, 16).ok()?, json))
}

fn checksum_of(repository: &str, json: &[u8]) -> u32 {
    let name = crc32c::crc32c(repository.as_bytes());
    crc32c::crc32c_append(crc32c::crc32c_append(name, b"\n"), json)
}

// === impl ChangeLine ===

impl ChangeLine {
    fn of(change: &Change) -> Self {
        match change {
            Change::Pushed {
                digest,
                media_type,
                tags,
                absent,
            } => Self::Pushed {
                digest: digest.to_string(),
                media_type: media_type.to_string(),
                tags: texts(tags),
                absent: texts(absent),
            },
            Change::Given { digest } => Self::Given {
                digest: digest.to_string(),
            },
            Change::Untagged { tag } => Self::Untagged {
                tag: tag.to_string(),
            },
            Change::Dropped { digest } => Self::Dropped {
                digest: digest.to_string(),
            },
            Change::Pinned { digest, is_pinned } => {
                let digest = digest.to_string();
                if *is_pinned {
                    Self::Pinned { digest }
                } else {
                    Self::Unpinned { digest }
                }
            }
            Change::Settled { settings } => {
                let RepositorySettings {
                    immutable_tags,
                    quota_bytes,
                } = settings.clone();
                Self::Settled {
                    immutable_tags,
                    quota_bytes,
                }
            }
            Change::Cleared => Self::Cleared {},
        }
    }

    fn read(self) -> Option<Change> {
        let pinned = |digest: &str, is_pinned| {
            let digest = digest.parse().ok()?;
            Some(Change::Pinned { digest, is_pinned })
        };
        match self {
            Self::Pushed {
                digest,
                media_type,
                tags,
                absent,
            } => Some(Change::Pushed {
                digest: digest.parse().ok()?,
                media_type: MediaType::parse(&media_type)?,
                tags: parsed(&tags)?,
                absent: parsed(&absent)?,
            }),
            Self::Given { digest } => Some(Change::Given {
                digest: digest.parse().ok()?,
            }),
            Self::Untagged { tag } => Some(Change::Untagged {
                tag: tag.parse().ok()?,
            }),
            Self::Dropped { digest } => Some(Change::Dropped {
                digest: digest.parse().ok()?,
            }),
            Self::Pinned { digest } => pinned(&digest, true),
            Self::Unpinned { digest } => pinned(&digest, false),
            Self::Settled {
                immutable_tags,
                quota_bytes,
            } => Some(Change::Settled {
                settings: RepositorySettings {
                    immutable_tags,
                    quota_bytes,
                },
            }),
            Self::Cleared {} => Some(Change::Cleared),
        }
    }
}

fn texts(items: &[impl ToString]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

/// None if one of them is no such thing.
fn parsed<T: FromStr>(texts: &[String]) -> Option<Vec<T>> {
    texts.iter().map(|text| text.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use forebay_content::MAX_ABSENT;
    use forebay_oci::Digest;

    use super::*;

    fn name() -> RepositoryName {
        "team/app".parse().unwrap()
    }

    fn line_of(change: Change) -> Vec<u8> {
        line_of_at(Timestamp(1_700_000_000_123), change)
    }

    fn line_of_at(at: Timestamp, change: Change) -> Vec<u8> {
        let mut line = Vec::new();
        assert!(encode_entry(
            &name(),
            &JournalEntry { at, change },
            &mut line
        ));
        assert_eq!(line.pop(), Some(b'\n'));
        line
    }

    #[test]
    fn a_line_is_a_checksum_and_json_that_people_can_read() {
        let untagged = line_of(Change::Untagged {
            tag: "v1".parse().unwrap(),
        });
        assert_eq!(
            String::from_utf8(untagged).unwrap(),
            r#"fa635d98 {"at":1700000000123,"change":{"untagged":{"tag":"v1"}}}"#
        );
        let mut header = Vec::new();
        encode_header(&name(), &mut header);
        assert_eq!(
            String::from_utf8(header).unwrap(),
            "282b892a {\"journal\":1,\"repository\":\"team/app\"}\n"
        );
    }

    #[test]
    fn every_change_reads_as_it_was_written() {
        let digest = Digest::sha256(b"x");
        let tags = vec!["v1".parse().unwrap(), "latest".parse().unwrap()];
        for change in [
            Change::Pushed {
                digest: digest.clone(),
                media_type: MediaType::OCI_INDEX,
                tags,
                absent: Vec::new(),
            },
            Change::Pushed {
                digest: Digest::of(forebay_oci::Algorithm::Sha512, b"x"),
                media_type: MediaType::parse("application/vnd.example+json").unwrap(),
                tags: Vec::new(),
                absent: vec![digest.clone(), Digest::sha256(b"y")],
            },
            Change::Given {
                digest: digest.clone(),
            },
            Change::Untagged {
                tag: "v1".parse().unwrap(),
            },
            Change::Dropped {
                digest: digest.clone(),
            },
            Change::Pinned {
                digest: digest.clone(),
                is_pinned: true,
            },
            Change::Pinned {
                digest,
                is_pinned: false,
            },
            Change::Settled {
                settings: RepositorySettings {
                    immutable_tags: vec!["v*\n\u{1}\"".to_owned()],
                    quota_bytes: Some(u64::MAX),
                },
            },
            Change::Settled {
                settings: RepositorySettings::default(),
            },
            Change::Cleared,
        ] {
            let line = line_of(change.clone());
            assert!(!line.contains(&b'\n'), "{change:?}");
            let read = decode_entry(&name(), &line).unwrap();
            assert_eq!(read.change, change);
            assert_eq!(read.at, Timestamp(1_700_000_000_123));
        }
    }

    #[test]
    fn any_one_flipped_bit_and_any_missing_byte_is_noticed() {
        let sound = line_of(Change::Dropped {
            digest: Digest::sha256(b"x"),
        });
        for bit in 0..sound.len() * 8 {
            let mut line = sound.clone();
            line[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode_entry(&name(), &line), None, "bit {bit}");
        }
        for length in 0..sound.len() {
            assert_eq!(decode_entry(&name(), &sound[..length]), None);
        }
    }

    #[test]
    fn a_line_of_another_repository_or_unknown_to_us_is_not_read() {
        let line = line_of(Change::Cleared);
        let other: RepositoryName = "team/other".parse().unwrap();
        assert_eq!(decode_entry(&other, &line), None);
        let json = br#"{"at":1,"change":{"signed":{}}}"#;
        let checksum = checksum_of("team/app", json);
        let line = [format!("{checksum:08x} ").as_bytes(), json].concat();
        assert_eq!(decode_entry(&name(), &line), None);
    }

    #[test]
    fn a_header_tells_its_repository_and_a_newer_one_that_it_is() {
        let mut header = Vec::new();
        encode_header(&name(), &mut header);
        header.pop();
        assert_eq!(decode_header(&header), Header::Of(name()));
        for at in 0..header.len() {
            let mut rotten = header.clone();
            rotten[at] ^= 4;
            assert_eq!(decode_header(&rotten), Header::Unreadable, "byte {at}");
        }
        let json = br#"{"journal":2,"repository":"team/app","more":1}"#;
        let checksum = checksum_of("team/app", json);
        let newer = [format!("{checksum:08x} ").as_bytes(), json].concat();
        assert_eq!(decode_header(&newer), Header::Newer(2));
    }

    /// As long as one gets: the registry takes no more.
    #[test]
    fn a_push_that_lacks_as_many_blobs_as_there_may_be_is_read_back() {
        let sha512 = |content: usize| {
            Digest::of(
                forebay_oci::Algorithm::Sha512,
                content.to_string().as_bytes(),
            )
        };
        let change = Change::Pushed {
            digest: sha512(0),
            media_type: MediaType::OCI_MANIFEST,
            tags: (0..64)
                .map(|tag| format!("{tag:0128}").parse().unwrap())
                .collect(),
            absent: (0..MAX_ABSENT).map(sha512).collect(),
        };
        let line = line_of(change.clone());
        assert_eq!(decode_entry(&name(), &line).unwrap().change, change);
    }

    /// It lacks nothing, as far as is known.
    #[test]
    fn a_push_of_before_is_read() {
        let digest = Digest::sha256(b"x");
        let media_type = MediaType::OCI_MANIFEST;
        let json = format!(
            r#"{{"at":1,"change":{{"pushed":{{"digest":"{digest}","media_type":"{media_type}","tags":["v1"]}}}}}}"#
        );
        let checksum = checksum_of("team/app", json.as_bytes());
        let line = format!("{checksum:08x} {json}");
        let change = Change::Pushed {
            digest,
            media_type,
            tags: vec!["v1".parse().unwrap()],
            absent: Vec::new(),
        };
        let read = decode_entry(&name(), line.as_bytes()).unwrap();
        assert_eq!(read.change, change);
        assert_eq!(line_of_at(Timestamp(1), change), line.as_bytes());
    }

    #[test]
    fn an_entry_that_makes_too_long_a_line_is_refused() {
        let settings = RepositorySettings {
            immutable_tags: vec!["a".repeat(MAX_LINE_BYTES)],
            quota_bytes: None,
        };
        let entry = JournalEntry {
            at: Timestamp(0),
            change: Change::Settled { settings },
        };
        assert!(!encode_entry(&name(), &entry, &mut Vec::new()));
    }
}
