"""One function per thing a person can ask of machines, by verb."""
