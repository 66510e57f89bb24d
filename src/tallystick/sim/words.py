"""The messages of the simulated bank."""

from tallystick.core import Catalogue

WORDS = Catalogue(
    {
        "sim.customers": (
            "{given} customers cannot be simulated; allowed: {least} to {most}",
            "无法模拟 {given} 个客户；允许：{least} 到 {most}",
        ),
        "sim.months": (
            "{given} months cannot be simulated; allowed: 1 to {most}",
            "无法模拟 {given} 个月；允许：1 到 {most}",
        ),
        "sim.seed": (
            "{given} is not a seed; allowed: a whole number from 0",
            "{given} 不是随机种子；允许：不小于 0 的整数",
        ),
        "sim.start": (
            "{given!r} is not a start; allowed: the first day of a month from 1990 to 2090, such as 2025-01-01",
            "{given!r} 不是起始日；允许：1990 至 2090 年间某月的第一天，如 2025-01-01",
        ),
        "sim.stale": (
            "{folder} holds payments of another simulation ({names}); give an empty folder or remove them",
            "{folder} 中有另一次模拟的支付文件（{names}）；请给出空文件夹或先删除它们",
        ),
    }
)
