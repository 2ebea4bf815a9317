//! Failures whose cause is not told, and consequences of failures that stand elsewhere.

use super::{Context, Rule};
use crate::Class::{Other, StartFailure, SymptomOnly};

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
            r"filesystemlayerverificationfailed",
            r"mismatchedimagerootfs",
            r"error(?:while)?verifying(?:the)?manifest|unabletoverifymanifestdigest|manifestverificationfailed",
            r"processingtarfile|addinglayerwithblob|applylayerexitstatus",
            r#"short-name(?:resolutionenforced|["'][^"']*["']didnotresolve)"#,
            r"unsupportedmanifestmediatype|unsupportedmediatype|mediatypeinmanifest|unsupporteddocker(?:v1|v2)|schema1supportis",
            r"(?:dockerimageformatv1|manifestversion2,schema1).*(?:disabled|removed|notsupported|deprecat)",
            r"failedtoregisterlayer|failedtoextractlayer|failedtounpackimage|wrongdiffid",
            r"signature(?:verification|validation)failed|sourceimagerejected|nosignatureexists|contenttrust.*(?:error|nodata)|remotetrustdatadoesnotexist",
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
    Rule::new(
        SymptomOnly,
        &[
            r"imagepullbackoff",
            r"errimagepull",
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
            r"(?:docker|podman|nerdctl)pull.*(?:exitstatus|exitcode|returnednon-zero|exitedwith)",
            // ECS and what stands on it.
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
            // Kubernetes' controllers and those who wait for them.
            r"exceededitsprogressdeadline|progressdeadlineexceeded",
            r"(?:rollout|deployment|upgrade|installation|release).*timedoutwaitingforthecondition",
            r"waitingfordeployment.*rollouttofinish.*areavailable.*(?:timedout|error)",
            r"(?:upgrade|installation)failed:(?:contextdeadlineexceeded|timedout|resource|pre-?install|post-?install)",
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
            r"failedtocopy:",
            r"failedtoload(?:cachekey|metadata)",
            r"unexpectedstatus(?:code|from)",
            r"pullingfromhost.+failed",
            r"errorresponsefromdaemon:(?:get|head|pull|toomany|manifest)",
            r"image.*(?:unsupported|invalidtarheader)",
        ],
    )
    .uncertain(),
    Rule::new(
        Other,
        &[
            r"contextcanceled",
            r"code=canceled",
            r"code=unknown",
            r"malformedhttpresponse|malformedmimeheader",
        ],
    )
    .within(&[Context::Pull])
    .uncertain(),
    // A row of `docker service ps`, whose reason is cut: an agent that rejects a task for want of its image says so.
    Rule::new(
        StartFailure,
        &[r#"(?:ready|running|shutdown|remove)rejected(?:about|lessthan)?[a-z0-9]*ago["']"#],
    )
    .uncertain(),
];
