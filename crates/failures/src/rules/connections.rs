//! What a connection to a registry died of.
//!
//! The innermost reason is the last word of a chain, but each of these stands in a chain alone, apart from names that are
//! looked up by a connection that times out: so names come first, then security, then time, then the rest.

use super::{Context, Rule};
use crate::Class::{Dns, Network, Timeout, Tls};

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        Dns,
        &[
            r"dialtcp:?lookup",
            r"lookup[a-z0-9._-]+(?:on\S+:53|:nosuchhost|:servermisbehaving|:temporaryfailure|:i/otimeout|:tryagain|:noanswer|:notfound)",
            r"nosuchhost",
            r"servermisbehaving",
            r"temporaryfailureinnameresolution",
            r"couldnotresolve(?:host|proxy)",
            r"nameresolution(?:failed|failure|error)",
            r"nameorservicenotknown",
            r"getaddrinfo|[\x22':=(](?:enotfound|eai_again)",
            r"unknownhostexception",
            r"nodenamenorservnameprovided",
            r"noaddressassociatedwithhostname",
            r"failedtolookupaddress",
            r"dnslookupfailed|dnserror|nxdomain",
            r"failedtoresolve'[a-z0-9.-]+'",
        ],
    )
    .asked(),
    Rule::new(
        Tls,
        &[
            r"x509:",
            r"certificatesignedbyunknownauthority",
            r"certificatehasexpired",
            r"certificateverifyfailed",
            r"certificate_verify_failed",
            r"certificaterequired",
            r"unabletogetlocalissuercertificate|unabletoverifythefirstcertificate",
            r"self-?signedcertificate",
            r"tls:(?:handshakefailure|badcertificate|failedtoverify|firstrecord|oversizedrecord|unknown|protocolversion|internalerror|unrecognizedname|noapplicationprotocol|serverselected|serverdidn't|error|alert|expired|certificate|nosupported|received|unsupported|bad)",
            r"tlshandshake(?:failed|failure|error)",
            r"handshake_failure|sslhandshakeexception|ssl_error_syscall|sslroutines|sslerror|ssl:|ssl_connect",
            r"pkixpathbuildingfailed",
            r"servergavehttpresponsetohttpsclient",
            r"clientsentanhttprequesttoanhttpsserver",
            r"wrongversionnumber",
            r"failedtoverifycertificate|sslpeerunverified|subjectalternativenames",
            r"malformedhttpresponse.{0,12}x15",
            // Java's, and what Jib says of a registry without them.
            r"sslexception|insecureregistryexception|onlysecureconnectionsareallowed",
            r"missingkey.{1,120}forclientcertificate|missingclientcertificate.{1,120}forkey",
        ],
    )
    .asked(),
    // The authority of a registry that a node was told to trust, or its own certificate there, which it cannot have: nobody
    // else's files lie there.
    Rule::new(
        Tls,
        &[r"open/etc/(?:docker|containerd|containers)/certs\.d/[^\x22]{1,300}?:(?:nosuchfileordirectory|permissiondenied)"],
    ),
    Rule::new(
        Timeout,
        &[
            r"i/otimeout",
            // Cut too.
            r"contextdeadli",
            r"client\.timeout",
            r"tlshandshaketimeout",
            r"timeoutexceededwhile",
            r"timeoutawaitingresponseheaders",
            r"connectiontimedout|connecttimeout|connectiontimeout|operationtimedout|readtimedout|readtimeout|etimedout|sockettimeout",
            r"requestcanceledwhilewaitingforconnection",
            r"code=deadlineexceeded",
            r"deadlineexceeded",
            r"requesttimedout|requesttimeout|timedoutwhile|timedoutafter|timedoutwaitingfor(?:connection|response|data|headers|the(?:server|registry|image)|server|registry|network|pull|image|layer|docker)",
            r"net/http:timeout",
            r"pull(?:ing)?(?:image)?timedout|(?:^|[^.])pull(?:progress)?timeout|timedouttryingtopull",
            r"didnotproperlyrespond",
            r"408requesttime-?out|http408responsebody",
            // The kubelet's own patience, while Docker pulls for it.
            r"cancelpullingimage.*becauseofnoprogress",
        ],
    )
    .asked(),
    // What is left of that in the pod's events.
    Rule::new(
        Timeout,
        &[
            r"(?:errimagepull|failedtopullimage).*net/http:requestcanceled(?:$|[^a-z(])",
            // Who asked a daemon for it and had enough.
            r"/images/create\?.*(?:contextdeadline|timeout|timedout)",
        ],
    )
    .uncertain(),
    // All that a client of Docker's tells of it, alone; behind a server's name it may be any program's.
    Rule::new(Timeout, &[r"^(?:error:)?net/http:tlshandshaketimeout\.?$"]).uncertain(),
];

/// A connection that broke. Behind what a registry says of credentials: a mirror that is away is no cause where the registry
/// itself refused.
pub(super) const BROKEN: &[Rule] = &[
    Rule::new(
        Network,
        &[
            r"connectionrefused|econnrefused|activelyrefused",
            r"connectionresetbypeer|econnreset|connectionreset|forciblyclosed",
            r"connectionwasaborted|connectionaborted|brokenpipe",
            r"noroutetohost|ehostunreach|hostisunreachable",
            r"networkisunreachable|enetunreach|unreachablenetwork",
            r"(?:unexpected)?eof(?:$|[^a-z]|\(|docker|ghcr|quay|whilepull)",
            r"unexpectedeof",
            r"proxyconnect",
            r"unreachablehost|connectionissuebetweenthetaskand",
            r"50[0-4]\((?:internal|bad|service|gateway)",
            r"proxyauthenticationrequired|407proxy",
            r"500internalservererror|501notimplemented|502badgateway|503service(?:temporarily)?unavailable|504gatewaytime-?out|52[0-9]origin",
            r"internalservererror$",
            r"http50[0234]responsebody",
            r"serverclosed|http2:serversent|goaway|stream(?:error|id[0-9]+)|http2:clientconnection",
            r"connectionclosed|useofclosed(?:network)?connection|transportconnectionbroken|serverclosedidleconnection",
            r"connect:(?:permissiondenied|operationnotpermitted|cannotassignrequestedaddress|invalidargument)",
            r"networkdroppedconnection|transportendpointisnotconnected",
            r"badgateway|gatewaytimeout|serviceunavailable|bad_gateway",
            r"remoteenddisconnected|incompleteread|connectionerror|networkerror|transportiserror",
            r"afterreconnecting",
            r"unabletoconnectto[0-9a-f.:\[\]]+:443|doyouneedanhttpproxy|/v2/[\x22']?:internalservererror",
            r"httpserverdidnotsupportrangerequests|unexpectedbodysize|contentlengthmismatch",
        ],
    )
    .asked(),
    // Nexus, of a registry that was away too often; it keeps packages of other kinds, too.
    Rule::new(Network, &[r"unknown:remoteautoblockeduntil"]),
    Rule::new(Network, &[r"remoteautoblockeduntil"]).within(&[Context::Pull]),
    Rule::new(
        Network,
        &[
            r"couldnotreachanyregistryendpoint",
            // Renovate, of a registry that answers 5xx.
            r"dockerregistryfailure:internalerror",
        ],
    ),
    // Behind the number may stand what the registry said: it was cut, or wrapped.
    Rule::new(
        Network,
        &[
            r"(?:status|code|http|httpstatus|error|returned|received|response)[a-z]{0,12}[\x22':=(\[]{0,4}(?:50[0-4]|52[0-9]|530)(?:[^0-9.]|\.[^0-9]|\.?$)",
            r"(?:/(?:manifests|blobs)/[^\x22]+|\[(?:manifests|blobs)[^\]]+\]):(?:50[0-4]|52[0-9]|530)(?:[^0-9.]|$)",
        ],
    )
    .asked()
    .uncertain(),
    // A socket that failed of anything else: whatever the operating system's words are, the connection did not work.
    Rule::new(
    Network,
    &[
        r"(?:dial|read|write|writev|sendto|connect)(?:tcp|udp)[46]?[0-9a-f.:\[\]>-]*:[a-z]{3}",
        r"(?:networkis|netis|hostis)down|ehostdown|enetdown",
        r"connectionabort|softwarecausedconnection",
    ],
)
.asked()
.uncertain(),
];
