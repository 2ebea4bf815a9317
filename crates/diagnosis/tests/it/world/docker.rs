//! Docker's and Swarm's view: `/var/log/messages`, journald's JSON, `docker events`, `docker service ps`.

use serde_json::json;

use super::kube::syslog;
use super::{Actor, GATHERED, START, Say, Tick, World, iso, letters};

const HEX: &str = "0123456789abcdefghijklmnopqrstuvwxyz";

pub(crate) fn service_id(actor: &Actor) -> String {
    letters(&actor.name, 25, HEX)
}

fn task_id(actor: &Actor, run: usize) -> String {
    letters(&format!("{}/{run}", actor.name), 25, HEX)
}

/// dockerd's line for something that happened to a Swarm task.
fn dockerd(tick: &Tick, actor: &Actor) -> Option<String> {
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let tail = format!(
        "module=node/agent/taskmanager node.id=wq4l7bjt2c1m7q0g3 service.id={} task.id={}",
        service_id(actor),
        task_id(actor, tick.run)
    );
    let time = iso(tick.at).replace('Z', ".873953109Z");
    Some(match &tick.say {
        Say::Failed(why) => format!(
            "time=\"{time}\" level=error msg=\"pulling image failed\" error=\"{}\" {tail}",
            quoted(why)
        ),
        Say::Died(0, why) => format!(
            "time=\"{time}\" level=error msg=\"fatal task error\" error=\"{}\" {tail}",
            quoted(why)
        ),
        Say::Died(code, _) => format!(
            "time=\"{time}\" level=error msg=\"fatal task error\" error=\"task: non-zero exit ({code})\" {tail}"
        ),
        Say::Pulling | Say::Pulled | Say::Waits => return None,
    })
}

/// `/var/log/messages` of the nodes, with noise between.
pub(crate) fn messages(world: &World) -> String {
    let mut text = String::new();
    for (tick, actor) in world.in_order() {
        let stamp = syslog(tick.at);
        if let Some(line) = dockerd(tick, actor) {
            text += &format!("{stamp} {} dockerd[1187]: {line}\n", actor.node);
        }
        text += &format!(
            "{stamp} {} systemd[1]: Started Session {} of user root.\n",
            actor.node, tick.at
        );
    }
    text
}

/// `journalctl -u docker -o json`.
pub(crate) fn journal_json(world: &World) -> String {
    let mut text = String::new();
    for (tick, actor) in world.in_order() {
        if let Some(line) = dockerd(tick, actor) {
            let record = json!({
                "__REALTIME_TIMESTAMP": ((START + tick.at) * 1_000_000).to_string(), "_HOSTNAME": actor.node,
                "SYSLOG_IDENTIFIER": "dockerd", "PRIORITY": "3", "MESSAGE": line,
            });
            text += &format!("{record}\n");
        }
    }
    text
}

/// A plain Docker host's journal: it knows no services.
pub(crate) fn host_journal(world: &World) -> String {
    let mut text = String::new();
    for (tick, actor) in world.in_order() {
        if let Say::Failed(why) = &tick.say {
            let stamp = iso(tick.at).replace('Z', "+0000");
            let time = iso(tick.at);
            let why = why.replace('"', "\\\"");
            text += &format!(
                "{stamp} {node} dockerd[9]: time=\"{time}\" level=info msg=\"Attempting next endpoint for pull after error: {why}\"\n\
                 {stamp} {node} dockerd[9]: time=\"{time}\" level=error msg=\"Handler for POST /v1.43/images/create?fromImage=x returned error: {why}\" image={image}\n",
                node = actor.node,
                image = actor.image,
            );
        }
    }
    text
}

/// `docker events --format '{{json .}}'`.
pub(crate) fn events_json(world: &World) -> String {
    let mut text = String::new();
    for (tick, actor) in world.in_order() {
        let attributes = json!({
            "exitCode": match &tick.say { Say::Died(code, _) => code.to_string(), _ => "0".to_owned() },
            "image": actor.image, "name": format!("{}.1.{}", actor.name, task_id(actor, tick.run)),
            "com.docker.swarm.service.name": actor.name, "com.docker.swarm.node.id": actor.node,
        });
        let action = match &tick.say {
            Say::Died(..) => "die",
            Say::Pulled => "start",
            _ => continue,
        };
        let event = json!({
            "status": action, "id": "4386fb97867d", "from": actor.image, "Type": "container", "Action": action,
            "Actor": {"ID": "4386fb97867d", "Attributes": attributes}, "time": START + tick.at, "timeNano": 1,
        });
        text += &format!("{event}\n");
    }
    text
}

/// `docker service ps` of all services: the last five tasks of each.
pub(crate) fn service_ps(world: &World, is_whole: bool) -> String {
    let mut text = "ID             NAME            IMAGE                    NODE      DESIRED STATE   CURRENT STATE              ERROR                        PORTS\n".to_owned();
    for (at, actor) in world.actors.iter().enumerate() {
        let ends = world
            .ticks
            .iter()
            .filter(|tick| tick.actor == at && matches!(tick.say, Say::Died(..) | Say::Failed(_)));
        let ends: Vec<&Tick> = ends.collect();
        for (slot, tick) in ends.iter().rev().take(5).enumerate() {
            let branch = if slot == 0 { "" } else { " \\_ " };
            let (state, error) = match &tick.say {
                Say::Died(0, why) => ("Rejected", why.clone()),
                Say::Died(code, _) => ("Failed", format!("task: non-zero exit ({code})")),
                _ => ("Rejected", format!("No such image: {}", actor.image)),
            };
            let error = if is_whole || error.chars().count() < 27 {
                error
            } else {
                format!("{}…", error.chars().take(26).collect::<String>())
            };
            let name = format!("{branch}{}.1", actor.name);
            let state = format!("{state} {} seconds ago", GATHERED - tick.at);
            text += &format!(
                "{:14} {name:15} {:24} {:9} {:15} {state:26} \"{error}\"\n",
                &task_id(actor, tick.run)[..12],
                actor.image,
                actor.node,
                if slot == 0 { "Ready" } else { "Shutdown" },
            );
        }
    }
    text
}

/// `docker service ls`: names for the ids of the log.
pub(crate) fn service_ls(world: &World) -> String {
    let mut text =
        "ID             NAME            MODE         REPLICAS   IMAGE                    PORTS\n"
            .to_owned();
    for actor in &world.actors {
        text += &format!(
            "{:14} {:15} {:12} {:10} {:24} \n",
            &service_id(actor)[..12],
            actor.name,
            "replicated",
            "0/1",
            actor.image
        );
    }
    text
}

/// `docker service inspect`, with restarts as `docker stack deploy` leaves them.
pub(crate) fn service_inspect(world: &World) -> String {
    let services: Vec<_> = world
        .actors
        .iter()
        .map(|actor| {
            json!({
                "ID": service_id(actor), "Version": {"Index": 11},
                "Spec": {
                    "Name": actor.name, "Labels": {"com.docker.stack.namespace": "customers"},
                    "TaskTemplate": {
                        "ContainerSpec": {"Image": actor.image, "Mounts": [{"Type": "bind", "Source": "/mnt/customers/42", "Target": "/data"}]},
                        "RestartPolicy": {"Condition": "any", "Delay": 1_000_000_000_u64, "MaxAttempts": 0},
                    },
                },
            })
        })
        .collect();
    serde_json::to_string_pretty(&services).unwrap()
}
