"""Wish and look -> the one next step for a disk or an image. Pure: the only place where the product decides this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vmconsole.runtime.types import Phase, VolumeSeen

STALLED: Final = "Stalled"


@dataclass(frozen=True, slots=True)
class Wish:
    """`begun` is true once the runtime was asked for this generation, `failed` when it has refused since. `made` when
    it was seen finished, ever."""

    size_bytes: int
    begun: bool = False
    failed: bool = False
    made: bool = False
    deleting: bool = False
    cancelling: bool = False


@dataclass(frozen=True, slots=True)
class Create:
    """Ask the runtime to make it, or to go on making it."""


@dataclass(frozen=True, slots=True)
class Watch:
    """It is being made."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop making it."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Nothing is left of it."""


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove it from the runtime."""


@dataclass(frozen=True, slots=True)
class Forget:
    """It is gone from the runtime."""


@dataclass(frozen=True, slots=True)
class Grow:
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Fail:
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Vanished:
    """It was finished, and now its file is not there."""


@dataclass(frozen=True, slots=True)
class Settled:
    """As wished."""


@dataclass(frozen=True, slots=True)
class Rest:
    """It failed, that is known, and nobody has asked for more."""


Step = Create | Watch | Cancel | Cancelled | Delete | Forget | Grow | Fail | Vanished | Settled | Rest


def next_step(wish: Wish, seen: VolumeSeen | None) -> Step:
    if wish.deleting:
        return Delete() if seen else Forget()
    if wish.cancelling and not (seen and seen.phase is Phase.SUCCEEDED):
        return Cancel() if seen else Cancelled()
    if seen is None:
        return _absent(wish)
    if seen.phase is Phase.FAILED:
        return Fail(seen.reason, seen.message) if wish.begun else Create()
    if seen.phase is not Phase.SUCCEEDED:
        return Create() if seen.reason == STALLED else Watch()
    return Grow(wish.size_bytes) if wish.size_bytes > seen.size_bytes else Settled()


def _absent(wish: Wish) -> Step:
    if wish.begun and wish.failed:
        return Rest()
    return Vanished() if wish.made else Create()
