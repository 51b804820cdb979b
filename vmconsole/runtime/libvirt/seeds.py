"""cloud-init's NoCloud disk, made in this process.

No helper program: user data may hold passwords, which must not be seen in a process list. Written beside its place and
renamed, so that a machine starting meanwhile reads the old one or the new one.
"""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import msgspec
from pycdlib.pycdlib import PyCdlib

from vmconsole.runtime.types import CloudInit

LABEL = "cidata"


def write(seed: CloudInit, path: Path) -> None:
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    # Created with its final mode: chmod afterwards would leave a moment in which others can open it.
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "wb") as file:
        file.write(image(seed))
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)


def image(seed: CloudInit) -> bytes:
    """An ISO with meta-data, user-data and, when given, network-config."""
    files = {
        "meta-data": _meta_data(seed),
        "user-data": seed.user_data or "#cloud-config\n",
        "network-config": seed.network_data,
    }
    iso = PyCdlib()
    iso.new(interchange_level=3, joliet=3, rock_ridge="1.09", vol_ident=LABEL)
    for number, (name, text) in enumerate(files.items()):
        if text:
            body = text.encode()
            iso.add_fp(BytesIO(body), len(body), f"/FILE{number}.;1", rr_name=name, joliet_path=f"/{name}")
    out = BytesIO()
    iso.write_fp(out)
    iso.close()
    return out.getvalue()


def _meta_data(seed: CloudInit) -> str:
    """JSON strings are YAML strings, whatever is in them."""
    said = {"instance-id": seed.instance_id, "local-hostname": seed.hostname}
    return "".join(f"{key}: {_plain(value)}\n" for key, value in said.items())


def _plain(value: str) -> str:
    """Host names and uids stay bare, as the smallest readers of this file expect; anything else is quoted."""
    bare = value and value[0].isalnum() and all(letter.isalnum() or letter in "-_." for letter in value)
    return value if bare else msgspec.json.encode(value).decode()
