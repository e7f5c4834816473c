"""A log acts only on the gateway accounts that it belongs to."""

from __future__ import annotations

from paidflow.errors import IdentityMismatch
from paidflow.flow.gateways import Gateways
from paidflow.store.contract import Store


def check_identity(store: Store, gateways: Gateways) -> None:
    """Compare the accounts of the gateways with those that the log knows; new ones are noted.

    Raises:
        MissingTables: when there is no log; likewise when its tables are too old, or too new.
        IdentityMismatch: when a gateway has another account than before.
    """
    store.check()
    for name in gateways:
        profile = gateways.profile(name)
        account = profile.account if profile else ""
        with store.transaction("identity") as tx:
            tx.query("insert_identity", gateway=name, account=account)
            row = tx.query("select_identity", gateway=name).fetchone()
        if row is None or row["account"] != account:
            raise IdentityMismatch(name)
