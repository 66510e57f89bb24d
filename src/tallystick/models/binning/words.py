"""The messages of binning."""

from tallystick.core import Catalogue

WORDS = Catalogue(
    {
        "bin.missing": ("missing", "缺失"),
        "bin.any": ("any value", "任意值"),
        "bin.other": ("other", "其他"),
        "why.missing": ("no row has a value of {name}", "没有任何行具有 {name} 的值"),
        "why.constant": ("{name} has one value in all rows", "{name} 在所有行中只有一个值"),
        "why.flat": (
            "the event rate of {name} is the same on both sides of every cut",
            "{name} 的每个切分点两侧的坏样本率相同",
        ),
        "why.limits": (
            "no two bins of {name} hold min_share of the rows and min_events of events and of non-events each",
            "{name} 无法分成两个各自满足 min_share 与 min_events（坏与好）的分箱",
        ),
        "why.order": (
            "bins of {name} would be large enough, but monotone, min_woe_step, max_pvalue or stable refuses every cut",
            "{name} 的分箱足够大，但 monotone、min_woe_step、max_pvalue 或 stable 拒绝了所有切分",
        ),
        "bins.monotone": (
            "column {name}: monotone {given!r} is not known; allowed: {allowed}",
            "列 {name}：未知的单调方向 {given!r}；允许：{allowed}",
        ),
        "bins.option": (
            "{name} = {given!r} is refused; allowed: {allowed}",
            "{name} = {given!r} 被拒绝；允许：{allowed}",
        ),
        "bins.periods": (
            "stable needs periods: one whole number for each of the {rows} rows",
            "stable 需要 periods：{rows} 行各一个整数",
        ),
        "bins.specials": (
            "column {name}: the special value {given!r} is not of the column's type",
            "列 {name}：特殊值 {given!r} 与该列类型不符",
        ),
        "bins.column": (
            "{name} is not a binned column; allowed: {allowed}",
            "{name} 不是已分箱的列；允许：{allowed}",
        ),
        "plot.rows": ("share of rows", "行占比"),
        "plot.rate": ("event rate", "坏样本率"),
        "plot.woe": ("WOE (positive is safer)", "证据权重（正值更安全）"),
        "plot.title": ("{name}: information value {iv}", "{name}：信息值 {iv}"),
    }
)
