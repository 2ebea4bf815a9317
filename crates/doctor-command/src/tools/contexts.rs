//! Which contexts kubectl knows: one that it does not is a slip of who typed it.

use forebay_limits::printable;
use forebay_terminal::Failure;

use super::program::{Call, Tools};

/// The most bytes of the list that are read: those of thousands of contexts.
const MAX_LIST_BYTES: u64 = 1 << 20;

/// The most contexts that are told.
const MAX_TOLD: usize = 12;

/// The most bytes of a name that are told; those of EKS are ARNs.
const MAX_NAME_BYTES: usize = 200;

/// Why nobody can be asked in this context, if kubectl says that it does not know it; what else it says is told where it is asked.
pub(super) async fn find_unknown(context: &str, tools: &impl Tools) -> Option<Failure> {
    let call = Call::new("kubectl", &["config", "get-contexts", "--output=name"]);
    let mut said = Vec::new();
    let take = &mut |part: &[u8]| said.extend_from_slice(part);
    tools.run(&call.at_most(MAX_LIST_BYTES), take).await.ok()?;
    judge(context, &String::from_utf8_lossy(&said))
}

fn judge(context: &str, list: &str) -> Option<Failure> {
    let known: Vec<&str> = list
        .lines()
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    if known.contains(&context.trim()) {
        return None;
    }
    let shown = |name: &str| printable(name, MAX_NAME_BYTES);
    let failure = Failure::plain(format!("kubectl knows no context {:?}", shown(context)));
    if known.is_empty() {
        return Some(
            failure.with_hint("its kubeconfig has none: set KUBECONFIG to the one that has"),
        );
    }
    let told: Vec<String> = known
        .iter()
        .take(MAX_TOLD)
        .map(|name| shown(name))
        .collect();
    let more = match known.len() - told.len() {
        0 => String::new(),
        more => format!(" and {more} more (kubectl config get-contexts)"),
    };
    Some(failure.with_hint(format!("it knows {}{more}", told.join(", "))))
}

#[cfg(test)]
mod tests {
    use forebay_config::Advice as _;

    use super::*;

    #[test]
    fn a_context_that_is_not_there_is_told_with_those_that_are() {
        assert!(judge("the shop", "prod\nthe shop\n").is_none());
        let told = |context: &str, list: &str| {
            let failure = judge(context, list).unwrap();
            let hints: Vec<String> = failure.hints().iter().map(ToString::to_string).collect();
            format!("{failure}; {}", hints.join("; "))
        };
        assert_eq!(
            told("x;id", "prod\nstaging\n"),
            "kubectl knows no context \"x;id\"; it knows prod, staging"
        );
        assert!(told("x", "").contains("its kubeconfig has none"));
        let many: Vec<String> = (0..20).map(|number| format!("c{number}")).collect();
        let many = many.join("\n");
        assert!(told("x", &many).ends_with("c11 and 8 more (kubectl config get-contexts)"));
    }
}
