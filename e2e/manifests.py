"""Checks the Kubernetes manifests and takes out of them the files that they carry."""

import pathlib
import re
import sys

import yaml

source, target = map(pathlib.Path, sys.argv[1:3])


def switched_on(text):
    """A `#` with no space behind it switches its line off."""
    return re.sub(r"^( *)#(?=\S)", r"\1", text, flags=re.MULTILINE)


def documents(name, change=str):
    """The objects of one manifest, by kind."""
    found = {}
    for document in yaml.safe_load_all(change((source / name).read_text())):
        assert document["apiVersion"] and document["metadata"]["name"], document
        assert document["kind"] not in found, f"two of {document['kind']} in {name}"
        found[document["kind"]] = document
    return found


def check_namespaces(objects):
    """Everything lies in the manifest's own namespace."""
    namespace = objects["Namespace"]["metadata"]["name"]
    for kind, document in objects.items():
        if kind != "Namespace":
            assert document["metadata"]["namespace"] == namespace, f"{kind} lies elsewhere"


def check_workload(workload, volumes_of):
    """A workload selects its own pods, and every mount has its volume, and every volume its object."""
    spec = workload["spec"]["template"]["spec"]
    labels = workload["spec"]["template"]["metadata"]["labels"]
    assert workload["spec"]["selector"]["matchLabels"].items() <= labels.items()
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    (container,) = spec["containers"]
    assert {mount["name"] for mount in container["volumeMounts"]} == set(volumes)
    for volume in volumes.values():
        if "configMap" in volume:
            assert volume["configMap"]["name"] == volumes_of["ConfigMap"]["metadata"]["name"]
        if "persistentVolumeClaim" in volume:
            name = volumes_of["PersistentVolumeClaim"]["metadata"]["name"]
            assert volume["persistentVolumeClaim"]["claimName"] == name
    security = container["securityContext"]
    assert security["readOnlyRootFilesystem"] and not security["allowPrivilegeEscalation"]
    assert security["capabilities"]["drop"] == ["ALL"]
    return spec, container


def mounted_secret(server):
    """Where the Docker Hub account's file lies once it is switched on; Forebay refuses one that everybody can read."""
    spec, container = check_workload(server["Deployment"], server)
    (volume,) = [volume for volume in spec["volumes"] if "secret" in volume]
    assert volume["secret"]["defaultMode"] == 0o440 and spec["securityContext"]["fsGroup"] == 65532
    (mount,) = [mount for mount in container["volumeMounts"] if mount["name"] == volume["name"]]
    assert mount["readOnly"]
    return mount["mountPath"]


server = documents("forebay.yaml")
check_namespaces(server)
spec, container = check_workload(server["Deployment"], server)
# What the namespace enforces (Pod Security Standards, "restricted").
assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["runAsUser"] == 65532
assert spec["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
# One process per data directory.
assert server["Deployment"]["spec"]["replicas"] == 1
assert server["Deployment"]["spec"]["strategy"]["type"] == "Recreate"
assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
(port,) = server["Service"]["spec"]["ports"]
assert port["targetPort"] in {named["name"] for named in container["ports"]}
assert container["ports"][0]["containerPort"] == 5000
# Else Forebay sees a node where a stranger asks, and `clients.allow` refuses nobody.
assert server["Service"]["spec"]["externalTrafficPolicy"] == "Local"
(target / "forebay.toml").write_text(server["ConfigMap"]["data"]["forebay.toml"])

account = documents("forebay.yaml", switched_on)
(target / "secrets").write_text(mounted_secret(account))
(target / "with-account.toml").write_text(account["ConfigMap"]["data"]["forebay.toml"])

nodes = documents("nodes.yaml")
check_namespaces(nodes)
_, container = check_workload(nodes["DaemonSet"], nodes)
environment = {variable["name"]: variable.get("value", "") for variable in container["env"]}
assert environment["FOREBAY"].endswith(f":{port['nodePort']}"), "the nodes are pointed at another port"
for name in ("point.sh", "registries"):
    (target / name).write_text(nodes["ConfigMap"]["data"][name])
