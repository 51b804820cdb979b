"""The command line of vmconsole: a client of its HTTP API, and of nothing else."""

__version__ = "0.1.0"
