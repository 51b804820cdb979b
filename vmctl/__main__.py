"""`python -m vmctl` is `vmctl`."""

from vmctl.main import main

main()
