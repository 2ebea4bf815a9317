//! An answer in JSON, as far as anybody looks at it: a cluster's whole state is hundreds of times as large.
//!
//! Pure. The members that are kept are named here; all others are passed over while reading, so that none takes room.

use std::cell::Cell;
use std::fmt;

use forebay_limits::shown;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Value};

use super::program::{MAX_TOLD_BYTES, Trouble};

/// The most objects of an answer that are kept: some 700 bytes each.
const MAX_OBJECTS: u32 = 30_000;

/// The most other values of an answer that are kept: some 100 bytes each.
const MAX_VALUES: u32 = 100_000;

/// The members that somebody looks at: of `kubectl get -o json`, then of `aws`.
const KEPT: &[&str] = &[
    "annotations",
    "availableReplicas",
    "conditions",
    "containerStatuses",
    "controller-revision-hash",
    "deletionTimestamp",
    "deployment.kubernetes.io/revision",
    "deprecated.daemonset.template.generation",
    "desiredNumberScheduled",
    "generation",
    "initContainerStatuses",
    "items",
    "kind",
    "labels",
    "metadata",
    "name",
    "namespace",
    "numberReady",
    "observedGeneration",
    "ownerReferences",
    "partition",
    "phase",
    "pod-template-generation",
    "readyReplicas",
    "reason",
    "replicas",
    "rollingUpdate",
    "spec",
    "state",
    "status",
    "type",
    "updateRevision",
    "updateStrategy",
    "updatedNumberScheduled",
    "updatedReplicas",
    "waiting",
    "NextToken",
    "PhysicalResourceId",
    "ResourceType",
    "StackName",
    "StackResourceSummaries",
    "StackStatus",
    "Stacks",
    "deployments",
    "desiredCount",
    "desiredStatus",
    "group",
    "healthStatus",
    "lastStatus",
    "rolloutState",
    "rolloutStateReason",
    "runningCount",
    "serviceArns",
    "serviceName",
    "services",
    "taskArn",
    "taskArns",
    "tasks",
];

/// Reads one.
///
/// # Errors
/// It is no JSON, or there is too much in it.
pub(crate) fn read(bytes: &[u8]) -> Result<Value, Trouble> {
    let room = Room::new();
    let mut from = serde_json::Deserializer::from_slice(bytes);
    let read = Part(&room).deserialize(&mut from);
    let read = read.and_then(|value| from.end().map(|()| value));
    read.map_err(|_| {
        if room.is_full() {
            Trouble::TooRich
        } else {
            Trouble::Rubbish
        }
    })
}

/// What a `Status` of Kubernetes says of a failure, redacted: `kubectl` and proxies before it may hand one on as the answer.
pub(super) fn find_refusal(answer: &[u8]) -> Option<String> {
    let told: Answer = serde_json::from_slice(answer).ok()?;
    let is_refusal = told.kind == "Status" && told.status == "Failure";
    is_refusal.then(|| shown(&told.message, MAX_TOLD_BYTES))
}

/// The members of a `Status` that are looked at (Kubernetes API reference, `Status v1 meta`).
#[derive(serde::Deserialize)]
struct Answer {
    kind: String,
    status: String,
    #[serde(default)]
    message: String,
}

/// How much more is kept.
struct Room {
    objects: Cell<u32>,
    values: Cell<u32>,
}

impl Room {
    const fn new() -> Self {
        Self {
            objects: Cell::new(MAX_OBJECTS),
            values: Cell::new(MAX_VALUES),
        }
    }

    fn is_full(&self) -> bool {
        self.objects.get() == 0 || self.values.get() == 0
    }

    fn take<E: Error>(&self, from: &Cell<u32>) -> Result<(), E> {
        from.set(from.get().saturating_sub(1));
        if self.is_full() {
            return Err(E::custom("there is too much in it"));
        }
        Ok(())
    }
}

/// Reads a part of it into this room.
struct Part<'a>(&'a Room);

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        self.0.take(&self.0.objects)?;
        let mut kept = Map::new();
        while let Some(Member(kept_name)) = from.next_key()? {
            let Some(name) = kept_name else {
                from.next_value::<IgnoredAny>()?;
                continue;
            };
            kept.insert(name.to_owned(), from.next_value_seed(Part(self.0))?);
        }
        Ok(Value::Object(kept))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        self.0.take(&self.0.values)?;
        let mut all = Vec::new();
        while let Some(value) = from.next_element_seed(Part(self.0))? {
            all.push(value);
        }
        Ok(Value::Array(all))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        self.0.take(&self.0.values)?;
        Ok(text.into())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        self.0.take(&self.0.values)?;
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        self.0.take(&self.0.values)?;
        Ok(number.into())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        self.0.take(&self.0.values)?;
        Ok(number.into())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        self.0.take(&self.0.values)?;
        Ok(number.into())
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        self.0.take(&self.0.values)?;
        Ok(Value::Null)
    }
}

/// The name of a member, if that is kept.
struct Member(Option<&'static str>);

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<str>::deserialize(from)?;
        Ok(Self(KEPT.iter().copied().find(|kept| *kept == name)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_nobody_looks_at_is_left_out() {
        let answer = json!({ "items": [{ "kind": "Pod", "spec": { "containers": [{ "name": "web" }] },
            "metadata": { "name": "web", "managedFields": [{ "name": "x" }] }, "status": { "phase": "Running" } }] });
        let kept = json!({ "items": [{ "kind": "Pod", "spec": {}, "metadata": { "name": "web" },
            "status": { "phase": "Running" } }] });
        assert_eq!(read(answer.to_string().as_bytes()).unwrap(), kept);
    }

    #[test]
    fn a_status_of_kubernetes_that_tells_of_a_failure_is_a_refusal() {
        let failure =
            |rest: &str| format!(r#"{{"kind":"Status","status":"Failure","code":401{rest}}}"#);
        let said = failure(r#","message":"Unauthorized","metadata":{}"#);
        assert_eq!(
            find_refusal(said.as_bytes()).as_deref(),
            Some("Unauthorized")
        );
        assert_eq!(find_refusal(failure("").as_bytes()).as_deref(), Some(""));
        for other in [
            r#"{"kind":"List","items":[]}"#,
            r#"{"kind":"Status","status":"Success"}"#,
            "{",
        ] {
            assert_eq!(find_refusal(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn too_much_of_it_and_no_json_are_told_apart() {
        let many = |part: &str| format!("[{}0]", format!("{part},").repeat(200_000));
        for part in ["1", "{}", "\"a\"", "null", "[]"] {
            let read = read(many(part).as_bytes());
            assert!(matches!(read, Err(Trouble::TooRich)), "{part}");
        }
        for text in ["", "{", "{]", "{} {}", "{\"items\": tru}"] {
            let read = read(text.as_bytes());
            assert!(matches!(read, Err(Trouble::Rubbish)), "{text}");
        }
    }
}
