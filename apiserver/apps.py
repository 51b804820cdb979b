"""The apiserver app: the resources in the shape of the Kubernetes API."""

from django.apps import AppConfig


class ApiserverConfig(AppConfig):
    name = "apiserver"

    def ready(self) -> None:
        from apiserver import garbage
        from apiserver.fanout import streams
        from vmconsole.gateway import lifespan

        garbage.register()
        lifespan.listeners.append((streams.deliver, streams.restart))
        lifespan.leaving.append(streams.end_all)
