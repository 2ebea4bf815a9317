//! The status 429 without a limiter's own words: who gave it, and to what request, tells whose limit it is.
//!
//! Docker Hub counts only GETs of manifests as pulls: to a HEAD, a token, a blob or a push it is the abuse limit
//! (hub-facts §10, rule 2). Any other registry has but one limit that we tell apart.

use crate::Class;
use crate::cut;
use crate::registry::addresses;
use crate::views::Views;

/// A class, and whether the text proves it.
pub(crate) type Judged = (Class, bool);

/// What a 429 of this registry means; `None` if nothing but the number is told.
pub(crate) fn judge(views: &Views, registry: Option<&str>) -> Option<Judged> {
    let is_code_last = views
        .tight
        .trim_end_matches(['.', '"', ':'])
        .ends_with("toomanyrequests");
    let tight = cut::plain(&views.tight);
    let tight = tight.as_str();
    match registry {
        Some(forebay_oci::DOCKER_HUB) => {
            let (class, is_certain) = of_docker_hub(tight);
            // Behind the code would stand whose it is.
            Some((
                class,
                is_certain && !is_code_last && !cut::is_anybodys(tight),
            ))
        }
        Some(_) => Some((Class::OtherRegistryLimit, !is_cut_message(tight))),
        None if has_plain_body(tight) => Some((Class::AbuseLimit, false)),
        None if has_foreign_body(tight) => Some((Class::OtherRegistryLimit, false)),
        None if cut::is_anybodys(tight) => None,
        // Who asks for a token without having named a registry asks for Docker Hub's.
        None if fetches_token(tight) && !tight.contains("https://") => {
            Some((Class::AbuseLimit, false))
        }
        // Whoever masks a registry's name has one of his own: Docker Hub's is no secret.
        None if is_masked(tight) => Some((Class::OtherRegistryLimit, false)),
        // A body that is none of Docker Hub's: some proxy's page, or words that we do not know.
        None => tight
            .contains("toomanyrequests:")
            .then_some((Class::OtherRegistryLimit, false)),
    }
}

/// Whether it is containerd's or `BuildKit`'s request for a token, with an account or without.
fn fetches_token(tight: &str) -> bool {
    ["failedtofetchoauthtoken", "failedtofetchanonymoustoken"]
        .iter()
        .any(|sign| tight.contains(sign))
}

/// Signs of a request for a token.
const TOKENS: [&str; 4] = [
    "auth.docker.io",
    "failedtoauthorize",
    "beartoken",
    "bearertoken",
];

fn of_docker_hub(tight: &str) -> Judged {
    // What is not counted as a pull: the check of a tag, tokens, blobs, pushes, the ping.
    const UNCOUNTED: [&str; 24] = [
        "headrequestto",
        "headrequestwith",
        "head\"https",
        "headhttps",
        "[manifests",
        "/blobs/",
        "putrequestto",
        "postrequestto",
        // In whole words: images and stages are called "blob" and "push", too.
        "fetchingblob",
        "readingblob",
        "copyingblob",
        "writingblob",
        "getblob",
        "blobsha256",
        "pushing",
        "pushed",
        "topush",
        "pushfailed",
        "dockerpush",
        "podmanpush",
        "pushrefersto",
        "pinging",
        "/v2/\":",
        "/v2/:",
    ];
    let is_uncounted = UNCOUNTED
        .iter()
        .chain(&TOKENS)
        .any(|sign| tight.contains(sign));
    if is_uncounted {
        // Tokens are also refused to an account that is locked out.
        (
            Class::AbuseLimit,
            !TOKENS.iter().any(|sign| tight.contains(sign)),
        )
    } else if has_plain_body(tight) || tight.contains("unexpectedhttpstatus:429") {
        (Class::AbuseLimit, !is_cut_body(tight))
    } else {
        // A manifest as containerd asks for it, whose message stops before the limiter's own words: they were cut.
        let is_manifest = addresses(tight).any(|address| address.path.contains("/manifests/"));
        let is_cut = tight.contains("unexpectedstatus") || tight.ends_with("...");
        let is_pull = cut::is_anybodys(tight) || is_manifest && is_cut;
        (
            if is_pull {
                Class::PullLimit
            } else {
                Class::AbuseLimit
            },
            false,
        )
    }
}

/// Whether the address that was asked has no host any more, but a mask.
fn is_masked(tight: &str) -> bool {
    const MASKS: [&str; 6] = ["<", "***", "$", "{", "[", "xxx"];
    let hosts = tight.split("https://").skip(1);
    hosts
        .filter(|host| host.contains("/v2/"))
        .any(|host| MASKS.iter().any(|mask| host.starts_with(mask)))
}

/// The abuse limit's body is the reason phrase in plain text, which clients repeat behind the code, or cannot parse.
fn has_plain_body(tight: &str) -> bool {
    tight.contains("toomanyrequests:toomanyrequests")
        || tight.contains("429responsebody:invalidcharacter't'")
        || tight.contains("servermessage:toomanyrequests(")
        || tight.contains("toomanyrequeststoregistry")
        || (tight.contains("429,\"toomanyrequests") && tight.contains("statuscode:429"))
}

/// Docker Hub's limits have bodies, of JSON or in plain text: an empty one and a page are some other registry's or a proxy's.
fn has_foreign_body(tight: &str) -> bool {
    tight.contains("429responsebody:unexpectedendofjsoninput")
        || tight.contains("429responsebody:invalidcharacter'<'")
}

/// Whether a registry's words were cut before they told whose they are: one that pulls through passes Docker Hub's on.
fn is_cut_message(tight: &str) -> bool {
    let message = tight.rsplit_once("429toomanyrequests-");
    message.is_some_and(|(_, message)| {
        let message = message.trim_end_matches('.');
        "servermessage:toomanyrequests:".starts_with(message)
    }) || cut::is_anybodys(tight)
}

/// May to November 2020 the pull limit's words began like the abuse limit's.
fn is_cut_body(tight: &str) -> bool {
    let tail = tight
        .rsplit("toomanyrequests:toomanyrequests")
        .next()
        .unwrap_or_default();
    !tail.is_empty() && "pleaseseehttps://docs.docker.com".starts_with(tail.trim_start_matches('.'))
}
