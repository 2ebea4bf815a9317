//! Sentences about what an operator was told.

use forebay_content::{AlertKind, KeptTold, MAX_TOLD, Timestamp, ToldRows};

fn told(kind: AlertKind, subject: &str, at: i64, is_open: bool) -> KeptTold {
    KeptTold {
        kind,
        subject: subject.to_owned(),
        at: Timestamp(at),
        is_open,
    }
}

async fn sorted<R: ToldRows>(rows: &R) -> Vec<KeptTold> {
    let mut told = rows.told().await.unwrap();
    told.sort_by(|one, other| (one.kind, &one.subject).cmp(&(other.kind, &other.subject)));
    told
}

/// Apart by kind and subject; of the same, the last.
pub async fn what_was_told_last_is_kept_of_each_kind_and_subject<R: ToldRows>(rows: &R) {
    let mut kept: Vec<_> = AlertKind::ALL
        .iter()
        .map(|kind| told(*kind, "docker.io", 5, true))
        .collect();
    rows.keep_told(&kept).await.unwrap();
    assert_eq!(sorted(rows).await, kept);
    kept[0] = told(kept[0].kind, "docker.io", 3, false);
    let other = told(kept[0].kind, "ghcr.io", -1, true);
    rows.keep_told(&[kept[0].clone(), other.clone()])
        .await
        .unwrap();
    kept.insert(1, other);
    assert_eq!(sorted(rows).await, kept);
}

/// Those told longest ago go.
pub async fn only_so_much_of_what_was_told_is_kept<R: ToldRows>(rows: &R) {
    let kept: Vec<_> = (0..MAX_TOLD + 10)
        .map(|number| {
            let at = i64::try_from(number).unwrap();
            told(
                AlertKind::StormBegan,
                &format!("storm {number:05}"),
                at,
                true,
            )
        })
        .collect();
    rows.keep_told(&kept).await.unwrap();
    assert_eq!(sorted(rows).await, kept[10..]);
}
