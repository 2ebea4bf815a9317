//! What keeps a container from its network, its name and its host: CNI, ports, names, Windows, devices.

use super::Rule;
use crate::Class::StartFailure;

pub(super) const RULES: &[Rule] = &[Rule::new(
    StartFailure,
    &[
        // Mounts, as the runtime tells them without its name.
        r"errormounting.*torootfs",
        r"ocinotfound",
        // Windows' host compute service.
        r"encounteredanerrorduring(?:hcs::|start|create|createprocess|createcontainer|waiting|shutdown)",
        r"failureinawindowssystemcall|hcs::(?:createcomputesystem|system::|process::)|hcsshim::(?:createcomputesystem|runprocess)",
        r"containeroperatingsystemdoesnotmatchthehost",
        r"hnscallfailed|hnsfailedwitherror|failedtocreatenetwork.*hns",
        // Networks.
        r"networkstatusforsandbox|cniplugin(?:is)?notinitialized|cniconfiguninitialized",
        r"failedtosetuppod.*network|networkplugin(?:cni)?failed|failedtosetupcontainernetworking",
        r"/run/flannel/subnet\.env|noipaddressesavailableinrangeset|failedtoassignanipaddresstocontainer",
        r"failedtosetupalloc|failedtoconfigurenetwork(?:ing)?foralloc|plugintype=[^:]+failed\((?:add|delete)\)",
        r"pooloverlapswithotherone|couldnotfindanavailable,non-overlapping",
        // Ports and names that are taken.
        r"failed(?:to)?bind(?:ing)?(?:to)?(?:the)?hostport|bindfor[0-9.:\[\]]+failed",
        r"couldnotstartcontainer:?.*addressalreadyinuse|cannotlistenonthetcpport",
        r"anattemptwasmadetoaccessasocketinawayforbidden.*docker|portsarenotavailable",
        r#"(?:container)?name"[^"]+"isalready(?:used|inuse)by|failedtoreservecontainername|nameisreservedfor"#,
        // Users.
        r"breaksnon-rootpolicy|cannotverifyuserisnon-root|hasnon-numericuser",
        r"unabletofind(?:user|group)[^:]+:(?:nomatchingentries|invalid)|nomatchingentriesinpasswdfile",
        // Resources.
        r"minimummemorylimitallowedis|rangeofcpusisfrom|requestedcpusarenotavailable",
        r"failedtowrite[^:]*:?.*/sys/fs/cgroup|settingcgroupconfig",
        r"unexpectedadmissionerror|requestednumberofdevicesunavailable|failedtoinjectcdidevices",
        // Files of a Kubernetes volume.
        r"timeoutexpiredwaitingforvolumes|unattached/unmountedvolumes",
        r"isunhealthy(?:\(proberesult:[a-z]+\))?,itwillbekilled",
        r"hostpathtypecheckfailed|failedtosync(?:configmap|secret)cache|multi-attacherrorforvolume",
        r"referencesnon-existent(?:secret|config)key",
        // Entry points.
        r"execcontainerprocess|missingdynamiclibrary",
        r"/bin/(?:ba)?sh\^m:badinterpreter",
        // What a container's state says of its end.
        r"waitstrategyfailed\.containerexited|container[a-z0-9'\x22._-]*wasterminatedwithexitcode[\x22']*(?:[0-9]|andreason[\x22']?container)",
        r"(?:lastst|st)ate:terminatedreason:(?:error|containercannotrun|oomkilled)",
        r"container.*didnotstartwithinexpectedtimelimit|hasexited,failingsitestart|persistentfailuretostartcontainer",
        r"appappearstobecrashing|reacheditsmaxrestartcount|smokechecksfor.*failed",
        r#"service"[^"]+"didn'tcompletesuccessfully:exit"#,
    ],
)];
