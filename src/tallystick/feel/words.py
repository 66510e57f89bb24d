"""The messages of feel."""

from tallystick.core import Catalogue

WORDS = Catalogue(
    {
        "feel.syntax": (
            "this expression cannot be read at {given!r}; allowed here: {allowed}",
            "表达式在 {given!r} 处无法读取；此处允许：{allowed}",
        ),
        "feel.name": (
            "{given!r} is not a known name{nearest}; allowed: {allowed}",
            "{given!r} 不是已知名称{nearest}；允许：{allowed}",
        ),
        "feel.deep": (
            "this expression is nested deeper than {allowed} levels; split it into several",
            "表达式嵌套超过 {allowed} 层；请拆成多个",
        ),
        "feel.long": (
            "this expression has {given} characters; allowed: at most {allowed}",
            "表达式有 {given} 个字符；最多允许 {allowed} 个",
        ),
        "feel.absent": (
            "no value was given for {given!r}; null is a value, absence is not (given: {names})",
            "未给出 {given!r} 的值；null 是值，缺少则不是（已给出：{names}）",
        ),
        "feel.value": (
            "{given!r} of type {type} is not a FEEL value; allowed: Decimal, str, bool, None, date, time, datetime, "
            "timedelta, list, dict (feel.lift makes one from int and float)",
            "类型 {type} 的 {given!r} 不是 FEEL 值；允许：Decimal、str、bool、None、date、time、datetime、timedelta、"
            "list、dict（feel.lift 可由 int 和 float 转换）",
        ),
        "feel.column": (
            "the frame has no column {given!r}; it has: {names}",
            "数据表没有列 {given!r}；现有：{names}",
        ),
        "feel.cause.input": ("{name} is null in the input", "输入中 {name} 为 null"),
        "feel.cause.node": ("{node} has no value for {given}", "{node} 对 {given} 没有值"),
    }
)
