"""The dispatcher: every module beside this one that has a `bench()` is a command of its own name."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)


@app.callback()
def measure() -> None:
    """Figures of the console. Quote the ratios, not the absolutes: the machine is in both sides of a ratio."""


def load() -> typer.Typer:
    for file in sorted(Path(__file__).parent.glob("*.py")):
        if file.stem.startswith("_") or file.stem == "main":
            continue
        module = import_module(f"scripts.benches.{file.stem}")
        if hasattr(module, "bench"):
            app.command(file.stem, help=module.__doc__)(module.bench)
    return app


if __name__ == "__main__":
    load()()
