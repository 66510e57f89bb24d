from tallystick.labels import Entity, Events, money, flag

card, terminal = Entity("card"), Entity("terminal")
payments = Events("payments", id="payment_id", at="paid_at", sequence="payment_id", lateness="30d",
                  keys={card: "card_id", terminal: "terminal_id"},
                  fields={"amount": money("EUR"), "fraud": flag(default=False, known_at="fraud_known_at")})
spend_7d        = payments.per(card).sum("amount").over("7d")
payments_1h     = payments.per(card).count().over("1h", including_present=True)
merchants_30d   = payments.per(card).distinct("merchant_id").over("30d")
night_share_30d = payments.per(card).share("paid_at.hour < 6").over("30d")
terminal_risk   = payments.per(terminal).mean("fraud").over("30d", delay="7d")
spend_surge     = spend_7d / payments.per(card).sum("amount").over("90d")
