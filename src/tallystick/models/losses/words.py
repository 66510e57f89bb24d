"""The messages of losses."""

from tallystick.core import Catalogue

WORDS = Catalogue(
    {
        "loss.lengths": (
            "{name} has {given} values; allowed: one for each of the {rows} rows",
            "{name} 有 {given} 个值；允许：{rows} 行各一个",
        ),
        "loss.unknown": (
            "{given} of the {name} are not known; allowed: finite numbers (close or estimate open workouts first)",
            "{name} 中有 {given} 个未知；允许：有限数值（请先结清或估计未完成的清收）",
        ),
        "loss.none": (
            "no default with a loss is here, so nothing tells how much is lost; allowed: a loss at least once",
            "没有带损失的违约，无从得知损失程度；允许：至少有一次损失",
        ),
        "loss.money": (
            "{name} holds {given}; allowed: whole minor units up to ±2^53",
            "{name} 含有 {given}；允许：不超过 ±2^53 的整数最小货币单位",
        ),
        "loss.absent": (
            "the row has no {name}; a model needs every label, null allowed: {needed}",
            "该行缺少 {name}；模型需要每个标签（可为空值）：{needed}",
        ),
        "loss.undrawn": (
            "no row has anything undrawn, so nothing tells how much is drawn before default; allowed: limit > drawn somewhere",
            "没有任何行有未提取额度，无从得知违约前的提取比例；允许：至少一行 limit > drawn",
        ),
        "loss.option": (
            "{name} = {given} is refused; allowed: {allowed}",
            "{name} = {given} 被拒绝；允许：{allowed}",
        ),
        "loss.values": (
            "{name} holds {given}; allowed: {allowed}",
            "{name} 含有 {given}；允许：{allowed}",
        ),
        "loss.months": (
            "a loan has {given} months to run, but the term structure tells {months}; allowed: at most as many",
            "某笔贷款剩余 {given} 个月，但期限结构只有 {months} 个月；允许：不超过该数",
        ),
    }
)
