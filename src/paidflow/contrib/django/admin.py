"""paidflow in Django's admin: to read everything, and to decide what a person was asked."""

# The stubs know the types of fields only with a plugin of mypy, and the classes of the admin take
# types only in the stubs.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeArgument=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.decorators import method_decorator

from paidflow.contrib.django.flow import get_flow
from paidflow.contrib.django.models import Action, Event
from paidflow.contrib.django.settings import database
from paidflow.errors import PaidflowError
from paidflow.flow.resolutions import Resolution
from paidflow.money import Money

WHY_MAX = 500

RESOLUTIONS: dict[Resolution, str] = {
    "retry": "Run the hook again",
    "accept": "Make it real with the late money",
    "credit": "Give the late money to the actor's purse",
    "close": "Take the invoice for dead",
    "outgoing_arrived": "The payment to somebody else has arrived",
    "outgoing_failed": "The payment to somebody else will never arrive",
    "dismiss": "Leave it as it is",
}


class _ReadOnly:
    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class History(_ReadOnly, admin.TabularInline):
    """What happened to an action."""

    model = Event
    fields = readonly_fields = ("version", "recorded_at", "name", "details")
    verbose_name_plural = "history"

    def name(self, event: Event) -> str:
        return event.event.name.removeprefix("paid-action.")

    def details(self, event: Event) -> str:
        told = event.event.model_dump(mode="json", exclude={"arguments_hash"}, exclude_none=True)
        return ", ".join(f"{key}: {value}" for key, value in told.items())


class WhyForm(ActionForm):
    """Asks for the reason beside the choice of what to do."""

    why = forms.CharField(required=False, max_length=WHY_MAX, label="Reason")


@admin.register(Action)
class ActionAdmin(_ReadOnly, admin.ModelAdmin):
    """The paid actions."""

    action_form = WhyForm
    actions = tuple(f"resolve_by_{resolution}" for resolution in RESOLUTIONS)
    inlines = (History,)
    list_display = (
        "action_id",
        "kind",
        "actor",
        "state",
        "price",
        "owed",
        "attention",
        "state_since",
    )
    list_filter = ("attention", "state", "owed", "kind")
    ordering = ("-state_since",)
    search_fields = ("action_id__exact", "actor__exact")

    @admin.display(description="cost")
    def price(self, action: Action) -> str:
        return str(Money(action.cost, action.currency))

    def has_resolve_permission(self, request: HttpRequest) -> bool:
        """Who may decide; view permission is not enough."""
        user: Any = request.user
        return user.has_perm("paidflow.resolve_action")

    # A gateway may be asked, so no transaction may be open.
    @method_decorator(transaction.non_atomic_requests(using=database()))
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return super().changelist_view(request, extra_context)


def _resolve(resolution: Resolution, description: str) -> Callable[..., None]:
    @admin.action(description=description, permissions=["resolve"])
    def act(model_admin: ActionAdmin, request: HttpRequest, chosen: QuerySet[Action]) -> None:
        why = request.POST.get("why", "").strip()
        if not why or len(why) > WHY_MAX:
            model_admin.message_user(request, "Say why: it is kept in the log.", messages.ERROR)
            return
        operator = request.user.get_username()
        for action in chosen:
            try:
                get_flow().resolve(action.action_id, resolution, operator=operator, why=why)
            except PaidflowError as error:
                model_admin.message_user(request, f"{action}: {error}", messages.ERROR)
            else:
                model_admin.message_user(request, f"{action}: decided", messages.SUCCESS)

    return act


for _resolution, _description in RESOLUTIONS.items():
    setattr(ActionAdmin, f"resolve_by_{_resolution}", _resolve(_resolution, _description))
