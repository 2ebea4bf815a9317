//! Orders as they come over the control socket.

use forebay_registry::{Quota, RepositoryOrder, RuleText};

/// Every order; one that is new is missed below.
fn all_orders() -> Vec<RepositoryOrder> {
    let name = || "team/app".to_owned();
    vec![
        RepositoryOrder::ListRepositories {
            pattern: None,
            after: None,
        },
        RepositoryOrder::ShowRepository { name: name() },
        RepositoryOrder::CreateRepository {
            name: name(),
            immutable_tags: Vec::new(),
            quota_bytes: None,
        },
        RepositoryOrder::SetRepository {
            name: name(),
            immutable_tags: None,
            quota: Some(Quota::Bytes(1)),
        },
        RepositoryOrder::DeleteRepository {
            name: name(),
            with_content: false,
        },
        RepositoryOrder::Pin {
            name: name(),
            reference: "1".to_owned(),
            is_pinned: true,
        },
        RepositoryOrder::ListPins {
            name: name(),
            after: None,
        },
        RepositoryOrder::Expire {
            name: name(),
            rules: Some(vec![RuleText::default()]),
            dry_run: true,
        },
        RepositoryOrder::CollectGarbage {
            grace_seconds: None,
        },
    ]
}

/// Threat B7: nothing is set by a member that nobody reads, be it beside an order, in it, or in a part of it.
#[test]
fn an_order_with_a_member_that_is_none_of_its_own_is_refused_whole() {
    let mut seen = Vec::new();
    for order in all_orders() {
        let good = serde_json::to_value(&order).unwrap();
        let (word, _) = good.as_object().unwrap().iter().next().unwrap();
        seen.push(word.clone());
        let parts = ["quota", "rules/0"].map(|part| format!("/{word}/{part}"));
        let parts = parts
            .into_iter()
            .filter(|part| good.pointer(part).is_some());
        for place in [String::new(), format!("/{word}")].into_iter().chain(parts) {
            let mut order = good.clone();
            order.pointer_mut(&place).unwrap()["with_force"] = true.into();
            let read: Result<RepositoryOrder, _> = serde_json::from_value(order);
            assert!(read.is_err(), "{word}{place}: {read:?}");
        }
        let read: RepositoryOrder = serde_json::from_value(good).unwrap();
        assert_eq!(read, order);
    }
    // Whoever gives none of them is told which there are.
    let told = serde_json::from_str::<RepositoryOrder>(r#"{"none":{}}"#).unwrap_err();
    let told = told.to_string();
    let words: Vec<_> = told.split('`').skip(3).step_by(2).collect();
    assert_eq!(seen, words, "{told}");
}
