"""Signs by which a mail without a machine-readable report is known: who sent it, its subject, its words."""

from __future__ import annotations

import re

from newsletter.bounces.parsing import Mail

_DAEMON = re.compile(
    r"mailer[-_. ]?daemon|postmaster|mail[-_ ]?(?:er|daemon)\b|daemon@|mail delivery|mail administrator|mailadmin|mail ?master|delivery (?:sub)?system|system administrator|"
    r"mdaemon|bounce|no-?delivery|nondelivery|mail system|mail router|e-?mail (?:server|system)|internet mail|smtp ?server|systemadministrator|administrateur syst|microsoft (?:outlook|exchange)|exchange ?server|mmdf|antivirus|virus ?scan|"
    r"mail-?server|^\s*\"?(?:root|admin|mail|smtp|mta|qmail|exim)@|amavis|virus|mail-?gear|mailgate|undeliver|returned mail",
)
_SUBJECT = re.compile(
    r"undeliver|non-?deliver|not deliver|n[o']t be delivered|cannot deliver|undelivred|deliver(?:y|ed)?[- ](?:status|fail|notif|problem|error|report|unsuccess|has fail|subsystem|attempt|incomplete|impossible)|(?:fail|error|problem|unable|unsuccess\w*|trouble|rejected|cannot|can't|could not|couldn't|impossible)\w*.{0,30}deliver|"
    r"return(?:ed|ing) (?:mail|e-?mail|message|to sender)|mail (?:return|deliver|system error|bounce|fail|error|status)|(?:message|e-?mail|mail) (?:was |has been |is )?(?:not |un)(?:deliver|sent|able)|failure notice|fail(?:ed|ure)[: ]?(?:mail|delivery|message|e-?mail|to send)|bounced?\b|\bndn\b|\bndr\b|\bdsn\b|user unknown|unknown (?:user|address|recipient)|invalid (?:recipient|address)|message status|could not send|(?:your )?(?:e?-?mail|message) (?:could not|cannot|couldn't|rejected|blocked|refused|status|was (?:not|reject|block))|warning: (?:could|message|e-?mail)|delayed|mail rejected|message (?:rejected|blocked|undeliv)|address (?:change|not found|unknown|error)|smtp (?:error|fail)|quota|mail ?box (?:full|is full|unavail|not found)|rejected (?:mail|message|by)|problème|échec|"
    r"unzustellbar|nicht zugestellt|zustell(?:ung|fehler)|nachricht (?:konnte )?nicht|fehler (?:bei|beim)|rückläufer|unzustellbare|nicht (?:zustellbar|übermittelt)|"
    r"non remis|n'a pas pu|non distribu|avis de non|impossible de|rapport de non|"
    r"no entregado|no se (?:pudo|ha podido|puede)|devuelto|error de entrega|fallo|no se entreg|aviso de no|notificaci[oó]n de (?:estado|error)|"
    r"n[ãa]o (?:entregue|entregad|p[ôo]de|foi poss)|devolvid|falha (?:na|de|no)|erro (?:de|no|na) (?:entrega|envio)|mensagem devolvida|"
    r"non (?:recapit|consegn|è stato|inoltr)|mancat[ao] (?:recapito|consegna)|impossibile|messaggio non|errore|"
    r"onbestelbaar|niet (?:bezorgd|afgeleverd|bestel)|kan niet|olevererbar|"
    r"niedostarcz|nie (?:został|dostarcz|można)|zwrot|błąd|"
    r"не (?:доставлен|удалось|удаётся|может быть)|недоставлен|невозможн|ошибка|возврат|"
    r"退信|退件|无法(?:投递|送达|递送)|無法(?:投遞|傳遞|送達|遞送)|未送达|投递失败|系统退信|发送失败|失敗|"
    r"配信(?:不能|できません|失敗|エラー)|送信(?:できません|エラー|失敗)|エラーメール|不達|戻り|届きません|"
    r"반송|전송 ?실패|전달(?:되지|할 수)|배달|"
    r"kunde inte|gick inte|ej levere|kunne ikke|leveringsfejl|ikke lever|leveransfel|ei (?:voitu|toimitettu)|toimittamatta|nedoručen|nebylo možné|nelze doručit|kézbesít|teslim edile|iletileme|nelivrat|δεν (?:παραδόθηκε|ήταν)|לא נמסרה|تعذر"
)
_WORDS = re.compile(
    r"n[o']t (?:be |been )?(?:successfully )?(?:deliver|sent|send|reach|complet|accept|process|transmit)|undeliver|unable to (?:deliver|send|complete|transmit|relay|process)|(?:delivery|message|mail|e-?mail|following|recipients?|address(?:es)?|sending|transmission|send|attempts?)[^.]{0,50}fail|fail(?:ed|ure)[^.]{0,30}(?:deliver|recipient|address|send|message)|permanent(?:ly)? (?:error|fail|fatal)|fatal error|returned (?:to|mail|message|unsent|because|herewith|for|unopened)|did(?: not|n't) reach|non-?delivery|non-?deliver|transcript of (?:the )?session|being returned|has been returned|return(?:ed|ing) (?:the|your|to you)|error(?:s)? (?:occurred|while|was|were|sending|message|is|description|code|:)|(?:was|been|is|were) (?:rejected|refused|bounced|blocked|returned)|user unknown|unknown user|no such user|is full|over quota|not found|does not exist|doesn't exist|reasons? (?:for|given|:)|cannot (?:be )?(?:deliver|send|accept)|can't (?:be )?deliver|problems? deliver|your (?:e-?mail )?message (?:to|regarding|was|could|has|cannot)|delivery (?:to|status|report|notification|of|problem|has|was|error|attempt|not)|mail delivery|not (?:a )?(?:known|valid)|invalid|mailbox|smtp error|remote (?:host|server|mta)|smtp (?:host|server|transcript|reply)|has moved|"
    r"nicht (?:zugestellt|zustellbar|ausgeliefert|übermittelt|gesendet|erreich)|zugestellt werden|unzustellbar|fehlgeschlagen|pas (?:pu|été|être)|non (?:remis|distribué)|échou|échec|no (?:se|ha|pudo|fue)[^.]{0,30}entreg|no se pudo|no pudo|devuelto|n[ãa]o (?:p[ôo]de|foi|pode|consegui)|devolvid|impossibile|non è stat|non (?:può|recapit|consegn)|niet (?:worden|afgeleverd|bezorgd|bestel)|kon niet|nie (?:został|może|mogł|można|dostarcz)|не (?:удалось|доставлен|может|был|могло)|недоставлен|无法|無法|不能|失败|失敗|退回|退信|できません|ませんでした|エラー|届|않|수 없|못했|실패|반송|kunde inte|kunne ikke|ei voitu|nebyl|nelze|nem (?:sikerült|lehet)|edilemedi|iletilemedi|nu (?:a|s-a) putut|δεν|לא ניתן|تعذر"
)
_DELAY = re.compile(
    r"this is a warning message only|warning message only|do not need to (?:resend|re-send)|no need to resend|not need to (?:do anything|take any action)|no action is required on your part|(?:has|have) not yet been delivered|not yet been (?:able to )?deliver|will (?:be retried|continue to (?:be tried|try|retry|attempt)|keep trying|retry|be (?:re)?tried|try again|attempt to deliver|be attempted)|still (?:being|in the queue|trying|be attempted|queued)|delivery (?:attempts )?will continue|has been delayed|is delayed|delivery delayed|(?:is|has been|was) (?:temporarily )?deferred|(?:server|system|we) will (?:keep|continue)|message (?:is )?delayed|could not send message for past|continue trying|delivery is being delayed|further attempts will be made|wird (?:weiterhin|erneut)|noch nicht zugestellt|verzögert|retardé|n'a pas encore|sera (?:de nouveau|tentée)|aún no|se (?:volverá|seguirá)|retrasad|ainda não|ritardat|non è stato ancora|vertraagd|ещё не|еще не|задерж|遅延|再送を|延迟|지연"
)
_SUCCESS = re.compile(
    r"success(?:ful|fully)\b|(?:was|has been|were|have been) (?:delivered|relayed|read|displayed)\b|delivered to (?:the following|one or more)|delivery (?:receipt|confirmation)|erfolgreich|zugestellt worden|bien été (?:remis|délivré)|entregado correctamente|entregue com sucesso|consegnato correttamente|успешно|正常に配信|已成功|정상적으로"
)
_FINAL = re.compile(
    r"giv(?:en|ing) up|will not be (?:retried|tried)|no further (?:attempts|delivery)|not going to try|permanent (?:error|fail|fatal)|failed permanently|could not be delivered to (?:one|some|the)|has failed|delivery failed|failed addresses|too long|final delivery|undeliverable|being returned"
)
_FAILED = re.compile(
    r"fail|error|n[o']t (?:be )?(?:deliver|sent|read)|undeliver|reject|refus|\breturn|unsuccess|unknown|invalid|\bfull\b|nicht |n'a pas|no se |n[ãa]o |impossib|не (?:удал|мож|был)"
)
_REPLY = re.compile(
    r"^\s*(?:re|fwd?|aw|wg|tr|rv|sv|vs|antw|odp|res|enc|r|i|doorst|ynt|回复|转发|答复|轉寄)\s*(?:\[\d+\])?\s*:", re.I
)


def comes_from_a_mail_system(mail: Mail) -> bool:
    """Whether the sender is a mail system: the null envelope sender (RFC 5321 §4.5.5) or a name that says so."""
    return has_null_sender(mail) or bool(_DAEMON.search(mail.first("from").lower() or mail.first("sender").lower()))


def has_null_sender(mail: Mail) -> bool:
    """Whether the envelope sender, as the last server wrote it down, was empty."""
    path = mail.first("return-path").strip()
    return path == "<>" or (not mail.first("from").strip() and path in ("", "<MAILER-DAEMON>"))


def has_bounce_subject(mail: Mail) -> bool:
    """Whether the subject announces a bounce and is not somebody's answer to one."""
    subject = mail.first("subject").lower()
    return bool(_SUBJECT.search(subject)) and not is_reply_subject(mail)


def is_reply_subject(mail: Mail) -> bool:
    """Whether a person answered or passed something on: `Re:`, `AW:`, `Fwd:` …"""
    return bool(_REPLY.match(mail.first("subject")))


def speaks_of_failure(text: str) -> bool:
    """Whether the text says that a mail was not delivered, in one of some twenty languages."""
    return bool(_WORDS.search(text[:8000].lower()))


def speaks_of_success(mail: Mail, text: str) -> bool:
    """Whether the report only confirms that the mail arrived or was passed on."""
    folded = re.sub(r"\s+", " ", f"{mail.first('subject')} {text[:6000]}".lower())
    return bool(_SUCCESS.search(folded)) and not _FAILED.search(folded)


def speaks_of_delay(mail: Mail, text: str) -> bool:
    """Whether the report is only a warning: the server goes on trying."""
    folded = re.sub(r"\s+", " ", f"{mail.first('subject')} {text[:6000]}".lower())
    return bool(_DELAY.search(folded)) and not _FINAL.search(folded)
