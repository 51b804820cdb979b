"""What a runtime can answer besides yes.

Six errors, because callers do six different things. A driver lets no other exception out: its `translated()` is
the one place that catches what its library raises.
"""


class RuntimeFault(Exception):
    """The runtime could not do as asked.

    `public` is a sentence for anyone: what happened, why, what to do. `detail` is for operators and logs, and may
    name hosts, paths and XML. `retry_in` is seconds until another try could help, or None when it cannot.
    """

    retry_in: float | None = None

    def __init__(self, public: str, *, detail: str = "", reason: str = "") -> None:
        super().__init__(f"{public} [{detail}]" if detail else public)
        self.public = public
        self.detail = detail
        self.reason = reason


class Missing(RuntimeFault):
    """It is not there (any more)."""


class Rejected(RuntimeFault):
    """The runtime understood and refuses. Trying again cannot help."""


class Unsupported(Rejected):
    """This runtime has no such thing. Ask `capabilities` before."""


class Stale(RuntimeFault):
    """It changed since we looked. Look again, then decide again."""

    retry_in = 0.0


class Busy(RuntimeFault):
    """Something else is being done to it. Soon."""

    retry_in = 2.0


class Unreachable(RuntimeFault):
    """No answer. It may or may not have happened: look before acting again."""

    retry_in = 5.0
