//! A login that Docker Hub refuses: its "authentication is required" then says nothing of the images.
//!
//! Judged by its answer to who asks for what everybody may see: a budget tells nothing, as accounts without a limit have none.

use forebay_config::{Config, CredentialSource};
use forebay_forecast::preflight::{Finding, State};
use forebay_forecast::{Login, Presence, Survey, Wanted};
use forebay_oci::DOCKER_HUB;

/// Has images that were refused with a refused login be unknown; tells of that login.
pub(super) fn unsay_refused(
    images: &[Wanted],
    survey: &mut Survey,
    config: &Config,
) -> Option<Finding> {
    let upstream = config.upstreams.get(DOCKER_HUB)?;
    if upstream.credentials == CredentialSource::Anonymous || survey.hub_login != Login::Refused {
        return None;
    }
    let of_hub = images.iter().zip(&mut survey.facts);
    let of_hub = of_hub.filter(|(wanted, _)| wanted.image.registry == DOCKER_HUB);
    let refused = of_hub.filter(|(_, fact)| fact.presence == Presence::Refused);
    let mut is_any = false;
    for (_, fact) in refused {
        is_any = true;
        fact.presence = Presence::Unknown;
        fact.why = Some("the login that is configured for it is refused".to_owned());
    }
    is_any.then(|| Finding {
        what: format!("credentials for {DOCKER_HUB}"),
        state: State::Bad,
        told: "are refused".to_owned(),
        cure: Some(
            "look at the upstream's username and password in forebay config show".to_owned(),
        ),
    })
}
