"""The messages of validation."""

from tallystick.core import Catalogue

WORDS = Catalogue(
    {
        "leak.column": ("column {name} is not in the data; given: {given}", "数据中没有列 {name}；已有：{given}"),
        "leak.late": (
            "{column} was known only after the decision in {rows} rows ({share})",
            "{column} 在 {rows} 行（{share}）中于决策之后才可知",
        ),
        "leak.travel": (
            "{column} lies after the decision in {rows} rows ({share}) and before it in the others: joined without regard to time",
            "{column} 在 {rows} 行（{share}）中晚于决策，其余行早于决策：连接时未考虑时间",
        ),
        "leak.near_perfect": (
            "{column} alone tells the outcome (AUC {alone}); the others reach {without} without it and {given} with it",
            "仅凭 {column} 即可得知结果（AUC {alone}）；其余列不含它为 {without}，含它为 {given}",
        ),
        "leak.lift": (
            "{column} removes {share} of the error that all others leave: AUC {without} without it, {given} with it, {alone} alone",
            "{column} 消除了其余所有列剩余误差的 {share}：不含它 AUC {without}，含它 {given}，单独 {alone}",
        ),
        "leak.made": (
            "{column} removes {share} of the error that all others leave (AUC {without} without it, {given} with it, {alone} alone), and goes with them only through the outcome: as a value does that is made after it",
            "{column} 消除了其余所有列剩余误差的 {share}（不含它 AUC {without}，含它 {given}，单独 {alone}），且仅通过结果与它们相关：如同结果之后产生的值",
        ),
        "leak.pure": (
            "{column}: of {rows} rows with certain values {rate} have one outcome ({share} of all that have it), where the other columns expect {expected}",
            "{column}：取某些值的 {rows} 行中 {rate} 为同一结果（占该结果全部的 {share}），而其余列预期为 {expected}",
        ),
        "leak.duplicates": (
            "{rows} rows ({share}) have an exact copy on the other side of the split, or in the data where none is given",
            "{rows} 行（{share}）在划分的另一侧（未给划分时在数据中）有完全相同的副本",
        ),
        "leak.near_duplicates": (
            "{rows} rows ({share}) have a near copy on the other side of the split, or in the data where none is given",
            "{rows} 行（{share}）在划分的另一侧（未给划分时在数据中）有近似副本",
        ),
        "leak.order": (
            "the order of the rows tells the outcome: AUC {alone} alone, {without} without it, {given} beside all columns",
            "行的顺序泄露结果：单独 AUC {alone}，不含它 {without}，与所有列一起 {given}",
        ),
        "leak.weights": (
            "the weights tell the outcome (AUC {auc}): they were not set without knowing it",
            "权重泄露结果（AUC {auc}）：其设定并非与结果无关",
        ),
        "validate.column": ("column {name} is not in the data; given: {given}", "数据中没有列 {name}；已有：{given}"),
        "validate.none": ("the sample {sample!r} has no row", "样本 {sample!r} 没有任何行"),
        "validate.target": (
            "{given} values of {name} are neither 0 nor 1; allowed: 0, 1, false, true, or null where it is not known",
            "{name} 有 {given} 个值既非 0 也非 1；允许：0、1、假、真，未知时为空值",
        ),
        "override.column": (
            "the overrides have no column {name}; given: {given}; allowed: system, final, and reason, outcome where known",
            "人工干预数据没有列 {name}；已有：{given}；允许：system、final，以及已知时的 reason、outcome",
        ),
        "override.none": ("the overrides hold no case", "人工干预数据没有任何案例"),
        "check.auc": ("AUC", "AUC"),
        "check.gini": ("Gini", "Gini 系数"),
        "check.ks": ("KS", "KS"),
        "check.pr_auc": ("PR-AUC (average precision)", "PR-AUC（平均精确率）"),
        "check.brier": ("Brier score", "Brier 分数"),
        "check.log_loss": ("Log-loss", "对数损失"),
        "check.calibration_slope": ("Calibration slope", "校准斜率"),
        "check.calibration_intercept": ("Calibration intercept", "校准截距"),
        "check.hosmer_lemeshow": ("Hosmer–Lemeshow p-value", "Hosmer–Lemeshow p 值"),
        "check.concentration": ("Share of the largest grade or band", "最大评级或分段的占比"),
        "check.overfit": ("AUC lost against cross-validation", "相对交叉验证损失的 AUC"),
        "check.psi": ("PSI of the points, worst month", "评分 PSI（最差月份）"),
        "check.csi": ("PSI of a label (CSI), worst month", "标签 PSI（CSI，最差月份）"),
        "check.champion": ("AUC against the champion", "与冠军模型的 AUC 之差"),
        "check.leaks": ("Leaks of the outcome", "结果泄露"),
        "check.impact": ("Adverse impact ratio", "不利影响比"),
        "verdict.passed": ("passed", "通过"),
        "verdict.watch": ("look at it", "需关注"),
        "verdict.failed": ("failed", "未通过"),
        "verdict.told": ("no limit", "无限值"),
        "verdict.none": ("not computed", "未计算"),
        "why.no_outcome": ("no row has a known outcome", "没有结果已知的行"),
        "why.one_class": (
            "the rows hold one outcome only, or none is known",
            "这些行只有一种结果，或结果均未知",
        ),
        "leak.rows": (
            "{name} has {given} values, and the data {rows} rows",
            "{name} 有 {given} 个值，而数据有 {rows} 行",
        ),
        "leak.type": (
            "column {name} holds {given}; allowed: {allowed}",
            "列 {name} 的类型为 {given}；允许：{allowed}",
        ),
        "sample.judged": ("judged", "评定样本"),
        "sample.in_sample": ("in sample", "训练样本内"),
        "sample.development": ("development", "开发样本"),
        "sample.other": ("{name}", "{name}"),
        "why.no_promise": (
            "what cross-validation made expect was not given",
            "未给出交叉验证的预期值",
        ),
        "why.chance": (
            "in {month}; so few rows reach {chance} by chance",
            "于 {month}；行数较少，偶然即可达到 {chance}",
        ),
        "why.in_sample": (
            "the model learnt from these rows, so this flatters it; no limit is held to it",
            "模型是在这些行上训练的，因此数值偏乐观；不以限值衡量",
        ),
        "why.hosmer": ("χ² {statistic} with {freedom} degrees of freedom", "χ² {statistic}，自由度 {freedom}"),
        "why.no_base": ("there is neither a time nor a development sample", "既无时间也无开发样本"),
        "why.one_month": ("there is one month only and nothing before it", "只有一个月份，之前没有可比数据"),
        "why.month": ("in {month}", "于 {month}"),
        "why.impact": ("against {reference}, the group approved most", "相对获批率最高的群体 {reference}"),
        "why.one_group": (
            "no two groups of at least 30 rows",
            "没有两个至少 30 行的群体",
        ),
    }
)
