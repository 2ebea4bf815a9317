//! Any texts as a rule of a policy and as what is asked: what is read is written alike, and a token never gives a right.
#![no_main]

use std::collections::BTreeMap;
use std::sync::Arc;

use forebay_access::{Grant, Narrowing, Policy, Principal, Rule, Verdict, Who, Wildcard, decide};
use forebay_content::Right;
use forebay_oci::{Act, Acts, Target, TargetPattern};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut lines = text.lines();
    let mut next = || lines.next().unwrap_or_default();
    let (who, pattern, acts, place, name) = (next(), next(), next(), next(), next());
    if let Ok(wildcard) = who.parse::<Wildcard>() {
        assert!(wildcard.matches(who));
        wildcard.matches(place);
    }
    let Ok(who) = who.parse::<Who>() else { return };
    assert_eq!(who.to_string().parse(), Ok(who.clone()));
    let Ok(pattern) = pattern.parse::<TargetPattern>() else {
        return;
    };
    assert_eq!(pattern.to_string().parse(), Ok(pattern.clone()));
    let Ok(acts) = acts.parse::<Acts>() else {
        return;
    };
    let Ok(repository) = place.parse() else {
        return;
    };
    let right = Right {
        repositories: vec![pattern],
        acts,
    };
    let who = vec![who];
    let Ok(policy) = Policy::new(vec![Rule { who, right }], BTreeMap::new()) else {
        return;
    };
    let target = Target {
        upstream: next().into(),
        repository,
    };
    let principal = match name.parse() {
        Ok(name) => Principal::User { name },
        Err(_) => Principal::Anonymous,
    };
    let narrowed = Grant {
        narrowing: Some(Arc::new(Narrowing {
            repositories: vec![(target.clone(), Act::Pull.into())],
            catalog: true,
            mounts: true,
        })),
        ..Grant::default()
    };
    for act in Act::ALL {
        let wide = decide(&policy, &principal, &Grant::default(), &target, act);
        let narrow = decide(&policy, &principal, &narrowed, &target, act);
        assert_eq!(
            wide == Verdict::Allowed,
            acts.has(act) && wide == Verdict::Allowed
        );
        match narrow {
            Verdict::Allowed => assert!(wide == Verdict::Allowed && act == Act::Pull),
            Verdict::Login => assert!(wide == Verdict::Allowed || wide == Verdict::Login),
            verdict => assert_eq!(verdict, wide),
        }
    }
});
