"""Checks that what the Compose file refers to exists, and that the service keeps its restrictions."""

import pathlib
import sys

import yaml

path = pathlib.Path(sys.argv[1])
document = yaml.safe_load(path.read_text())
service = document["services"]["forebay"]

context = path.parent / service["build"]["context"]
assert (context / "forebay").is_file(), f"no binary in the build context {context}"
assert (context / service["build"]["dockerfile"]).resolve().is_file(), "the Containerfile is not where it says"
assert service["command"][:2] == ["serve", "--config"], service["command"]

mounts = dict(volume.split(":")[:2] for volume in service["volumes"])
for source, target in mounts.items():
    known = (path.parent / source).is_file() if source.startswith(".") else source in document["volumes"]
    assert known, f"volume {source} is neither a file nor a named volume"
assert mounts["./forebay.toml"] == service["command"][2], "the configuration is mounted elsewhere than it is read"
assert mounts["data"] == "/data", mounts

assert service["read_only"] and service["cap_drop"] == ["ALL"], "the service is less restricted than it was"
assert all(port.startswith("127.0.0.1:") for port in service["ports"]), "published off loopback by default"
