//! Registries that stand apart: each is asked as its clients, at a host of its own, where they log in with their account there.

use forebay_setup_files::SetupError;

use crate::plan::{Order, Plan};

/// A client that cannot be led to a host of its own for one registry.
pub(super) fn refuse(order: &Order) -> Result<(), SetupError> {
    let Some((registry, door)) = order
        .apart()
        .next()
        .filter(|_| !order.client.reaches_apart())
    else {
        return Ok(());
    };
    let what = format!(
        "{registry} says itself who may pull (`authorize = \"client\"`), and so is reached at {door} alone, to which {} is not led here",
        order.client
    );
    let hint = format!("name its images by that host: {}/NAME", door.authority());
    Err(SetupError::impossible(what, hint))
}

/// The plan with what must be known of logins: `how` says for a registry and its host where the client has them.
pub(super) fn tell(order: &Order, plan: Plan, how: impl Fn(&str, &str) -> String) -> Plan {
    order.apart().fold(plan, |plan, (registry, door)| {
        let authority = door.authority();
        let how = how(registry, &authority);
        let plan = plan.note(format!(
            "{registry} says itself who may pull: at {authority} the client shows a login of that registry's, {how}; without one it \
             gets what everybody may pull there"
        ));
        plan.note_if(door.is_plain() && !door.is_loopback(), PASSWORDS)
    })
}

/// What is to be known of plain http.
const PASSWORDS: &str = "those logins go over plain http as they are, for everybody between the two to read: put TLS before Forebay, \
                         and name it by --address https://…";
