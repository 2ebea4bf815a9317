"""Checks that what the Compose file refers to exists, and that the service keeps its restrictions."""

import pathlib
import re
import sys
import tomllib

import yaml

path = pathlib.Path(sys.argv[1])


def check(text):
    """One form of the file: as it is, or with what is switched off in it."""
    document = yaml.safe_load(text)
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
    return document, service


def switched_on(text):
    """A `#` with no space behind it switches its line off."""
    return re.sub(r"^( *)#(?=\S)", r"\1", text, flags=re.MULTILINE)


check(path.read_text())
document, service = check(switched_on(path.read_text()))
(secret,) = service["secrets"]
assert secret in document["secrets"], f"no secret {secret}"
configuration = tomllib.loads(switched_on((path.parent / "forebay.toml").read_text()))
read = configuration["upstreams"]["docker.io"]["password_file"]
assert read == f"/run/secrets/{secret}", f"the secret is mounted elsewhere than {read}"
