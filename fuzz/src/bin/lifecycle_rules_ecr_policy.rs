//! Any text as a lifecycle policy: what is read has rules in their order, within bounds, and an error names what is wrong.
#![no_main]

use forebay_lifecycle_rules::ecr::{self, MAX_ECR_RULES};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match ecr::import(text, &[]) {
        Ok(imported) => {
            assert!(imported.rules.len() + imported.left_out.len() <= MAX_ECR_RULES);
            assert!(imported.rules.is_sorted_by_key(|rule| rule.priority));
            for rule in &imported.rules {
                assert!(rule.to_string().starts_with("[[lifecycle]]\n"));
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
