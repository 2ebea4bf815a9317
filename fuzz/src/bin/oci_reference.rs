//! Any text as the name of an image, a digest, a pattern: what is read is written alike.
#![no_main]

use forebay_oci::{Digest, ImageName, MediaType, RepositoryPattern, TargetPattern};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(image) = text.parse::<ImageName>() {
        assert_eq!(image.to_string().parse(), Ok(image));
    }
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.to_string(), text);
    }
    let (pattern, name) = text.split_once('\n').unwrap_or((text, "a/b"));
    if let Ok(pattern) = pattern.parse::<RepositoryPattern>() {
        assert_eq!(pattern.to_string(), text.lines().next().unwrap_or_default());
        if let Ok(name) = name.parse() {
            let _ = pattern.matches(&name);
        }
    }
    let _ = pattern.parse::<TargetPattern>();
    let _ = ImageName::familiar(text);
    let _ = ImageName::full(text);
    let _ = MediaType::parse(text);
});
