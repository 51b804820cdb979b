"""The commands, a module for each kind of work: read what was asked, call, show. What is heavy is imported late."""
