//! Issuers that vouch for whoever has an account with them: a rule for one has to say whose jobs it means.

use std::collections::BTreeMap;

use crate::wildcard::Wildcard;

/// An issuer for everybody.
pub(super) struct PublicIssuer {
    /// Its claim `iss`.
    issuer: &'static str,
    /// Claims that name the owner of a job and that the job cannot choose, each with what stands before the owner in it. A reusable
    /// workflow of GitHub's, `job_workflow_ref`, is none: others may call it.
    owners: &'static [(&'static str, &'static str)],
}

/// By their documents: GitHub ("`OpenID` Connect reference"), GitLab ("`OpenID` Connect (OIDC) Authentication Using ID Tokens"), Buildkite
/// ("Buildkite agent oidc"), HCP Terraform ("Workload identity tokens").
const PUBLIC_ISSUERS: &[PublicIssuer] = &[
    PublicIssuer {
        issuer: "https://token.actions.githubusercontent.com",
        owners: &[
            ("repository", ""),
            ("repository_owner", ""),
            ("repository_id", ""),
            ("repository_owner_id", ""),
            ("enterprise", ""),
            ("enterprise_id", ""),
            ("workflow_ref", ""),
            ("sub", "repo:"),
            ("sub", "repository_owner:"),
        ],
    },
    PublicIssuer {
        issuer: "https://gitlab.com",
        owners: &[
            ("project_path", ""),
            ("namespace_path", ""),
            ("project_id", ""),
            ("namespace_id", ""),
            ("sub", "project_path:"),
        ],
    },
    PublicIssuer {
        issuer: "https://agent.buildkite.com",
        owners: &[
            ("organization_slug", ""),
            ("organization_id", ""),
            ("sub", "organization:"),
        ],
    },
    PublicIssuer {
        issuer: "https://app.terraform.io",
        owners: &[
            ("terraform_organization_name", ""),
            ("terraform_organization_id", ""),
            ("sub", "organization:"),
        ],
    },
];

impl PublicIssuer {
    /// The one that is called so, if it is for everybody.
    pub(super) fn find(issuer: &str) -> Option<&'static Self> {
        let issuer = issuer.trim_end_matches('/');
        PUBLIC_ISSUERS.iter().find(|public| public.issuer == issuer)
    }

    /// Whether claims bound so are those of owners that are named.
    pub(super) fn has_owner(&self, claims: &BTreeMap<String, Vec<Wildcard>>) -> bool {
        claims.iter().any(|(claim, patterns)| {
            patterns
                .iter()
                .all(|pattern| self.is_owner(claim, pattern.as_str()))
        })
    }

    fn is_owner(&self, claim: &str, pattern: &str) -> bool {
        let mut owners = self.owners.iter().filter(|(name, _)| *name == claim);
        owners.any(|(_, before)| {
            let owner = pattern.strip_prefix(before).map(first_part);
            owner.is_some_and(|owner| !owner.is_empty() && !owner.contains('*'))
        })
    }

    /// A claim to bind, with what its value looks like.
    pub(super) fn example(&self) -> String {
        let (claim, before) = self.owners.first().copied().unwrap_or_default();
        format!("{claim} = \"{before}YOURS/*\"")
    }
}

/// The text up to what ends an owner's name: a `*` there could be of any owner.
fn first_part(text: &str) -> &str {
    text.split(['/', ':']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_owner(issuer: &str, claims: &[(&str, &[&str])]) -> bool {
        let patterns = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let claims = claims
            .iter()
            .map(|(name, texts)| ((*name).to_owned(), patterns(texts)))
            .collect();
        PublicIssuer::find(issuer).unwrap().has_owner(&claims)
    }

    #[test]
    fn a_rule_for_everybodys_issuer_names_an_owner_in_a_claim_that_is_the_owners() {
        let github = "https://token.actions.githubusercontent.com";
        for (claim, patterns, expected) in [
            ("repository", &["acme/*"][..], true),
            ("repository", &["acme/app", "acme/lib-*"], true),
            ("repository_owner", &["acme"], true),
            ("sub", &["repo:acme/*"], true),
            ("sub", &["repo:acme/app:ref:refs/heads/main"], true),
            (
                "workflow_ref",
                &["acme/app/.github/workflows/x.yml@*"],
                true,
            ),
            // Everybody's.
            ("repository", &["*/*"], false),
            ("repository", &["acme*"], false),
            ("repository", &["acme/*", "*/app"], false),
            ("sub", &["repo:*"], false),
            ("sub", &["*:acme/*"], false),
            // Anybody's job can have these.
            ("ref", &["refs/heads/main"], false),
            ("actor", &["alice"], false),
            (
                "job_workflow_ref",
                &["acme/shared/.github/workflows/x.yml@*"],
                false,
            ),
        ] {
            assert_eq!(
                has_owner(github, &[(claim, patterns)]),
                expected,
                "{claim} {patterns:?}"
            );
        }
        assert!(has_owner(
            github,
            &[("ref", &["*"]), ("repository", &["acme/*"])]
        ));
        assert!(has_owner(
            "https://gitlab.com/",
            &[("project_path", &["acme/*"])]
        ));
        assert!(!has_owner(
            "https://gitlab.com",
            &[("ref_protected", &["true"])]
        ));
    }

    #[test]
    fn an_issuer_of_ones_own_is_not_everybodys() {
        for issuer in [
            "https://gitlab.example",
            "https://token.actions.githubusercontent.com/acme",
            "https://kubernetes.default.svc",
        ] {
            assert!(PublicIssuer::find(issuer).is_none(), "{issuer}");
        }
    }
}
