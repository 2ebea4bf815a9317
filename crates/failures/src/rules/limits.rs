//! The words by which limiters are known.
//!
//! Order: Docker Hub's pull limit, its abuse limit, its lockout, its web API, then other registries. A lockout's text also
//! holds "toomanyrequests", and Wave's holds "pull rate limit": each phrase is as narrow as its limiter. The texts of all
//! years live side by side, in proxies' copies too (hub-facts §7, §10, §11).

use super::{Context, Rule};
use crate::Class::{
    AbuseLimit, HubApiLimit, KubeletThrottle, LoginLockout, OtherRegistryLimit, PullLimit,
};

pub(super) const RULES: &[Rule] = &[
    // Since November 2020, and since February 2025 with "unauthenticated" or the account.
    Rule::new(
        PullLimit,
        &[
            r"reachedyour(?:unauthenticated|authenticated)?pullratelimit",
            r"docker\.com/increase-rate-li",
            r"youmayincreasethelimitby(?:authenticating|upgrading)",
            // Nobody else tells whose budget it is, and so.
            r"(?:^|[^`])pullratelimitas[\x22'][a-z0-9]",
            // Home Assistant's Supervisor.
            r"too_?many_?requeststodockerhubwhichactivatedaratelimit",
        ],
    )
    .unless(&[Context::Code])
    .of("docker.io"),
    // May to November 2020.
    Rule::new(
        PullLimit,
        &[r"too_?many_?requests\.?pleaseseehttps?://docs\.docker\.com/docker-hub/download-rate-limit"],
    )
    .of("docker.io"),
    Rule::new(AbuseLimit, &[r"too_?many_?requests?\.?\(hap429|hap429\)"])
        .unless(&[Context::Code])
        .of("docker.io"),
    Rule::new(
        LoginLockout,
        &[
            r"toomanyfailedloginattemptsforusernameoripaddress",
            r"unauthorized:toomanyfailedloginattempts",
        ],
    )
    .of("docker.io"),
    Rule::new(LoginLockout, &[r"failedloginattempts|toomanyloginattempts"])
        .within(&[Context::Pull])
        .of("docker.io"),
    Rule::new(
        HubApiLimit,
        &[
            // registry.hub.docker.com is the registry, but for what it answers on behalf of the web API.
            r"(?:^|[^.])hub\.docker\.com(?::443)?/(?:v2|v1|api|auth)",
            r"hub\.docker\.com(?::443)?/v[12]/(?:repositories|namespaces|users|orgs)/",
        ],
    )
    .within(&[Context::TooMany])
    .of("docker.io"),
    Rule::new(
        HubApiLimit,
        &[r"rate-?limit(?:exceeded|hit|reached)", r"requestwasthrottled", r"x-ratelimit-remaining:?0(?:[^0-9]|$)"],
    )
        .within(&[Context::HubApi])
        .of("docker.io"),
    // Its body, where a client does not say whom it asked.
    Rule::new(
        HubApiLimit,
        &[
            // Not where it is only named: in a list of risks, in a title.
            r"dockerhub(?:web)?apiratelimit(?:ed|error|exceeded|hit|reached|is|was|has|:)",
            r#"\{["']detail["']:["']ratelimitexceeded\.?["'],["']error["']:false"#,
        ],
    )
    .of("docker.io"),
    Rule::new(
        HubApiLimit,
        &[
            // Not where a client tells of the page on which to make an account.
            r"(?:^|[^.])hub\.docker\.com(?::443)?/?(?:$|[^/a-z]|return|respond|answer|rate|api|fail|status|error|is|said|http|with|gave|got|code)",
            r"dockerhub(?:web)?api",
            r"hub-toolaccount",
            r"dockerhubsearch",
            r"dockerhub.*list(?:ing)?(?:all)?(?:of)?(?:the|its)?tags|list(?:ing)?(?:all)?(?:the)?tags.*dockerhub",
        ],
    )
    .within(&[Context::TooMany])
    .of("docker.io"),
    // Tools that say it of an address.
    Rule::new(
        HubApiLimit,
        &[r"hub\.docker\.com/v2/[^,;]*page(?:_size)?=[0-9]+ratelimit"],
    )
    .of("docker.io"),
    Rule::new(HubApiLimit, &[r"paginationoffsettoolargeforanonymousrequests"]).of("docker.io"),
    // GHCR says when to come back, in microseconds.
    Rule::new(
        OtherRegistryLimit,
        &[
            r"retry-after:[0-9.]+(?:ns|us|µs|μs|ms|m|s)[0-9.a-zµμ]*,allowed:[0-9]+/",
            r"toomanyrequests:retry-after:",
        ],
    )
    .of("ghcr.io"),
    Rule::new(
        OtherRegistryLimit,
        &[r"toomanyrequests:(?:rateexceeded|datalimitexceeded)", r"datalimitexceeded"],
    )
    .within(&[Context::Pull])
    .of("public.ecr.aws"),
    Rule::new(
        OtherRegistryLimit,
        &[
            r"(?:throttlingexception|rateexceeded|toomanyrequestsexception|limitexceededexception)",
        ],
    )
    .within(&[Context::Ecr])
    .of("ecr"),
    // AWS's clients, where only what they were about tells that it was the registry.
    Rule::new(
        OtherRegistryLimit,
        &[r"(?:image(?:details|manifest|layer)|pulling(?:container|image)|pullimage).*(?:throttlingexception|toomanyrequestsexception)"],
    )
    .of("ecr"),
    // In a registry's envelope, with words of its own.
    Rule::new(
        OtherRegistryLimit,
        &[r#""errors":\[\{"code":"toomanyrequests","message":"(?:too_?many_?requests|[a-z-]*rate-?limit|requestlimit|[a-z-]*throttl|quota|slowdown)"#],
    )
    .uncertain(),
    Rule::new(
        OtherRegistryLimit,
        &[r"429responsebody:.*exceeded.*limit"],
    )
    .uncertain(),
    // Harbor's, of the registry that it stands for.
    Rule::new(
        OtherRegistryLimit,
        &[r"too_?many_?requests?toupstreamregistry"],
    ),
    Rule::new(
        OtherRegistryLimit,
        &[
            r"quotaexceededforquotametric.*requestsperprojectperregion",
            r"quotaexceeded.*artifactregistry\.googleapis\.com",
        ],
    )
    .of("pkg.dev"),
    Rule::new(
        OtherRegistryLimit,
        &[
            r"toomanyrequests:quotaexceeded",
            r"quotaexceeded.*containerregistry\.googleapis\.com",
            r"denied:quotaexceeded",
        ],
    )
    .of("gcr.io"),
    Rule::new(OtherRegistryLimit, &[r"aka\.ms/acr/skus"]).of("azurecr.io"),
    Rule::new(OtherRegistryLimit, &[r"requestexceededpullratelimit"]).of("wave.seqera.io"),
    Rule::new(
        OtherRegistryLimit,
        &[r"thisendpointhasbeenrequestedtoomanytimes"],
    )
    .of("gitlab.com"),
    Rule::new(
        OtherRegistryLimit,
        &[r#"429responsebody:invalidcharacter'r'lookingforbeginningofvalue:"?retrylater"#],
    )
    .of("registry.gitlab.com"),
    // Azure's front door, before Microsoft's registry.
    Rule::new(
        OtherRegistryLimit,
        &[r"429responsebody:invalidcharacter'r'lookingforbeginningofvalue:[\x22']?refa:"],
    )
    .of("mcr.microsoft.com"),
    Rule::new(
        OtherRegistryLimit,
        &[r"exceededyourpulltrafficquota", r"pulltrafficquota.*exceeded"],
    )
    .of("icr.io"),
];

/// The kubelet's own. It passes by itself: any other cause that is told beside it is the one that stands.
pub(super) const KUBELETS: &[Rule] = &[Rule::new(
    KubeletThrottle,
    &[r"pullqpsexceeded", r"pullratelimitexceededforkubelet"],
)];
