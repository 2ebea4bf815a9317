//! What the edge is given: the names of the upstreams, their sources, and who may ask.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use forebay_content::{Audit, ClientKind, ClientRights, ContentSource};
use forebay_oci::{RouteTable, UpstreamName};
use forebay_registry::LocalRegistry;

use crate::{AccessPoint, ClientLimit, ClientRules};

/// A client is answered within this time, come what may: containerd gives up after 30 s without headers. What was begun for it
/// goes on behind.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(25);

/// One configuration's worth of answers; replaced as a whole on reload.
pub struct Table {
    /// The names by which clients may mean an upstream.
    pub routes: RouteTable,
    /// The upstreams themselves.
    pub sources: BTreeMap<UpstreamName, Arc<dyn ContentSource>>,
    /// What clients may read at those upstreams that say so themselves; those of them stand apart in `routes`.
    pub rights: BTreeMap<UpstreamName, Arc<dyn ClientRights>>,
    /// The local repositories; none where there is no room for any.
    pub local: Option<Arc<LocalRegistry>>,
    /// Who is let in by their credentials, and what they may do. Without it nobody needs one, and this machine's own programs
    /// change things at most.
    pub access: Option<AccessPoint>,
    /// Where changes are written down.
    pub audit: Arc<dyn Audit>,
    /// Which addresses may ask at all.
    pub clients: ClientRules,
    /// How long clients wait for an answer.
    pub patience: Patience,
    /// How often one client may ask; the first that is for it holds.
    pub limits: Vec<ClientLimit>,
}

/// How long each kind of client waits for the head of an answer while a limit is waited out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// containerd, which gives up after 30 s without headers.
    pub containerd: Duration,
    /// dockerd.
    pub docker: Duration,
    /// podman, skopeo, buildah and CRI-O, of which some give up after 10 s without progress.
    pub containers_image: Duration,
    /// Any other.
    pub other: Duration,
}

impl Patience {
    pub(crate) const fn of(self, kind: ClientKind) -> Duration {
        match kind {
            ClientKind::Containerd => self.containerd,
            ClientKind::Docker => self.docker,
            ClientKind::ContainersImage => self.containers_image,
            ClientKind::Other => self.other,
        }
    }
}

impl Default for Patience {
    fn default() -> Self {
        let usual = Duration::from_secs(20);
        Self {
            containerd: usual,
            docker: usual,
            containers_image: Duration::from_secs(8),
            other: usual,
        }
    }
}
