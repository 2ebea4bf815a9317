"""Turns a systemd unit's SystemCallFilter= into a seccomp profile, so that a container can run under the unit's filter."""

import json
import subprocess
import sys


def members(name):
    """The system calls of one of systemd's sets, which may hold further sets."""
    listed = subprocess.run(
        ["systemd-analyze", "syscall-filter", name], check=True, capture_output=True, text=True
    ).stdout.splitlines()[1:]
    calls = set()
    for line in listed:
        call = line.strip()
        if call.startswith("@"):
            calls |= members(call)
        elif call and not call.startswith("#"):
            calls.add(call)
    return calls


# systemd always allows @default, which a process needs to exist at all.
allowed = members("@default")
for line in open(sys.argv[1], encoding="utf-8"):
    if line.startswith("SystemCallFilter="):
        value = line.removeprefix("SystemCallFilter=").strip()
        for name in value.removeprefix("~").split():
            if value.startswith("~"):
                allowed -= members(name) - members("@default")
            else:
                allowed |= members(name)

json.dump(
    {
        "defaultAction": "SCMP_ACT_ERRNO",
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
        "syscalls": [{"names": sorted(allowed), "action": "SCMP_ACT_ALLOW"}],
    },
    sys.stdout,
)
