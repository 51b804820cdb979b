"""Figures of the console, each against an anchor measured in the same run. `scripts/bench NAME`."""
