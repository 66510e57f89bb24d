"""The messages of what lies beyond one month of default."""

from tallystick.core import Catalogue

WORDS = Catalogue(
    {
        "horizon.lengths": (
            "{name} has {given} values; allowed: one for each of the {rows} rows",
            "{name} 有 {given} 个值；允许：{rows} 行各一个",
        ),
        "horizon.rows": (
            "there is no loan to measure on; allowed: one row at least",
            "没有可供衡量的贷款；允许：至少一行",
        ),
        "horizon.whole": (
            "{name} holds {given}; allowed: whole numbers of months, {allowed}",
            "{name} 含有 {given}；允许：整数月份，{allowed}",
        ),
        "horizon.event": (
            "an outcome is {given}; allowed: 0 (open), 1 (defaulted), 2 (closed otherwise)",
            "某个结果为 {given}；允许：0（未结清）、1（违约）、2（以其他方式结清）",
        ),
        "horizon.events": (
            "{given} of {rows} loans defaulted within the months learnt; at least {needed} are needed",
            "在学习的月份内，{rows} 笔贷款中有 {given} 笔违约；至少需要 {needed} 笔",
        ),
        "horizon.months": (
            "{name} = {given} is refused; allowed: {allowed}",
            "{name} = {given} 被拒绝；允许：{allowed}",
        ),
        "warning.none": (
            "no threshold keeps to the budget of {budget} alerts a thousand accounts a month; the scores are all alike",
            "没有阈值能满足每月每千户 {budget} 次预警的预算；分数全部相同",
        ),
        "warning.part": (
            "no observation before default is left for the part {part}; allowed: months on both sides of each cut, and a horizon before the first",
            "{part} 部分没有违约前的观察；允许：每个切分点两侧都有月份，且首个切分点之前至少有一个预测期",
        ),
        "warning.account": (
            "{given} observations name no account; allowed: an account in every row",
            "{given} 条观察未写明账户；允许：每行一个账户",
        ),
        "warning.twice": (
            "account {account} is observed twice in month {month}; allowed: one observation a month",
            "账户 {account} 在第 {month} 月被观察两次；允许：每月一次",
        ),
        "warning.score": (
            "a score is missing or infinite; allowed: finite numbers, more is riskier",
            "有分数缺失或为无穷；允许：有限数值，越大风险越高",
        ),
        "anomaly.empty": (
            "the data have {rows} rows and {columns} columns; allowed: one of each at least",
            "数据有 {rows} 行、{columns} 列；允许：至少各一",
        ),
        "anomaly.type": (
            "column {name} is {given}; allowed: numbers, flags and text",
            "列 {name} 的类型为 {given}；允许：数值、标志与文本",
        ),
        "anomaly.range": (
            "nine in ten lie between {low} and {high}",
            "九成介于 {low} 与 {high} 之间",
        ),
        "anomaly.category": (
            "{share}% have this value",
            "{share}% 为该值",
        ),
        "anomaly.missing": (
            "missing in {share}%",
            "{share}% 缺失",
        ),
    }
)
