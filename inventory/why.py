"""Why a machine is not as it should be: one sentence, its evidence, since when, and the likely fixes.

The table is in `reasons`; here stand its words, and the rule that the first row that fits is the answer. Whoever may
not do a fix sees it disabled, with the reason (`fixing`). Pages, the API and `vmctl why` all ask here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

from inventory.situations import Situation
from vmconsole.pages import asked

Tone = Literal["bad", "warn", "busy", "off"]
# A tab of the machine's page, another page of the console, a verb for the machine, or a request of its own.
Kind = Literal["tab", "page", "verb", "post"]
Text = Callable[[Situation], str]


@dataclass(frozen=True, slots=True)
class Fix:
    """One thing to do about it. `target` is a tab, the name of a URL, a verb, or the address below the machine's.

    `values` are filled from the situation: its query, or what is sent with it. `where` are parts of a page's address.
    """

    label: Any
    kind: Kind
    target: str
    values: tuple[tuple[str, Text], ...] = ()
    where: tuple[Text, ...] = ()
    right: Literal["view", "edit", "console", "cluster-edit", "cluster-view"] = "view"


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of the table. `sentence` and `evidence` may name parts of the situation as %(…)s.

    `reasons` are those without which it never fits: a list asks for thousands of machines, and most have none.
    """

    key: str
    fits: Callable[[Situation], bool]
    sentence: Any
    tone: Tone = "bad"
    fixes: tuple[Fix, ...] = ()
    evidence: Callable[[Situation], list[str]] = field(default=lambda s: [s.message])
    since: Callable[[Situation], datetime | None] = field(default=lambda s: s.since)
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Why:
    """The answer. `evidence` is one text, for lists; `facts` are its pieces. `since` is when it began."""

    key: str
    tone: Tone
    sentence: str
    facts: tuple[str, ...] = ()
    since: datetime | None = None
    fixes: tuple[Fix, ...] = ()

    @property
    def evidence(self) -> str:
        return " · ".join(self.facts)


def why(situation: Situation) -> Why | None:
    """The line under a machine's name, or None when all is as asked."""
    rule = next((rule for rule in _rules_for(situation.reason) if rule.fits(situation)), None)
    if rule is None:
        return None
    verb = asked(situation.failed.verb) if situation.failed else ""
    values = {"about": situation.about or "?", "reason": situation.reason, "asked": verb}
    sentence = str(rule.sentence) % values
    told = [piece for piece in rule.evidence(situation) if piece and piece != sentence]
    return Why(rule.key, rule.tone, sentence, tuple(told), rule.since(situation), rule.fixes)


@lru_cache(maxsize=256)
def _rules_for(reason: str) -> tuple[Rule, ...]:
    """Those that may fit a machine with this reason, in their order."""
    from inventory.reasons import RULES

    return tuple(rule for rule in RULES if not rule.reasons or reason in rule.reasons)
