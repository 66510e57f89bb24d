"""The messages of model governance."""

from tallystick.core import Catalogue

WORDS = Catalogue(
    {
        "registry.absent": (
            "model {name} has no version {version}; stored: {allowed}",
            "模型 {name} 没有版本 {version}；已保存：{allowed}",
        ),
        "registry.unknown": (
            "no version of model {name} is stored; train or import one first; stored models: {allowed}",
            "模型 {name} 没有已保存的版本；请先训练或导入；已保存的模型：{allowed}",
        ),
        "registry.several": (
            "{version} begins several versions of model {name}: {allowed}; give more digits",
            "{version} 是模型 {name} 多个版本的开头：{allowed}；请给出更多位",
        ),
        "registry.champion": (
            "model {name} has no champion yet; promote a version, or name one; stored: {allowed}",
            "模型 {name} 尚无现任版本；请晋升一个版本，或指明版本；已保存：{allowed}",
        ),
        "registry.other": (
            "the file holds model {given}, not {name}",
            "该文件保存的是模型 {given}，而非 {name}",
        ),
        "history.frame": ("an entry of the history is no event: {detail}", "历史中的一条记录不是事件：{detail}"),
        "version.retired": (
            "version {version} of model {name} is retired: it is kept for replay and never serves again",
            "模型 {name} 的版本 {version} 已退役：仅供重放，不再服务",
        ),
        "approval.nobody": ("an approval needs the name of who gives it", "审批必须写明审批人"),
        "approval.own": (
            "{given} owns or developed model {name} and may not approve it",
            "{given} 是模型 {name} 的负责人或开发者，不得审批",
        ),
        "approval.uncalled": (
            "{given} may not approve model {name}; allowed: {allowed}",
            "{given} 不得审批模型 {name}；允许：{allowed}",
        ),
        "approval.twice": (
            "{given} has approved version {version} of model {name} already; another person must",
            "{given} 已审批过模型 {name} 的版本 {version}；须由另一人审批",
        ),
        "approval.report": (
            "an approval stands on a validation report, and version {version} of model {name} has none; run tally validate {name} --version {version}, or name a report's file",
            "审批须依据验证报告，而模型 {name} 的版本 {version} 没有；请运行 tally validate {name} --version {version}，或指明报告文件",
        ),
        "approval.failed": (
            "the latest validation of version {version} of model {name} found a fault; an approval all the same needs a "
            "comment that says why",
            "模型 {name} 的版本 {version} 最近一次验证未通过；仍要审批须写明理由",
        ),
        "approval.old": (
            "the approvals of version {version} of model {name} on this report have expired; validate it anew, or name a new report's file",
            "模型 {name} 的版本 {version} 依据此报告的审批已到期；请重新验证，或指明新的报告文件",
        ),
        "promotion.gates": (
            "version {version} of model {name} failed its gates: {gates}",
            "模型 {name} 的版本 {version} 未通过门槛：{gates}",
        ),
        "promotion.approvals": (
            "version {version} of model {name} is not approved; approvals missing: {missing}; approved by: {given}",
            "模型 {name} 的版本 {version} 还缺 {missing} 个审批；已审批：{given}",
        ),
        "promotion.expired": (
            "approval of version {version} of model {name} has expired; it must be approved or trained anew",
            "模型 {name} 的版本 {version} 的审批已到期；须重新审批或训练",
        ),
        "challenger.champion": (
            "version {version} of model {name} is the champion and cannot be its own challenger",
            "模型 {name} 的版本 {version} 是现任，不能作为自己的挑战者",
        ),
        "retirement.nobody": (
            "a retirement needs the name of who decides it and a comment",
            "退役必须写明决定人和理由",
        ),
        "champion.expired": (
            "model {name} has expired, and its recipe refuses to serve an expired champion; validate and approve it anew",
            "模型 {name} 已到期，且其配方拒绝使用到期的现任版本；请重新验证并审批",
        ),
    }
)
