//! What the command line may name to kubectl and aws: what no such name can be is a slip of who typed it, not of who is asked.
//!
//! Pure. Contexts and profiles have names of their users' own, which may hold anything.

/// The longest name of a namespace (RFC 1123), in bytes.
const MAX_NAMESPACE_BYTES: usize = 63;

/// The longest ARN, in bytes.
const MAX_ARN_BYTES: usize = 2_048;

/// A namespace of Kubernetes.
pub(super) fn namespace(text: &str) -> Result<String, String> {
    let may = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_name = text.len() <= MAX_NAMESPACE_BYTES && !text.ends_with('-');
    if is_name && holds_only(text, may) {
        return Ok(text.to_owned());
    }
    Err("wanted a namespace: small letters, digits and hyphens".to_owned())
}

/// A cluster or a stack, by its name or its ARN; or a region.
pub(super) fn of_aws(text: &str) -> Result<String, String> {
    let may = |byte: u8| byte.is_ascii_alphanumeric() || b"-_:/.".contains(&byte);
    if text.len() <= MAX_ARN_BYTES && holds_only(text, may) {
        return Ok(text.to_owned());
    }
    Err("wanted a name or an ARN: letters, digits, hyphens and _:/.".to_owned())
}

/// A context of a kubeconfig or a profile of aws.
pub(super) fn of_a_file(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.starts_with('-') || text.contains(char::is_control) {
        return Err("wanted a name".to_owned());
    }
    Ok(text.to_owned())
}

/// What begins with a hyphen would be an option.
fn holds_only(text: &str, may: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && !text.starts_with('-') && text.bytes().all(may)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_name_can_be_is_told_before_anybody_is_asked() {
        for good in ["shop", "team-1"] {
            assert!(namespace(good).is_ok(), "{good}");
        }
        for bad in ["", "x;id", "-A", "Shop", "a b", "a-", "--all-namespaces"] {
            assert!(namespace(bad).is_err(), "{bad}");
        }
        for good in [
            "Prod_1",
            "eu-central-1",
            "arn:aws:ecs:us-east-1:123456789012:cluster/prod",
        ] {
            assert!(of_aws(good).is_ok(), "{good}");
        }
        for bad in ["", "x;id", "--profile", "a b", "$(id)", "a\nb"] {
            assert!(of_aws(bad).is_err(), "{bad}");
        }
        assert!(of_a_file("admin@prod (eu)").is_ok());
        for bad in ["", " ", "--kubeconfig=x", "a\u{1b}[31m"] {
            assert!(of_a_file(bad).is_err(), "{bad}");
        }
    }
}
