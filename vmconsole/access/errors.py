"""What we say when the answer is no.

One family, so that the one table in `vmconsole.http` can turn every no into a page, a fragment or an RFC 9457 problem.
The drivers' faults are a family of their own (`vmconsole.runtime.errors`): those happen, these are decided.

`Refused` is about what was asked, so a form may catch it and put the sentence beside its field. `Denied` and
`NotFound` are about who asks: no form catches them by catching the others, and none answers them as a typing error.
"""

from vmconsole.access.rules import Excess


class Declined(Exception):
    """Somebody asked for something, and we decided against it.

    `public` is a sentence for the person who asked: what was refused, and why. `reason` is one CamelCase word for
    machines. `field` names the input to blame, `fix` says what to do instead.
    """

    default_reason = "Declined"
    default_status = 422
    retry_in: float | None = None  # seconds, where waiting helps

    def __init__(self, public: str, reason: str = "", field: str = "", status: int = 0, fix: str = "") -> None:
        super().__init__(public)
        self.public = str(public)
        self.reason = reason or self.default_reason
        self.field = field
        self.status = status or self.default_status
        self.fix = str(fix)


class Denied(Declined):
    """They may see it, and may not do this with it."""

    default_reason = "Forbidden"
    default_status = 403


class NotFound(Declined):
    """It is not there, or it is not theirs to know about. Nobody can tell the two apart."""

    default_reason = "NotFound"
    default_status = 404


class Refused(Declined):
    """What was asked cannot be done: now, here, or at all."""

    default_reason = "Refused"


class Unprocessable(Refused):
    """The request is readable and makes no sense: a wrong value, or values that contradict each other."""

    default_reason = "Invalid"


class Conflict(Refused):
    """Something else happened first: a newer edit, an open operation, a name already taken."""

    default_reason = "Conflict"
    default_status = 409


class TooLarge(Refused):
    """More than we take in one piece."""

    default_reason = "TooLarge"
    default_status = 413


class OverQuota(Refused):
    """More than is left of what the namespace may have. `quota` is the name of what says so, `excess` the figures,
    `problems` a sentence for each beside the field that asks for it.
    """

    default_reason = "QuotaExceeded"
    default_status = 403

    def __init__(self, problems: list[tuple[str, str]], *, quota: str, excess: list[Excess], fix: str) -> None:
        super().__init__(" ".join(sentence for _field, sentence in problems), field=problems[0][0], fix=fix)
        self.problems = problems
        self.quota = quota
        self.excess = excess
