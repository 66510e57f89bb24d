"""The messages of the data room."""

import difflib
from collections.abc import Iterable
from typing import Any

from tallystick.core import Catalogue, Message

WORDS = Catalogue(
    {
        "sources.name": (
            "{given!r} is not a source name; allowed: a letter, then letters, digits and _",
            "{given!r} 不是数据源名；允许：字母开头，后接字母、数字、下划线",
        ),
        "sources.field": (
            "key {key!r} names {given!r}, which is not a declared field; declared: {allowed}",
            "键 {key!r} 指向 {given!r}，但没有这个字段；已声明：{allowed}",
        ),
        "sources.field_near": (
            "key {key!r} names {given!r}, which is not a declared field; did you mean {near!r}? Declared: {allowed}",
            "键 {key!r} 指向 {given!r}，但没有这个字段；是否指 {near!r}？已声明：{allowed}",
        ),
        "sources.field_type": (
            "key {key!r} needs a field of type {wanted}; {given!r} is {type}",
            "键 {key!r} 需要 {wanted} 类型的字段；{given!r} 是 {type}",
        ),
        "sources.reserved": (
            "field {given!r} would hide the fact column of that name; rename it with column = {given!r}, "
            "or say {given} = {given!r} on the source",
            "字段 {given!r} 会遮盖同名的事实列；请用 column = {given!r} 改名，或在数据源上写 {given} = {given!r}",
        ),
        "sources.lateness": (
            'known_at is a column here, so lateness must say how late a fact may come, such as lateness = "30d"',
            '此处 known_at 是列，必须用 lateness 说明事实最多可迟到多久，如 lateness = "30d"',
        ),
        "sources.order": ("min {low!r} is above max {high!r}", "min {low!r} 大于 max {high!r}"),
        "sources.pattern": (
            "pattern {given!r} is not a regular expression: {detail}",
            "pattern {given!r} 不是正则表达式：{detail}",
        ),
        "sources.check": (
            "{key} cannot check a field of type {type}; allowed for: {allowed}",
            "{key} 不能检查 {type} 类型的字段；适用于：{allowed}",
        ),
        "sources.constant": (
            "a field with value has no column of its own: leave out {key!r}",
            "带 value 的字段没有自己的列：请去掉 {key!r}",
        ),
        "sources.template": (
            "id template {given!r} must hold {{at}} and a column in braces, such as {{ID}}-{{at}}",
            "id 模板 {given!r} 必须含有 {{at}} 和花括号中的列，如 {{ID}}-{{at}}",
        ),
        "sources.periods": (
            "columns: the required field {given} is filled in other periods but not in this one",
            "columns：必填字段 {given} 在其他 period 中填写，而本 period 没有",
        ),
        "sources.delimiter": (
            "{given!r} cannot stand between fields; allowed: one ASCII character, no quotation mark and no line end",
            "{given!r} 不能作为字段分隔符；允许：一个 ASCII 字符，引号和换行除外",
        ),
        "sources.quote": (
            '{given!r} cannot stand around fields; allowed: one ASCII character other than the delimiter, or "" for none',
            '{given!r} 不能作为字段引号；允许：不同于分隔符的一个 ASCII 字符，或 "" 表示没有',
        ),
        "sources.encoding": (
            "{given!r} is no encoding that can be read here; allowed: utf-8, latin-1, cp1252, gb18030, shift_jis and others "
            "in which a line end is one byte",
            "{given!r} 不是此处可读取的编码；允许：utf-8、latin-1、cp1252、gb18030、shift_jis 等换行为一个字节的编码",
        ),
        "sources.purpose": (
            "{given!r} is no purpose; allowed: a letter, then letters, digits and _, such as credit or fraud",
            "{given!r} 不是用途；允许：字母开头，后接字母、数字、下划线，如 credit 或 fraud",
        ),
        "sources.instants": (
            "allowed cannot check a field of type instant; allowed for: any other type",
            "allowed 不能检查 instant 类型的字段；适用于：其他任何类型",
        ),
        "event.object": (
            "an event must be an object with field names as keys; given: {given}",
            "事件必须是以字段名为键的对象；给出：{given}",
        ),
        "event.stream": (
            "the event says stream {given!r}; this source is {name!r}",
            "事件的 stream 是 {given!r}；此数据源是 {name!r}",
        ),
        "event.key": (
            "source {name} has no field {given!r}; its fields: {allowed}",
            "数据源 {name} 没有字段 {given!r}；其字段：{allowed}",
        ),
        "event.key_near": (
            "source {name} has no field {given!r}; did you mean {near!r}? Its fields: {allowed}",
            "数据源 {name} 没有字段 {given!r}；是否指 {near!r}？其字段：{allowed}",
        ),
        "row.allowed": (
            "field {name}: {given!r} is not allowed; allowed: {allowed}",
            "字段 {name}：不允许 {given!r}；允许：{allowed}",
        ),
        "row.min": ("field {name}: {given} is below the minimum {bound}", "字段 {name}：{given} 低于最小值 {bound}"),
        "row.max": ("field {name}: {given} is above the maximum {bound}", "字段 {name}：{given} 高于最大值 {bound}"),
        "row.pattern": (
            "field {name}: {given!r} does not match {pattern!r}",
            "字段 {name}：{given!r} 不符合 {pattern!r}",
        ),
        "row.late": (
            "known at {known_at}, happened at {at}: a first revision must come within 0us to {lateness} after it happened",
            "知悉于 {known_at}，发生于 {at}：首个版本必须在发生后 0us 至 {lateness} 内到达",
        ),
        "row.revision": (
            "revision {given} is not allowed; revisions count from 0",
            "不允许版本 {given}；版本从 0 开始计数",
        ),
        "row.conflict": (
            "id {id}, revision {revision} was loaded before with other content; a correction needs a higher revision",
            "编号 {id}、版本 {revision} 已装载且内容不同；更正需要更高的版本号",
        ),
        "row.ragged": (
            "the row has {given} fields; the header has {wanted}",
            "该行有 {given} 个字段；表头有 {wanted} 个",
        ),
        "row.quote": (
            'a quote is not closed or stands inside a field; write it doubled inside a quoted field, or say quote = ""',
            '引号未闭合或位于字段中间；请在带引号的字段内双写，或设置 quote = ""',
        ),
        "row.bytes": (
            "byte {given} at offset {offset} of the file is not {encoding}; save the file in one encoding",
            "文件偏移 {offset} 处的字节 {given} 不是 {encoding}；请用同一种编码保存文件",
        ),
        "row.long": ("the line has {given} bytes; at most {limit} are read", "该行有 {given} 字节；最多读取 {limit}"),
        "row.json": ("not a JSON object: {detail}", "不是 JSON 对象：{detail}"),
        "file.none": ("no file matches {given!r} in the project folder", "项目文件夹中没有文件匹配 {given!r}"),
        "file.folder": ("is a folder; allowed: a {format} file", "是文件夹；允许：{format} 文件"),
        "file.unreadable": ("cannot be read: {detail}", "无法读取：{detail}"),
        "file.empty": (
            "is empty; a {format} file of source {name} needs at least its header",
            "是空文件；数据源 {name} 的 {format} 文件至少要有表头",
        ),
        "file.columns": (
            "lacks the columns {missing} of source {name}; the file has: {found}",
            "缺少数据源 {name} 的列 {missing}；文件中有：{found}",
        ),
        "file.twice": ("the header names {given} more than once", "表头中 {given} 出现多次"),
        "file.header": (
            "the header is not {encoding} text; nothing was loaded",
            "表头不是 {encoding} 文本；未装载任何数据",
        ),
        "file.encoding": (
            '{bad} of {lines} lines are not {encoding}; say encoding = "…" on source {name}',
            '{lines} 行中有 {bad} 行不是 {encoding}；请在数据源 {name} 上写明 encoding = "…"',
        ),
        "file.dtype": (
            "column {column} is {given}; a field of type {type} reads {allowed}",
            "列 {column} 是 {given}；{type} 类型的字段读取 {allowed}",
        ),
        "file.parquet": ("is not a Parquet file: {detail}", "不是 Parquet 文件：{detail}"),
        "file.changed": (
            "changed while it was read; nothing was loaded, load it again",
            "在读取时被改动；未装载任何数据，请重新装载",
        ),
        "lake.table": ("the lake has no table {given!r}; it has: {allowed}", "数据湖没有表 {given!r}；现有：{allowed}"),
        "lake.version": (
            "table {name} has no version {given}; it has 0 to {last}",
            "表 {name} 没有版本 {given}；现有 0 至 {last}",
        ),
        "lake.schema": (
            "table {name} was created with other columns ({was}); the source now declares {now}. Load into a new lake folder",
            "表 {name} 建立时的列不同（{was}）；数据源现在声明 {now}。请装载到新的数据湖文件夹",
        ),
        "lake.busy": (
            "another load is writing to {given}; wait until it ends",
            "另一个装载正在写入 {given}；请等它结束",
        ),
        "lake.damaged": ("the table at {given} cannot be read: {detail}", "无法读取 {given} 处的表：{detail}"),
        "feed.extra": (
            "{given} is not installed ({detail}); it belongs to an extra: pip install 'tallystick[{extra}]'",
            "未安装 {given}（{detail}）；它属于可选组件：pip install 'tallystick[{extra}]'",
        ),
        "feed.json": ("not one JSON object: {detail}", "不是一个 JSON 对象：{detail}"),
        "feed.twice": (
            "key {given!r} stands more than once in one object; allowed: each key once",
            "键 {given!r} 在同一对象中出现多次；允许：每个键一次",
        ),
        "feed.server": (
            "the server {given} does not answer as it should: {detail}; what was not acknowledged comes again",
            "服务器 {given} 未正常应答：{detail}；未确认的消息会再次送达",
        ),
        "feed.subject": (
            "no JetStream stream of {server} holds the subject {given!r}; make one, or name a subject that one holds",
            "{server} 上没有 JetStream 流包含主题 {given!r}；请新建，或使用某个流包含的主题",
        ),
        "feed.file": ("there is no such file to read events from", "没有可读取事件的此文件"),
        "feed.shrunk": (
            "the file has {given} bytes, and {wanted} were taken before; a feed's file must only grow",
            "文件有 {given} 字节，而此前已读取 {wanted} 字节；事件文件只能增长",
        ),
        "feed.cursor": ("not the cursor of a feed: {detail}", "不是事件源的游标：{detail}"),
    }
)


def unknown(code: str, given: str, allowed: Iterable[str], **params: Any) -> Message:
    """The message `code` for an unknown name, or its `_near` form when an allowed name is close."""
    allowed = list(allowed)
    near = difflib.get_close_matches(given, allowed, n=1, cutoff=0.6)
    shown = ", ".join(allowed)
    if near:
        return WORDS(f"{code}_near", given=given, near=near[0], allowed=shown, **params)
    return WORDS(code, given=given, allowed=shown, **params)
