"""Disks and images: what machines boot from and write to, where it came from, and how it gets onto the host."""
