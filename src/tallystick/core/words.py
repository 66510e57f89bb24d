"""The messages of core."""

from tallystick.core.messages import Catalogue

WORDS = Catalogue(
    {
        "money.text": (
            "{given!r} is not an amount; allowed: a decimal number such as 12.50 or 1e+05",
            "{given!r} 不是金额；允许：十进制数，如 12.50 或 1e+05",
        ),
        "money.digits": (
            "{given!r} has more decimals than {currency} has ({digits}); it would have to be rounded",
            "{given!r} 的小数位超过 {currency} 的位数（{digits}），只能舍入，故拒绝",
        ),
        "money.range": (
            "{given!r} is outside the 64-bit range of minor units",
            "{given!r} 超出 64 位最小货币单位的范围",
        ),
        "money.currency": (
            "{given!r} is not a currency code of ISO 4217; allowed: three capital letters such as EUR",
            "{given!r} 不是 ISO 4217 货币代码；允许：三个大写字母，如 EUR",
        ),
        "money.mixed": ("{left} and {right} cannot be added: convert first", "{left} 与 {right} 不能相加：请先换算"),
        "time.text": (
            "{given!r} is not an instant; allowed: RFC 3339 such as 2026-03-01T08:30:00Z, or a local time in zone {zone}",
            "{given!r} 不是时刻；允许：RFC 3339，如 2026-03-01T08:30:00Z，或时区 {zone} 的当地时间",
        ),
        "time.twice": (
            "{given!r} happens twice in zone {zone}, where the clocks go back; give it with its offset: {first} or {second}",
            "{given!r} 在时区 {zone} 出现两次（时钟回拨）；请带偏移给出：{first} 或 {second}",
        ),
        "time.skipped": (
            "{given!r} does not exist in zone {zone}, where the clocks go forward; give it with an offset, as {first} or "
            "{second}",
            "{given!r} 在时区 {zone} 不存在（时钟拨快）；请带偏移给出，如 {first} 或 {second}",
        ),
        "time.zone": (
            "{given!r} is not a time zone; allowed: an IANA name such as Europe/Berlin or UTC",
            "{given!r} 不是时区；允许：IANA 名称，如 Europe/Berlin 或 UTC",
        ),
        "span.text": (
            "{given!r} is not a span; allowed: a whole number and one of us, ms, s, min, h, d, w, such as 30d",
            "{given!r} 不是时长；允许：整数加 us、ms、s、min、h、d、w 之一，如 30d",
        ),
        "canonical.value": (
            "{given} of type {type} has no canonical form; allowed: text, bool, None, finite float, int, Decimal, "
            "list, dict with text keys, record; a Decimal up to 10^±7000",
            "类型 {type} 的 {given} 没有规范形式；允许：文本、布尔、None、有限浮点、整数、Decimal、列表、文本键字典、记录；Decimal 至多 10^±7000",
        ),
        "canonical.integer": (
            "{given} is beyond ±(2^53 − 1), so JSON cannot carry it exactly; give it as text",
            "{given} 超出 ±(2^53 − 1)，JSON 无法精确表示；请以文本给出",
        ),
        "field.type": (
            "{given!r} is not a field type; allowed: {allowed}",
            "{given!r} 不是字段类型；允许：{allowed}",
        ),
        "field.value": (
            "field {name}: {given!r} is not {type}; allowed: {allowed}",
            "字段 {name}：{given!r} 不是 {type}；允许：{allowed}",
        ),
        "field.time": ("field {name}: {why}", "字段 {name}：{why}"),
        "field.null": ("field {name} is required but has no value", "字段 {name} 必填，但没有值"),
        "grade.text": (
            "{given!r} is not a grade; allowed: L1, L2, L3, L4, L5",
            "{given!r} 不是分级；允许：L1、L2、L3、L4、L5",
        ),
        "xml.text": ("this is not well-formed XML: {given}", "不是格式良好的 XML：{given}"),
        "xml.doctype": (
            "a document type declaration is refused: it may hold entities; allowed: plain XML",
            "拒绝文档类型声明：它可能含有实体；允许：纯 XML",
        ),
        "xml.deep": (
            "the XML is nested deeper than {allowed} levels",
            "XML 嵌套超过 {allowed} 层",
        ),
        "toml.text": ("is not UTF-8 text", "不是 UTF-8 文本"),
        "toml.syntax": (
            "this is no TOML: {given!r}; allowed: [table], or key = value, each key once, text in double quotes",
            "这不是 TOML：{given!r}；允许：[表]，或 键 = 值，每个键一次，文本用双引号",
        ),
        "toml.key": (
            "{given!r} is no key here; nearest: {near}; allowed: {allowed}",
            "此处没有键 {given!r}；最接近：{near}；允许：{allowed}",
        ),
        "toml.missing": ("the key {given!r} is missing; allowed: {allowed}", "缺少键 {given!r}；允许：{allowed}"),
        "toml.value": ("{given} is no value for this key; allowed: {allowed}", "{given} 不是此键的值；允许：{allowed}"),
        "toml.kind.text": ("text in double quotes", "双引号中的文本"),
        "toml.kind.flag": ("true or false", "true 或 false"),
        "toml.kind.integer": ("a whole number", "整数"),
        "toml.kind.number": ("a number", "数字"),
        "toml.kind.list": ("a list in [ ]", "[ ] 中的列表"),
        "toml.kind.texts": ("text in double quotes, or a list of such in [ ]", "双引号中的文本，或 [ ] 中的文本列表"),
        "toml.kind.table": ("a table of keys", "由键组成的表"),
        "system.ENOENT": ("No such file or directory", "没有这个文件或文件夹"),
        "system.EACCES": ("Permission denied", "没有权限"),
        "system.EPERM": ("Operation not permitted", "不允许此操作"),
        "system.ENOSPC": ("No space left on device", "磁盘空间不足"),
        "system.EDQUOT": ("Disk quota exceeded", "超出磁盘配额"),
        "system.EEXIST": ("File exists", "文件已存在"),
        "system.ENOTDIR": ("Not a directory", "路径中有一项不是文件夹"),
        "system.EISDIR": ("Is a directory", "是文件夹，不是文件"),
        "system.ENOTEMPTY": ("Directory not empty", "文件夹不为空"),
        "system.EROFS": ("Read-only file system", "文件系统只读"),
        "system.EIO": ("Input/output error", "读写设备出错"),
        "system.EFBIG": ("File too large", "文件过大"),
        "system.EMFILE": ("Too many open files", "打开的文件过多"),
        "system.ENAMETOOLONG": ("File name too long", "文件名过长"),
        "system.EBUSY": ("Device or resource busy", "设备或资源正被占用"),
        "system.EADDRINUSE": ("Address already in use", "地址已被占用"),
        "system.EADDRNOTAVAIL": ("Cannot assign requested address", "无法使用该地址"),
        "system.ECONNREFUSED": ("Connection refused", "连接被拒绝"),
        "system.ECONNRESET": ("Connection reset by peer", "连接被对方重置"),
        "system.ETIMEDOUT": ("Connection timed out", "连接超时"),
        "system.ENETUNREACH": ("Network is unreachable", "网络不可达"),
        "system.EHOSTUNREACH": ("No route to host", "无法到达主机"),
        "system.ENOMEM": ("Cannot allocate memory", "内存不足"),
        "system.other": ("{why}", "系统报告：{why}"),
    }
)
