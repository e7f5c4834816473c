from paidflow import PaidAction, PaidFlow, sats


class Shout(PaidAction):
    kind = "shout"

    def cost(self, ctx):
        return sats(0)


flow = PaidFlow.open("sqlite:///wall.db", actions=[Shout], gateways={}, secret="s" * 16)
flow.perform(Shout(), actor="ann")
