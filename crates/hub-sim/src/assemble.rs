//! Makes manifests, configs and blobs of an image's description.
//!
//! Pure: the same description, name and seed give the same digests.

use crate::blob::Blob;
use crate::image::{Image, Layer};
use crate::manifest::{INDEX_TYPE, Manifest, from_document, seal};
use crate::rope::{Rope, mix, mix_text};
use crate::tar::layer_content;
use serde_json::{Map, Value, json};

/// Everything that a push of one image brings.
#[derive(Debug)]
pub(crate) struct Assembled {
    pub(crate) root: Manifest,
    pub(crate) children: Vec<Manifest>,
    pub(crate) blobs: Vec<Blob>,
}

/// Makes the image's content; `salt` stands in for the seed where the image fixes none.
pub(crate) fn assemble(image: &Image, salt: &str) -> Assembled {
    let mut workshop = Workshop {
        image,
        seed: image.seed.unwrap_or_else(|| mix_text(salt)),
        blobs: Vec::new(),
    };
    let (root, children) = workshop.root();
    Assembled {
        root,
        children,
        blobs: workshop.blobs,
    }
}

/// What an artifact's empty config is (OCI image spec, "empty descriptor").
const EMPTY_CONFIG_TYPE: &str = "application/vnd.oci.empty.v1+json";
/// A layer that registries need not hold (OCI image spec, deprecated but seen).
const FOREIGN_TYPE: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar";
const REFERENCE_TYPE: &str = "vnd.docker.reference.type";
const REFERENCE_DIGEST: &str = "vnd.docker.reference.digest";

struct Workshop<'a> {
    image: &'a Image,
    seed: u64,
    blobs: Vec<Blob>,
}

impl Workshop<'_> {
    fn root(&mut self) -> (Manifest, Vec<Manifest>) {
        let image = self.image;
        if let Some((media_type, bytes)) = &image.raw_manifest {
            return (seal(image.algorithm, media_type, bytes.clone()), Vec::new());
        }
        if image.platforms.is_empty() && !image.attestations {
            let document = self.platform_manifest("linux/amd64");
            return (self.finish(document), Vec::new());
        }
        let platforms = if image.platforms.is_empty() {
            vec!["linux/amd64".to_owned()]
        } else {
            image.platforms.clone()
        };
        let mut children: Vec<Manifest> = platforms
            .iter()
            .map(|platform| self.child(platform))
            .collect();
        if image.attestations {
            let attested: Vec<Manifest> = children
                .iter()
                .map(|child| self.attestation(child))
                .collect();
            children.extend(attested);
        }
        let document = json!({
            "schemaVersion": 2,
            "mediaType": self.types().index,
            "manifests": children.iter().map(listed).collect::<Vec<Value>>(),
        });
        let mut root = self.finish(document);
        root.parts = children.iter().map(|child| child.digest.clone()).collect();
        (root, children)
    }

    fn child(&mut self, platform: &str) -> Manifest {
        let document = self.platform_manifest(platform);
        let mut child = from_document(self.image.algorithm, &document);
        child.platform = Some(platform.to_owned());
        child
    }

    /// The manifest of one platform, its config and its layers.
    fn platform_manifest(&mut self, platform: &str) -> Value {
        let types = self.types();
        let image = self.image;
        let noise = mix(self.seed ^ mix_text(platform));
        let layers: Vec<Blob> = image
            .layers
            .iter()
            .zip(0_u64..)
            .map(|(layer, number)| self.layer(layer, noise ^ mix(number)))
            .collect();
        let (config, config_type) = if image.artifact_type.is_some() {
            (json!({}), EMPTY_CONFIG_TYPE)
        } else {
            (config_of(platform, &layers), types.config)
        };
        let config = Blob::new(
            Rope::from(config.to_string().into_bytes()),
            config_type,
            image.algorithm,
        );
        let listed = image.layers.iter().zip(&layers);
        let document = json!({
            "schemaVersion": 2,
            "mediaType": types.manifest,
            "config": descriptor_of(&config),
            "layers": listed.map(|(layer, blob)| self.listed_layer(layer, blob)).collect::<Vec<Value>>(),
        });
        self.blobs.push(config);
        let held = image.layers.iter().zip(layers);
        self.blobs.extend(
            held.filter(|(layer, _)| !layer.is_foreign())
                .map(|(_, blob)| blob),
        );
        document
    }

    fn layer(&self, layer: &Layer, seed: u64) -> Blob {
        let algorithm = self.image.algorithm;
        match layer {
            Layer::Sized(size) => {
                Blob::new(layer_content(seed, *size), self.types().layer, algorithm)
            }
            Layer::Given(media_type, bytes) => {
                Blob::new(Rope::from(bytes.clone()), media_type, algorithm)
            }
            Layer::Foreign(_, size) => {
                Blob::new(layer_content(seed, *size), FOREIGN_TYPE, algorithm)
            }
        }
    }

    fn listed_layer(&self, layer: &Layer, blob: &Blob) -> Value {
        let mut descriptor = descriptor_of(blob);
        descriptor["size"] = json!(blob.size() + self.image.overstated_by);
        if let Layer::Foreign(url, _) = layer {
            descriptor["urls"] = json!([url]);
        }
        descriptor
    }

    /// What buildx adds beside each platform: an image-like manifest with an in-toto statement.
    fn attestation(&mut self, of: &Manifest) -> Manifest {
        let algorithm = self.image.algorithm;
        let statement = json!({"_type": "https://in-toto.io/Statement/v0.1", "subject": of.digest});
        let layer = Blob::new(
            Rope::from(statement.to_string().into_bytes()),
            "application/vnd.in-toto+json",
            algorithm,
        );
        let config = Blob::new(
            Rope::from(
                config_of("unknown/unknown", std::slice::from_ref(&layer))
                    .to_string()
                    .into_bytes(),
            ),
            self.types().config,
            algorithm,
        );
        let document = json!({
            "schemaVersion": 2,
            "mediaType": self.types().manifest,
            "config": descriptor_of(&config),
            "layers": [descriptor_of(&layer)],
        });
        self.blobs.extend([config, layer]);
        let mut manifest = from_document(algorithm, &document);
        manifest.platform = Some("unknown/unknown".to_owned());
        manifest.annotations = Map::from_iter([
            (REFERENCE_TYPE.to_owned(), json!("attestation-manifest")),
            (REFERENCE_DIGEST.to_owned(), json!(of.digest)),
        ]);
        manifest
    }

    /// Adds to the root what the description says of it and seals it.
    fn finish(&self, mut document: Value) -> Manifest {
        if let Some(kind) = &self.image.artifact_type {
            document["artifactType"] = json!(kind);
        }
        if let Some(subject) = &self.image.subject {
            document["subject"] = json!({
                "mediaType": OCI.manifest, "digest": subject, "size": 1,
            });
        }
        if !self.image.annotations.is_empty() {
            let pairs = self.image.annotations.iter();
            document["annotations"] = pairs
                .map(|(key, value)| (key.clone(), json!(value)))
                .collect::<Map<String, Value>>()
                .into();
        }
        from_document(self.image.algorithm, &document)
    }

    fn types(&self) -> &'static MediaTypes {
        if self.image.docker_types {
            &DOCKER
        } else {
            &OCI
        }
    }
}

/// The media types of one family.
struct MediaTypes {
    index: &'static str,
    manifest: &'static str,
    config: &'static str,
    layer: &'static str,
}

static OCI: MediaTypes = MediaTypes {
    index: INDEX_TYPE,
    manifest: "application/vnd.oci.image.manifest.v1+json",
    config: "application/vnd.oci.image.config.v1+json",
    layer: "application/vnd.oci.image.layer.v1.tar",
};

static DOCKER: MediaTypes = MediaTypes {
    index: "application/vnd.docker.distribution.manifest.list.v2+json",
    manifest: "application/vnd.docker.distribution.manifest.v2+json",
    config: "application/vnd.docker.container.image.v1+json",
    layer: "application/vnd.docker.image.rootfs.diff.tar",
};

/// A child's descriptor with its platform.
fn listed(child: &Manifest) -> Value {
    let mut descriptor = child.descriptor();
    if let Some(platform) = &child.platform {
        let (os, architecture, variant) = split_platform(platform);
        descriptor["platform"] = json!({"architecture": architecture, "os": os});
        if let Some(variant) = variant {
            descriptor["platform"]["variant"] = json!(variant);
        }
    }
    descriptor
}

fn descriptor_of(blob: &Blob) -> Value {
    json!({"mediaType": blob.media_type(), "digest": blob.digest(), "size": blob.size()})
}

fn config_of(platform: &str, layers: &[Blob]) -> Value {
    let (os, architecture, variant) = split_platform(platform);
    // Layers are plain tars, so a layer's diff id is its digest.
    let diff_ids: Vec<&str> = layers.iter().map(Blob::digest).collect();
    let mut config = json!({
        "architecture": architecture,
        "os": os,
        "config": {"Cmd": ["/layer"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": layers.iter().map(|_| json!({"created_by": "hub-sim"})).collect::<Vec<Value>>(),
    });
    if let Some(variant) = variant {
        config["variant"] = json!(variant);
    }
    config
}

fn split_platform(platform: &str) -> (&str, &str, Option<&str>) {
    let mut parts = platform.splitn(3, '/');
    let os = parts.next().unwrap_or("linux");
    (os, parts.next().unwrap_or("amd64"), parts.next())
}

#[cfg(test)]
mod tests {
    use super::assemble;
    use crate::image::Image;
    use serde_json::Value;

    #[test]
    fn a_description_gives_the_same_digests_again_and_others_under_another_name() {
        let image = Image::small();
        let digest = |salt: &str| assemble(&image, salt).root.digest;
        assert_eq!(digest("library/nginx:1"), digest("library/nginx:1"));
        assert_ne!(digest("library/nginx:1"), digest("library/redis:1"));
    }

    #[test]
    fn an_index_lists_platforms_and_attestations_with_their_sizes() {
        let image = Image::small()
            .platforms(&["linux/amd64", "linux/arm/v7"])
            .attestations();
        let made = assemble(&image, "x");
        let index: Value = serde_json::from_slice(&made.root.bytes).unwrap();
        let listed = index["manifests"].as_array().unwrap();
        assert_eq!(listed.len(), 4);
        assert_eq!(listed[1]["platform"]["variant"], "v7");
        assert_eq!(listed[2]["platform"]["os"], "unknown");
        assert_eq!(
            listed[2]["annotations"]["vnd.docker.reference.type"],
            "attestation-manifest"
        );
        for (entry, child) in listed.iter().zip(&made.children) {
            assert_eq!(entry["digest"], child.digest);
            assert_eq!(entry["size"], child.bytes.len());
        }
    }

    #[test]
    fn a_foreign_layer_is_named_by_its_url_and_not_held() {
        let image = Image::small().foreign_layer("http://127.0.0.66/x", 2048);
        let made = assemble(&image, "x");
        let manifest: Value = serde_json::from_slice(&made.root.bytes).unwrap();
        assert_eq!(manifest["layers"][2]["urls"][0], "http://127.0.0.66/x");
        assert_eq!(made.blobs.len(), 3);
    }

    #[test]
    fn overstated_sizes_stand_in_the_manifest_only() {
        let made = assemble(&Image::small().overstated_sizes(5), "x");
        let manifest: Value = serde_json::from_slice(&made.root.bytes).unwrap();
        assert_eq!(manifest["layers"][0]["size"], 4101);
        assert_eq!(made.blobs[1].size(), 4096);
    }
}
