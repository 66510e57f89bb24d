"""The messages of scorecards."""

from tallystick.core import Catalogue

WORDS = Catalogue(
    {
        "card.option": (
            "scorecard option {name} is {given}; allowed: {allowed}",
            "评分卡选项 {name} 为 {given}；允许：{allowed}",
        ),
        "card.out_signal": (
            "{label}: no cut within the limits tells good from bad",
            "{label}：在限制之内没有能区分好坏的切点",
        ),
        "card.out_iv": (
            "{label}: information value {value}, below the least of {limit}",
            "{label}：信息值 {value}，低于下限 {limit}",
        ),
        "card.out_correlation": (
            "{label}: correlation {value} with {other}, which says more; at most {limit}",
            "{label}：与信息更多的 {other} 相关系数为 {value}；上限 {limit}",
        ),
        "card.out_vif": (
            "{label}: variance inflation {value}; at most {limit}",
            "{label}：方差膨胀因子 {value}；上限 {limit}",
        ),
        "card.out_criterion": (
            "{label}: the stepwise choice does not take it (p-value {value})",
            "{label}：逐步选择未采用（p 值 {value}）",
        ),
        "card.out_slope": (
            "{label}: beside the others its slope would not be with its own evidence",
            "{label}：与其他变量一起时，其斜率不再符合自身证据",
        ),
        "card.out_rounding": (
            "{label}: its points all round to 0 (slope {value})",
            "{label}：其分值四舍五入后均为 0（斜率 {value}）",
        ),
        "import.read": ("the file cannot be read: {given}", "无法读取该文件：{given}"),
        "import.large": ("the file has {given} bytes; allowed: {allowed}", "文件为 {given} 字节；允许：{allowed}"),
        "import.cases": ("{label} has no bin with points", "{label} 没有带分值的分箱"),
        "import.empty": ("scorecard {name} has points for no label", "评分卡 {name} 没有任何标签的分值"),
        "import.uncovered": (
            "{label}: nothing says the points of {given}; allowed: a bin for it, or uncovered lowest",
            "{label}：没有说明{given}的分值；允许：为其增加分箱，或 uncovered lowest",
        ),
        "import.lowest": (
            "{label}: {given} gets {points}, the lowest points of this label, because nothing says otherwise",
            "{label}：{given}未作说明，取该标签的最低分值 {points}",
        ),
        "import.missing": ("a missing value", "缺失值"),
        "import.between": ("values above {low} up to {high}", "大于 {low} 至 {high} 的值"),
        "import.points": ("{name} is {given}; allowed: a whole number", "{name} 为 {given}；允许：整数"),
        "import.twice": ("{label} is tested by more than one characteristic", "{label} 被多个特征使用"),
        "pmml.root": ("the file is {given}; allowed: PMML 4.1 to 4.4", "文件为 {given}；允许：PMML 4.1 至 4.4"),
        "pmml.card": (
            "the file holds {given}; allowed: one Scorecard beside the dictionaries",
            "文件包含 {given}；允许：字典之外的一个 Scorecard",
        ),
        "pmml.unscorable": ("the model says that it is not for scoring", "该模型声明不可用于评分"),
        "pmml.function": ("functionName is {given}; allowed: regression", "functionName 为 {given}；允许：regression"),
        "pmml.above": (
            "the points count up with risk (pointsAbove); allowed: pointsBelow, where more points are safer",
            "分值随风险上升（pointsAbove）；允许：pointsBelow，即分值越高越安全",
        ),
        "pmml.element": ("{given} cannot be held in whole points", "{given} 无法以整数分值表示"),
        "pmml.treatment": (
            "field {label}: {name} {given} cannot be held; allowed: asIs, asMissing, returnInvalid",
            "字段 {label}：{name} 为 {given}，无法支持；允许：asIs、asMissing、returnInvalid",
        ),
        "pmml.fields": (
            "characteristic {label} tests {given}; allowed: one field",
            "特征 {label} 使用了 {given}；允许：一个字段",
        ),
        "pmml.field": (
            "field {label} is not in the data dictionary; given: {given}",
            "数据字典中没有字段 {label}；已有：{given}",
        ),
        "pmml.type": (
            "field {label} is {given}, or names values that are missing or invalid; allowed: string, integer, float, "
            "double, boolean, and valid values",
            "字段 {label} 的类型为 {given}，或含缺失、无效值；允许：string、integer、float、double、boolean 及有效值",
        ),
        "pmml.predicate": (
            "the attribute tests by {given}; allowed: one predicate",
            "属性的条件为 {given}；允许：一个谓词",
        ),
        "pmml.operator": ("the operator {given} is not allowed here", "此处不允许运算符 {given}"),
        "pmml.number": ("{given} is no number", "{given} 不是数值"),
        "sheet.none": (
            "no sheet has a header with a label, a bin and points; allowed headings: {allowed}",
            "没有工作表含有标签、分箱与分值的表头；允许的表头：{allowed}",
        ),
        "sheet.bin": (
            "{label}: the bin {given!r} is not understood; allowed: {allowed}",
            "{label}：无法理解分箱 {given!r}；允许：{allowed}",
        ),
        "sheet.cells": ("the sheet has more than {allowed} cells", "工作表超过 {allowed} 个单元格"),
        "sheet.twice": (
            "{label}: the bin {given!r} stands there twice; allowed: once, with its points",
            "{label}：分箱 {given!r} 出现两次；允许：一次，并给出其分值",
        ),
        "sheet.label": ("the row has points but no label", "该行有分值但没有标签"),
        "sheet.mixed": (
            "{label}: the bin {given!r} is a text among intervals of numbers",
            "{label}：数值区间中出现文本分箱 {given!r}",
        ),
        "sheet.calibrated": (
            "total {given} stands for a probability of {pd}, which no base_odds and pdo of a scorecard give: the model "
            "was calibrated after its scorecard; allowed: its own file",
            "总分 {given} 对应的概率为 {pd}，评分卡的 base_odds 与 pdo 无法给出：该模型在评分卡之后经过校准；允许：模型自身的文件",
        ),
    }
)
