"""The messages of compliance: faults of reasons.toml, and every sentence of a letter."""

from tallystick.core import Catalogue

WORDS = Catalogue(
    {
        "file.missing": ("the reasons file {given} cannot be read: {why}", "无法读取理由文件 {given}：{why}"),
        "file.toml": ("the file is not TOML: {why}", "文件不是 TOML：{why}"),
        "key.unknown": (
            "{given!r} is not a key here; allowed: {allowed}{hint}",
            "{given!r} 不是此处的键；允许：{allowed}{hint}",
        ),
        "key.missing": ("{given!r} is missing; it must be {allowed}", "缺少 {given!r}；应为 {allowed}"),
        "key.value": ("{name} is {given}; allowed: {allowed}", "{name} 为 {given}；允许：{allowed}"),
        "code.other": (
            "reason code {given!r} tells the customer nothing; allowed: a specific reason (12 CFR 1002.9(b)(2))",
            "理由代码 {given!r} 未告知客户任何内容；允许：具体理由（12 CFR 1002.9(b)(2)）",
        ),
        "text.placeholder": (
            "the text names {{{given}}}; allowed: {{value}} only",
            "文本使用了 {{{given}}}；只允许：{{value}}",
        ),
        "text.braces": (
            "the text {given!r} has unbalanced braces; allowed: {{value}} only",
            "文本 {given!r} 的花括号不配对；只允许：{{value}}",
        ),
        "text.value": (
            "{{value}} stands outside parentheses; write ({{value}}), so that the sentence also stands without it",
            "{{value}} 不在括号内；请写作（{{value}}），使句子在没有数值时也成立",
        ),
        "label.twice": (
            "label {label} belongs to reasons {first} and {second}; allowed: one reason for each label",
            "标签 {label} 同时属于理由 {first} 与 {second}；允许：每个标签一个理由",
        ),
        "label.reason": (
            "label {label} of the model has no reason; name it in the labels of one [reasons.CODE]{hint}",
            "评分卡标签 {label} 没有理由；请写入某个 [reasons.CODE] 的 labels{hint}",
        ),
        "label.missing": (
            "label {label} can lose points for a missing value but no reason says so; name it in missing_labels of one [reasons.CODE]",
            "标签 {label} 会因缺失值失分，却没有理由说明；请写入某个 [reasons.CODE] 的 missing_labels",
        ),
        "action.missing": (
            "adverse outcome {outcome!r} has no words; write [actions.{outcome}] with en and zh",
            "不利结果 {outcome!r} 没有文字；请写 [actions.{outcome}]，含 en 与 zh",
        ),
        "outcome.unknown": (
            "adverse outcome {outcome!r} is none that the decision gives; allowed: {allowed}{hint}",
            "不利结果 {outcome!r} 不是该决策的结果；允许：{allowed}{hint}",
        ),
        "code.unknown": (
            "reason code {given!r} has no words; write [reasons.{given}] or use one of: {allowed}{hint}",
            "理由代码 {given!r} 没有文字；请写 [reasons.{given}]，或使用：{allowed}{hint}",
        ),
        "hint": ("; did you mean {name}?", "；是否指 {name}？"),
        "limit": ("{given} reasons were asked for; allowed: 1 to 4", "要求 {given} 个理由；允许：1 至 4 个"),
        "letter.favourable": (
            "outcome {outcome!r} is not adverse, so no letter is due; adverse: {allowed}",
            "结果 {outcome!r} 并非不利，无需信函；不利结果：{allowed}",
        ),
        "letter.reasons": (
            "a letter for {outcome!r} was given {given} reasons; allowed: 1 to 4 specific reasons",
            "{outcome!r} 的信函得到 {given} 个理由；允许：1 至 4 个具体理由",
        ),
        "letter.factors": (
            "a letter for {outcome!r} was given {given} key factors of the score; allowed: 0 to 4",
            "{outcome!r} 的信函得到 {given} 个评分关键因素；允许：0 至 4 个",
        ),
    }
)

LETTER = Catalogue(
    {
        "title": ("About our decision of {date}", "关于我们{date}所作的决定"),
        "greeting": ("Dear customer,", "尊敬的客户："),
        "action.heading": ("What we decided", "我们的决定"),
        "action": ("On {moment} {action}.", "{moment}，{action}。"),
        "known": (
            "The decision rests on what was on record by {known}.",
            "该决定依据截至{known}已记录的信息作出。",
        ),
        "reasons.heading": ("Why", "原因"),
        "reasons.lead": (
            "These are the principal reasons. Each one counted in this decision:",
            "以下是主要原因，每一项均实际影响了本次决定：",
        ),
        "score.heading": ("Your score", "您的评分"),
        "score": (
            "Our score for you on {date} was {score}. Scores range from {low} (highest risk) to {high} (lowest risk).",
            "您在{date}的评分为 {score}。评分范围为 {low}（风险最高）至 {high}（风险最低）。",
        ),
        "factors.lead": (
            "The key factors that lowered this score, the heaviest first:",
            "拉低该评分的关键因素，按影响从大到小：",
        ),
        "rights.heading": ("Your rights", "您的权利"),
        "rights.lead": (
            "The decision was taken automatically, without a person. You may, free of charge:",
            "该决定由系统自动作出，没有人工参与。您可以免费：",
        ),
        "rights.explanation": (
            "Explanation: ask us to explain the decision, its logic and the data behind it.",
            "要求说明：请我们说明该决定、其逻辑以及所依据的数据。",
        ),
        "rights.review": (
            "Human review: give your view and have a person look at the decision again; "
            "we answer within {days} days of your request.",
            "人工复核：陈述您的意见，并由工作人员重新审查该决定；我们将在收到请求后 {days} 天内答复。",
        ),
        "rights.objection": (
            "Objection: refuse a decision that is taken solely by automated means.",
            "拒绝自动化决定：拒绝仅通过自动化决策方式作出的决定。",
        ),
        "rights.correction": (
            "Correction: see the data we used and have wrong data put right.",
            "更正：查阅我们使用的数据，并要求更正错误数据。",
        ),
        "rights.close": (
            "Using a right will not be held against you.",
            "行使上述权利不会使您受到不利对待。",
        ),
        "ask.heading": ("How to ask", "如何提出"),
        "ask": (
            "Write or call, and quote the decision number {decision}. "
            "With it we can prove what was decided, when and on which data, and that the record was not changed since.",
            "请来信或来电，并注明决定编号 {decision}。凭此编号，我们可以证明当时的决定内容、时间与所用数据，并证明记录此后未被更改。",
        ),
        "contact.contact": ("Contact", "联系人"),
        "contact.phone": ("Telephone", "电话"),
        "contact.address": ("Address", "地址"),
        "notice.heading": ("Notice", "告知"),
        "closing": ("Yours faithfully,", "此致敬礼"),
        "date": ("{day} {month} {year}", "{year}年{month}月{day}日"),
        "moment": ("{date} at {clock} ({zone})", "{date} {clock}（{zone}）"),
        "yes": ("yes", "是"),
        "no": ("no", "否"),
        "days": ("{n} days", "{n} 天"),
        "day": ("{n} day", "{n} 天"),
        "hours": ("{n} hours", "{n} 小时"),
        "hour": ("{n} hour", "{n} 小时"),
    }
)

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
