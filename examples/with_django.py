"""A blog on Django: a post, its payment and a line in the diary are committed together."""

import django
from django.conf import settings
from django.db import connection, models, transaction

from paidflow import Context, Money, PaidAction, Receipt, sats
from paidflow.contrib.django.flow import get_flow
from paidflow.contrib.django.visibility import VisibleQuerySet
from paidflow.payments.sandbox import SandboxGateway

if not settings.configured:
    mode, secret = {"transaction_mode": "IMMEDIATE"}, "sixteen bytes or more, of your own"
    blog = {"ENGINE": "django.db.backends.sqlite3", "NAME": "blog.db", "OPTIONS": mode}
    bank = SandboxGateway("bank.db", sandbox=True)
    flow = {"ACTIONS": lambda: [Post], "GATEWAYS": {"bank": lambda: bank}, "SECRET": secret}
    apps = ["paidflow.contrib.django"]
    settings.configure(DATABASES={"default": blog}, INSTALLED_APPS=apps, PAIDFLOW=flow)
    django.setup()


class Entry(models.Model):
    author = models.TextField()

    class Meta:
        app_label, db_table = "blog", "diary"
        constraints = (models.CheckConstraint(condition=~models.Q(author=""), name="signed"),)


class PostRow(models.Model):
    id, text = models.TextField(primary_key=True), models.TextField()
    objects = VisibleQuerySet.as_manager()  # gives it PostRow.objects.visible_to(viewer)

    class Meta:
        app_label, db_table = "blog", "posts"
        constraints = (models.CheckConstraint(condition=~models.Q(text=""), name="written"),)


class Post(PaidAction):
    kind, optimistic = "post", True
    text: str

    def cost(self, ctx: Context) -> Money:
        return sats(10)

    def perform(self, ctx: Context) -> None:
        PostRow.objects.create(id=ctx.action_id, text=self.text)


def post(author: str, text: str) -> Receipt:
    prepared = get_flow().prepare(Post(text=text), actor=author)  # asks the bank, so outside
    with transaction.atomic():  # one transaction, committed at the end
        Entry.objects.create(author=author)
        return get_flow().perform(prepared, tx=connection)


def seen_by(viewer: str | None) -> list[str]:
    return [row.text for row in PostRow.objects.visible_to(viewer)]
