//! Kubernetes' view: events as tables and JSON, descriptions, kubelet's and containerd's logs.

use serde_json::json;

use super::{Actor, GATHERED, START, Say, Tick, World, iso, letters};

const SAFE: &str = "bcdfghjklmnpqrstvwxz2456789";

/// An event as the API server folds it.
struct Folded {
    pod: String,
    namespace: String,
    node: String,
    reason: &'static str,
    message: String,
    first: i64,
    last: i64,
    count: u64,
}

pub(crate) fn pod(actor: &Actor, run: usize) -> String {
    let random = |of: &str| letters(of, 5, SAFE);
    match actor.kind {
        "CronJob" => format!(
            "{}-{}-{}",
            actor.name,
            29_540_000 + run,
            random(&format!("{}{run}", actor.name))
        ),
        "StatefulSet" => format!("{}-0", actor.name),
        "DaemonSet" => format!("{}-{}", actor.name, random(&actor.name)),
        _ => format!("{}-7d4b9c6f8d-{}", actor.name, random(&actor.name)),
    }
}

fn words(say: &Say, image: &str) -> (&'static str, &'static str, String) {
    match say {
        Say::Pulling => ("Normal", "Pulling", format!("Pulling image \"{image}\"")),
        Say::Pulled => (
            "Normal",
            "Pulled",
            format!(
                "Successfully pulled image \"{image}\" in 1.2s (1.2s including waiting). Image size: 29127 bytes."
            ),
        ),
        Say::Failed(why) => (
            "Warning",
            "Failed",
            format!("Failed to pull image \"{image}\": {}", cri(image, why)),
        ),
        Say::Waits => (
            "Normal",
            "BackOff",
            format!("Back-off pulling image \"{image}\""),
        ),
        Say::Died(..) => (
            "Warning",
            "BackOff",
            "Back-off restarting failed container app in pod".to_owned(),
        ),
    }
}

/// What containerd makes of a registry's words.
fn cri(image: &str, why: &str) -> String {
    format!(
        "failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": {why}"
    )
}

fn fold(world: &World) -> Vec<Folded> {
    let mut folded: Vec<Folded> = Vec::new();
    for (tick, actor) in world.in_order() {
        let (_, reason, message) = words(&tick.say, &actor.image);
        let pod = pod(actor, tick.run);
        match folded
            .iter_mut()
            .find(|event| event.pod == pod && event.message == message)
        {
            Some(event) => {
                event.last = tick.at;
                event.count += 1;
            }
            None => folded.push(Folded {
                pod,
                namespace: actor.namespace.clone(),
                node: actor.node.clone(),
                reason,
                message,
                first: tick.at,
                last: tick.at,
                count: 1,
            }),
        }
    }
    folded.sort_by_key(|event| event.last);
    folded
}

/// An age as `kubectl` rounds it.
pub(crate) fn age(at: i64) -> String {
    let seconds = GATHERED - at;
    match seconds {
        ..120 => format!("{seconds}s"),
        120..600 => format!("{}m{}s", seconds / 60, seconds % 60),
        600..10_800 => format!("{}m", seconds / 60),
        _ => format!("{}h", seconds / 3_600),
    }
}

fn kind(reason: &str) -> &'static str {
    if matches!(reason, "Pulling" | "Pulled") {
        "Normal"
    } else {
        "Warning"
    }
}

/// `kubectl events -A`.
pub(crate) fn events_table(world: &World) -> String {
    let mut text = "NAMESPACE   LAST SEEN               TYPE      REASON    OBJECT                      MESSAGE\n".to_owned();
    for event in fold(world) {
        let seen = if event.count > 1 {
            format!(
                "{} (x{} over {})",
                age(event.last),
                event.count,
                age(event.first)
            )
        } else {
            age(event.last)
        };
        text += &format!(
            "{:11} {seen:23} {:9} {:9} pod/{:23} {}\n",
            event.namespace,
            kind(event.reason),
            event.reason,
            event.pod + "  ",
            event.message
        );
    }
    text
}

/// `kubectl get events -A -o wide`.
pub(crate) fn events_wide(world: &World) -> String {
    let mut text =
        "NAMESPACE   LAST SEEN   TYPE      REASON    OBJECT   SUBOBJECT   SOURCE   MESSAGE   FIRST SEEN   COUNT   NAME\n".to_owned();
    for event in fold(world) {
        let Folded {
            namespace,
            pod,
            reason,
            message,
            node,
            count,
            ..
        } = &event;
        let (last, first) = (age(event.last), age(event.first));
        text += &format!(
            "{namespace}   {last}   {}   {reason}   pod/{pod}   spec.containers{{app}}   kubelet, {node}   {message}   {first}   {count}   {pod}.17a\n",
            kind(reason)
        );
    }
    text
}

/// `kubectl get events -A -o json`.
pub(crate) fn events_json(world: &World) -> String {
    let items: Vec<_> = fold(world)
        .into_iter()
        .map(|event| {
            json!({
                "apiVersion": "v1", "kind": "Event", "type": kind(event.reason), "reason": event.reason, "message": event.message,
                "metadata": {"name": event.pod, "namespace": event.namespace},
                "involvedObject": {"kind": "Pod", "name": event.pod, "namespace": event.namespace},
                "source": {"component": "kubelet", "host": event.node},
                "firstTimestamp": iso(event.first), "lastTimestamp": iso(event.last), "count": event.count,
            })
        })
        .collect();
    serde_json::to_string_pretty(&json!({"apiVersion": "v1", "items": items, "kind": "List"}))
        .unwrap()
}

/// `kubectl describe pod` of every pod.
pub(crate) fn describe(world: &World) -> String {
    let mut text = String::new();
    let folded = fold(world);
    let mut pods: Vec<&str> = folded.iter().map(|event| event.pod.as_str()).collect();
    pods.sort_unstable();
    pods.dedup();
    for name in pods {
        let of_pod = || folded.iter().filter(move |event| event.pod == name);
        let one = of_pod().next().unwrap();
        text += &format!(
            "Name:             {name}\nNamespace:        {}\nNode:             {}/10.0.0.7\nStatus:           Pending\nContainers:\n  app:\n    Image:          x\n    State:          Waiting\n      Reason:       ImagePullBackOff\nEvents:\n  Type     Reason     Age                From     Message\n  ----     ------     ----               ----     -------\n",
            one.namespace, one.node
        );
        for event in of_pod() {
            let seen = format!(
                "{} (x{} over {})",
                age(event.last),
                event.count,
                age(event.first)
            );
            text += &format!(
                "  {:7}  {:9}  {seen}   kubelet  {}\n",
                kind(event.reason),
                event.reason,
                event.message
            );
        }
        text += "\n\n";
    }
    text
}

/// `kubectl get pods -A -o wide`.
pub(crate) fn pods_table(world: &World) -> String {
    let mut text = "NAMESPACE   NAME   READY   STATUS   RESTARTS   AGE   IP   NODE   NOMINATED NODE   READINESS GATES\n".to_owned();
    for (at, actor) in world.actors.iter().enumerate() {
        let of_actor = || world.ticks.iter().filter(move |tick| tick.actor == at);
        let died = of_actor()
            .filter(|tick| matches!(tick.say, Say::Died(..)))
            .count();
        let status = match of_actor().max_by_key(|tick| tick.at).map(|tick| &tick.say) {
            Some(Say::Died(..)) => "CrashLoopBackOff",
            Some(Say::Waits | Say::Failed(_)) => "ImagePullBackOff",
            _ => "Running",
        };
        let restarts = if died > 0 {
            format!("{died} (12s ago)")
        } else {
            "0".to_owned()
        };
        text += &format!(
            "{}   {}   0/1   {status}   {restarts}   116m   <none>   {}   <none>   <none>\n",
            actor.namespace,
            pod(actor, 0),
            actor.node
        );
    }
    text
}

/// `kubectl get pods -A -o json`, as far as it says how images are pulled.
pub(crate) fn pods_json(world: &World) -> String {
    let items: Vec<_> = world
        .actors
        .iter()
        .map(|actor| {
            json!({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": pod(actor, 0), "namespace": actor.namespace},
                "spec": {"nodeName": actor.node, "containers": [{"name": "app", "image": actor.image, "imagePullPolicy": "Always"}]},
                "status": {"startTime": iso(0), "containerStatuses": []},
            })
        })
        .collect();
    json!({"apiVersion": "v1", "items": items, "kind": "List"}).to_string()
}

/// The kubelets' journals, with what else stands there.
pub(crate) fn kubelet_log(world: &World) -> String {
    let mut text = String::new();
    for (tick, actor) in world.in_order() {
        let stamp = clock(tick.at);
        let prefix = format!("{} {} kubelet[811]: ", syslog(tick.at), actor.node);
        let pod = format!("{}/{}", actor.namespace, pod(actor, tick.run));
        let image = &actor.image;
        text += &match &tick.say {
            Say::Failed(why) => {
                let why = cri(image, why).replace('"', "\\\"");
                let nested = why.replace('\\', "\\\\\\");
                format!(
                    "{prefix}E{stamp}     811 log.go:32] \"PullImage from image service failed\" err=\"rpc error: code = Unknown desc = {why}\" image=\"{image}\"\n\
                     {prefix}E{stamp}     811 pod_workers.go:1298] \"Error syncing pod, skipping\" err=\"failed to \\\"StartContainer\\\" for \\\"app\\\" with ErrImagePull: \\\"rpc error: code = Unknown desc = {nested}\\\"\" pod=\"{pod}\" podUID=\"1\"\n"
                )
            }
            Say::Waits => format!(
                "{prefix}E{stamp}     811 pod_workers.go:1298] \"Error syncing pod, skipping\" err=\"failed to \\\"StartContainer\\\" for \\\"app\\\" with ImagePullBackOff: \\\"Back-off pulling image \\\\\\\"{image}\\\\\\\"\\\"\" pod=\"{pod}\" podUID=\"1\"\n"
            ),
            Say::Pulling => format!(
                "{prefix}I{stamp}     811 event.go:294] \"Event occurred\" object=\"{pod}\" kind=\"Pod\" apiVersion=\"v1\" type=\"Normal\" reason=\"Pulling\" message=\"Pulling image \\\"{image}\\\"\"\n"
            ),
            Say::Pulled => format!(
                "{prefix}I{stamp}     811 event.go:294] \"Event occurred\" object=\"{pod}\" kind=\"Pod\" apiVersion=\"v1\" type=\"Normal\" reason=\"Pulled\" message=\"Successfully pulled image \\\"{image}\\\" in 1s\"\n"
            ),
            Say::Died(..) => format!(
                "{prefix}E{stamp}     811 pod_workers.go:1298] \"Error syncing pod, skipping\" err=\"failed to \\\"StartContainer\\\" for \\\"app\\\" with CrashLoopBackOff: \\\"back-off 5m0s restarting failed container=app\\\"\" pod=\"{pod}\" podUID=\"1\"\n"
            ),
        };
        text += &format!(
            "{prefix}I{stamp}     811 reconciler.go:1] \"operationExecutor.VerifyControllerAttachedVolume started\" pod=\"{pod}\"\n"
        );
    }
    text
}

/// containerd's journal: it names images, not pods.
pub(crate) fn containerd_log(world: &World) -> String {
    let mut text = String::new();
    for (Tick { at, say, .. }, actor) in world.in_order() {
        let prefix = format!(
            "{} {} containerd[702]: time=\"{}\" ",
            syslog(*at),
            actor.node,
            iso(*at)
        );
        let image = &actor.image;
        text += &match say {
            Say::Pulling => format!("{prefix}level=info msg=\"PullImage \\\"{image}\\\"\"\n"),
            Say::Pulled => format!(
                "{prefix}level=info msg=\"PullImage \\\"{image}\\\" returns image reference \\\"sha256:aa\\\"\"\n"
            ),
            Say::Failed(why) => format!(
                "{prefix}level=error msg=\"PullImage \\\"{image}\\\" failed\" error=\"rpc error: code = Unknown desc = {}\"\n",
                cri(image, why).replace('"', "\\\"")
            ),
            Say::Waits | Say::Died(..) => String::new(),
        };
    }
    text
}

/// `Mar  2 08:00:01`: all incidents are of one day.
pub(crate) fn syslog(at: i64) -> String {
    let day = (START + at).rem_euclid(86_400);
    format!(
        "Mar  2 {:02}:{:02}:{:02}",
        day / 3_600,
        day / 60 % 60,
        day % 60
    )
}

fn clock(at: i64) -> String {
    let day = (START + at).rem_euclid(86_400);
    format!(
        "0302 {:02}:{:02}:{:02}.291420",
        day / 3_600,
        day / 60 % 60,
        day % 60
    )
}
