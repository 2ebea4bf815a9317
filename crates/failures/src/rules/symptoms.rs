//! Failures whose cause is not told, and consequences of failures that stand elsewhere.

use super::{Context, Rule};
use crate::Class::{Other, StartFailure, SymptomOnly};

/// What came is not what was asked for, whatever else is said of the connection.
pub(super) const DAMAGED_CONTENT: &[Rule] = &[Rule::new(
    Other,
    &[
        r"failedsizevalidation|sizevalidationfailed|unexpectedcommitdigest",
        r"filesystemlayerverificationfailed|(?:imageconfig|manifest)verificationfailed",
        r"unexpectedmediatype",
        r"failedtogetreaderfromcontentstore|layersfrommanifestdon'tmatchimageconfiguration",
    ],
)
.uncertain()];

/// A cluster's or a registry's own rules on what may run: "denied" and "forbidden" then speak of no credentials.
pub(super) const ADMISSION: &[Rule] = &[Rule::new(
    Other,
    &[
        r"imagepolicywebhook",
        r"deniedby(?:clusteradmissionrule|attestor|projects/)|binaryauthorization|binauthz",
        r"admissionwebhook.*deniedtherequest.*(?:image|registry|repo)",
        r"validatingadmissionpolicy.*denied.*(?:image|registry|repo)",
        r"sourceimagerejected|rejectedbypolicy|blockedby(?:xray|policy|thepolicy|curation)|downloadrequestrejected",
        r"duetoconfiguredpolicy|preventimageswithvulnerability|projectpolicyviolation|toconfiguredpolic",
        r"imageverificationfailed|failedtoverifyimage",
        r"nomatchingsignatures|signature(?:verification|validation)failed|nosignatureexists",
    ],
)
.uncertain()];

/// A pull that failed of something that none of the tables knows.
pub(super) const UNTOLD_CAUSES: &[Rule] = &[
    Rule::new(
        Other,
        &[
            r#"failedtopullimage["'][^"']+["']:.{6}"#,
            r#"errimagepull:["']?(?:rpcerror|failedto|[a-z]{3,}:)"#,
            r"errimageneverpull|pullpolicyofnever",
            r"invalidimagename|couldn'tparseimagereference|invalidreferenceformat",
            r"imageinspecterror|failedtoinspectimage",
            r"registryunavailable|registryerrorresponse",
            r"mismatchedimagerootfs",
            r"error(?:while)?verifying(?:the)?manifest|unabletoverifymanifestdigest",
            r#"short-name(?:resolutionenforced|["'][^"']*["']didnotresolve)"#,
            r"unsupportedmanifestmediatype|unsupportedmediatype|mediatypeinmanifest|unsupporteddocker(?:v1|v2)|schema1supportis",
            r"mediatype.*nolongersupported",
            r"imageisincompatiblewitha",
            r"nopolicy\.jsonfilefound",
            r"failedtoregisterlayer|failedtoextractlayer|failedtounpackimage|wrongdiffid",
            r"processingtarfile|addinglayerwithblob|applylayerexitstatus|invalidtarheader",
            r"failedtodecompress|failedtoconvertwhiteout|failedtoprepareextractionsnapshot",
            r"(?:dockerimageformatv1|manifestversion2,schema1).*(?:disabled|removed|notsupported|deprecat)",
            r"encounteredremote.*whenfetching",
            r"maxdepthexceeded|missingsignaturekey|invalidrootfsinimage",
            r"couldn'tparseimagename|failedtoapplydefaultimagetag|errorparsingimagename",
            r"contenttrust.*(?:error|nodata)|remotetrustdatadoesnotexist",
        ],
    )
    .uncertain(),
    // ECS cuts its reasons: at Docker Hub, on a manifest by digest, it is most often the pull limit.
    Rule::new(
        crate::Class::PullLimit,
        &[r"failedopen:unexpectedstatus(?:code|fromgetrequestto)https://registry-1\.docker\.io/v2/[^:]*manifests/sha256:[0-9a-f]*(?:\.\.\.|:?(?:4(?:2(?:9)?)?)?$|:429too_?m)"],
    )
    .uncertain()
    .of("docker.io"),
];

pub(super) const RULES: &[Rule] = &[
    Rule::new(SymptomOnly, &[r"imagepullbackoff", r"errimagepull"]).unless(&[Context::Mention]),
    Rule::new(
        SymptomOnly,
        &[
            r"back-?offpullingimage",
            r"nosuchimage:",
            r"nosuchimage$",
            r"tryingandfailingtopullimage",
            r"(?:image|waitingtostart).*(?:can't|cannot|couldnot|couldn't)bepulled",
            r"couldnotbeaccessedonaregistrytorecorditsdigest",
            r"underweightingnode.+failuresorrejections",
            r"(?:update|rollback)paused?dueto(?:failure|early)",
            r"updatepaused|rollbackcompleted|servicerolledback|rolledback:update",
            r"nosuitablenode",
            r"dockerpullfailedwithexitcode",
            r"failedtopullimage[^:]+:?[^:]*:exitstatus[0-9]",
            r"replicated0/[1-9]|global0/[1-9]",
            r"(?:docker|podman|nerdctl)pull.*(?:exitstatus|exitcode|returnednon-zero|exitedwith)",
            r"unabletopulldockerimage[^:]*\.checkifimage",
            r"waitingforpod[a-z]*:?.*timedoutwaitingforpod|timedoutwaitingforpodtostart|podtooktoolongtostart",
            r"podscheduledtimedout|taskrunimagepullfailed",
            // ECS and what stands on it.
            r"unabletopullsecretsorregistryauth",
            r"cannotpull(?:container|imagemanifest|ecrcontainer)error.*hasbeenretried[0-9]+time",
            r"build_container_unable_to_pull_image",
            r"hasnorunningtasks|desired:?[0-9]+,running:?0",
            r"failedtolaunchatask|wasunabletoreachasteadystate",
            r"waitingforecsservice.*timeout|timeoutwhilewaitingforstate.*(?:tfstable|tfpending)",
            r"ecsdeploymentfailed|tasksetfailedtostabilize",
            r"wasunabletoplaceatask",
            r"essentialcontainerintaskexited",
            r"deploymentfailed:taskfailed|deploymentfailed:tasksfailed",
            r"tasksfailedtostart|taskfailedtostart|taskfailedtostop",
            r"deploymentcircuitbreaker",
            r"elbhealthchecks",
            r"healthchecksfailed",
            r"failedcontainerhealthchecks|failedelbhealthcheck",
            r"isunhealthyin\(?target-group",
            r"isunabletoconsistentlystarttasks",
            r"isnotinthestateservicesstable|taskstoppedat",
            r"didnotstabilize|notstabilized",
            r"exceededattemptstowait",
            r"resourcetimedoutwaitingforcompletion",
            r"thefollowingresource\(s\)failedto(?:create|update)",
            r"aws::ecs::service.*(?:create_failed|update_failed|delete_failed)",
            r"(?:create_failed|update_failed).*aws::ecs::service",
            r"aws::cloudformation::stack.*(?:rollback_in_progress|rollback_complete|rollback_failed|create_failed)",
            r"(?:stack|status).*(?:update_rollback_in_progress|update_rollback_complete|rollback_in_progress|rollback_complete|update_rollback_failed)",
            r"waiter(?:tasksrunning|servicesstable|stack[a-z]{1,20})failed",
            r"servicesstable.*(?:maxattemptsexceeded|failed)|waiterservicesstablefailed|waiterdeploymentsuccessful",
            r"thestacknamed.+failed(?:creation|todeploy|toupdate)",
            // Nomad.
            r"exceededallowedattempts[0-9]+ininterval",
            r"unhealthybecauseoffailedtask|failedduetounhealthyallocations",
            r"failedduetoprogressdeadline",
            // Kubernetes' controllers and those who wait for them.
            r"error:waitingforrolloutto|replicaswanted;0replicasready",
            r"timedoutwaitingforthecondition(?:on|$)",
            r"hastimedoutprogressing",
            r"(?:failedtofullyinitialize|timedoutwaitingtobeready)",
            r"timeoutwaitingfor:\[(?:deployment|statefulset|daemonset|job|pod|helmrelease)",
            r"exceededitsprogressdeadline|progressdeadlineexceeded",
            r"(?:rollout|deployment|upgrade|installation|release).*timedoutwaitingforthecondition",
            r"waitingfordeployment.*rollouttofinish.*areavailable.*(?:timedout|error)",
            r"(?:upgrade|installation)failed:(?:contextdeadlineexceeded|clientratelimiterwait|timedout|resource|pre-?install|post-?install)",
            r"containersnotready|containerswithunreadystatus|containerswithincompletestatus",
            r"minimumreplicasunavailable|doesnothaveminimumavailability",
            r"pending.*(?:containercreating|imagepull)",
            r"backofflimitexceeded|jobhasreachedthespecifiedbackofflimit",
        ],
    ),
    Rule::new(
        Other,
        &[
            r#"failedtopull(?:image|andunpack|manifest|artifact|container|oci|docker|base|["'`]|[a-z0-9_.-]+[/:][a-z0-9])"#,
            r"cannotpull(?:container|imagemanifest|ecr)",
            r"errorpullingimage|errorwhilepullingimage|pullingimagefailed|imagepullfailed",
            r"(?:couldnot|couldn't|unableto|can't|cannot)pull(?:the)?(?:docker|container|base)?image",
            r"can'tgetdockerimage|containerfetchexception",
            r"initializingsource",
            r"failedtoresolvereference|failedtoresolveref|failedtoresolvesourcemetadata|failedtoresolveimage",
            r"error(?:initializingsource|readingmanifest|choosingimageinstance|writingblob)",
            r"httpread(?:er)?seeker:failedopen",
            r"notcontinuingwithpullaftererror|attemptingnextendpointforpullaftererror",
            r"toomanyrequests:",
            r"errorfromregistry:",
            r"unabletocopyfromsource",
            r"pullingfromhost.+failed",
            r"errorresponsefromdaemon:(?:get|head|pull|toomany|manifest)",
            r"image.*(?:unsupported|invalidtarheader)",
        ],
    )
    .uncertain(),
    Rule::new(
        Other,
        &[
            r"failedtocopy:",
            r"failedtoload(?:cachekey|metadata)",
            r"unexpectedstatus(?:code|from)",
            r"contextcanceled",
            r"code=canceled",
            r"code=unknown",
            r"malformedhttpresponse|malformedmimeheader",
        ],
    )
    .within(&[Context::Pull])
    .uncertain(),
    // A row of `docker service ps`, whose reason is cut and stands there to its closing quote: an agent that rejects a
    // task for want of its image says so.
    Rule::new(
        StartFailure,
        &[r#"(?:ready|running|shutdown|remove)rejected(?:about|lessthan)?[a-z0-9]*ago["'].+["']"#],
    )
    .uncertain(),
];
