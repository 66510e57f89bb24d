"""The messages of labels."""

from tallystick.core import Catalogue

WORDS = Catalogue(
    {
        "labels.file": (
            "the label file cannot be run: {detail}",
            "标签文件无法执行：{detail}",
        ),
        "labels.none": (
            "there is no label file here; allowed: a Python file such as labels.py",
            "此处没有标签文件；允许：如 labels.py 的 Python 文件",
        ),
        "labels.alias": (
            "label {name} is the same object as label {other}; allowed: one name for each label, so write its definition again or drop one name",
            "标签 {name} 与标签 {other} 是同一对象；每个标签只允许一个名称，请重新定义或删去一个名称",
        ),
        "labels.unfinished": (
            '{name} is {kind} without a window; allowed: end it with .over("7d"), .over("month") or .over("lifetime")',
            '{name} 是没有窗口的 {kind}；允许：以 .over("7d")、.over("month") 或 .over("lifetime") 结尾',
        ),
        "labels.entity": (
            "stream {stream} has no key for entity {entity}; allowed: {allowed}",
            "流 {stream} 没有实体 {entity} 的键；允许：{allowed}",
        ),
        "labels.entity_name": (
            "{given!r} cannot name an entity; allowed: a word other than t, k, stream, id",
            "{given!r} 不能作为实体名；允许：t、k、stream、id 以外的单词",
        ),
        "labels.stream_twice": (
            "stream {name} is declared twice; allowed: one Events object for each stream",
            "流 {name} 声明了两次；每个流只允许一个 Events 对象",
        ),
        "labels.lateness": (
            "stream {stream}: lateness {detail}",
            "流 {stream}：迟到时限 {detail}",
        ),
        "labels.default": (
            "stream {stream}, field {name}: the default {given!r} is not a {type}",
            "流 {stream} 字段 {name}：默认值 {given!r} 不是 {type}",
        ),
        "labels.known_at": (
            'stream {stream}, field {name}: a default is read until known_at, so it needs known_at="column"',
            '流 {stream} 字段 {name}：默认值用于确认之前，须给出 known_at="列名"',
        ),
        "labels.window_zero": (
            "window {given!r} is empty; allowed: a span such as 7d or 90min, month, or lifetime",
            "窗口 {given!r} 为空；允许：如 7d、90min 的时长、month 或 lifetime",
        ),
        "labels.window_long": (
            "window {given!r} is longer than 36,500 years; allowed: a shorter span, or lifetime",
            "窗口 {given!r} 长于 36,500 年；允许：更短的时长，或 lifetime",
        ),
        "labels.window_text": (
            "window {given!r} is not a span; allowed: a span such as 7d or 90min, month, or lifetime",
            "窗口 {given!r} 不是时长；允许：如 7d、90min 的时长、month 或 lifetime",
        ),
        "labels.delay": (
            "delay {given!r} is not a span of at least 0; allowed: a span such as 7d",
            "延迟 {given!r} 不是大于等于 0 的时长；允许：如 7d 的时长",
        ),
        "labels.undeclared": (
            "{kind} of {column}: the column has no declared type in stream {stream}; allowed: one of {allowed}, or declare it in fields=",
            "{kind} 读取 {column}：该列在流 {stream} 中没有声明类型；允许：{allowed}，或在 fields= 中声明",
        ),
        "labels.kind": (
            "{kind} of {column}: the column is {type}; allowed: {allowed}",
            "{kind} 读取 {column}：该列是 {type}；允许：{allowed}",
        ),
        "labels.where": (
            "the filter {given!r} cannot be read: {detail}",
            "过滤条件 {given!r} 无法读取：{detail}",
        ),
        "labels.formula": (
            "the formula {given!r} cannot be read: {detail}",
            "公式 {given!r} 无法读取：{detail}",
        ),
        "labels.formula_node": (
            "the formula {given!r} uses {kind}; allowed: labels, numbers, + - * / and parentheses",
            "公式 {given!r} 使用了 {kind}；允许：标签、数字、+ - * / 和括号",
        ),
        "labels.formula_number": (
            "the number {given} in a formula leaves the 64-bit range",
            "公式中的数 {given} 超出 64 位范围",
        ),
        "labels.unknown": (
            "{given!r} is not a label; allowed: {allowed}",
            "{given!r} 不是标签；允许：{allowed}",
        ),
        "labels.cycle": (
            "the label is made from itself: {given}",
            "标签由自身构成：{given}",
        ),
        "labels.types": (
            "{left} {op} {right} has no meaning; allowed: + and - between amounts of one type, * by a plain number, / between numbers",
            "{left} {op} {right} 没有意义；允许：同类型数额相加减，与纯数相乘，数之间相除",
        ),
        "labels.column": (
            "stream {stream} has no column {given!r}; it has: {allowed}",
            "流 {stream} 没有列 {given!r}；现有：{allowed}",
        ),
        "labels.column_type": (
            "stream {stream}, column {column}: declared {type} here, but {given} in the source",
            "流 {stream} 列 {column}：此处声明为 {type}，但来源中是 {given}",
        ),
        "labels.unit": (
            "stream {stream}, column {column}: the filter {given!r} compares it, and the source holds {type}, but it is not declared here, so its unit is no part of the label; allowed: declare it in fields=",
            "流 {stream} 列 {column}：过滤条件 {given!r} 用到该列，来源中为 {type}，但此处未声明，其单位不属于标签定义；允许：在 fields= 中声明",
        ),
        "labels.role": (
            "stream {stream}: {role} is {given!r} here; allowed: {allowed!r}, as the source declares, else the lake and the labels would judge facts differently",
            "流 {stream}：此处 {role} 为 {given!r}；允许：来源声明的 {allowed!r}，否则数据湖与标签对事实的判定会不同",
        ),
        "labels.no_stream": (
            "{given!r} is not a stream of the label file; allowed: {allowed}",
            "{given!r} 不是标签文件中的流；允许：{allowed}",
        ),
        "labels.facts": (
            "no facts were given for stream {stream}; given: {given}",
            "未给出流 {stream} 的事实；已给出：{given}",
        ),
        "labels.lake": (
            "no facts were given and this library has no lake; allowed: facts={{stream: frame}}, or Library.from_file(path, lake=...)",
            "未给出事实，且该标签库没有数据湖；允许：facts={{流: 数据表}}，或 Library.from_file(path, lake=...)",
        ),
        "labels.frame": (
            "stream {stream}, column {column}: the frame holds {given}; allowed: {allowed}",
            "流 {stream} 列 {column}：数据表中是 {given}；允许：{allowed}",
        ),
        "labels.value": (
            "stream {stream}, column {column}: {given!r} is not {allowed}",
            "流 {stream} 列 {column}：{given!r} 不是 {allowed}",
        ),
        "labels.points": (
            "the points have no column {given!r}; they have: {allowed}",
            "点表没有列 {given!r}；现有：{allowed}",
        ),
        "labels.point_entity": (
            "label {name} needs the key of entity {entity}; given: {allowed}",
            "标签 {name} 需要实体 {entity} 的键；已给出：{allowed}",
        ),
        "labels.point_own": (
            "a point's own event is named by stream and id together; given: {given}",
            "点自身的事件须同时给出 stream 和 id；已给出：{given}",
        ),
        "labels.point_type": (
            "the points' column {column} holds {given}; allowed: {allowed}",
            "点表列 {column} 中是 {given}；允许：{allowed}",
        ),
        "labels.point_taken": (
            "the points already have a column {given!r}, which is a label's; rename it",
            "点表已有列 {given!r}，与标签同名；请改名",
        ),
        "labels.time_null": ("point {row} has no {column}", "第 {row} 个点没有 {column}"),
        "labels.time_range": (
            "{given} µs is not an instant of the years 1 to 9999",
            "{given} 微秒不是公元 1 至 9999 年的时刻",
        ),
        "labels.conflict": (
            "stream {stream}, id {id!r}, revision {revision} came twice with different content; allowed: a higher revision",
            "流 {stream}，id {id!r}，修订 {revision} 两次内容不同；允许：更高的修订号",
        ),
        "labels.event_stream": (
            "the event names no stream; allowed: {allowed}",
            "事件没有给出流；允许：{allowed}",
        ),
        "labels.state": (
            "this label state cannot be read: {detail}",
            "标签状态无法读取：{detail}",
        ),
    }
)
