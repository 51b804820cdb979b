"""The disks' and images' pages. They ask services and show rows; the runtime is never asked from here."""
