"""The kubeconfig: read as kubectl reads it, and written without losing a word of others."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
import yaml

from vmctl import kubeconfig
from vmctl.errors import Exit, Failed
from vmctl.kubeconfig import Context

THEIRS = """\
# my clusters
apiVersion: v1
kind: Config
preferences: {colors: true}
current-context: "work"   # do not change
clusters:
- cluster:
    certificate-authority-data: TUlJ
    server: https://work.example
  name: work
contexts:
- context: {cluster: work, user: me, namespace: team}
  name: work
users:
- name: me
  user:
    exec:   # asks the keychain
      apiVersion: client.authentication.k8s.io/v1
      command: get-token
"""
OURS = Context("vmconsole", "https://console.example", "vmc_secret", "default", "-----PEM-----\n")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "deep" / "config"
    monkeypatch.setenv("KUBECONFIG", str(path))
    monkeypatch.delenv("VMCTL_CONTEXT", raising=False)
    return path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_written_is_read_back(file: Path) -> None:
    kubeconfig.write(OURS)
    assert kubeconfig.read() == OURS
    assert mode(file) == 0o600
    assert yaml.safe_load(file.read_text())["current-context"] == "vmconsole"


def test_everything_of_others_stays(file: Path) -> None:
    file.parent.mkdir()
    file.write_text(THEIRS)
    file.chmod(0o644)
    kubeconfig.write(OURS)
    written = file.read_text()
    assert [line for line in THEIRS.splitlines() if line not in written] == []
    assert yaml.safe_load(written)["current-context"] == "work"
    assert kubeconfig.names() == ["vmconsole", "work"]
    assert mode(file) == 0o600


def test_signing_in_again_changes_only_our_entries(file: Path) -> None:
    file.parent.mkdir()
    file.write_text(THEIRS)
    kubeconfig.write(OURS)
    once = file.read_text()
    kubeconfig.write(Context("vmconsole", "https://console.example", "vmc_newer", "default", "-----PEM-----\n"))
    assert file.read_text() == once.replace("vmc_secret", "vmc_newer")


def test_the_file_that_has_the_context_is_the_one_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    monkeypatch.setenv("KUBECONFIG", str(second))
    kubeconfig.write(OURS)
    monkeypatch.setenv("KUBECONFIG", f"{first}{os.pathsep}{second}")
    assert kubeconfig.write(OURS) == second
    assert not first.exists()


def test_a_file_that_is_no_kubeconfig_is_left_alone(file: Path) -> None:
    file.parent.mkdir()
    file.write_text("{ not yaml")
    with pytest.raises(Failed, match="is not a kubeconfig"):
        kubeconfig.write(OURS)
    assert file.read_text() == "{ not yaml"
    assert list(file.parent.iterdir()) == [file]


def test_a_file_somebody_is_writing_is_left_alone(file: Path) -> None:
    file.parent.mkdir()
    lock = file.with_name("config.lock")
    lock.touch()
    with pytest.raises(Failed) as caught:
        kubeconfig.write(OURS)
    assert caught.value.code is Exit.CONFLICT
    assert str(lock) in str(caught.value)
    assert not file.exists()


def test_nobody_is_signed_in_before_login(file: Path) -> None:
    with pytest.raises(Failed) as caught:
        kubeconfig.read()
    assert caught.value.code is Exit.SIGNED_OUT
    assert "vmctl login" in str(caught.value)


def test_a_context_never_shows_its_token() -> None:
    assert "vmc_secret" not in f"{OURS!r} {OURS}"
