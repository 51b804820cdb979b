"""What may be fetched is judged by address, whatever way it is written."""

from __future__ import annotations

import pytest

from tests.storage.test_downloads import INSIDE
from vmconsole.runtime.addresses import ForbiddenAddress, allow_list, check_url, literal, resolve


@pytest.mark.parametrize("url", [url for url in INSIDE if "localhost" not in url])
def test_the_inside_is_refused_without_asking_anybody(url: str) -> None:
    with pytest.raises(ForbiddenAddress) as refusal:
        check_url(url, ())
    assert refusal.value.sentence.endswith(".")
    assert "secret" not in refusal.value.sentence.replace("Use a secret.", "")


@pytest.mark.parametrize(
    "url", ["https://example.com/a.qcow2", "http://1.1.1.1:8080/a?b=c", "https://[2606:4700::1111]/a"]
)
def test_the_public_internet_is_fine(url: str) -> None:
    check_url(url, ())


@pytest.mark.parametrize(
    "url",
    [
        "http://x\r\nHost: y/",
        "http://x/\x00",
        "http://x:99999/",
        "http://[::1",
        "http://" + "x" * 3000,
        "https://例え.jp/x",
        "",
    ],
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ForbiddenAddress):
        check_url(url, ())


def test_an_administrator_may_allow_a_network() -> None:
    allow = allow_list("10.1.0.0/16, 192.168.1.5")
    check_url("http://10.1.2.3/x", allow)
    check_url("http://192.168.1.5/x", allow)
    with pytest.raises(ForbiddenAddress):
        check_url("http://10.2.0.1/x", allow)


def test_a_name_is_judged_by_what_it_leads_to() -> None:
    with pytest.raises(ForbiddenAddress):
        resolve("localhost", 80, ())
    assert resolve("localhost", 80, allow_list("127.0.0.0/8,::1")) in ("127.0.0.1", "::1")


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "017700000001", "127.1", "127.0.0.1"])
def test_every_spelling_is_the_same_address(host: str) -> None:
    assert str(literal(host)) == "127.0.0.1"


@pytest.mark.parametrize("host", ["example.com", "xx.example", "face.feed", "1.2.3.4.5", ""])
def test_a_name_is_no_address(host: str) -> None:
    assert literal(host) is None
