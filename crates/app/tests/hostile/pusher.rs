//! Pushes as clients do, with a login or none, and checks byte for byte what is there.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use forebay_oci::Digest;
use hub_sim::Hub;

use crate::program::Program;
use crate::wire::{Answer, exchange};

/// What everybody who has a login types.
pub(crate) const PASSWORD: &str = "correct horse";

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";

/// A request as somebody; `who` is a user's name, or nobody's.
pub(crate) struct Asked<'a> {
    who: &'a str,
    method: &'a str,
    path: &'a str,
    headers: &'a str,
    body: &'a [u8],
}

/// An image as it is pushed, its configuration first among its blobs.
pub(crate) struct Pushed {
    blobs: Vec<Vec<u8>>,
    pub(crate) manifest: Vec<u8>,
    media_type: String,
}

/// The header by which somebody logs in, as a whole line.
pub(crate) fn login_of(who: &str) -> String {
    let credential = BASE64_STANDARD.encode(format!("{who}:{PASSWORD}"));
    format!("Authorization: Basic {credential}\r\n")
}

/// Writes the file `users` of those who have a login, for `htpasswd_file`.
pub(crate) fn write_users(folder: &Path, names: &[&str]) {
    let mut users = String::new();
    for name in names {
        let hash = bcrypt::hash(PASSWORD, 4).unwrap();
        writeln!(users, "{name}:{hash}").unwrap();
    }
    let path = folder.join("users");
    std::fs::write(&path, users).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

// === impl Asked ===

impl<'a> Asked<'a> {
    pub(crate) fn new(who: &'a str, method: &'a str, path: &'a str) -> Self {
        Self {
            who,
            method,
            path,
            headers: "",
            body: b"",
        }
    }

    /// With headers, which are whole lines, and a body.
    pub(crate) fn body(self, headers: &'a str, body: &'a [u8]) -> Self {
        Self {
            headers,
            body,
            ..self
        }
    }

    pub(crate) async fn of(self, program: &Program) -> Answer {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n{}",
            self.method,
            self.path,
            program.address,
            self.body.len(),
            self.headers
        );
        if !self.who.is_empty() {
            let _ = write!(head, "{}", login_of(self.who));
        }
        head.push_str("\r\n");
        let request = [head.as_bytes(), self.body].concat();
        Answer::parse(
            &exchange(program.address, &request).await,
            self.method == "HEAD",
        )
    }
}

// === impl Pushed ===

impl Pushed {
    /// An image of two small blobs.
    pub(crate) fn new(what: &str) -> Self {
        let config = format!("{{\"of\":\"{what}\"}}").into_bytes();
        let layer = format!("layer of {what}").into_bytes();
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{IMAGE}",
            "config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{}","size":{}}},
            "layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{}","size":{}}}]}}"#,
            Digest::sha256(&config),
            config.len(),
            Digest::sha256(&layer),
            layer.len()
        );
        Self {
            blobs: vec![config, layer],
            manifest: manifest.into_bytes(),
            media_type: IMAGE.to_owned(),
        }
    }

    /// The very image that an upstream has.
    pub(crate) fn of(hub: &Hub, image: &str) -> Self {
        let manifest = hub.manifest(image);
        let blobs = hub.blobs(image);
        Self {
            blobs: blobs.iter().map(|blob| blob.bytes().to_vec()).collect(),
            manifest: manifest.bytes().to_vec(),
            media_type: manifest.media_type().to_owned(),
        }
    }

    pub(crate) fn digest(&self) -> Digest {
        Digest::sha256(&self.manifest)
    }

    /// Its configuration, which is pushed first.
    pub(crate) fn config(&self) -> &[u8] {
        &self.blobs[0]
    }

    /// Its last layer.
    pub(crate) fn layer(&self) -> &[u8] {
        self.blobs.last().unwrap()
    }

    pub(crate) async fn push(&self, program: &Program, who: &str, repository: &str, tag: &str) {
        let answer = self.try_push(program, who, repository, tag).await;
        assert_eq!(answer.status, 201, "{}", answer.head);
    }

    /// Pushes until something is not taken: the last answer. The first blob comes in one request, the others in three each.
    pub(crate) async fn try_push(
        &self,
        program: &Program,
        who: &str,
        repository: &str,
        tag: &str,
    ) -> Answer {
        for (index, blob) in self.blobs.iter().enumerate() {
            let digest = Digest::sha256(blob);
            let answer = if index == 0 {
                let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
                let asked = Asked::new(who, "POST", &path);
                let asked = asked.body("Content-Type: application/octet-stream\r\n", blob);
                asked.of(program).await
            } else {
                upload(program, who, repository, (&digest, blob)).await
            };
            if answer.status != 201 {
                return answer;
            }
        }
        self.put(program, who, repository, tag).await
    }

    /// Pushes the manifest alone.
    pub(crate) async fn put(
        &self,
        program: &Program,
        who: &str,
        repository: &str,
        tag: &str,
    ) -> Answer {
        let path = format!("/v2/{repository}/manifests/{tag}");
        let headers = format!("Content-Type: {}\r\n", self.media_type);
        let asked = Asked::new(who, "PUT", &path).body(&headers, &self.manifest);
        asked.of(program).await
    }

    /// Whether it is under this tag, with all its bytes; otherwise there is no such tag, or another image under it.
    pub(crate) async fn is_under(&self, program: &Program, repository: &str, tag: &str) -> bool {
        let path = format!("/v2/{repository}/manifests/{tag}");
        let answer = Asked::new("", "GET", &path).of(program).await;
        let told = (answer.status, answer.whole);
        assert!(matches!(told, (200 | 404, true)), "{path}: {}", answer.head);
        if answer.status == 404 || answer.body != self.manifest {
            return false;
        }
        for blob in &self.blobs {
            let path = format!("/v2/{repository}/blobs/{}", Digest::sha256(blob));
            let answer = Asked::new("", "GET", &path).of(program).await;
            let is_whole = answer.status == 200 && answer.whole && answer.body == *blob;
            assert!(is_whole, "{path}: {}", answer.head);
        }
        true
    }
}

/// Uploads a blob by an upload that is begun, sent to and closed: the first answer that is not as it should be, or the last.
async fn upload(
    program: &Program,
    who: &str,
    repository: &str,
    (digest, blob): (&Digest, &[u8]),
) -> Answer {
    let path = format!("/v2/{repository}/blobs/uploads/");
    let begun = Asked::new(who, "POST", &path).of(program).await;
    let Some(place) = begun.header("location").filter(|_| begun.status == 202) else {
        return begun;
    };
    let sent = Asked::new(who, "PATCH", place).body("", blob);
    let sent = sent.of(program).await;
    if sent.status != 202 {
        return sent;
    }
    let close = format!("{place}?digest={digest}");
    Asked::new(who, "PUT", &close).of(program).await
}
