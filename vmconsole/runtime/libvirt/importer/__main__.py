"""The process: become nobody's child, take the job's lock, do the work, leave a clean folder behind."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from vmconsole.runtime.libvirt.importer import jobs, steps
from vmconsole.runtime.libvirt.importer.failures import Cancelled, ImportFailed, failed_by
from vmconsole.runtime.libvirt.importer.jobs import JobFile
from vmconsole.runtime.libvirt.volume_places import VolumePlaces
from vmconsole.runtime.types import Phase

_UMASK = 0o007


def main(path: Path) -> int:
    os.umask(_UMASK)
    signal.signal(signal.SIGTERM, _cancel)
    places, first = VolumePlaces(path.parent.parent), jobs.read(path)
    if first is None:
        return 0
    with jobs.working(places, first.uid) as mine:
        job = jobs.read(path) if mine else None
        if job is None or job.failed:
            return 0
        try:
            _work(places, job)
        except Cancelled:
            clear(places, job)
    return 0


def _work(places: VolumePlaces, job: JobFile) -> None:
    if places.volume(job.uid) is None:
        try:
            partial = steps.make(job, places)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # from here on a cancel comes too late
            steps.publish(job, places, partial)
        except ImportFailed as failure:
            record_failure(places, job, failure)
            return
        except OSError as error:
            record_failure(places, job, failed_by(error))
            return
    clear(places, job)


def record_failure(places: VolumePlaces, job: JobFile, failure: ImportFailed) -> None:
    """Leave the reason and nothing else: no half file, no secret."""
    places.remove_work(job.uid)
    job.phase, job.percent, job.headers = Phase.FAILED, None, ()
    job.reason, job.message, job.detail = failure.reason, failure.sentence, failure.detail
    print(f"{job.uid}: {failure.reason}: {failure.sentence} [{failure.detail}]", file=sys.stderr)
    jobs.write(places.job(job.uid), job)


def clear(places: VolumePlaces, job: JobFile) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    places.remove_work(job.uid)
    jobs.remove(places, job.uid)


def _cancel(_signal: int, _frame: object) -> NoReturn:
    raise Cancelled


def detach() -> None:
    """A child of init in a session of its own, so that nobody has to wait for it and no terminal ends it."""
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)


if __name__ == "__main__":
    if "--detach" in sys.argv:
        detach()
    sys.exit(main(Path(sys.argv[1])))
