"""Make the first administrator, once.

Safe to run at every start: it does something only while there is nobody at all. The password is printed, never
stored, and good for choosing another only.
"""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from vmconsole.access import journal
from vmconsole.access.actors import Actor
from vmconsole.access.models import RoleBinding, User
from vmconsole.access.rules import Role
from vmconsole.access.services import one_time_password

NAME = "admin"


class Command(BaseCommand):
    help = "Create the person 'admin' with a one-time password when there is nobody yet, and print the password."

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        if User.objects.exists():
            return
        password = one_time_password()
        person = User(username=NAME, password_expired=True)
        person.set_password(password)
        person.save()
        RoleBinding.objects.create(user=person, role=Role.CLUSTER_ADMIN.value)
        journal.record(
            Actor.system("setup"), "person_create", kind="User", uid=str(person.pk), name=NAME, phase="succeeded"
        )
        self.stdout.write(password)
