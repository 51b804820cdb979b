"""The doorbell of the reconcile loop.

Celery carries nothing but "look at this uid". No results, no retries, no chains: what must happen stands in the
database, so a lost, doubled or late message changes nothing (`vmconsole/operations`).
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vmconsole.settings")

app = Celery("vmconsole")


def configure() -> None:
    from django.conf import settings

    app.conf.update(
        broker_url=settings.BROKER_URL,
        broker_connection_retry_on_startup=True,
        # A day: a message is only a doorbell, but redelivery in the middle of a long look would be noise.
        broker_transport_options={"visibility_timeout": 24 * 3600},
        task_ignore_result=True,
        task_default_queue="vmconsole",
        task_soft_time_limit=50,  # shorter than the lease, or two workers would meet
        task_time_limit=55,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_max_tasks_per_child=2000,
        accept_content=["json"],
        task_serializer="json",
        worker_send_task_events=False,
        worker_enable_remote_control=False,
        result_backend=None,
    )
    app.autodiscover_tasks(["vmconsole.operations"])


configure()
