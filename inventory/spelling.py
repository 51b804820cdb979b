"""The same request in other words: YAML, a `vmctl` command, `curl`. What stands here works when it is pasted.

Everything that people typed is quoted for the shell, or stands in a here-document whose end cannot occur in it.
"""

from __future__ import annotations

import json
import shlex
from typing import Any

from django.utils.translation import gettext as _

from inventory.manifests import dump_yaml
from inventory.schema import GROUP

Manifest = dict[str, Any]
PLURALS = {"VirtualMachine": "virtualmachines", "VirtualMachineDisk": "virtualmachinedisks"}


def yaml(documents: list[Manifest], notes: list[str]) -> str:
    return comments(notes) + "---\n".join(dump_yaml(document) for document in documents)


def comments(notes: list[str]) -> str:
    """What a manifest cannot say, before it."""
    return "".join(f"# {note}\n" for note in notes)


def vmctl(documents: list[Manifest], notes: list[str]) -> str:
    """One short command where its flags can say it all; else the manifests, applied."""
    flags = short(documents)
    if flags:
        return comments(notes) + folded(flags)
    text = "---\n".join(dump_yaml(document) for document in documents)
    return f"{comments(notes)}vmctl apply -f - {here(text)}"


def folded(words: list[str]) -> str:
    """The command with each option on a line of its own, as it fits beside the form."""
    lines: list[str] = []
    for word in words:
        if word.startswith("-") or not lines:
            lines.append(shlex.quote(word))
        else:
            lines[-1] += " " + shlex.quote(word)
    return " \\\n  ".join(lines) + "\n"


def here(text: str) -> str:
    """A here-document of the text, unchanged by the shell."""
    end = "EOF"
    while end in text.splitlines():
        end += "_"
    return f"<<'{end}'\n{text}{end}\n"


def short(documents: list[Manifest]) -> list[str]:
    """The flags of `vmctl create vm`, or [] when there is more to say than they can."""
    if len(documents) != 2 or set(documents[1]["metadata"]) - {"name", "namespace"}:
        return []
    disk, machine = documents
    spec, image = machine["spec"], disk["spec"].get("source", {}).get("image")
    known = {"osType", "compute", "disks", "interfaces", "firmware", "runningState"}
    cards, disks = spec.get("interfaces", []), spec["disks"]
    plain = (
        image and len(disks) == 1 and not set(disks[0]) - {"virtualMachineDiskName", "boot", "autoDelete"}
        and len(cards) <= 1 and not any(set(card) - {"name", "networkName", "ipAddresses"} for card in cards)
        and not set(spec) - known and spec.get("osType") and spec.get("runningState") in (None, "Stopped")
        and spec.get("firmware") in (None, {"bootloader": {"type": "uefi", "enableSecureBoot": True}})
        and not set(spec["compute"]) - {"cpu", "memory", "virtualMachineTypeName"}
    )  # fmt: skip
    return flags_of(disk, machine, image) if plain else []


def flags_of(disk: Manifest, machine: Manifest, image: Manifest) -> list[str]:
    spec, metadata = machine["spec"], machine["metadata"]
    compute, card = spec["compute"], next(iter(spec.get("interfaces", [])), None)
    flags: dict[str, Any] = {
        "-n": metadata.get("namespace"),
        "--image": f"{image['namespace']}/{image['name']}",
        "--type": compute.get("virtualMachineTypeName"),
        "--cpus": compute.get("cpu", {}).get("vcpus"),
        "--memory": compute.get("memory", {}).get("capacity"),
        "--size": disk["spec"].get("size"),
        "--network": card["networkName"] if card else "",
        "--ip": card["ipAddresses"][0] if card and "ipAddresses" in card else None,
        "--os-type": spec["osType"] if spec["osType"] != "Linux" else None,
    }
    words = ["vmctl", "create", "vm", metadata["name"]]
    for flag, value in flags.items():
        if value is not None and not (flag == "--network" and value == "pod-network"):
            words += [flag, str(value)]
    switches = {
        "--uefi": "firmware" in spec,
        "--stopped": spec.get("runningState") == "Stopped",
        "--keep-disk": not spec["disks"][0].get("autoDelete"),
    }
    return [*words, *(switch for switch, on in switches.items() if on)]


def curl(documents: list[Manifest], notes: list[str], origin: str) -> str:
    """One request for each object, in the order in which they are needed."""
    token = _("A token: Settings › Your tokens")
    requests = "\n".join(request(document, origin) for document in documents)
    return f"{comments([token, *notes])}TOKEN=vmc_…\n{requests}"


def request(document: Manifest, origin: str) -> str:
    place = document["metadata"].get("namespace", "default")
    url = f"{origin}/apis/{GROUP}/namespaces/{place}/{PLURALS[document['kind']]}"
    body = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    return (
        f"curl -fsS {shlex.quote(url)} \\\n"
        f"  -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \\\n"
        f"  --data-binary @- {here(body)}"
    )
