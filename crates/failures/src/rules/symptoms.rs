//! Consequences of failures that stand elsewhere.

use super::{Context, Rule};
use crate::Class::SymptomOnly;

pub(super) const RULES: &[Rule] = &[
    Rule::new(SymptomOnly, &[r"imagepullbackoff", r"errimagepull", r"reason[:=]?[\x22']?imagepullfailure"]).unless(&[Context::Mention]),
    Rule::new(
        SymptomOnly,
        &[
            r"back-?offpullingimage",
            r"nosuchimage:",
            r"nosuchimage[\x22'}]*$",
            r"tryingandfailingtopullimage",
            r"(?:image|waitingtostart).*(?:can't|cannot|couldnot|couldn't)bepulled",
            r"couldnotbeaccessedonaregistrytorecorditsdigest",
            // BuildKit on a terminal: why stands below all steps.
            r"=>error\[[a-z0-9_.-]*internal\]loadmetadatafor",
            r"underweightingnode.+failuresorrejections",
            r"(?:update|rollback)(?:paused?|rolledback)dueto(?:failure|early)",
            r"updatepaused|rollbackcompleted|servicerolledback|rolledback:update",
            r"nosuitablenode",
            r"dockerpullfailedwithexitcode",
            // That it failed, and not a word on why.
            r"failedtopull(?:the|a|your|docker|container|base)*images?(?:from[a-z]+)?(?:[.!\x22'`}\])\\]*$|,(?:will|using|continuing|skipping|retrying|falling|trying|but))",
            r"(?:failedto|unableto|failed)pull(?:ing)?(?:image|[a-z0-9_.-]+/).*:exitstatus[0-9]+\W*$",
            r"replicated0/[1-9]|global0/[1-9]",
            r"(?:docker|podman|nerdctl)pull.*(?:exitstatus|exitcode|returnednon-zero|exitedwith)",
            r"unabletopulldockerimage[^:]*\.checkifimage",
            r"waitingforpod[a-z]*:?.*timedoutwaitingforpod|timedoutwaitingforpodtostart|podtooktoolongtostart",
            r"podscheduledtimedout|taskrunimagepullfailed",
            // The CLI of Swarm, while it waits.
            r"verify:detectedtaskfailure",
            r"overallprogress:0outof[1-9][0-9]*tasks.*1/[1-9]:(?:nosuchimage|task:|starting)",
            // Who calls Docker's API.
            r"couldnot(?:create/)?startcontainer|containerstartupfailed",
            r"timedoutwaitingforcontainerport|timedoutwaitingforlogoutput|timedoutwaitingforurltobeaccessible",
            r"retrylimithitwithexception",
            r"logstreamendedandmessage.*notreceived|port[0-9]*notboundafter[0-9]+ms|mappedportcanonlybeobtainedafter",
            r"waituntilready:",
            r"encounterederrorswhilebringinguptheproject",
        ],
    )
    .unless(&[Context::Mention]),
    // What the kubelet tells of a container that is not ready. Without its event it is any program's trouble.
    Rule::new(
        SymptomOnly,
        &[
            r"(?:warning|unhealthy).*(?:readiness|liveness|startup)probe(?:failed|errored)",
            r"probefailed.*containersarenotready",
        ],
    )
    .within(&[Context::Event]),
];
