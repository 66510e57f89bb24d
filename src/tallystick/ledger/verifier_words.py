"""The messages of `tally-verify`."""

from tallystick.core import Catalogue

WORDS = Catalogue(
    {
        "verify.usage": (
            "usage: tally-verify FILE --vkey FILE [--vkey FILE ...] [--policy FILE] [--json FILE] [--language en|zh]\n"
            "\n"
            "Checks a proof file with nothing but verifier keys: no project, no network.\n"
            "\n"
            "  FILE             a proof file made by `tally prove`\n"
            "  --vkey FILE      verifier keys that you trust, one a line; may be given several times\n"
            "  --policy FILE    a witness policy (C2SP tlog-policy) whose quorum must have cosigned; where it has a\n"
            "                   log line, --vkey may be left out\n"
            "  --json FILE      also write the verdict as JSON, with the record\n"
            "  --rescore        is for `tally verify`: this command computes nothing\n"
            "  --language en|zh language of messages\n"
            "\n"
            "Exit codes: 0 the proof holds, 1 it does not, 2 bad usage or a file that cannot be read.",
            "用法：tally-verify FILE --vkey FILE [--vkey FILE ...] [--policy FILE] [--json FILE] [--language en|zh]\n"
            "\n"
            "仅凭验证密钥检查证明文件：无需项目，无需网络。\n"
            "\n"
            "  FILE             由 `tally prove` 生成的证明文件\n"
            "  --vkey FILE      您信任的验证密钥，每行一个；可多次给出\n"
            "  --policy FILE    见证策略（C2SP tlog-policy），其法定数目的见证人须已联署；若含 log 行，可省略 --vkey\n"
            "  --json FILE      同时将结论及记录写为 JSON\n"
            "  --rescore        请用 `tally verify`：本命令不作计算\n"
            "  --language en|zh 消息语言\n"
            "\n"
            "退出码：0 证明成立，1 不成立，2 用法错误或文件无法读取。",
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
            "VERIFIED: the leaf with index {index} (counted from 0) of {size} in the log {origin}; held: {checks}",
            "已验证：账本 {origin} 中索引为 {index} 的叶（从 0 起计，共 {size} 个）；成立：{checks}",
        ),
        "check.form": ("form", "格式"),
        "check.signature": ("signature", "签名"),
        "check.witnesses": ("witnesses", "见证"),
        "check.inclusion": ("inclusion", "包含"),
        "check.payload": ("payload", "载荷"),
        "verify.witnesses": ("Cosigned by: {names}", "联署人：{names}"),
        "verify.hidden": (
            "WITHOUT RECORD: it was erased (its subject was forgotten), or is not shown. Proven is that a record "
            "stands at this place, not which",
            "无记录：记录已被抹除（其主体已被遗忘），或未予披露。所证明的是此处有一条记录，而非其内容",
        ),
        "verify.files": (
            "It carries {count} files; `tally verify --rescore` takes the decision again from them.",
            "其中携带 {count} 个文件；`tally verify --rescore` 可据此重新作出决策。",
        ),
        "verify.failed": ("NOT VERIFIED: {fault}", "未通过验证：{fault}"),
        "verify.write": ("{given} cannot be written: {why}", "无法写入 {given}：{why}"),
        "verify.rescore": (
            "this command computes nothing; `tally verify --rescore` takes the decision again",
            "本命令不作计算；请用 `tally verify --rescore` 重新作出决策",
        ),
        "keys.text": (
            "this is not text; needed: a file with public keys, one a line (name+8 hex digits+base64)",
            "这不是文本；需要：公钥文件，每行一个（名称+8 位十六进制数+base64）",
        ),
        "keys.none": (
            "there is no key in this file; needed: public keys, one a line (name+8 hex digits+base64)",
            "此文件中没有密钥；需要：公钥，每行一个（名称+8 位十六进制数+base64）",
        ),
        "keys.line": (
            "more than one thing stands on this line; needed: one public key a line (name+8 hex digits+base64)",
            "此行不止一项；需要：每行一个公钥（名称+8 位十六进制数+base64）",
        ),
    }
)
