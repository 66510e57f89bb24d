"""The messages of `tally-verify`."""

from tallystick.core import Catalogue

WORDS = Catalogue(
    {
        "verify.usage": (
            "usage: tally-verify FILE --vkey FILE [--vkey FILE ...] [--policy FILE] [--json] [--language en|zh]\n"
            "\n"
            "Checks a proof file with nothing but verifier keys: no project, no network.\n"
            "\n"
            "  FILE             a proof file made by `tally prove`\n"
            "  --vkey FILE      verifier keys that you trust, one a line; may be given several times\n"
            "  --policy FILE    a witness policy (C2SP tlog-policy) whose quorum must have cosigned\n"
            "  --json           print the verdict as JSON, with the record\n"
            "  --language en|zh language of messages\n"
            "\n"
            "Exit codes: 0 the proof holds, 1 it does not, 2 bad usage.",
            "用法：tally-verify FILE --vkey FILE [--vkey FILE ...] [--policy FILE] [--json] [--language en|zh]\n"
            "\n"
            "仅凭验证密钥检查证明文件：无需项目，无需网络。\n"
            "\n"
            "  FILE             由 `tally prove` 生成的证明文件\n"
            "  --vkey FILE      您信任的验证密钥，每行一个；可多次给出\n"
            "  --policy FILE    见证策略（C2SP tlog-policy），其法定数目的见证者须已联署\n"
            "  --json           以 JSON 输出结论及记录\n"
            "  --language en|zh 消息语言\n"
            "\n"
            "退出码：0 证明成立，1 不成立，2 用法错误。",
        ),
        "verify.argument": ("wrong arguments: {given}", "参数错误：{given}"),
        "verify.language": (
            "language {given!r} is not known; allowed: {allowed}",
            "未知语言 {given!r}；允许：{allowed}",
        ),
        "verify.file": ("{given} cannot be read: {why}", "无法读取 {given}：{why}"),
        "verify.long": (
            "{given} is longer than {allowed} bytes; a proof or a key is not",
            "{given} 超过 {allowed} 字节；证明或密钥不会如此之长",
        ),
        "verify.ok": (
            "VERIFIED: leaf {index} of {size} in the log {origin}; held: {checks}",
            "已验证：日志 {origin} 的第 {index} 个叶子（共 {size} 个）；成立：{checks}",
        ),
        "verify.files": (
            "It carries {count} files; `tally verify --rescore` takes the decision again from them.",
            "其中携带 {count} 个文件；`tally verify --rescore` 可据此重新作出决策。",
        ),
        "verify.failed": ("NOT VERIFIED: {fault}", "未通过验证：{fault}"),
    }
)
