"""A runtime that needs no hypervisor: for demonstrations, for fault injection and for lists too long for one host."""
