"""Labels of a card client: the last statement, the five before it, and what they say together."""

from tallystick.labels import Entity, Events, flag, integer, money

client = Entity("client")
statements = Events(
    "statements",
    id="statement_id",
    at="closed_at",
    sequence="statement_id",
    lateness="1d",
    keys={client: "client_id"},
    fields={
        "credit_limit": money("TWD"),
        "bill": money("TWD"),
        "paid": money("TWD"),
        "months_late": integer(),
        "defaulted": flag(default=False, known_at="default_known_at"),
    },
)
_of_client = statements.per(client)

# The statement being decided on, and the statements one to five months before it.
credit_limit = _of_client.last("credit_limit").over("10d", including_present=True)

months_late_0 = _of_client.last("months_late").over("10d", including_present=True)
months_late_1 = _of_client.last("months_late").over("10d", delay="25d")
months_late_2 = _of_client.last("months_late").over("10d", delay="55d")
months_late_3 = _of_client.last("months_late").over("10d", delay="85d")
months_late_4 = _of_client.last("months_late").over("10d", delay="115d")
months_late_5 = _of_client.last("months_late").over("10d", delay="145d")

bill_0 = _of_client.last("bill").over("10d", including_present=True)
bill_1 = _of_client.last("bill").over("10d", delay="25d")
bill_2 = _of_client.last("bill").over("10d", delay="55d")
bill_3 = _of_client.last("bill").over("10d", delay="85d")
bill_4 = _of_client.last("bill").over("10d", delay="115d")
bill_5 = _of_client.last("bill").over("10d", delay="145d")

paid_0 = _of_client.last("paid").over("10d", including_present=True)
paid_1 = _of_client.last("paid").over("10d", delay="25d")
paid_2 = _of_client.last("paid").over("10d", delay="55d")
paid_3 = _of_client.last("paid").over("10d", delay="85d")
paid_4 = _of_client.last("paid").over("10d", delay="115d")
paid_5 = _of_client.last("paid").over("10d", delay="145d")

# What the six statements say together.
worst_late_6m = _of_client.max("months_late").over("160d", including_present=True)
worst_late_3m = _of_client.max("months_late").over("70d", including_present=True)
late_statements_6m = _of_client.count(where="months_late >= 1").over("160d", including_present=True)
unused_share_6m = _of_client.share("months_late = -2").over("160d", including_present=True)
paid_sum_6m = _of_client.sum("paid").over("160d", including_present=True)
paid_min_6m = _of_client.min("paid").over("160d", including_present=True)
bill_mean_6m = _of_client.mean("bill").over("160d", including_present=True)
bill_std_6m = _of_client.std("bill").over("160d", including_present=True)

utilisation_0 = bill_0 / credit_limit
utilisation_1 = bill_1 / credit_limit
utilisation_mean_6m = bill_mean_6m / credit_limit
bill_growth_3m = (bill_0 - bill_3) / credit_limit
paid_of_limit_6m = paid_sum_6m / credit_limit
paid_of_last_bill = paid_0 / bill_1
