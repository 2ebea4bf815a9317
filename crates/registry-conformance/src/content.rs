//! What is pushed, as one table of shapes: each is blobs, documents in the order of their push, and tags.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::digest::{Algorithm, Digest};
use crate::document::{
    CONFIG, Document, EMPTY, INDEX, LAYER, LAYER_GZIP, MANIFEST, descriptor, index, manifest,
};
use crate::noise::{Blob, Noise};

/// The artifact type of most artifacts here.
pub(crate) const SBOM: &str = "application/vnd.example.sbom.v1";
/// Another one, so that a filter has something to leave out.
pub(crate) const SIGNATURE: &str = "application/vnd.example.signature.v1";

/// The size of a layer, in bytes: large enough for a few reads, small enough for hundreds of pushes.
const LAYER_BYTES: usize = 2048;
/// What the large manifest is filled up with: 390 annotations of 10,000 bytes and their names come close to 4 MB, which
/// every registry should take.
const LARGE_ANNOTATIONS: (usize, usize) = (390, 10_000);

/// Something that is pushed.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) blobs: Vec<(String, Blob)>,
    /// In the order of their push.
    pub(crate) documents: Vec<Document>,
    /// Tags, each with the place of its document.
    pub(crate) tags: Vec<(String, usize)>,
    noise: NoiseOf,
}

/// A shape of content by name.
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    fill: fn(&mut Content),
}

/// All shapes.
pub(crate) const SHAPES: [Shape; 19] = [
    shape("image", image),
    shape("uncompressed", uncompressed),
    shape("large-manifest", large_manifest),
    shape("index", platforms),
    shape("nested-index", nested_index),
    shape("empty-index", empty_index),
    shape("artifact", artifact),
    shape("artifact-index", artifact_index),
    shape("artifact-without-layers", artifact_without_layers),
    shape("subject", subject),
    shape("subject-index", subject_index),
    shape("subject-missing", subject_missing),
    shape("data-field", data_field),
    shape("non-distributable", non_distributable),
    shape("custom-fields", custom_fields),
    shape("no-layers", no_layers),
    shape("sparse-image", sparse_image),
    shape("sparse-index", sparse_index),
    shape("docker-image", docker_image),
];

const fn shape(name: &'static str, fill: fn(&mut Content)) -> Shape {
    Shape { name, fill }
}

/// The bytes of one algorithm.
#[derive(Debug)]
struct NoiseOf {
    algorithm: Algorithm,
    drawn: Noise,
}

// === impl Shape ===

impl Shape {
    /// Fresh content of this shape, all its digests of one algorithm.
    pub(crate) fn content(&self, algorithm: Algorithm) -> Content {
        let mut content = Content::new(algorithm);
        (self.fill)(&mut content);
        content
    }
}

// === impl Content ===

impl Content {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        Self {
            blobs: Vec::new(),
            documents: Vec::new(),
            tags: Vec::new(),
            noise: NoiseOf {
                algorithm,
                drawn: Noise::new(),
            },
        }
    }

    /// The tags of a document.
    pub(crate) fn tags_of(&self, place: usize) -> Vec<String> {
        let tags = self.tags.iter().filter(|(_, at)| *at == place);
        tags.map(|(tag, _)| tag.clone()).collect()
    }

    /// Takes the last document out, and its tags.
    pub(crate) fn forget_last(&mut self) {
        self.documents.pop();
        let left = self.documents.len();
        self.tags.retain(|(_, place)| *place < left);
    }

    /// What refers to each subject, in the order of their push.
    pub(crate) fn subjects(&self) -> Vec<(Digest, Vec<Value>)> {
        let mut subjects: Vec<(Digest, Vec<Value>)> = Vec::new();
        for document in &self.documents {
            let Some(subject) = &document.subject else {
                continue;
            };
            match subjects.iter_mut().find(|(digest, _)| digest == subject) {
                Some((_, referrers)) => referrers.push(document.referrer()),
                None => subjects.push((subject.clone(), vec![document.referrer()])),
            }
        }
        subjects
    }

    /// A blob of these bytes; the same bytes are pushed once.
    pub(crate) fn blob(&mut self, name: &str, media_type: &str, bytes: impl Into<Bytes>) -> Value {
        let blob = Blob::new(self.noise.algorithm, bytes);
        let described = descriptor(media_type, &blob);
        if self
            .blobs
            .iter()
            .all(|(_, known)| known.digest != blob.digest)
        {
            self.blobs.push((name.to_owned(), blob));
        }
        described
    }

    /// A layer that nobody has.
    pub(crate) fn layer(&mut self, name: &str, media_type: &str) -> Value {
        let bytes = self.noise.drawn.bytes(LAYER_BYTES);
        self.blob(name, media_type, bytes)
    }

    /// The configuration of an image, like no other.
    pub(crate) fn config(&mut self, name: &str, architecture: &str) -> Value {
        let marker = self.unique();
        let config = json!({
            "created": "2026-01-01T00:00:00Z",
            "author": marker,
            "architecture": architecture,
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": []},
        });
        self.blob(name, CONFIG, config.to_string())
    }

    /// `{}` as a blob, which stands for what an artifact has not.
    pub(crate) fn nothing(&mut self) -> Value {
        self.blob("empty-json", EMPTY, "{}")
    }

    /// A text that is nowhere else.
    pub(crate) fn unique(&self) -> String {
        self.noise.drawn.unique()
    }

    /// A digest that nobody has.
    fn absent(&self) -> Digest {
        self.noise.drawn.absent(self.noise.algorithm)
    }

    /// A document to push next; returns its descriptor.
    pub(crate) fn document(&mut self, name: &str, json: &Value) -> Value {
        let document = Document::new(name, self.noise.algorithm, json);
        let described = document.descriptor();
        self.documents.push(document);
        described
    }

    /// Tags the document that was last.
    pub(crate) fn tag(&mut self, tag: &str) {
        let last = self.documents.len().saturating_sub(1);
        self.tags.push((tag.to_owned(), last));
    }

    /// An image of two layers that is pushed by its digest.
    pub(crate) fn image(&mut self, name: &str, architecture: &str) -> Value {
        let config = self.config(&format!("{name}-config"), architecture);
        let layers = [
            self.layer(&format!("{name}-layer-1"), LAYER_GZIP),
            self.layer(&format!("{name}-layer-2"), LAYER_GZIP),
        ];
        self.document(name, &manifest(&config, &layers))
    }

    /// An artifact, with whatever else its manifest says.
    pub(crate) fn artifact(&mut self, name: &str, kind: &str, more: &[(&str, Value)]) -> Value {
        let config = self.nothing();
        let layers = [self.layer(&format!("{name}-content"), kind)];
        let mut json = manifest(&config, &layers);
        json["artifactType"] = json!(kind);
        for (key, value) in more {
            json[*key] = value.clone();
        }
        self.document(name, &json)
    }

    /// Annotations that a list of referrers has to carry.
    fn annotations(&self) -> Value {
        json!({
            "org.example.marker": self.unique(),
            "org.example.text": "of \"more\" than \u{fc}\u{2028}ASCII",
        })
    }

    fn mark_last_sparse(&mut self) {
        if let Some(last) = self.documents.last_mut() {
            last.is_sparse = true;
        }
    }
}

fn on(mut described: Value, architecture: &str) -> Value {
    described["platform"] = json!({"os": "linux", "architecture": architecture});
    described
}

// === The shapes ===

fn image(content: &mut Content) {
    content.image("image", "amd64");
    content.tag("image");
    content.tag("Image_2.0-rc.1");
}

fn uncompressed(content: &mut Content) {
    let config = content.config("config", "amd64");
    let layer = content.layer("layer", LAYER);
    content.document("image", &manifest(&config, &[layer]));
    content.tag("uncompressed");
}

fn large_manifest(content: &mut Content) {
    let config = content.config("config", "amd64");
    let layer = content.layer("layer", LAYER_GZIP);
    let mut json = manifest(&config, &[layer]);
    let (count, length) = LARGE_ANNOTATIONS;
    for number in 0..count {
        json["annotations"][format!("org.example.filler-{number:03}")] = json!("m".repeat(length));
    }
    content.document("image", &json);
    content.tag("large");
}

fn platforms(content: &mut Content) {
    let manifests = ["amd64", "arm64"].map(|one| on(content.image(one, one), one));
    content.document("index", &index(&manifests));
    content.tag("index");
}

fn nested_index(content: &mut Content) {
    let mut within = Vec::new();
    for name in ["inner-1", "inner-2"] {
        let child = content.image(&format!("{name}-image"), "amd64");
        within.push(content.document(name, &index(&[on(child, "amd64")])));
    }
    content.document("outer", &index(&within));
    content.tag("nested");
}

fn empty_index(content: &mut Content) {
    let mut json = index(&[]);
    // Else it would be the same in every run.
    json["annotations"] = json!({"org.example.marker": content.unique()});
    content.document("index", &json);
    content.tag("empty");
}

fn artifact(content: &mut Content) {
    content.artifact("artifact", SBOM, &[]);
    content.tag("artifact");
}

fn artifact_index(content: &mut Content) {
    let manifests = ["one", "two"].map(|name| content.artifact(name, SBOM, &[]));
    let mut json = index(&manifests);
    json["artifactType"] = json!(SBOM);
    content.document("index", &json);
    content.tag("artifact-index");
}

fn artifact_without_layers(content: &mut Content) {
    let nothing = content.nothing();
    let mut json = manifest(&nothing, std::slice::from_ref(&nothing));
    json["artifactType"] = json!(SBOM);
    json["annotations"] = content.annotations();
    content.document("artifact", &json);
    content.tag("artifact-without-layers");
}

/// Three that refer to an image: an image, whose type is its configuration's, and two artifacts.
fn subject(content: &mut Content) {
    let subject = content.image("subject", "amd64");
    content.tag("subject");
    let config = content.config("image-config", "arm64");
    let layer = content.layer("image-layer", LAYER_GZIP);
    let mut json = manifest(&config, &[layer]);
    json["subject"] = subject.clone();
    content.document("image", &json);
    for (name, kind) in [("sbom", SBOM), ("signature", SIGNATURE)] {
        let more = [
            ("subject", subject.clone()),
            ("annotations", content.annotations()),
        ];
        content.artifact(name, kind, &more);
        content.tag(name);
    }
}

/// Indexes that refer to an index: one with a type, and one without, of which a list says none.
fn subject_index(content: &mut Content) {
    let child = content.image("child", "amd64");
    let subject = content.document("subject", &index(&[on(child.clone(), "amd64")]));
    content.tag("index");
    let mut typed = index(std::slice::from_ref(&child));
    typed["artifactType"] = json!(SBOM);
    typed["subject"] = subject.clone();
    typed["annotations"] = content.annotations();
    content.document("typed", &typed);
    content.tag("typed");
    let mut untyped = index(&[child]);
    untyped["subject"] = subject;
    untyped["annotations"] = content.annotations();
    content.document("untyped", &untyped);
}

fn subject_missing(content: &mut Content) {
    let subject = json!({
        "mediaType": MANIFEST,
        "digest": content.absent().as_str(),
        "size": 123,
    });
    let more = [("subject", subject), ("annotations", content.annotations())];
    content.artifact("artifact", SBOM, &more);
    content.tag("early");
}

fn data_field(content: &mut Content) {
    use base64::Engine as _;
    let mut config = content.config("config", "amd64");
    if let Some((_, blob)) = content.blobs.last() {
        config["data"] = json!(base64::engine::general_purpose::STANDARD.encode(&blob.bytes));
    }
    let layer = content.layer("layer", LAYER_GZIP);
    content.document("image", &manifest(&config, &[layer]));
    content.tag("data");
}

/// Two layers that are elsewhere, and were never pushed.
fn non_distributable(content: &mut Content) {
    let config = content.config("config", "amd64");
    let mut layers = Vec::new();
    for suffix in ["", "+gzip"] {
        let digest = content.absent();
        layers.push(json!({
            "mediaType": format!("application/vnd.oci.image.layer.nondistributable.v1.tar{suffix}"),
            "digest": digest.as_str(),
            "size": 123_456,
            "urls": [format!("https://layers.example.com/{digest}")],
        }));
    }
    layers.push(content.layer("layer", LAYER_GZIP));
    content.document("image", &manifest(&config, &layers));
    content.tag("non-distributable");
}

/// Fields that no spec has, in every place; and white space as no serializer writes it.
fn custom_fields(content: &mut Content) {
    let mut config = content.config("config", "amd64");
    config["org.example.custom"] = json!({"deep": [1, 2.5, null, true]});
    let layer = content.layer("layer", LAYER_GZIP);
    let mut json = manifest(&config, &[layer]);
    json["zzz.custom"] = json!(["kept", content.unique()]);
    let algorithm = content.noise.algorithm;
    let text = format!("{json:#}\n\n");
    let child = Document::of_bytes("image", algorithm, MANIFEST, text);
    let mut outer = index(&[on(child.descriptor(), "amd64")]);
    content.documents.push(child);
    outer["aaa.custom"] = json!({"kept": content.unique()});
    let text = format!("  {outer:#}\t");
    let outer = Document::of_bytes("index", algorithm, INDEX, text);
    content.documents.push(outer);
    content.tag("custom");
}

fn no_layers(content: &mut Content) {
    let config = content.config("config", "amd64");
    content.document("image", &manifest(&config, &[]));
    content.tag("no-layers");
}

fn sparse_image(content: &mut Content) {
    let config = content.config("config", "amd64");
    let layers = [
        content.layer("layer", LAYER_GZIP),
        json!({"mediaType": LAYER_GZIP, "digest": content.absent().as_str(), "size": 999}),
    ];
    content.document("image", &manifest(&config, &layers));
    content.mark_last_sparse();
    content.tag("sparse-image");
}

fn sparse_index(content: &mut Content) {
    let child = content.image("image", "amd64");
    let absent = json!({"mediaType": MANIFEST, "digest": content.absent().as_str(), "size": 999});
    content.document("index", &index(&[on(child, "amd64"), on(absent, "arm64")]));
    content.mark_last_sparse();
    content.tag("sparse-index");
}

/// What docker pushes: Docker's own types, and no OCI ones.
fn docker_image(content: &mut Content) {
    let marker = content.unique();
    let config = json!({"architecture": "amd64", "os": "linux", "author": marker});
    let config = content.blob(
        "config",
        "application/vnd.docker.container.image.v1+json",
        config.to_string(),
    );
    let layer = content.layer("layer", "application/vnd.docker.image.rootfs.diff.tar.gzip");
    let mut image = manifest(&config, &[layer]);
    image["mediaType"] = json!("application/vnd.docker.distribution.manifest.v2+json");
    let image = content.document("image", &image);
    content.tag("docker");
    let mut list = index(&[on(image, "amd64")]);
    list["mediaType"] = json!("application/vnd.docker.distribution.manifest.list.v2+json");
    content.document("list", &list);
    content.tag("docker-list");
}
