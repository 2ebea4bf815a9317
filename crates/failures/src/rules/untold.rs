//! Failures whose cause is none of the classes', or is not told.

use super::{Context, Rule};
use crate::Class::{Network, Other, PullLimit, StartFailure, SymptomOnly};

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
        r"contenttrust.*(?:error|nodata)|remotetrustdatadoesnotexist",
        r"nomatchingsignatures|nosignaturesfound|signature(?:verification|validation)failed|nosignatureexists",
    ],
)
.uncertain()];

/// Texts that end before their cause.
pub(super) const CUT: &[Rule] = &[
    // ECS cuts its reasons: at Docker Hub, on a manifest by digest, it is most often the pull limit.
    Rule::new(
        PullLimit,
        &[r"failedopen:unexpectedstatus(?:code|fromgetrequestto)https://registry-1\.docker\.io/v2/[^:]*manifests/sha256:[0-9a-f]*(?:\.\.\.|:?(?:4(?:2(?:9)?)?)?$|:429too_?m)"],
    )
    .uncertain()
    .of("docker.io"),
    // With the words of those who only pass a reason on.
    Rule::new(
        SymptomOnly,
        &[
            r"(?:failedtopull(?:andunpack)?image|failedtoresolvereference|failedtoresolvesourcemetadatafor|initializingsource|unabletocopyfromsource|hasbeenretried[0-9]+time)[\x22'`]?[a-z0-9./:@_()-]*[\x22'`]?(?::\W*|\.\.\.[\x22'}\])]*)$",
            r"(?:failedtocopy|failedtodorequest|failedopen|failedtoauthorize|failedtofetch(?:anonymous|oauth)token|rpcerror|code=unknown|desc=):?(?:(?:get|head|post)[\x22']?(?:https?:[^\x22',;]*)?(?:[\x22'],?:?(?:dialtcp[0-9.:]*)?)?)?(?:\.\.\.)?[\x22'}\])]*$",
        ],
    )
    .within(&[Context::Pull])
    .uncertain(),
];

/// A pull that failed of something that none of the tables knows.
pub(super) const UNTOLD_CAUSES: &[Rule] = &[
    // The kubelet's word for a registry that did not answer, or with trouble of its own.
    Rule::new(
        Network,
        &[r"registryunavailable|becausetheregistryisunavailable"],
    )
    .uncertain(),
    Rule::new(
        Other,
        &[
            r#"failedtopullimage["'][^"']+["']:.{6}"#,
            r#"errimagepull:["']?(?:rpcerror|failedto|[a-z]{3,}:)"#,
            r"errimageneverpull|pullpolicyofnever",
            r"imageinspecterror|failedtoinspectimage",
            r"registryerrorresponse",
            r"cannotbeoverwrittenbecausethe(?:tag|repository)isimmutable",
            r"mismatchedimagerootfs",
            r"error(?:while)?verifying(?:the)?manifest|unabletoverifymanifestdigest",
            r#"short-name(?:resolutionenforced|["'][^"']*["']didnotresolve)"#,
            r"unsupportedmanifestmediatype|unsupportedmediatype:?[\x22']?application/vnd|mediatypeinmanifest|unsupporteddocker(?:v1|v2)|schema1supportis",
            r"mediatype.*nolongersupported",
            r"imageisincompatiblewitha",
            r"nopolicy\.jsonfilefound",
            r"addinglayerwithblob|applylayerexitstatus",
            r"(?:dockerimageformatv1|manifestversion2,schema1).*(?:disabled|removed|notsupported|deprecat)",
            r"failedtogetfilesystemfromimage|tomakewayfornewsymlink|logintodockerhuberror",
            r#""errors":\[\{"code":"unknown""#,
            r"encounteredremote.*whenfetching",
            r"maxdepthexceeded|missingsignaturekey|invalidrootfsinimage",
            r"manifest_?invalid|errorparsingmanifest|unsupportedschemaversion|unsupportedmanifest",
        ],
    )
    .uncertain(),
    // What a registry refuses for none of the reasons that have a class.
    Rule::new(
        Other,
        &[r"(?:status|statuscode)[a-z]{0,12}[\x22':=(\[]{0,4}4(?:0[0257]|1[0-8]|2[0-8]|51)(?:[^0-9.]|\.?$)"],
    )
    .asked()
    .uncertain(),
    Rule::new(Other, &[r"errorparsingimagename"]).unless(&[Context::Mention]).uncertain(),
];

/// A name that is none, and an engine that is not there: nobody was asked for an image.
pub(super) const NEVER_ASKED: &[Rule] = &[Rule::new(
    Other,
    &[
        r"invalidreferenceformat|invalidreference:(?:missing|invalid)(?:registry|repository|tag|digest)|invalidimagename|invalidimagereference|invaliddockerimage",
        r"couldn'tparseimage(?:name|reference)|couldnotparse(?:image)?reference|cannotparse(?:the)?(?:docker)?imagereference",
        r"(?:failed|unable)to(?:parse|normalize)image(?:name|ref)|errorparsingreference:[\x22']|errorparsingimagereference",
        r"failedtoapplydefaultimagetag|isnotavalidrepository/tag|invalidtag[\x22'][^\x22']+[\x22']:(?:invalid|repository)",
        r"repositorynamemustbe|repositorynamecomponent|(?:repository|tag)canonlycontain|validrfc3986uriauthorit",
        r"cannotconnecttothedockerdaemon|isthedockerdaemonrunning|docker(?:daemon|engine)?isnotrunning",
        r"couldn'tconnecttodockerdaemon|failedtoconnecttothedockerapi|errorduringconnect:.*docker_?engine",
        r"(?:cannot|unableto)connectto(?:the)?podman|notabletoconnecttodocker|unabletoconnecttodocker",
        r"fetchingserverapiversion|couldnotfindavaliddockerenvironment|istoo(?:old|new)\.(?:minimum|maximum)supportedapiversion",
        r"permissiondeniedwhiletryingtoconnecttothedocker.*/images/create",
        r"unknownserviceruntime\.v1(?:alpha2)?\.|criv1(?:image|runtime)apiisnotimplemented",
    ],
)
.unless(&[Context::Mention])
.uncertain()];

/// A pull that failed, and no more.
pub(super) const RULES: &[Rule] = &[
    Rule::new(
        Other,
        &[
            r#"failedtopull(?:image|andunpack|manifest|artifact|container|oci|docker|base|["'`]|[a-z0-9_.-]+[/:][a-z0-9])"#,
            r"cannotpull(?:container|imagemanifest|ecr)",
            r"errorpullingimage|errorwhilepullingimage|pullingimagefailed|failedpulling(?:the)?image|imagepullfailed",
            r"(?:couldnot|couldn't|unableto|can't|cannot)pull(?:the)?(?:docker|container|base|oci)?(?:image|artifact)",
            r"unabletopull(?:docker|oci|oras|library|shub)://|conveyorfailedtoget",
            r"dockerregistryfailure:|errorobtainingdockertoken",
            r"retrylimitreachedwhiletryingtopull|can'tgetdockerimage|containerfetchexception",
            r"initializingsource",
            r"failedtoresolvereference|failedtoresolveref|failedtoresolvesourcemetadata|failedtoresolveimage",
            r"writingblob:|copyingsystemimage",
            r"error(?:initializingsource|readingmanifest|choosingimageinstance|writingblob)",
            r"httpread(?:er)?seeker:failedopen",
            r"notcontinuingwithpullaftererror|attemptingnextendpointforpullaftererror",
            r"(?:^|[^/#])toomanyrequests:",
            r"errorfromregistry:",
            r"unabletocopyfromsource",
            r"pullingfromhost.+failed",
            r"errorresponsefromdaemon:(?:get|head|pull|toomany|manifest)",
            r"image.*(?:unsupported|invalidtarheader)",
            r"(?:installation|upgrade)failed:failedtodownload|failedtodownload\x22oci:",
            r"imagefetch(?:ing)?failed|containerimportfailed",
            r"unabletoupdatecontainer",
            r"dockerpull[a-z0-9./:@_-]+failed",
            // Docker's API, whose answer nobody kept.
            r"forurl:http\+docker:.*/images/create\?|forapirouteandversion.*/images/create\?",
            r"proxyrepo[a-z0-9._-]+failedtofetchv2/",
        ],
    )
    .uncertain(),
    Rule::new(
        Other,
        &[
            r"(?:docker|podman|nerdctl|crictl|ctr)(?:image)?pull.+(?:errorresponsefromdaemon:|fata\[|error:)",
            r"failedtocopy:|failedtodorequest:",
            r"failedtoload(?:cachekey|metadata)",
            r"unexpectedstatus(?:code|from)",
            r"contextcanceled",
            r"code=canceled",
            r"code=unknown",
            r"malformedhttpresponse|malformedmimeheader|invalidcharacter'<'lookingfor",
            r"unexpectedendofjsoninput|missingoremptycontent-lengthheader",
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
