//! What keeps a container from starting or running, and a full disk.
//!
//! They come before what a connection died of: "failed to create shim task: context deadline exceeded" is no pull's
//! time-out, and a volume's "connection refused" no registry's.

use super::{Context, Rule};
use crate::Class::{NoSpace, NotFound, Other, StartFailure};

/// A full disk, or what may be used of it.
pub(super) const DISKS: &[Rule] = &[
    Rule::new(
        NoSpace,
        &[
            r"nospaceleftondevice",
            r"diskquotaexceeded",
            r"notenoughspaceonthedisk",
            r"notenough(?:free)?(?:disk)?space",
            r"insufficient(?:disk|storage)space",
            r"enospc",
            r"errno28|oserror28",
            r"devicehasnospace",
            r"lowondiskspace|outofdiskspace|diskisfull|diskfull",
        ],
    )
    .within(&[Context::Engine]),
    Rule::new(
        NoSpace,
        &[
            // With the code that containerd puts behind what is no error of its own.
            r"nospaceleftondevice:unknown",
            // Only Docker's old storage has such a pool.
            r"thinpoolhas[0-9]+free(?:data|metadata)?blocks|createmorefreespaceinthinpool",
            // GitHub's runners: images are what fills them.
            r"nospaceleftondevice:?[\x22']?/[a-z0-9/._-]*/_diag/|therunnerwillstopworkingwhenthemachinerunsoutofdiskspace",
            r"lowonresource:\[?(?:ephemeral-storage|imagefs|nodefs|containerfs|inodes|diskpressure)",
            r"failedtogarbagecollectrequiredamountofimages",
            r"freediskspacefailed",
            r"imagegcfailed",
            r"(?:evictionthresholdmet|evictpod\(s\)toreclaim).*(?:ephemeral-storage|nodefs|imagefs)",
            r"conditions?:\[diskpressure\]",
            r"nodehasdiskpressure",
            r"attemptingtoreclaimephemeral-storage",
            r"ephemerallocalstorageusageexceeds",
            r"exceeds?(?:its)?(?:local)?ephemeral-?storagelimit",
            r"(?:evicted|taint).*disk-?pressure",
        ],
    ),
];

/// What ECS calls it. Before layers that do not unpack: a container's own is mounted and copied, too.
pub(super) const STARTING: &[Rule] = &[Rule::new(
    StartFailure,
    &[r"cannot(?:start|create|inspect)containererror"],
)];

pub(super) const RULES: &[Rule] = &[
    // Engines say so, too, where a container cannot be created for want of its image.
    Rule::new(NotFound, &[r"failedtocreatecontainer:nosuchimage"]),
    Rule::new(
        StartFailure,
        &[
            r"ociruntime(?:[^s]|st|$)",
            r"containerinitcaused",
            r"failedtocreateshim",
            r"unabletostartcontainerprocess",
            r"startingcontainerprocess",
            r"crashloopbackoff",
            r"back-?off[0-9smh]*restartingfailed",
            r"oomkilled|oom-killed|oom-kill:constraint=constraint_memcg",
            r"memorycgroupoutofmemory",
            r"containerkilledduetomemory",
            r"outofmemoryerror:container",
            r"invalid(?:bind|volume)?mount(?:config|source|target|path)",
            r"bindsourcepathdoesnotexist",
            r"errorwhilemountingvolume",
            r"failedtomountlocalvolume",
            r"execformaterror|exec/[^:]+:execformat",
            r"execuserprocesscaused",
            r"portisalreadyallocated",
            r"addressalreadyinuse.*docker|(?:docker|responsefromdaemon:).*addressalreadyinuse",
            r"driverfailedprogrammingexternalconnectivity",
            r"failedtocreateendpoint",
            r"createcontainer(?:config)?error",
            r"runcontainererror",
            r"(?:^|[^a-z])starterror",
            r"[0-9]init:error|init:crashloop",
            r"poststarthook(?:error|failed)|failedpoststarthook",
            r"containerruntimetimeouterror|dockertimeouterror",
            r"task:non-zeroexit",
            r"dockerexec:",
            r"mountvolume\.(?:setup|mountdevice)failed",
            r"attachvolume\.attachfailed",
            r"unabletoattachormountvolumes",
            r"failedmount",
            r"unabletomountvolumes",
            r"failedattachvolume",
            r#"(?:error:|error:couldn'tfindkey.*)(?:configmap|secret)s?"?["'][^"']+["']not(?:found|$|["'}.])"#,
            r"couldn'tfindkey.+in(?:configmap|secret)",
            r"containerhasrunasnonroot",
            r"imagewillrunasroot",
            r"thecontainername.+isalreadyinuse",
            r"failedtostartcontainer|cannotstartcontainer[0-9a-f]{12}|responsefromdaemon:cannotstartcontainer",
            r"startingcontainerfailed",
            r"failedtocreatecontainer(?:d)?task",
            r"failedtogeneratecontainer",
            r"failedtocreatecontainer(?:$|[^d]|d[^c])",
            r"failedtorestoremask|failedtomountroot",
            r"nocommandspecified",
            r"couldnotselectdevicedriver",
            r"mountsdenied",
            r"arenotsharedfromthehost",
            r"livenessprobefailed.*(?:restart|willbe)",
            r"failed(?:liveness|startup)probe,willberestarted|isbackingoffwaitingtorestart",
            r"failedtovalidateloggerargs",
            r"failedtoinitializeloggingdriver",
            r"failedtoinvokeefsutils|mount\.nfs4?:",
            r"networknotfound:|network[a-z0-9_.-]+notfound$|network[a-z0-9_.-]+declaredasexternal,butcouldnotbefound",
            r"container[a-z0-9_.-]+isunhealthy|dependencyfailedtostart",
            r"errorwhilecreatingmountsourcepath",
            r"[a-z0-9_.-][_-][0-9]{1,3}exitedwithcode[1-9]",
            r"exited\([1-9][0-9]{0,2}\).*ago",
            r"exitcode:?13[479]",
            // Without its files: what a shell and a loader answer then; and killed by a signal.
            r"exitedwithcode(?:12[67]|13[0-9])(?:[^0-9]|$)",
            r"errorstartinguserlandproxy",
            r"rpcerror.*createcontainerrequest",
            r"no?suchfileordirectory:ociruntime",
            r"ocipermissiondenied|(?:runc|crun)(?:create|run|exec)failed|(?:^|[^a-z])crun:",
            r"failedto(?:prepare|create)subpath",
            r"cannotfindvolume.*tomountintocontainer|volumemount.*ofcontainer",
            r"containercreatefailed|containercannotrun",
            r"errorgatheringdeviceinformation",
            r"nvidia-container-cli:",
            r"(?:seccomp|apparmor)profile.*(?:fail|notfound|unable|cannot)|unabletoapplyapparmorprofile",
            r"task:unhealthycontainer",
            r#"exitmessage:?["']+oomkilled|oomkilling"#,
            r"pooloverlapswithotherone",
            r"networksandboxjoinfailed",
            r"containerexitedwithnon-zeroexitcode",
            r"invalidvolumespecification",
            r"cannotmountvolumeover",
            r"readyforstart:false|isnotadirectory:unknown|areyoutryingtomountadirectoryontoafile",
            r"unknownorinvalidruntimename",
            r"ulimit.*operationnotpermitted:unknown",
            r"rootlessport|cannotexposeprivilegedport|portsarenotavailable:|failedtobind(?:host)?port",
            r"netavark:|aardvark-dns:|conmonexited|conmonfailed",
            r"error:statfs/",
            r"(?:^|[^a-z])exec\.?/[^:]+:(?:nosuchfileordirectory|permissiondenied)",
            r#"exec:["'][^"']+["']:(?:executablefilenotfound|nosuchfileordirectory|permissiondenied|stat)"#,
            r"unresolvablecdidevices",
            r"cgroup-parentforsystemdcgroup|didnotreceivesliceasparent",
            r"cgroupmountpointdoesnotexist|cannotentercgroup",
            r"ismountedon/.*butitisnotasharedmount",
            // Those who run containers as a service.
            r"failingsitestart|didn'trespondtohttppings",
            r"container(?:has)?failedtostart(?:and(?:then)?listen|\.|$)|failedtostartandthenlistenontheport",
            r"containerfailedtobecomehealthy",
            r"release_command(?:failedrunningon)?machine[0-9a-z]+(?:withexitcode|exitedwith)",
            r"isalreadyusingaportrequiredbyyourtask",
            r"diedduetooom|killedasaresultoflimitof/(?:docker|kubepods|ecs|system)|runc:\[[12]:[a-z]+\]invokedoom",
            r"containercommand(?:'[^']*')?(?:notfound|couldnotbeinvoked)",
            r"isrestarting,waituntilthecontainer|failedtocreatetaskfor|failedtocreatettrpc",
            r"readunix@->@/containerd-shim",
        ],
    ),
    Rule::new(
        StartFailure,
        &[
            r"executablefilenotfoundin\$path",
            r"exec:?\S+permissiondenied",
            r"nosuchfileordirectory:unknown",
            r"operationnotpermitted:unknown",
        ],
    )
    .within(&[Context::Engine]),
];

/// What is said of a pod's sandbox also when its pause image could not be pulled: only where no cause of that stands there.
pub(super) const LATE_RULES: &[Rule] = &[
    // Cut before it says why.
    Rule::new(Other, &[r"failedtogetsandboximage"]).uncertain(),
    Rule::new(
        StartFailure,
        &[
            r"failedtosetupnetworkforsandbox",
            r"failedtoreservesandboxname",
        ],
    ),
    // Why stands behind it.
    Rule::new(
        StartFailure,
        &[
            r"failedtocreatecontainerdcontainer",
            r"creatingcontainerstorage:",
            r"failedcreatepodsandbox",
            r"failedtocreatepodsandbox",
            r"failedtosetupsandbox",
        ],
    )
    .uncertain(),
];
