"""The libvirt driver: one Linux host, split by noun.

The only folder that imports `libvirt`. `link` holds the connection, `faults` turns what libvirt raises into our six
errors, `xml` `parse` `edit` speak domain XML, and each noun of the contract has its file.
"""
