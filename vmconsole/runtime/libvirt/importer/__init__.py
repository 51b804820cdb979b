"""Makes one volume, as a process of its own: `python -m vmconsole.runtime.libvirt.importer JOBFILE`.

A download takes minutes to hours and must not die with a worker that is restarted. So it is nobody's child, writes
how far it is into its job file, and can be started again with the same file at any time. No Django, no libvirt.
"""
