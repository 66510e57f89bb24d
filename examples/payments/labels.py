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
amount_now = _of_card.last("amount").over("1s", including_present=True)
online_now = _of_card.share('channel = "online"').over("1s", including_present=True)
night_now = _of_card.share("paid_at.hour < 6").over("1s", including_present=True)

# How busy the card is, and what it usually spends.
payments_1h = _of_card.count().over("1h", including_present=True)
payments_1d = _of_card.count().over("1d", including_present=True)
payments_30d = _of_card.count().over("30d")
spend_1d = _of_card.sum("amount").over("1d", including_present=True)
spend_7d = _of_card.sum("amount").over("7d")
spend_month = _of_card.sum("amount").over("month", including_present=True)
amount_mean_30d = _of_card.mean("amount").over("30d")
amount_std_90d = _of_card.std("amount").over("90d")
amount_max_90d = _of_card.max("amount").over("90d")
since_last_payment = _of_card.since_last().over("90d")

# Where it is used.
merchants_1d = _of_card.distinct("merchant_id").over("1d", including_present=True)
merchants_30d = _of_card.distinct("merchant_id").over("30d")
terminals_1d = _of_card.distinct("terminal_id").over("1d", including_present=True)
categories_30d = _of_card.distinct("category").over("30d")
night_share_30d = _of_card.share("paid_at.hour < 6").over("30d")
online_share_30d = _of_card.share('channel = "online"').over("30d")
small_online_2d = _of_card.count(where='channel = "online" and amount < 10').over("2d", including_present=True)
online_spend_2d = _of_card.sum("amount", where='channel = "online"').over("2d", including_present=True)

# What is new: one more different value with the payment than without it.
new_device = (
    _of_customer.distinct("device_id").over("180d", including_present=True)
    - _of_customer.distinct("device_id").over("180d")
)
new_category = (
    _of_card.distinct("category").over("180d", including_present=True)
    - _of_card.distinct("category").over("180d")
)
new_country = (
    _of_card.distinct("country").over("180d", including_present=True)
    - _of_card.distinct("country").over("180d")
)
new_merchant = (
    _of_card.distinct("merchant_id").over("180d", including_present=True)
    - _of_card.distinct("merchant_id").over("180d")
)

# What is known of the terminal and the merchant. Fraud counts from the moment it was confirmed, never before.
terminal_fraud_30d = _of_terminal.count(where="fraud").over("30d")
terminal_risk_90d = _of_terminal.mean("fraud").over("90d", delay="7d")
terminal_payments_1d = _of_terminal.count().over("1d")
merchant_fraud_30d = _of_merchant.count(where="fraud").over("30d")
merchant_risk_90d = _of_merchant.mean("fraud").over("90d")
card_fraud_90d = _of_card.count(where="fraud").over("90d")

amount_of_usual = amount_now / amount_mean_30d
amount_of_max = amount_now / amount_max_90d
spend_surge = spend_1d / _of_card.sum("amount").over("30d")
spend_surge_7d = spend_7d / _of_card.sum("amount").over("90d", delay="7d")
