"""Bytes between browsers and guests, and hints that something changed: everything that is a websocket."""
