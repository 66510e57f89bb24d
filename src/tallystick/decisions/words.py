"""The messages of decisions."""

from tallystick.core import Catalogue

WORDS = Catalogue(
    {
        "decision.doctype": (
            "a document type declaration is refused: it may hold entities; allowed: plain XML",
            "拒绝文档类型声明：它可能含有实体；允许：纯 XML",
        ),
        "decision.deep": (
            "the model is nested deeper than {allowed} levels",
            "模型嵌套超过 {allowed} 层",
        ),
        "decision.root": (
            "the root element is {given!r}; allowed: definitions of DMN 1.2, 1.3, 1.4 or 1.5",
            "根元素是 {given!r}；允许：DMN 1.2、1.3、1.4 或 1.5 的 definitions",
        ),
        "decision.id": (
            "id {given!r} is used twice; allowed: one element per id",
            "标识 {given!r} 使用了两次；每个标识只能用于一个元素",
        ),
        "decision.name": (
            "name {given!r} is used twice; allowed: one element per name",
            "名称 {given!r} 使用了两次；每个名称只能用于一个元素",
        ),
        "decision.unnamed": ("this {given} has no name", "此 {given} 没有名称"),
        "decision.reference": (
            "{given!r} refers to no {kind}; known ids: {allowed}",
            "{given!r} 未指向任何 {kind}；已知标识：{allowed}",
        ),
        "decision.requirement": (
            "{given!r} is part of the model but is not required here; add a requirement to it",
            "{given!r} 属于模型，但此处未声明依赖；请添加对它的依赖",
        ),
        "decision.cycle": (
            "the requirements run in a circle: {given}",
            "依赖关系成环：{given}",
        ),
        "decision.empty": ("there is no logic here; allowed: {allowed}", "此处没有逻辑；允许：{allowed}"),
        "decision.output": (
            "an output of a table with several outputs is named {given!r}; allowed: a name that no other output has",
            "有多个输出的决策表中，一个输出名为 {given!r}；允许：与其他输出不同的名称",
        ),
        "decision.language": (
            "expression language {given!r} is refused; allowed: FEEL",
            "拒绝表达式语言 {given!r}；允许：FEEL",
        ),
        "decision.policy": (
            "hit policy {given!r} is not one; allowed: {allowed}",
            "命中策略 {given!r} 无效；允许：{allowed}",
        ),
        "decision.cells": (
            "the rule has {given} {kind} entries; allowed: {allowed}, one per column",
            "规则有 {given} 个 {kind} 单元；允许：{allowed} 个，每列一个",
        ),
        "decision.priorities": (
            "hit policy {given} needs output values that say which outcome comes first",
            "命中策略 {given} 需要输出值列表，以说明结果的先后",
        ),
        "decision.type": (
            "{given!r} is not a type; allowed: {allowed}",
            "{given!r} 不是类型；允许：{allowed}",
        ),
        "decision.none": (
            "there is no decision {given!r}; the model has: {allowed}",
            "没有决策 {given!r}；模型有：{allowed}",
        ),
        "decision.input": (
            "decision {name} needs input {given!r}, which is absent; null is a value, absence is not (given: {inputs})",
            "决策 {name} 需要输入 {given!r}，但未给出；null 是值，缺少则不是（已给出：{inputs}）",
        ),
        "decision.value": (
            "input {name} is {given}; allowed: {allowed}",
            "输入 {name} 为 {given}；允许：{allowed}",
        ),
        "decision.cause.none": ("{name}: no rule matches {given}", "{name}：没有规则匹配 {given}"),
        "decision.cause.several": (
            "{name}: rules {given} match, but hit policy {policy} allows one outcome",
            "{name}：规则 {given} 同时匹配，但命中策略 {policy} 只允许一个结果",
        ),
        "decision.cause.type": ("{name}: {given} is not {allowed}", "{name}：{given} 不是 {allowed}"),
        "decision.cause.feel": ("{name}: {given}", "{name}：{given}"),
        "cases.columns": (
            "column {given!r} is neither an input of a decision here nor =decision; allowed: {allowed}",
            "列 {given!r} 既不是此处决策的输入，也不是 =决策；允许：{allowed}",
        ),
        "cases.none": (
            "the file has no column that begins with =, so it expects nothing",
            "文件没有以 = 开头的列，因而没有预期",
        ),
        "decision.large": (
            "the file has {given} bytes; allowed: {allowed}",
            "文件有 {given} 字节；允许：{allowed}",
        ),
        "decision.import": (
            "no file at hand has the imported namespace {given!r}; give the file to load, or name it in locationURI "
            "beside the model; at hand: {allowed}",
            "没有文件具有所导入的命名空间 {given!r}；请一并载入该文件，或用 locationURI 指明模型旁的文件；现有：{allowed}",
        ),
        "decision.imports": (
            "imports lead to {given} files; allowed: {allowed}",
            "导入共涉及 {given} 个文件；允许：{allowed}",
        ),
        "decision.service": (
            "decision service {name} does not list {given}, which its decisions need; allowed: input data and input "
            "decisions for all of them",
            "决策服务 {name} 未列出其决策所需的 {given}；请将它们全部列为输入数据或输入决策",
        ),
        "decision.external": (
            "a function of kind {given!r} is refused; allowed: FEEL, Java",
            "拒绝 {given!r} 类的函数；允许：FEEL、Java",
        ),
        "decision.java": (
            "{given!r} is not on the list of Java methods; allowed: static methods of java.lang.Math, String, Integer, "
            "Long, Short, Byte, Float, Double, Boolean, Character and java.math.BigDecimal",
            "{given!r} 不在 Java 方法清单中；允许：java.lang.Math、String、Integer、Long、Short、Byte、Float、Double、"
            "Boolean、Character 与 java.math.BigDecimal 的静态方法",
        ),
        "decision.target": (
            "{given} cannot be written as DMN {version}; allowed: {allowed}",
            "{given} 无法写成 DMN {version}；允许：{allowed}",
        ),
        "decision.cause.calls": (
            "{name}: not called: more than {depth} calls within one another, or {calls} in all",
            "{name}：未调用：嵌套调用超过 {depth} 层，或总数超过 {calls} 次",
        ),
        "decision.nested": (
            "input {name} is nested too deep to be read",
            "输入 {name} 嵌套过深，无法读取",
        ),
        "decision.cause.null": ("{name}: null", "{name}：null"),
        "decision.cause.call": (
            "{name}: called with {given}; its parameters are {allowed}",
            "{name}：调用参数为 {given}；其形式参数为 {allowed}",
        ),
        "columns.nanoseconds": (
            "column {name} has moments finer than a microsecond; allowed: microseconds",
            "列 {name} 含有小于微秒的时刻；允许：微秒",
        ),
        "columns.native": ("in columns", "按列"),
        "columns.by_row": ("by distinct row: {given}", "按不同的行：{given}"),
        "columns.node": ("{node} is worked out once for each distinct row", "{node} 对每个不同的行计算一次"),
        "columns.import": ("it sees the names of an imported file", "它看到的是导入文件的名称"),
        "columns.boxed": ("it is neither an expression nor a table", "它既不是表达式也不是决策表"),
        "columns.bare": ("the table has no inputs, outputs or rules", "该表没有输入、输出或规则"),
        "columns.cells": (
            "a cell, a default or allowed values read other names",
            "单元、默认值或允许值读取了其他名称",
        ),
        "columns.several": (
            "several rules may fire, and their outcomes are expressions, or there are too many of them",
            "可能有多条规则命中，而其结果是表达式，或规则过多",
        ),
        "columns.residual": (
            "cells or allowed values that are no sets of values are tested once for each distinct value",
            "不是值集合的单元或允许值，对每个不同的值测试一次",
        ),
        "sheet.table": ("Decision table", "决策表"),
        "sheet.kind": ("Kind", "类别"),
        "sheet.decision": ("decision", "决策"),
        "sheet.part": ("part", "部分"),
        "sheet.policy": ("Hit policy", "命中策略"),
        "sheet.aggregation": ("Aggregation", "汇总"),
        "sheet.type": ("Result type", "结果类型"),
        "sheet.needs": ("Needs", "依赖"),
        "sheet.need_types": ("Types of these", "依赖的类型"),
        "sheet.column": ("Column", "列"),
        "sheet.input": ("input", "输入"),
        "sheet.output": ("output", "输出"),
        "sheet.annotation": ("annotation", "注释"),
        "sheet.label": ("Label", "标题"),
        "sheet.id": ("Column id", "列标识"),
        "sheet.column_type": ("Type", "类型"),
        "sheet.values": ("Allowed values", "允许值"),
        "sheet.default": ("Default", "默认值"),
        "sheet.rule": ("Rule", "规则"),
        "sheet.rule_id": ("Rule id", "规则标识"),
        "sheet.heading": ("{given!r} is no heading; allowed: {allowed}", "{given!r} 不是标题；允许：{allowed}"),
        "sheet.missing": (
            "the table lacks the rows {given} in its first column",
            "表的第一列缺少以下行：{given}",
        ),
        "sheet.choice": ("{given!r}; allowed: {allowed}", "{given!r}；允许：{allowed}"),
        "sheet.unnamed": (
            "the table has no name; allowed: the name of a decision",
            "表没有名称；允许：决策的名称",
        ),
        "sheet.unsaid": (
            "{given!r} cannot be said of a column of kind {kind}; allowed: nothing",
            "{given!r} 不适用于{kind}列；允许：留空",
        ),
        "sheet.outside": (
            "{given!r} stands under no column; allowed: nothing",
            "{given!r} 不在任何列之下；允许：留空",
        ),
        "sheet.character": (
            "{given} has a character that XML cannot hold; allowed: text, tabs and line ends",
            "{given} 含有 XML 不能容纳的字符；允许：文本、制表符与换行",
        ),
        "sheet.cell": (
            "{given} is a date, formula or error of the spreadsheet; allowed: text, a number, TRUE or FALSE; a date is "
            'written date("2026-01-31")',
            '{given} 是电子表格的日期、公式或错误值；允许：文本、数字、TRUE 或 FALSE；日期写作 date("2026-01-31")',
        ),
        "sheet.long": (
            "the text has {given} characters; allowed in a cell: {allowed}",
            "文本有 {given} 个字符；一个单元格允许：{allowed}",
        ),
        "sheet.large": ("the sheet has more than {allowed} cells", "工作表超过 {allowed} 个单元格"),
        "sheet.workbook": (
            "this is not an Excel workbook: {given}; allowed: .xlsx",
            "不是 Excel 工作簿：{given}；允许：.xlsx",
        ),
        "sheet.csv": ("this is not CSV in UTF-8: {given}", "不是 UTF-8 编码的 CSV：{given}"),
        "sheet.read": ("cannot be read: {given}", "无法读取：{given}"),
        "sheet.write": ("cannot be written: {given}", "无法写入：{given}"),
        "sheet.suffix": ("{given}: the name must end in .xlsx or .csv", "{given}：文件名须以 .xlsx 或 .csv 结尾"),
        "sheet.none": (
            "there is no table {given!r}; the model has: {allowed}",
            "没有决策表 {given!r}；模型有：{allowed}",
        ),
        "sheet.several": (
            "a CSV file holds one table, and there are {given}; name one of: {allowed}",
            "一个 CSV 文件只容纳一张表，而此处有 {given} 张；请指明其一：{allowed}",
        ),
        "sheet.twice": ("table {given!r} stands in two sheets", "表 {given!r} 出现在两个工作表中"),
        "sheet.empty": (
            "no sheet begins with the heading Decision table; allowed: sheets as an export lays them out",
            "没有以“决策表”标题开头的工作表；允许：按导出格式排列的工作表",
        ),
        "sheet.alone": (
            "this table is part of other logic; give the model that it belongs to",
            "此表是其他逻辑的一部分；请给出它所属的模型",
        ),
        "sheet.fixed": (
            "{given!r} lies outside the table and is changed in the model; allowed here: {allowed}",
            "{given!r} 不属于该表，须在模型中修改；此处允许：{allowed}",
        ),
        "sheet.elsewhere": (
            "tables of the imported file {given} changed, and it does not lie beside the model; import them into that file",
            "所导入文件 {given} 的表已改变，但该文件不在模型旁；请将其导入到该文件",
        ),
        "change.added": ("{name}: {kind} added", "{name}：新增{kind}"),
        "change.removed": ("{name}: {kind} removed", "{name}：移除{kind}"),
        "change.part": ("{name}: {part} was {old}, now {new}", "{name}：{part} 原为 {old}，现为 {new}"),
        "change.gained": ("{name}: {part} {new} added", "{name}：新增{part} {new}"),
        "change.lost": ("{name}: {part} {old} removed", "{name}：移除{part} {old}"),
        "change.rule_added": ("{name}: rule {rule} added: {new}", "{name}：新增规则 {rule}：{new}"),
        "change.rule_removed": ("{name}: rule {rule} removed: {old}", "{name}：移除规则 {rule}：{old}"),
        "change.rule_moved": ("{name}: rule {rule} is now rule {new}", "{name}：规则 {rule} 现为规则 {new}"),
        "change.cell": (
            "{name}: rule {rule}: {part} was {old}, now {new}",
            "{name}：规则 {rule}：{part} 原为 {old}，现为 {new}",
        ),
        "change.kind.input": ("input", "输入"),
        "change.kind.decision": ("decision", "决策"),
        "change.kind.knowledge": ("knowledge model", "业务知识模型"),
        "change.kind.service": ("decision service", "决策服务"),
        "change.kind.type": ("type", "类型"),
        "change.part.version": ("version", "版本"),
        "change.part.type": ("type", "类型"),
        "change.part.requires": ("requirements", "依赖"),
        "change.part.logic": ("logic", "逻辑"),
        "change.part.table": ("hit policy", "命中策略"),
        "change.part.input": ("input", "输入"),
        "change.part.output": ("output", "输出"),
        "change.part.annotation": ("annotation", "注释"),
        "change.part.column_type": ("type of {given}", "{given} 的类型"),
        "change.part.values": ("allowed values of {given}", "{given} 的允许值"),
        "change.part.default": ("default", "默认值"),
        "change.part.files": ("number of files", "文件数"),
        "change.part.at": ("{given}", "{given}"),
        "change.rules": ("a decision table of {rules} rules", "含 {rules} 条规则的决策表"),
        "change.inputs": (
            "no decision of both models can be taken from the columns {given}; each needs all of: {allowed}",
            "两个模型中没有决策可由列 {given} 得出；所需：{allowed}",
        ),
        "logic.table": ("table", "决策表"),
        "logic.expression": ("expression", "表达式"),
        "logic.boxed": ("boxed expression", "框式表达式"),
        "logic.function": ("function", "函数"),
        "logic.service": ("service", "服务"),
        "logic.input": ("input", "输入"),
        "logic.given": ("given", "给定"),
    }
)
