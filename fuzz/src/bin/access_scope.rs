//! Any text as the scopes of a token request: a bounded list or an error, and nothing panics.
#![no_main]

use forebay_access::{MAX_SCOPES, Scope};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(scopes) = Scope::parse_all(text) {
        assert!(scopes.len() <= MAX_SCOPES);
        let written = scopes.iter().map(|scope| match scope {
            Scope::Repository { name, acts } => format!("repository:{name}:{acts}"),
            Scope::Catalog => "registry:catalog:*".to_owned(),
            Scope::Mounts => forebay_access::MOUNTS_SCOPE.to_owned(),
        });
        let written = written.collect::<Vec<_>>().join(" ");
        assert_eq!(Scope::parse_all(&written).ok(), Some(scopes));
    }
});
