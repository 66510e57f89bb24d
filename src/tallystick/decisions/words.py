"""The messages of decisions."""

from tallystick.core import Catalogue

WORDS = Catalogue(
    {
        "decision.xml": ("this is not well-formed XML: {given}", "不是格式良好的 XML：{given}"),
        "decision.doctype": (
            "a document type declaration is refused: it may hold entities; allowed: plain XML",
            "拒绝文档类型声明：它可能含有实体；允许：纯 XML",
        ),
        "decision.deep": (
            "the XML is nested deeper than {allowed} levels",
            "XML 嵌套超过 {allowed} 层",
        ),
        "decision.root": (
            "the root element is {given!r}; allowed: definitions of DMN 1.3, 1.4 or 1.5",
            "根元素是 {given!r}；允许：DMN 1.3、1.4 或 1.5 的 definitions",
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
        "decision.logic": (
            "{given!r} is not logic that can be run; allowed: literalExpression, decisionTable, context, invocation, "
            "list, relation, functionDefinition of kind FEEL",
            "{given!r} 不是可运行的逻辑；允许：literalExpression、decisionTable、context、invocation、list、relation、"
            "FEEL 类的 functionDefinition",
        ),
        "decision.empty": ("there is no logic here; allowed: {allowed}", "此处没有逻辑；允许：{allowed}"),
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
    }
)
