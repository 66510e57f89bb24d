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
        "feel.chain": (
            "this expression joins more than {allowed} values by operators; split it into several, or use sum",
            "表达式用运算符连接了超过 {allowed} 个值；请拆成多个，或使用 sum",
        ),
        "feel.absent": (
            "no value was given for {given!r}; null is a value, absence is not (given: {names})",
            "未给出 {given!r} 的值；null 是值，缺少则不是（已给出：{names}）",
        ),
        "feel.value": (
            "{given!r} of type {type} is not a FEEL value; allowed: Decimal, str, bool, None, date, time, datetime, "
            "timedelta, WideDate, WideTime, WideMoment, WideSpan, Months, Interval, Function, list, dict with str keys "
            "(feel.lift makes one from int, float and tuple)",
            "类型 {type} 的 {given!r} 不是 FEEL 值；允许：Decimal、str、bool、None、date、time、datetime、timedelta、"
            "WideDate、WideTime、WideMoment、WideSpan、Months、Interval、Function、list、键为 str 的 dict"
            "（feel.lift 可由 int、float 和 tuple 转换）",
        ),
        "feel.number": (
            "{given} is no number of FEEL; allowed: finite numbers of at most 34 digits, below 10^6145",
            "{given} 不是 FEEL 数值；允许：最多 34 位有效数字、小于 10^6145 的有限数",
        ),
        "feel.column": (
            "the frame has no column {given!r}; it has: {names}",
            "数据表没有列 {given!r}；现有：{names}",
        ),
        "feel.cause.input": ("{name} is null in the input", "输入中 {name} 为 null"),
        "feel.cause.node": ("{node} has no value for {given}", "{node} 对 {given} 没有值"),
        "feel.cause.null": ("null is written in the expression", "表达式中写明为 null"),
        "feel.cause.unknown": ("{name!r} is not a known name", "{name!r} 不是已知名称"),
        "feel.cause.literal": (
            '@"{text}" is no date, time, date and time or duration',
            '@"{text}" 不是日期、时间、日期时间或时长',
        ),
        "feel.cause.member": (
            "{node} is null: a value of type {type} has no {name!r} here",
            "{node} 为 null：此处类型 {type} 的值没有 {name!r}",
        ),
        "feel.cause.empty": ("{node} is null in the given value", "所给的值中 {node} 为 null"),
        "feel.cause.zero": ("{node} divides by zero", "{node} 除以零"),
        "feel.cause.range": ("{node} lies beyond the numbers, dates or durations", "{node} 超出数值、日期或时长的范围"),
        "feel.cause.types": (
            "{node} is not defined for {left} and {right}",
            "{node} 对 {left} 和 {right} 没有定义",
        ),
        "feel.cause.boolean": ("{node} is of type {type}, not boolean", "{node} 的类型是 {type}，不是 boolean"),
        "feel.cause.index": ("{node} asks for item {index} of {count}", "{node} 取第 {index} 项，共 {count} 项"),
        "feel.cause.condition": (
            "the condition of {node} is no boolean and no index",
            "{node} 的条件既非布尔值也非序号",
        ),
        "feel.cause.arguments": (
            "{node} does not take these arguments; allowed: {allowed}",
            "{node} 不接受这些参数；允许：{allowed}",
        ),
        "feel.cause.call": ("{node} has no value for {given}", "{node} 对 {given} 没有值"),
        "feel.cause.callee": ("{node} is of type {type}, not a function", "{node} 的类型是 {type}，不是函数"),
        "feel.cause.body": (
            "the function called in {node} gave null for {given}",
            "{node} 中调用的函数对 {given} 返回 null",
        ),
        "feel.cause.keys": ("{node} has a key twice", "{node} 有重复的键"),
        "feel.cause.type": ("{type} is not a known type", "{type} 不是已知类型"),
        "feel.cause.external": ("{node} names no function on the list", "{node} 不在允许的函数列表中"),
        "feel.cause.steps": (
            "{node} needs more than {steps} steps, or more than {calls} calls within one another",
            "{node} 超过 {steps} 步，或嵌套调用超过 {calls} 层",
        ),
    }
)
