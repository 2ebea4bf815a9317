//! What the operator has configured of access, as one thing that is replaced as a whole.

use std::time::Duration;

use crate::access_token::TOKEN_LIFETIME;
use crate::htpasswd::Htpasswd;
use crate::password::HashCost;
use crate::policy::Policy;
use crate::workload::WorkloadRule;

/// What the operator has configured.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The name of this installation, which its tokens are for and by which challenges call it.
    pub service: String,
    /// Who may do what.
    pub policy: Policy,
    /// Users of files.
    pub htpasswd: Htpasswd,
    /// Who may come with tokens of others, the first rule that takes a token counting.
    pub workloads: Vec<WorkloadRule>,
    /// How long our own tokens are valid.
    pub token_lifetime: Duration,
    /// How costly a new password is to check.
    pub hash_cost: HashCost,
}

impl Default for Rules {
    /// Nobody may do anything.
    fn default() -> Self {
        Self {
            service: "forebay".to_owned(),
            policy: Policy::default(),
            htpasswd: Htpasswd::default(),
            workloads: Vec::new(),
            token_lifetime: TOKEN_LIFETIME,
            hash_cost: HashCost::default(),
        }
    }
}
