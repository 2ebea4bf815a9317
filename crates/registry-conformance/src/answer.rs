//! An answer, and what may be said of it.

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;

use crate::verdict::{Stop, Verdict, ensure};

/// The most of a body that a failure shows, in characters.
const SHOWN: usize = 160;

/// A registry's answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The request in short, for what is said of the answer.
    pub asked: String,
    /// The request's method.
    pub method: Method,
    /// The request's path and query.
    pub target: String,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// Has this status.
    pub fn is(&self, status: u16) -> Verdict<&Self> {
        self.is_one_of(&[status])
    }

    /// Has one of these statuses.
    pub fn is_one_of(&self, statuses: &[u16]) -> Verdict<&Self> {
        ensure!(
            statuses.contains(&self.status),
            "{self}, not {}",
            or(statuses)
        );
        Ok(self)
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Verdict<&str> {
        self.find_header(name)
            .ok_or_else(|| Stop::failed(format!("{self} without {name}")))
    }

    /// A header's value, if there is one that is text.
    pub fn find_header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// All values of a header that lists, commas taken apart.
    pub fn listed(&self, name: &str) -> Vec<String> {
        let values = self.headers.get_all(name).iter();
        let values = values.filter_map(|value| value.to_str().ok());
        let parts = values.flat_map(|value| value.split(','));
        parts.map(|part| part.trim().to_owned()).collect()
    }

    /// A header has this value.
    pub fn header_is(&self, name: &str, value: &str) -> Verdict<&Self> {
        let found = self.header(name)?;
        ensure!(found == value, "{self} with {name}: {found}, not {value}");
        Ok(self)
    }

    /// A header is not there.
    pub fn without(&self, name: &str) -> Verdict<&Self> {
        ensure!(
            !self.headers.contains_key(name),
            "{self} with {name}: {}",
            self.find_header(name).unwrap_or_default()
        );
        Ok(self)
    }

    /// The body is these bytes.
    pub fn bytes_are(&self, bytes: &[u8]) -> Verdict<&Self> {
        ensure!(
            self.body == bytes,
            "{self} with {} bytes that are not the {} that were pushed",
            self.body.len(),
            bytes.len()
        );
        Ok(self)
    }

    /// The body as JSON.
    pub fn json(&self) -> Verdict<Value> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Stop::failed(format!("{self} with a body that is no JSON: {error}")))
    }

    /// The code of the first error in the body.
    pub fn code(&self) -> Option<String> {
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        Some(body["errors"][0]["code"].as_str()?.to_owned())
    }

    /// A refusal with one of these statuses and, where there is a code, one of these.
    pub fn refused(&self, statuses: &[u16], codes: &[&str]) -> Verdict<&Self> {
        self.is_one_of(statuses)?;
        let code = self.code().filter(|_| self.method != Method::HEAD);
        // That there has to be one is `conduct`'s to say.
        let Some(code) = code else { return Ok(self) };
        ensure!(
            codes.contains(&code.as_str()),
            "{self}, not with the code {}",
            codes.join(" or ")
        );
        Ok(self)
    }

    /// Skips the case where the registry says that it has not what was asked for.
    pub fn unless_unsupported(&self, what: &str) -> Verdict<&Self> {
        if self.status == 405 || self.code().as_deref() == Some("UNSUPPORTED") {
            return Err(Stop::skipped(format!("{what} is not supported: {self}")));
        }
        Ok(self)
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is answered {}", self.asked, self.status)?;
        if self.status < 400 {
            return Ok(());
        }
        match self.code() {
            Some(code) => write!(f, " {code}"),
            None if self.body.is_empty() => Ok(()),
            None => {
                let text = String::from_utf8_lossy(&self.body);
                let start: String = text.chars().take(SHOWN).collect();
                write!(f, " {:?}", start.trim_end())
            }
        }
    }
}

fn or(statuses: &[u16]) -> String {
    let words: Vec<String> = statuses.iter().map(u16::to_string).collect();
    words.join(" or ")
}
