"""People who use a running console over HTTP, as a browser without scripts does: sign in, fill in forms, read lists.

They know nothing of the inside. What they are told is what a person would be told: a status, a sentence, a list.
"""

from __future__ import annotations

import csv
import html
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

PASSWORD = "correct horse battery"  # everybody's own, chosen at the first sign-in
PATIENCE = 120.0
T = TypeVar("T")

# A machine that never gets beyond its firmware: up in a second, and of no weight to speak of.
SMALL: dict[str, Any] = {
    "namespace": "default",
    "source": "blank",
    "boot_size": "16Mi",
    "boot_driver": "virtio",
    "boot_auto_delete": "on",
    "sizing": "own",
    "vcpus": "1",
    "memory": "16Mi",
    "os_type": "Linux",
    "firmware": "bios",
    "power": "start",
    "disk-TOTAL_FORMS": "0",
    "disk-INITIAL_FORMS": "0",
    "card-TOTAL_FORMS": "0",
    "card-INITIAL_FORMS": "0",
}


def wait_for(what: Callable[[], T], *, seconds: float = PATIENCE, why: Callable[[], object] | str = "it") -> T:
    """Ask until the answer is true, and return it. The deadline only ends a test that failed anyway."""
    end = time.monotonic() + seconds
    while True:
        answer = what()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:.0f} s in vain: {why() if callable(why) else why}")
        time.sleep(0.1)


@dataclass(frozen=True)
class Visitor:
    """Somebody who is signed in."""

    name: str
    http: httpx.Client

    def get(self, path: str, **query: str) -> httpx.Response:
        return self.http.get(path, params=query or None)

    def post(self, path: str, **form: Any) -> httpx.Response:
        """Send a form, as the page that has it would."""
        return self.http.post(path, data=form, headers=self.token())

    def token(self) -> dict[str, str]:
        return {"X-CSRFToken": self.http.cookies.get("csrftoken") or ""}

    def invite(self, name: str, *roles: tuple[str, str]) -> Visitor:
        """Let somebody in with these roles. They choose their own password at once."""
        return come_in(str(self.http.base_url), name, self.one_time_password(name, *roles))

    def one_time_password(self, name: str, *roles: tuple[str, str]) -> str:
        """Somebody new, who was not here yet."""
        made = self.post("settings/people/new", username=name)
        password = re.search(r'id="one-time-password">([^<]+)<', made.text)
        assert password, said(made)
        for role, namespace in roles:
            given = self.post("settings/people/roles", username=name, role=role, namespace=namespace)
            assert given.status_code == 302, said(given)
        return html.unescape(password.group(1))

    def create(self, name: str, **changes: Any) -> httpx.Response:
        """Fill in the form of a new machine: a small one, but for the changes."""
        return self.post("vms/new", **{**SMALL, "name": name, **changes})

    def machine(self, name: str) -> dict[str, str]:
        """Its line in the list, {} when it is not there."""
        lines = csv.DictReader(self.get("vms/export.csv").text.splitlines())
        return next((line for line in lines if line["name"] == name), {})

    def state(self, name: str) -> str:
        return self.machine(name).get("state", "")

    def wait_for_state(self, name: str, *states: str, seconds: float = PATIENCE) -> None:
        wait_for(lambda: self.state(name) in states, seconds=seconds, why=lambda: self.machine(name))

    def power(self, name: str, verb: str) -> httpx.Response:
        return self.post(f"vms/default/{name}/power/{verb}")

    def remove(self, *names: str) -> None:
        """Delete machines with their disks, also out of the trash, and see them gone."""
        for name in names:
            if self.machine(name):
                self.post(f"vms/default/{name}/delete", typed=name, disks=disks_of(self, name))
            if name in self.trash():
                self.post(f"trash/{self.trash()[name]}/purge", typed=name)
        wait_for(lambda: not any(map(self.machine, names)), why=lambda: [self.machine(name) for name in names])

    def trash(self) -> dict[str, str]:
        """Machines in the trash: their uids by name."""
        return {line["name"]: line["uid"] for line in self.get("api/v1/trash").json()["results"]}

    def audit(self, **query: str) -> list[dict[str, Any]]:
        """Entries of the audit log, newest first."""
        found = self.get("api/v1/audit", **query).json()
        return list(found["results"])


def disks_of(visitor: Visitor, name: str) -> list[str]:
    """The disks that its delete dialog offers to delete with it."""
    dialog = visitor.get(f"vms/default/{name}/delete").text
    return re.findall(r'name="disks" value="([^"]+)"', dialog)


def come_in(url: str, name: str, one_time: str) -> Visitor:
    """The first sign-in: with a one-time password, and out of it with one of their own."""
    visitor = Visitor(name, sign_in(url, name, one_time))
    assert visitor.get("vms/").headers.get("location") == "/settings/password"
    changed = visitor.post("settings/password", password1=PASSWORD, password2=PASSWORD)
    assert changed.status_code == 302, said(changed)
    return visitor


def sign_in(url: str, name: str, password: str) -> httpx.Client:
    http = httpx.Client(base_url=url, headers={"Origin": url.rstrip("/")}, timeout=60, trust_env=False)
    http.get("sign-in")
    form = {"username": name, "password": password}
    answer = http.post("sign-in", data=form, headers={"X-CSRFToken": http.cookies.get("csrftoken") or ""})
    assert answer.status_code == 302, said(answer)
    return http


def said(answer: httpx.Response) -> str:
    """What a person reads in this answer: its status and the text of its main part, without the markup."""
    main = re.search(r"<main\b.*?</main>", answer.text, flags=re.DOTALL)
    shown = re.sub(r"<(script|style|template)\b.*?</\1>", " ", main[0] if main else answer.text, flags=re.DOTALL)
    return " ".join([str(answer.status_code), *texts([shown])])[:4000]


def complaints(answer: httpx.Response) -> list[str]:
    """The sentences of the errors on a page: beside fields, above the form, or as a note."""
    found = re.findall(r'class="(?:form-error|note tone-bad)[^"]*"[^>]*>(.*?)</div>', answer.text, flags=re.DOTALL)
    return list(texts(found))


def texts(markup: Iterable[str]) -> Iterable[str]:
    for part in markup:
        text = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", part)).split())
        if text:
            yield text
