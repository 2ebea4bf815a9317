//! Any bytes as a manifest: what may be pushed can be read as what is kept, and refers to the same.
#![no_main]

use std::collections::HashSet;

use forebay_oci::{Manifest, MediaType, PushedManifest};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let kept = Manifest::parse(bytes);
    for content_type in MediaType::MANIFESTS.iter().map(Some).chain([None]) {
        let Ok(pushed) = PushedManifest::parse(bytes, content_type) else {
            continue;
        };
        let kept = kept.as_ref().expect("what may be pushed can be read");
        let subject = kept.subject.as_ref().map(|subject| &subject.digest);
        assert_eq!(pushed.subject.as_ref(), subject);
        let children: HashSet<_> = pushed.children.iter().map(|child| &child.digest).collect();
        assert_eq!(
            children.len(),
            pushed.children.len(),
            "a child is told once"
        );
    }
});
