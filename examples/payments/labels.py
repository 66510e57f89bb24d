"""Labels of a card payment: what the card, its holder, the device and the terminal did until now."""

from tallystick.labels import Entity, Events, flag, money

card, customer = Entity("card"), Entity("customer")
terminal, merchant = Entity("terminal"), Entity("merchant")
payments = Events(
    "payments",
    id="payment_id",
    at="paid_at",
    sequence="payment_id",
    lateness="30d",
    keys={card: "card_id", customer: "customer_id", terminal: "terminal_id", merchant: "merchant_id"},
    fields={"amount": money("EUR"), "fraud": flag(default=False, known_at="fraud_known_at")},
)
_of_card, _of_customer = payments.per(card), payments.per(customer)
_of_terminal, _of_merchant = payments.per(terminal), payments.per(merchant)

# The payment itself.
amount_now = _of_card.last("amount").over("1s", including_present=True).described("What is paid now", owner="fraud")
online_now = _of_card.share('channel = "online"').over("1s", including_present=True).described(
    "Whether it is paid online: 1 or 0", owner="fraud"
)
night_now = _of_card.share("paid_at.hour < 6").over("1s", including_present=True).described(
    "Whether it is night: 1 or 0", owner="fraud"
)

# How busy the card is, and what it usually spends.
payments_1h = _of_card.count().over("1h", including_present=True).described(
    "Payments of the card within the hour, this one too", owner="fraud"
)
payments_1d = _of_card.count().over("1d", including_present=True).described(
    "Payments of the card within a day, this one too", owner="fraud"
)
payments_30d = _of_card.count().over("30d").described("Payments of the card in thirty days", owner="fraud")
spend_1d = _of_card.sum("amount").over("1d", including_present=True).described(
    "Spent with the card within a day, this payment too", owner="fraud"
)
spend_7d = _of_card.sum("amount").over("7d").described("Spent with the card in a week", owner="fraud")
spend_month = _of_card.sum("amount").over("month", including_present=True).described(
    "Spent with the card this calendar month, this payment too", owner="fraud"
)
amount_mean_30d = _of_card.mean("amount").over("30d").described("Usual amount of the card", owner="fraud")
amount_std_90d = _of_card.std("amount").over("90d").described("How much the amounts of the card vary", owner="fraud")
amount_max_90d = _of_card.max("amount").over("90d").described(
    "Largest amount of the card in ninety days", owner="fraud"
)
since_last_payment = _of_card.since_last().over("90d").described(
    "Time since the last payment of the card", owner="fraud"
)

# Where it is used.
merchants_1d = _of_card.distinct("merchant_id").over("1d", including_present=True).described(
    "Merchants the card paid within a day, this one too", owner="fraud"
)
merchants_30d = _of_card.distinct("merchant_id").over("30d").described(
    "Merchants the card paid in thirty days", owner="fraud"
)
terminals_1d = _of_card.distinct("terminal_id").over("1d", including_present=True).described(
    "Terminals the card was used at within a day", owner="fraud"
)
categories_30d = _of_card.distinct("category").over("30d").described(
    "Kinds of merchant the card paid in thirty days", owner="fraud"
)
night_share_30d = _of_card.share("paid_at.hour < 6").over("30d").described("Share of payments by night", owner="fraud")
online_share_30d = _of_card.share('channel = "online"').over("30d").described("Share of payments online", owner="fraud")
small_online_2d = _of_card.count(where='channel = "online" and amount < 10').over("2d", including_present=True).described(
    "Small payments online, as a thief tries a card", owner="fraud"
)
online_spend_2d = _of_card.sum("amount", where='channel = "online"').over("2d", including_present=True).described(
    "Spent online in two days, this payment too", owner="fraud"
)

# What is new: one more different value with the payment than without it.
new_device = (
    _of_customer.distinct("device_id").over("180d", including_present=True)
    - _of_customer.distinct("device_id").over("180d")
).described("1 when the customer pays with a device not seen in half a year", owner="fraud")
new_category = (
    _of_card.distinct("category").over("180d", including_present=True)
    - _of_card.distinct("category").over("180d")
).described("1 for a kind of merchant new to the card", owner="fraud")
new_country = (
    _of_card.distinct("country").over("180d", including_present=True)
    - _of_card.distinct("country").over("180d")
).described("1 for a country new to the card", owner="fraud")
new_merchant = (
    _of_card.distinct("merchant_id").over("180d", including_present=True)
    - _of_card.distinct("merchant_id").over("180d")
).described("1 for a merchant new to the card", owner="fraud")

# What is known of the terminal and the merchant. Fraud counts from the moment it was confirmed, never before.
terminal_fraud_30d = _of_terminal.count(where="fraud").over("30d").described(
    "Frauds confirmed at the terminal", owner="fraud"
)
terminal_risk_90d = _of_terminal.mean("fraud").over("90d", delay="7d").described(
    "Share of fraud at the terminal, the last week left out", owner="fraud"
)
terminal_payments_1d = _of_terminal.count().over("1d").described("Payments at the terminal in a day", owner="fraud")
merchant_fraud_30d = _of_merchant.count(where="fraud").over("30d").described(
    "Frauds confirmed at the merchant", owner="fraud"
)
merchant_risk_90d = _of_merchant.mean("fraud").over("90d").described("Share of fraud at the merchant", owner="fraud")
card_fraud_90d = _of_card.count(where="fraud").over("90d").described("Frauds confirmed on the card", owner="fraud")

amount_of_usual = (amount_now / amount_mean_30d).described("What is paid now against the usual amount", owner="fraud")
amount_of_max = (amount_now / amount_max_90d).described("What is paid now against the largest amount", owner="fraud")
spend_surge = (spend_1d / _of_card.sum("amount").over("30d")).described(
    "Spent in a day against thirty days", owner="fraud"
)
spend_surge_7d = (spend_7d / _of_card.sum("amount").over("90d", delay="7d")).described(
    "Spent in a week against ninety days before", owner="fraud"
)
