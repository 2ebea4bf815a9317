//! Who may do what: the keys of the section.

use std::path::PathBuf;

use url::Url;

use crate::origin::Origin;
use crate::section::{Key, Reader, Section, Setting, section};
use crate::value::{AllowFile, Groups, TimeSpan, Value, WorkloadFile};

section! {
    /// Who may do what. As soon as anything of this section is written, nobody may do anything that no rule gives them, not
    /// even pull: `who = ["anonymous"]` gives it to everybody. Without the section, whoever `clients.allow` lets in may pull
    /// everything, and nobody may push and delete, unless `clients.loopback_push` lets this machine's own programs.
    AccessFile {
        /// Rules, each a table `[[access.allow]]`: `who`, a list of `user:alice`, `robot:ci-*`, `workload:main`, `group:dev`
        /// and `anonymous`, which is everybody; `repositories`, a list of patterns such as `team/*` for those that live here,
        /// `docker.io/library/*` for an upstream's, or `**` for all, with `*` within one path part and `**` across them;
        /// `actions`, a list of `pull`, `push`, `delete` and `admin`, which on `**` is to read `/metrics` and gives none of the
        /// others. Rules only ever give, so that their order means nothing.
        allow: Vec<AllowFile>,
        /// Groups for rules, as a table `[access.groups]`: of each its members, such as `dev = ["user:alice", "robot:ci-*"]`.
        groups: Groups,
        /// A file with users and their passwords, as `htpasswd -B` makes it, of at most 4 MiB. It is read again with the
        /// configuration. It must not be readable by everybody. Users of `forebay user add` go before those of the file.
        htpasswd_file: Option<PathBuf>,
        /// Programs that another issuer vouches for by OIDC, at most 1000 rules, each a table `[[access.workloads]]`:
        /// its `name`, which is `workload:NAME` in `access.allow`; the `issuer`, a URL with https; the `audience` that a token
        /// must be for; `claims`, a table of what must stand in the token, each with a text or a list of them, in which `*`
        /// is any run of characters, and `/` leads into a claim within another; `repositories` and `actions`, as in a rule.
        /// Where its keys are asked for: `ca_file`, certificate authorities besides the system's; `private = true` if its
        /// name may resolve to private addresses; `key_hosts`, a list of further hosts that it may name for its keys;
        /// `token_file`, a token that is shown to them, as a cluster's API server wants, read each time.
        workloads: Vec<WorkloadFile>,
        /// How long a token is valid that a client gets for its password, 1m to 1h. Rights are looked up at each request
        /// whatever a token says, so that a short life is not what takes a right back.
        token_lifetime: TimeSpan = "5m",
        /// The address at which clients reach Forebay, such as `https://registry.example`, where tokens are given. Without it,
        /// the request's own scheme and `Host`, which a proxy before Forebay may have changed.
        url: Option<Url>,
        /// What this installation is called in challenges and tokens. Without it, the host of `url`, else `forebay`. A token
        /// for another name is not taken.
        service: Option<String>,
    }
}

impl AccessFile {
    /// Where the section was written; `Default` if nothing of it was.
    pub(super) fn written_at(&self) -> Origin {
        if *self.place() != Origin::Default {
            return self.place().clone();
        }
        let origins = self.shown().into_iter().map(|(_, _, origin)| origin);
        let mut written = origins.filter(|origin| *origin != Origin::Default);
        written.next().unwrap_or(Origin::Default)
    }
}
