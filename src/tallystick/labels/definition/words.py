"""The messages of label definitions."""

from tallystick.core import Catalogue

WORDS = Catalogue(
    {
        "labels.file": (
            "the label file cannot be run: {detail}",
            "标签文件无法执行：{detail}",
        ),
        "labels.alias": (
            "label {name} is the same object as label {other}; allowed: one name for each label, so write its definition again or drop one name",
            "标签 {name} 与标签 {other} 是同一对象；每个标签只允许一个名称，请重新定义或删去一个名称",
        ),
        "labels.unfinished": (
            '{name} is {kind} without a window; allowed: end it with .over("7d"), .over("10 events"), .over("month"), .over("lifetime"), .over_each([...]), .after(label) or .before(label)',
            '{name} 是没有窗口的 {kind}；允许：以 .over("7d")、.over("10 events")、.over("month")、.over("lifetime")、.over_each([...])、.after(标签) 或 .before(标签) 结尾',
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
            "window {given!r} is empty; allowed: a span such as 7d or 90min, 10 events, day, week, month, quarter, year, session 30m, lifetime",
            "窗口 {given!r} 为空；允许：如 7d、90min 的时长、10 events、day、week、month、quarter、year、session 30m、lifetime",
        ),
        "labels.window_long": (
            "window {given!r} is longer than 36,500 years; allowed: a shorter span, or lifetime",
            "窗口 {given!r} 长于 36,500 年；允许：更短的时长，或 lifetime",
        ),
        "labels.window_text": (
            "window {given!r} is none; allowed: a span such as 7d or 90min, 10 events, day, week, month, quarter, year, session 30m, lifetime",
            "窗口 {given!r} 无法识别；允许：如 7d、90min 的时长、10 events、day、week、month、quarter、year、session 30m、lifetime",
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
            "the formula {given!r} uses {kind}; allowed: labels, numbers, + - * / and parentheses, or any FEEL with the type of its result: formula(..., type=flag())",
            "公式 {given!r} 使用了 {kind}；允许：标签、数字、+ - * / 和括号；或给出结果类型后使用任意 FEEL：formula(..., type=flag())",
        ),
        "labels.formula_number": (
            "the number {given} in a formula leaves the 64-bit range",
            "公式中的数 {given} 超出 64 位范围",
        ),
        "labels.cycle": (
            "the label is made from itself: {given}",
            "标签由自身构成：{given}",
        ),
        "labels.types": (
            "{left} {op} {right} has no meaning; allowed: + and - between amounts of one type, * by a plain number, / between numbers",
            "{left} {op} {right} 没有意义；允许：同类型数额相加减，与纯数相乘，数之间相除",
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
        "labels.kind_real": (
            '{kind} of {column}: the column is {type}, and floats are never summed, for their sum depends on its order; allowed: {allowed}, so declare an amount as money("EUR") or decimal(4)',
            '{kind} 读取 {column}：该列是 {type}，浮点数之和取决于顺序，从不求和；允许：{allowed}，请将数额声明为 money("EUR") 或 decimal(4)',
        ),
        "labels.window_events": (
            "window {given!r} is too long; allowed: 1 to 100,000 events, or lifetime",
            "窗口 {given!r} 过长；允许：1 至 100,000 events，或 lifetime",
        ),
        "labels.window_back": (
            "window {given!r} has no unit to go back by; allowed with back= and to_date=: {allowed}",
            "窗口 {given!r} 没有可回溯的单位；back= 与 to_date= 只允许用于：{allowed}",
        ),
        "labels.window_units": (
            "back={given!r} is no number of calendar units; allowed: a whole number from 0 to {most}",
            "back={given!r} 不是日历单位数；允许：0 至 {most} 的整数",
        ),
        "labels.gap": (
            "{given!r} is no statistic of gaps; allowed: {allowed}",
            "{given!r} 不是间隔统计量；允许：{allowed}",
        ),
        "labels.number": (
            "{kind} of {given!r} values; allowed: a whole number from 1 to {most}",
            "{kind} 取 {given!r} 个值；允许：1 至 {most} 的整数",
        ),
        "labels.quantile": (
            "{given!r} is no quantile; allowed: 0 to 1 with at most six decimals, such as 0.95",
            "{given!r} 不是分位数；允许：0 至 1，最多六位小数，如 0.95",
        ),
        "labels.half_life": (
            "half-life {given!r} is no span; allowed: a span such as 7d, above 0 and below 71 years",
            "半衰期 {given!r} 不是时长；允许：如 7d 的时长，大于 0 且小于 71 年",
        ),
        "labels.slope": (
            "a slope per {given!r} has no meaning; allowed: a span such as 1d, above 0",
            "每 {given!r} 的斜率没有意义；允许：如 1d 的时长，大于 0",
        ),
        "labels.cap": (
            "cap {given!r} is no number of values; allowed: 0 for none, or a whole number from 2 to {most}",
            "上限 {given!r} 不是数值个数；允许：0 表示不设上限，或 2 至 {most} 的整数",
        ),
        "labels.cap_real": (
            "quantile of {column}: a real column has no approximate quantile; allowed: cap=0, or declare it decimal(4)",
            "{column} 的分位数：real 列没有近似分位数；允许：cap=0，或声明为 decimal(4)",
        ),
        "labels.anchor": (
            'the anchor is {given}; allowed: a windowed label whose value is an instant, such as last_at().over("lifetime")',
            '锚点是 {given}；允许：值为时刻的窗口标签，如 last_at().over("lifetime")',
        ),
        "labels.link": (
            "the link is {given}; allowed: a windowed label or an own column whose value is text or a whole number, as keys are",
            "链接是 {given}；允许：值为文本或整数（与键相同）的窗口标签或自身列",
        ),
        "labels.link_key": (
            "the key of {entity} is {type}, but the link gives {given}; allowed: a link of the key's type",
            "{entity} 的键是 {type}，但链接给出 {given}；允许：与键类型相同的链接",
        ),
        "labels.join_cycle": (
            "the stream's joined columns are made from itself: {given}; allowed: labels of other streams",
            "流的关联列由自身构成：{given}；允许：其他流的标签",
        ),
        "labels.join_column": (
            "stream {stream} has a column {column} of its own; allowed: another name for the joined one",
            "流 {stream} 自身已有列 {column}；请为关联列改名",
        ),
        "labels.join_entity": (
            "stream {stream}, joined column {column}: its label needs the key of {entity}, and the events have none; allowed: entities in keys=, or .via(link)",
            "流 {stream} 关联列 {column}：其标签需要 {entity} 的键，而事件没有；允许：keys= 中的实体，或 .via(链接)",
        ),
        "labels.join_own": (
            "stream {stream}, joined column {column}: a joined label is asked at no event's own point, so it has no own column",
            "流 {stream} 关联列 {column}：关联标签不在任何事件自身的点上求值，因此没有自身列",
        ),
        "labels.freshness": (
            "freshness {given!r} is not a span of at least 0; allowed: a span such as 1d",
            "时效 {given!r} 不是大于等于 0 的时长；允许：如 1d 的时长",
        ),
        "labels.max_grade": (
            "label {name} reads column {stream}.{column} of grade {given}; allowed for this label: up to {allowed}",
            "标签 {name} 读取 {given} 级的列 {stream}.{column}；此标签最高允许 {allowed}",
        ),
        "labels.purpose": (
            "label {name} is for {given}, but reads column {stream}.{column}; allowed purposes of that column: {allowed}",
            "标签 {name} 用于 {given}，但读取列 {stream}.{column}；该列允许的用途：{allowed}",
        ),
        "labels.family_member": (
            "the family has no label {given!r}; allowed: {allowed}",
            "标签族没有 {given!r}；允许：{allowed}",
        ),
        "labels.family_clash": (
            "two definitions give a label the name {name}: a family's name goes on with its window or value, where every sign becomes _; allowed: names that differ",
            "两处定义得到同名标签 {name}：标签族名称后接窗口或取值，其中符号一律变为 _；名称必须不同",
        ),
        "labels.family_name": (
            "{given!r} cannot name a label; allowed: letters, digits and underscores",
            "{given!r} 不能作为标签名；允许：字母、数字和下划线",
        ),
        "labels.family_empty": (
            "family {name} has no label; allowed: at least one window or value",
            "标签族 {name} 没有标签；至少需要一个窗口或取值",
        ),
        "labels.family_flagged": (
            "{kind} counts all events against its condition, so a family of values would not be what it seems; allowed: a count family over a count label, or one label for each value",
            "{kind} 以全部事件对照条件，按取值分族会产生误解；允许：用计数标签族除以计数标签，或逐个取值定义标签",
        ),
        "labels.name_taken": (
            "label {name} has the name of a column that label {other} brings along; allowed: another name",
            "标签 {name} 与标签 {other} 附带的列同名；请改名",
        ),
        "labels.feel_types": (
            "{given!r} brings {left} and {right} together, which can only be null; allowed: one type on both sides",
            "{given!r} 将 {left} 与 {right} 放在一起，结果只能为 null；两侧须为同一类型",
        ),
        "labels.rule_kind": (
            "the formula {given!r} gives a {kind}, but its type is {type}; allowed: the type of what it gives",
            "公式 {given!r} 的结果是 {kind}，但声明类型为 {type}；须为结果的类型",
        ),
        "labels.currencies": (
            "{given!r} brings amounts in {left} and {right} together; allowed: amounts of one currency",
            "{given!r} 将 {left} 与 {right} 的数额放在一起；允许：同一币种的数额",
        ),
        "labels.rule_currency": (
            "the formula {given!r} gives {type}, but is made of amounts in {held}; allowed: the currency of its amounts, or plain numbers",
            "公式 {given!r} 的结果为 {type}，但由 {held} 的数额构成；允许：其数额的币种，或纯数",
        ),
        "labels.where_text": (
            "the filter {given!r} is not text; allowed: a FEEL condition such as where='amount > 10'",
            "过滤条件 {given!r} 不是文本；允许：FEEL 条件，如 where='amount > 10'",
        ),
        "labels.including_present": (
            "including_present={given!r} is not a flag; allowed: True, False",
            "including_present={given!r} 不是布尔值；允许：True、False",
        ),
        "labels.note": (
            'the note\'s {field} is {given!r}; allowed: text, such as described("Spending in a week", owner="fraud")',
            '说明的 {field} 为 {given!r}；允许：文本，如 described("一周消费", owner="fraud")',
        ),
        "labels.formula_text": (
            'the formula {given!r} is not text; allowed: FEEL text such as "spend / count"',
            '公式 {given!r} 不是文本；允许：FEEL 文本，如 "spend / count"',
        ),
        "labels.type": (
            'the type of the formula is {given}; allowed: integer(), real(), money("EUR"), decimal(4), text(), flag(), instant(), date()',
            '公式的类型为 {given}；允许：integer()、real()、money("EUR")、decimal(4)、text()、flag()、instant()、date()',
        ),
        "labels.not_label": (
            "{name} is {given}; allowed: a label or a family of labels",
            "{name} 是 {given}；允许：标签或标签族",
        ),
        "labels.name_point": (
            "label {name} gives a column {given}, which the points have already; allowed: a name other than {allowed}",
            "标签 {name} 产生列 {given}，而点表已有该列；允许：{allowed} 以外的名称",
        ),
        "labels.events": (
            "stream {stream}: {what} holds {given}; allowed: {allowed}",
            "流 {stream}：{what} 中是 {given}；允许：{allowed}",
        ),
        "labels.per": (
            'stream {stream}: per() of {given}; allowed: the Entity objects of its keys ({allowed}), such as card = Entity("card")',
            '流 {stream}：per() 的参数是 {given}；允许：其键的 Entity 对象（{allowed}），如 card = Entity("card")',
        ),
        "labels.family_values": (
            'the values of {column} are {given!r}; allowed: a list of values, such as ["web", "shop"]',
            '{column} 的取值为 {given!r}；允许：取值列表，如 ["web", "shop"]',
        ),
        "labels.family_value": (
            "{given!r} is no value of {column}; allowed: text, a finite number, True, False, or a date",
            "{given!r} 不是 {column} 的取值；允许：文本、有限数、True、False 或日期",
        ),
    }
)
