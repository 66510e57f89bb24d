"""The messages of the master scale and the terms."""

from tallystick.core import Catalogue

WORDS = Catalogue(
    {
        "scale.shape": (
            "the master scale has {grades} grades and {bounds} bounds; allowed: one bound fewer than grades, and a grade at least",
            "主标尺有 {grades} 个等级和 {bounds} 个边界；允许：至少一个等级，且边界比等级少一个",
        ),
        "scale.names": (
            "the grades {given} are refused; allowed: texts that are not empty, each once",
            "等级 {given} 被拒绝；允许：非空文本，各出现一次",
        ),
        "scale.bounds": (
            "the bounds {given} are refused; allowed: probabilities above 0 and below 1 in strictly ascending order",
            "边界 {given} 被拒绝；允许：大于 0 小于 1 且严格递增的概率",
        ),
        "scale.pd": (
            "{given} is no probability; allowed: 0 to 1",
            "{given} 不是概率；允许：0 到 1",
        ),
        "scale.outcomes": (
            "the outcomes are refused; allowed: 0 or 1 for each of the {rows} rows",
            "结果被拒绝；允许：{rows} 行各一个 0 或 1",
        ),
        "scale.option": (
            "{name} = {given} is refused; allowed: {allowed}",
            "{name} = {given} 被拒绝；允许：{allowed}",
        ),
        "terms.shape": (
            "{name} has {given} values; allowed: one for each of the {grades} grades",
            "{name} 有 {given} 个值；允许：{grades} 个等级各一个",
        ),
        "terms.value": (
            "{name} holds {given}; allowed: {allowed}",
            "{name} 含有 {given}；允许：{allowed}",
        ),
        "terms.grade": (
            "grade {given} is not known; allowed: 0 to {last}",
            "未知的等级 {given}；允许：0 到 {last}",
        ),
    }
)
