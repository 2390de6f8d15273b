"""What mail servers write when they refuse, in English: one row per reason, tried from top to bottom.

The order is the argument: a text that names two causes is read as the one that blames the reader least, because
a wrong suppression costs a reader and a missed one only costs another attempt. "Sender verify failed: no such
user" is about us; "no such user; mailbox full" is about space. Texts arrive folded by `newsletter.bounces.wording`:
lower case, single spaces, addresses and host names reduced to `@` and `host`.
"""

from __future__ import annotations

from newsletter.bounces.verdict import Reason

# Words for the person or the box that was written to, as servers choose them.
WHO = r"(?:user(?: ?name)?|users|recipients?|rcpt|account|accounts|mail[- ]?box(?:es)?|inbox|addressee|(?:e-?mail )?address(?:es)?|e-?mail|email account|alias|member|person|local[- ]?part|customer|subscriber|mail ?user)"
BOX = r"(?:mail ?box|inbox|account|user(?:'s)?|recipient(?:'s)?|address|e-?mail(?: account| address)?|mail ?drop|mail ?account|maildir|mail ?folder)"

CONCLUSIVE: tuple[tuple[Reason, tuple[str, ...]], ...] = (
    (
        Reason.RATE,
        (r"(?:daily|hourly|sending|outgoing|submission) .{0,20}(?:limit|quota)|frequency limit",),
    ),
    (
        Reason.DNS,
        (
            r"not found, try again|host name lookup failure|temporary (?:failure in name resolution|lookup failure|dns)|dns (?:soft )?error|try again.{0,20}dns",
        ),
    ),
    (
        Reason.UNREACHABLE,
        (
            r"connect(?:ing)? to .{0,60}(?:refused|timed out|unreachable|no route)|while (?:performing|receiving|sending|connecting)",
        ),
    ),
    (
        Reason.REPUTATION,
        (
            r"messages from .{0,30} weren't sent|rtr:bl|rly:b\d|hvu:b|\bdt:spm\b|will not accept (?:delivery|mail|any mail)",
        ),
    ),
    (
        Reason.POLICY,
        (r"not (?:found |listed |present )?(?:in|on) (?:the |our |your |his |her )?(?:white|allow|safe) ?-?list",),
    ),
    (Reason.MAILBOX_FULL, (r"(?:or|and) full\b",)),
    (
        Reason.TEMPORARY,
        (r"unable to verify|(?:verification|verify) .{0,30}(?:could not be completed|in progress|timed out|deferred)",),
    ),
)
"""Texts that mean one thing whatever else is said; looked at before all others."""

ENGLISH: tuple[tuple[Reason, tuple[str, ...]], ...] = (
    (
        Reason.SENDER_REFUSED,
        (
            r"sender verif(?:y|ication) (?:failed|failure)",
            r"sender(?:'s)?(?: e-?mail)?(?: address| domain|@| is| was|:|\s)*(?:rejected|refused|denied|blocked|banned|not (?:allowed|accepted|authori[sz]ed|permitted|exist|found|valid|verified)|invalid|unknown|unverified|undeliverable|must (?:resolve|exist))",
            r"(?:invalid|bad|unknown|unverified|unauthori[sz]ed|unqualified|blocked|rejected|refused|forged|denied) (?:envelope |return |mail )?(?:sender|return[- ]path|mail ?from|from address)",
            r"verification failed for @.{0,80}(?:sender|callout|called|mx)|callback (?:verification|setup)? ?failed",
            r"domain of sender|sender(?:'s)? domain|sender address .{0,40}(?:does not|doesn't|not) (?:exist|resolve)",
            r"your (?:e-?mail )?(?:address|domain) (?:has been|is|was) (?:blocked|rejected|black ?listed|banned|not allowed)",
            r"not accepting (?:any )?(?:e-?)?(?:mail|messages) from (?:@|you\b|(?:this|that|the|your) (?:sender|address|domain))",
            r"does ?n[o']t (?:want to )?(?:accept|receive) (?:any )?(?:e-?)?(?:mail|messages?) from (?:you|this|your|@)",
            r"mail from @? ?(?:is |has been |was )?(?:rejected|refused|denied|not allowed|blocked|prohibited)",
            r"\bfrom header|from: domain|\bbatv\b|header from|from: (?:header|address) (?:is )?(?:missing|invalid)|(?:you are|sender is|sender) not (?:allowed|authori[sz]ed|permitted) to send|refused sender|reject(?:ed)? sender|blocked sender",
            r"sender .{0,60}(?:on|in) (?:the|our|his|her|a|recipient's) (?:black|block|deny|bad)",
        ),
    ),
    (
        Reason.AUTHENTICATION,
        (
            r"\bspf\b|sender policy framework|\bdkim\b|\bdmarc\b|domainkeys|sender ?id (?:check|fail)|unauthenticated (?:e-?mail|mail|message|sender)|openspf",
            r"(?:smtp |client |sender )?(?:auth(?:entication|orization)?) (?:is )?(?:required|failed|failure|needed)|must authenticate|not authenticated|need to authenticate|must (?:issue|use) a? ?(?:starttls|authentication)|please (?:authenticate|use auth)|sendernotauthenticated|authrequired",
            r"domain .{0,40}does not (?:meet|pass) the required authentication|message is not signed|authentication-results|sender authentication",
            r"\bptr\b|reverse[- ](?:dns|mapping|lookup|address)|rdns|reverse hostname|cannot find your (?:hostname|reverse)|no reverse|helo (?:command )?(?:rejected|name|host)|ehlo .{0,30}(?:invalid|reject)|client host rejected|forged hostname|fcrdns|does not resolve|hostname .{0,30}mismatch|need fully-qualified",
        ),
    ),
    (
        Reason.REPUTATION,
        (
            r"spamhaus|spamcop|\bsorbs\b|barracuda|senderbase|spamrats|uceprotect|mailspike|invaluement|abuseat|cloudmark|senderscore|\bsurbl|\buribl|\bdnsbl|\brbls?\b|\bxbl\b|\bsbl\b|\bpbl\b|\bdnswl|\burl_?rbl|\bcbl\b|mail-abuse|njabl|fiveten|proofpoint.{0,40}block|trend ?micro|five-ten|backscatter",
            r"(?:black|block|deny|reject|grey-?black)[- ]?list(?:ed|ing|s)?\b|real[- ]?time block",
            r"\b(?:poor|bad|low|negative|no|sender|ip|email|web|its|domain) reputation|reputation (?:of|is|score|filter)|poor sender",
            r"(?:ip|host|server|network|client|mta)(?: address| ip|'s|es)?(?: host| @|\s)*(?:has been |have been |is |are |was |were |you'?re using |currently )*(?:temporarily |permanently )?(?:blocked|listed|banned|rejected|denied|refused|not allowed|black)",
            r"(?:block(?:ed|ing)?|banned|rejected|refused|denied|listed)(?: by| due to| because of| for| from| using| in)?(?: the| your| our| its| an?)? (?:ip\b|rbl|dnsbl|black|block list|blocklist|remote ip|host\b|network)",
            r"messages from host|connections? (?:from .{0,40} )?(?:will not be|not|refused|rejected|dropped|denied).{0,30}(?:accepted|due to|policy|reput)|your (?:ip|host|server|network|isp) .{0,60}(?:block|reject|spam|list|ban|abus)|weren't sent\. please contact your internet service provider",
            r"excessive (?:spam|unknown|abuse)|too many (?:spam|invalid|bad|unknown|unwanted|complaints)|user complaints|complaint rate|directory harvest|\bsnds\b|postmaster\.live\.com|dynamic (?:ip|address|pool)|dial-?up|dynablock|residential|open (?:relay|proxy)|compromised (?:host|server|ip)|botnet|unsafe (?:ip|host)|mail server .{0,30}(?:spam|black)",
        ),
    ),
    (
        Reason.SPAM,
        (
            r"unsolicited|\bu[cb]e\b|bulk (?:e-?mail|mail|messages?) (?:rejected|not|refused|detected|is|prohibited)|junk ?mail|\bjunk\b|considered (?:to be )?(?:unsolicited|spam|junk)",
            r"\bspam\b(?!trap)|\bspammy|spam(?:my)?[- ]?like|spam[- ]?(?:assassin|filter|ming|mer|score|content|detected|block)|anti-?spam|identified as (?:being )?(?:spam|junk)|looks like spam|classified as spam|bayes|suspicious|suspected spam|scored? .{0,20}(?:points|hits|too high)|high[- ]spam|\bgtube",
            r"virus|malware|phish|infected|trojan|worm\b|malicious|exploit",
        ),
    ),
    (
        Reason.MAILBOX_FULL,
        (
            BOX
            + r"(?: @|'s|\s)*(?:mail ?box|inbox|account|store|folder|storage|\s)*(?: is| has| was|'s|\s)*(?:currently |temporarily |already |too |over |completely )*full\b",
            r"(?:over|above|exceed(?:s|ed|ing)?|beyond|out of|exhausted|reached|insufficient|past)(?: (?:the|its|his|her|their|your|available|allowed|allotted|assigned|maximum|mail|mailbox|storage|disk|message|user|permitted|inbox|account|recipient's|total|given|space|limit|of|on|hard|soft|email))* ?-?(?:quota|storage|disk ?space|space(?: limit)?|capacity|mailbox (?:size|limit|space))",
            r"quota[- ]?(?:is |has been |was |limit |limits )?(?:exceed|full|violation|reached|would be|exhaust|over|usage|error|used|fail)|\boverquota|over-quota|over the quota|quota issue|\bmailfull|mailbox ?full|full mail ?box|mailboxfull|\bquota\b.{0,40}(?:exceed|reach|over|full)",
            r"(?:exceed(?:s|ed)?|over|reached|above|past|at)(?: its| the| his| their| your| a| maximum| max| allowed| mailbox| storage| disk| size)* (?:allocation|mailbox size|storage limit|disk limit|storage allocation|mailbox limit|size limit for mailbox)",
            r"(?:not enough|insufficient|no|lack of|out of)(?: free| available| system| disk| storage| mailbox| more| enough| remaining)* (?:room|space|storage)|(?:disk|storage|mailbox|space|filesystem|file system)(?: is)? (?:full|exhausted)|mailbox .{0,20}exceed|no space left|(?:mailbox|inbox) (?:for .{0,40} )?(?:is |has )?(?:too large|too full|overflow)|mail ?box (?:is )?over|insufficient disk|space problem|not have (?:enough|sufficient) (?:space|room|storage)|too (?:much mail|many messages|many mails) (?:in|on|stored|for|at).{0,30}(?:mail|box|account|folder|inbox)|mailbox.{0,30}too many messages|maximum (?:mail|message) (?:storage|count|number)|resources temporarily unavailable.{0,20}quota|user has exhausted|disk quota|over their disk|over disk|user is over|account is over|maildirquota|mailbox has reached|maildir over",
        ),
    ),
    (
        Reason.RATE,
        (
            r"rate[- ]?limit|receiving (?:e-?)?mail (?:at a rate|too (?:quickly|fast))|too many (?:connections|messages|mails|emails|concurrent|simultaneous|sessions|recipients|rcpt|smtp sessions|errors|attempts)|(?:exceed(?:ed|s|ing)?|reached|over|hit) .{0,40}(?:rate|connections|emails sent|messages per|per hour|per day|hourly|daily|sending limit|sending quota|send limit|recipient limit|rcpt limit|max(?:imum)? (?:number of )?(?:messages|emails|defers|recipients|connections))|(?:daily|hourly|sending|outgoing|send|delivery) (?:user )?(?:sending )?(?:limit|quota|rate)|throttl|sending too (?:many|fast|quickly)|unusual rate|mail rate|max defers|submission quota|maximum number of (?:recipients|messages|connections)",
        ),
    ),
    (
        Reason.GREYLISTED,
        (
            r"gr[ae]y ?-?list|postgrey|\bgreylst|retry (?:in|after) \d+ (?:sec|min)|unfamiliar (?:sender|network)|deferred.{0,40}first (?:time|contact)|come back later|you have been delayed|try again in \d+ (?:sec|min)",
        ),
    ),
    (
        Reason.OPT_OUT,
        (
            r"unsubscribe (?:me|from)|on (?:our|the|their) suppression list|(?:account|recipient|address) suppression list|previously (?:bounced|unsubscribed|complained)|suppressed (?:by|address|recipient)|opted out|sendgrid.{0,20}(?:drop|suppress)",
        ),
    ),
    (
        Reason.LOOP,
        (
            r"\bloop(?:s|ing|ed)?\b(?! ?back address)|too many hops|hop count|routing ?loop|hops exceeded|exceeded .{0,20}hops|too many (?:received|mail forwarding)|best-preference mx|listed as (?:a |the )?(?:best|local)|local configuration error|would loop|delivered-to line|duplicate delivered-to|mail relay loop|cyclic",
        ),
    ),
    (
        Reason.TOO_LARGE,
        (
            r"(?:message|mail|e-?mail|size|data|attachment|body|header)(?: size| length|'s|s|\s|is|was|it|that|you|sent|@)*(?:too (?:big|large|long)|exceed\w*|larger than|over(?: the)?(?: maximum)?(?: size)?|bigger|greater|longer)|too (?:big|large)|(?:exceed\w*|over|above|greater than|larger than)(?: the| its| this| your| our| fixed| configured| maximum| max| allowed| system| server| recipient| permitted| administrative)* (?:message |mail |file )?(?:size|length)|size (?:limit|restriction)|message(?: file)? (?:is )?too|sizelimit|msgsize|max(?:imum)? (?:message |allowed )?size",
        ),
    ),
    (
        Reason.RELAY_DENIED,
        (
            r"relay(?:ing)?(?: access| operation| mail| not| is| this| of| to| from| through| for| attempt| e-?mail| recipient| server| @|:|\s)*(?:denied|prohibited|not (?:allowed|permitted|authori[sz]ed|accepted)|refused|rejected|forbidden|disabled|blocked|disallowed|restricted)|unable to relay|not (?:allowed|permitted|authori[sz]ed|a gateway|willing) to relay|(?:do|does|will|can|could) ?n[o']t (?:be )?relay|no relay|we do not relay|cannot relay|relay(?:ing)? (?:is )?not|allowed rcpthosts|rcpthosts|not an? (?:open )?relay|not relay|third-party relay|not (?:local|a local) (?:domain|host)|invalid route|insecure mail relay|mail relay denied|domain (?:is )?not (?:in my list|local|allowed|hosted here|handled)|not (?:in my list|one of our|our) (?:of )?(?:allowed|domains|local)|check(?:s|ing)? mail first|not permitted .{0,20}relay",
        ),
    ),
    (
        Reason.UNKNOWN_DOMAIN,
        (
            r"(?:host|domain|hostname|site|destination server|mail server|destination)(?: or domain)?(?: name)?(?: @| host| is| was| has|s|:|\s|of)*(?:unknown|not ?(?:be )?found|not known|does not exist|doesn't exist|invalid|not exist|cannot be found|could not be found|not recogni[sz]ed|non-?existent|nonexistent|not listed|no data known)(?!.{0,25}(?:try again|temporar|retry))",
            r"(?:unknown|no such|invalid|bad|unrecogni[sz]ed|non-?existent|nonexistent|illegal|cannot find|unresolvable) (?:host|domain|hostname|host/domain|destination|mail ?host|server|recipient domain|destination system|system|mail domain|host or domain)",
            r"nxdomain|name or service not known|null mx|nullmx|domain (?:does not|doesn't) (?:accept|receive|exist)|does not accept mail \(|couldn't find any host|no mx|no mail exchanger|couldn't find a mail exchanger|no a record|(?:mx|mail exchanger).{0,40}(?:point|resolve)s? to (?:non-?exist|nowhere|localhost|an? (?:illegal|invalid|unknown))|non-?existent host|no route to (?:domain|recipient domain)|no valid (?:mx|hosts|mail servers?|mail exchang\w+)|domain (?:not|isn't) (?:found|hosted|valid|in use|served|active)|domain (?:name )?(?:has )?expired|not a valid domain|domain isn't|badhost|bad destination (?:host|system)|invalid domain|unknown domain|hostunknown|no such domain|able to find .{0,20}domain|domain .{0,40}(?:couldn't|could not|can't|cannot) be found|mail for .{0,60} is not accepted (?:here|at this host)|unable to (?:find|resolve).{0,20}(?:domain|mx\b)|address lookup .{0,20}failed|illegal host|domain missing|gethostbyname failed|lookup of .{0,40}failed|doesn't have any (?:mx|mail)|no mail server",
        ),
    ),
    (
        Reason.MOVED,
        (
            r"(?:user|recipient|mailbox|account|address|@) (?:has |is )?(?:been )?moved|has moved|no longer (?:at|with|in) (?:this|our|the) (?:address|server|company|organi[sz]ation)|(?:is|are) no longer (?:with|employed|at|here)|address (?:has )?changed|changed (?:his|her|their|its|my|e-?mail) (?:e-?mail|address)|please (?:try|use) (?:the )?new address|new (?:e-?mail )?address is|has a new (?:e-?mail )?address|left the (?:company|organi[sz]ation|university)|replaced by",
        ),
    ),
    (
        Reason.UNKNOWN_USER,
        (
            WHO
            + r"(?: @|:|'s|\s|,|\(s\)|name|here|given|you (?:are trying|tried|wanted|want|were trying) to (?:reach|contact)|that|with this|of|in|for|to|which|specified|has|have|been|was|is|are|appears to be|seems to be|named|entered|requested)*(?:unknown|not ?(?:be )?(?:found|known|exists?|listed|recogni[sz]ed|valid|here|local|present|registered|available here|a (?:valid|known|local|registered)|in (?:our|the|this) (?:directory|database|list|system|table)|defined|in list|configured|created|belong|a user)|invalid\b|unrecogni[sz]ed|nonexist\w*|non-exist\w*|incorrect|bogus|bad\b|inexistent|erroneous|wrong)",
            r"(?:unknown|no such|invalid|not ?a? ?valid|nonexist\w*|non-exist\w*|unrecogni[sz]ed|bad|illegal|unable to find|incorrect|undefined|inexistent|cannot find|could not find|can't find|no|no valid|not found|unresolvable|unverified but invalid|wrong|bogus|not our|unauthori[sz]ed)(?: local| virtual| e-?mail| mail| smtp| internet| destination| final| or| to| illegal| invalid| unknown| domain| user| a| the| this| such| matching| name| user-?id| in| of| specified| intended| any| valid| forward| active| current)* (?:user(?: ?name)?|users|recipients?|rcpt|mailbox(?:es)?|mail ?box|addressee|alias|account|person|userid|user-id|local[- ]?part|member|customer|maildrop|entry|mail ?drop|individual)\b",
            r"(?:does not|doesn't|do not|don't|did not|dosn't|doesnt|does'nt|dose not|not)(?: seem to| appear to| currently| longer| actually)? ?(?:exist|have (?:an?|any|this|such) .{0,20}(?:account|user|mailbox|address)|match(?: any)?|like recipient|recogni[sz]e)",
            r"no longer (?:exists?|valid|in use|available|active|an? (?:valid|active)|used|accepts?|receives?|here|works?|on (?:this )?(?:server|system)|a (?:customer|subscriber|member)|listed|have|has|maintained|supported|monitored)",
            r"user_?unknown|userunknown|unknown ?user|nosuchuser|no_?such_?user|recipient(?:not|_not_)found|recipnotfound|addressnotfound|invalidrecipient|recipient_?invalid|unknown(?:_| )?(?:recipient|mailbox|address)|mailbox(?:not|_not_| not )found|nosuchaddress",
            r"(?:no|there is no|there's no|isn't a|not a|sorry, no) (?:such )?(?:(?:valid |local |known )?(?:mail ?box|user|account|one|person|recipient|address|e-?mail|addressee|body))(?: by (?:that|this)(?: name)?| here| with (?:that|this)| exist| found| at this| @| of that| on this| in this| for)",
            r"no such (?:user|address|recipient|mailbox|account|person|alias|addressee|local|e-?mail|mail ?drop|name|login|entry|customer|member|virtual|smtp|one|individual|object|dest|list|id)|no mail ?box|nobody here|no account by|no one by that name|user ?id .{0,20}(?:not|unknown)|not (?:a )?(?:known|valid|local|listed|registered|our) (?:user|recipient|mailbox|address|e-?mail|account|in)|is not a (?:known|valid|registered|recogni[sz]ed)|unknown (?:or illegal|or invalid|or unrout)|unknown or|unknown to (?:the|this|us)|unknown at (?:this|host|@)|not known (?:at|here|to)|can(?:'t| ?not) be (?:found|located)|cuda nsu|@\.? (?:was |is )?not found|(?:user|recipient|mailbox|account) [^ ]{1,40} (?:is )?(?:not found|unknown|does not exist)|could ?(?:n't|not) be (?:found|located)|unable to (?:find|locate) .{0,20}(?:recipient|user|mailbox)|not found in (?:the )?(?:directory|domino|name|address|ldap|user|our)|not listed in|not in (?:the |our )?(?:directory|address book|whitelist of valid)|name not found|is unknown\b|address unknown|addressee unknown|not recogni[sz]ed|couldn't find any (?:user|mailbox)",
            r"(?:recipient|rcpt|to) (?:address )?(?:rejected|refused|denied|invalid|error)[:;,.\s-]*(?:@|\s|:)*(?:user|unknown|undeliverable address: (?:unknown|user|no such|host .{0,60}5\d\d)|access denied|no such|invalid|not found|address unknown|does not)",
            r"unrouteable (?:address|mail)|unroutable (?:address|mail|e-?mail)|un-?routable address|mailaddress is administratively disabled|all recipients (?:address(?:es)? )?rejected|no valid recipients?|invalid (?:e-?mail )?(?:address|mailbox)|bad destination (?:mailbox|email|address)|destination (?:mailbox|address|user) (?:unknown|not|invalid)|illegal (?:alias|user|address)|undeliverable address|address (?:is )?(?:not|in)valid|message was not accepted -- invalid mailbox|delivery to this address is restricted: unknown|not our customer|user doesn't have a|this user does ?n[o']t|no user\b|mailbox not|couldn't be delivered to @ because|wasn't found (?:at|in|on)|access to that recipient is denied: unknown|unknown extension|retired|@ not ok\b|not a member of (?:the |this )?domain|recipients? cannot be verified|not an active (?:address|user|account|mailbox)|invalid (?:final delivery )?user-?id|does not have a final e-?mail delivery point|not a final destination|badrcptto|not exactly match",
        ),
    ),
    (
        Reason.BAD_ADDRESS,
        (r"bad address syntax|malformed (?:recipient |destination |e-?mail |mailbox )?address|(?:recipient|destination|mailbox) (?:address )?syntax",),
    ),
    (
        Reason.TEMPORARY,
        (
            BOX
            + r"(?: @|'s|\s)*(?:has been |is |was |have been |currently |\s)*(?:temporar\w+ (?:disabled|suspended|unavailable|locked|blocked|inactive|not|deactivated|over|rejected|refus\w+|out|busy)|busy\b)",
            r"(?:disabled|suspended|locked|blocked) temporar|temporarily (?:disabled|suspended|unavailable|locked|blocked|inactive|deactivated|unable|rejected|deferred|refus\w+|out of|not available|not accept|over)|temporary (?:failure|error|problem|local|system|lookup|rejection|server|unavailab|authentication|suspension)|temporarily|try (?:again )?later|please (?:retry|try again)|mailbox (?:is )?(?:busy|locked|in use)|currently unavailable|not (?:currently|yet) (?:available|accepting)|vacation|on holiday|transient",
        ),
    ),
    (
        Reason.MAILBOX_DISABLED,
        (
            BOX
            + r"(?: @|:|'s|\s|that you tried to reach)*(?:has been |is |was |have been |currently |been |administratively |permanently |\s)*(?:disabled|deactivated|de-activated|closed|deleted|removed|terminated|discontinued|cancell?ed|expired|not active|not activated|dormant|decommissioned|disable|unavailable permanently|deprovisioned|withdrawn|purged|archived|abandoned|ceased)",
            r"(?:disabled|deactivated|closed|deleted|terminated|discontinued|cancell?ed|expired|unused|abandoned) (?:mail ?box|account|user|recipient|address|e-?mail)|(?:isn't|is not|not) (?:currently )?(?:accepting|allowed to receive|able to receive|configured to receive|enabled|permitted to receive|receiving) (?:any )?(?:e-?)?(?:mail|messages|email)\b(?! from| with| that| larger| over| of| in| contain)|does not accept (?:any )?(?:e-?)?mail\b(?! from| with| that| larger| contain)|mailbox disabled|account disabled|user disabled|recipient disabled|administratively disabled|no longer accept|(?:has been|was) (?:closed|terminated|deactivated|disabled|deleted|discontinued)|disabled or discontinued|isn't active|\bis (?:now )?(?:disabled|deactivated)\b|\binactive (?:user|account|mailbox|recipient|member|address|e-?mail)|(?:user|account|mailbox|recipient|address|member|@)(?: is|:|\s)*inactive\b|access to that (?:recipient|mailbox) is denied|disabled account|service (?:has been )?(?:terminated|discontinued)|out of service",
        ),
    ),
    (
        Reason.POLICY,
        (
            r"polic(?:y|ies)|(?:mail|messages) with attachments|content (?:denied|filter|reject|block|restrict|was|not|violation|scan)|prohibited|administrative(?:ly)? (?:prohibit|block|deny|denied|reject)|restricted|restriction|not (?:authori[sz]ed|permitted|allowed)|security|transport\.rules|(?:message|mail|e-?mail)(?: was| has been| is|\s)*(?:blocked|filtered|rejected (?:by|due|because|for)|refused (?:by|due)|quarantined|discarded)|rejected (?:by|due to|for) .{0,30}(?:filter|rule|content|reasons|system|admin)|blocked\b|block(?:ed)? for|banned|forbidden|\bfilter(?:ed|s|ing)?\b|denied by|access denied|permission denied|refused by|abuse|attachments? (?:type|not|is|are|contain)|executable|bad (?:header|content)|(?:header|subject|mime|body|syntax|rfc ?\d+).{0,40}(?:violat|invalid|missing|malformed|error|not allow|reject|complian)|bare lf|8-?bit|charset|duplicate header|not rfc|rfc ?5322|non-?complian|not compliant|objectionable|disclaim|confidential|delivery not authori[sz]ed|message refused|not accept(?:ed|ing|able)? (?:for|due|because|by).{0,30}(?:policy|reason|content)|mail (?:appears|contains)|contains? (?:a )?(?:url|link|forbidden|banned|an? (?:attach|unaccept|invalid))|unacceptable|you (?:are|have been) (?:not|blocked|banned)|transaction failed.{0,20}(?:policy|block|spam)|message (?:content )?(?:rejected|refused|blocked|denied)|rejected content|reject(?:ed)?, id|not wanted|unwanted",
        ),
    ),
    (
        Reason.EXPIRED,
        (
            r"(?:delivery|message|mail|retry|retries|queue|time|attempts?|timeout)(?: time| timeout|\s|lifetime|has|was|is|been|period)*(?:expired|exceeded|exhausted|elapsed|limit|timed? ?out)|\d+ (?:delivery )?attempts|in (?:the )?queue (?:too long|for too|for more)|queue too long|too long in|(?:could|can) ?n[o']t be delivered (?:for|within|after|in) .{0,30}(?:day|hour|minute|sec)|retry time ?out|not (?:be )?delivered (?:with)?in|undelivered (?:for|after)|after .{0,30}(?:days|hours|retries|attempts)|been trying to deliver|maximum (?:retry|retries|time)|has been deferred|delivery delayed|delay(?:ed)?\b",
        ),
    ),
    (
        Reason.DNS,
        (
            r"\bdns\b|name ?serv(?:er|ice)|nameserver|lookup (?:failure|failed|error|timed)|servfail|resolv(?:er|e|ing)|cname|host.{0,30}not found|domain.{0,30}not found|name resolution|host lookup|mx record|temporary.{0,10}lookup",
        ),
    ),
    (
        Reason.UNREACHABLE,
        (
            r"connect(?:ion|ed|ing)?(?: to| with| was| from| has| been| host| @|\s|attempt|is|could not be|server)*(?:refused|timed? ?out|reset|closed|lost|dropped|fail\w*|terminated|broken|aborted|interrupt\w*|rejected|error|unavailable|not established|died|established)|(?:time|timed)[ -]?out|no route to host|unreachable|(?:could|can|was|were|did|can) ?n[o']t (?:connect|reach|establish|able to|contact|respond|be reached|be contacted)|cannot (?:connect|contact|reach|open)|unable to (?:connect|contact|reach|open)|wasn't able to (?:connect|establish)|(?:host|server|network|system|service|machine)(?: is|\s|has|was)*(?:down|not responding|not available|unavailable|offline|dead|busy|did not respond|not reachable|shutting|temporarily)|no answer|not respond|lost connection|conversation|broken pipe|peer|network|tls|ssl|handshake|certificate|starttls|offered no|service (?:currently )?unavailable|service not available|no such process|failed to connect|remote (?:host|server|mta).{0,30}(?:closed|drop|not|fail|down|error)|unexpected (?:close|response|eof)",
        ),
    ),
    (
        Reason.SYSTEM,
        (
            r"(?:system|server|internal|local|software|program|mailer|i/o|database|ldap|config\w*|resource|backend|storage|process|pipe|filter|command|exec\w*)(?: system|\s|server|mail|is|has|a|an)*(?:error|failure|failed|problem|fail\b|died|exited|crash\w*|abnormal\w*|misconfigur\w*|not available|unavailable|resources)|service (?:refuse|error|reject)|can'?t (?:create|open|write|append|chdir|lock)|cannot (?:create|open|write|append|lock|chdir|update|access|allocate)|could ?n[o']t (?:create|open|write|append|lock|be opened|store|exec)|unable to (?:create|open|write|append|lock|run|chdir|process|store|deliver|queue|read)|permission|insufficient (?:system|resources|memory)|out of memory|(?:mail|delivery) (?:system|agent|program|problem)|failed (?:to|on) (?:deliver|open|write|create|run)|exit(?:ed)? (?:with )?(?:status|code)|unexpected|forward(?:ing)? (?:loop|error|fail\w*)|protocol error|command (?:unrecognized|not implemented|out of)|syntax error|bad sequence|not implemented|cannot (?:process|deliver)|procmail|\.forward|aliases|operational",
        ),
    ),
)
"""Reason and its patterns. Where two match, the upper row wins."""

OURS = (
    r"(?<!to )(?<!to the )(?:\bsender|\bmail from\b|\bfrom (?:address|header|domain|field)|\breturn-?path|\bhelo\b|\behlo\b|\bptr\b"
    r"|\byour (?:own )?(?:domain|address|host|hostname|server|ip|mail server)\b|absender|expéditeur|remitente|remetente|mittente|afzender|nadawc"
    r"|отправител|发件|寄件|送信者|差出人|발신|보낸 ?사람|avsändar|afsender|avsender|lähettäj|odesílatel|feladó|gönderen)"
)
"""Words that speak of the sender. Near "unknown" or "does not exist" they turn the blame round."""

WEAK_UNKNOWN = (
    r"mail ?box (?:is |was )?(?:currently )?(?:unavailable|not available|inaccessible|not accessible)"
    r"|requested action not taken|undeliverable|can't deliver|not deliverable"
)
"""Texts that say "not this recipient" without saying why: hard only with 550, 551, 553 or a status that is."""

PAUSED = (
    BOX
    + r"(?: @|:|'s|\s|that you tried to reach)*(?:has been |is |was |have been |currently |been |marked |\s)*(?:suspended|locked|blocked|frozen|on hold|paused|restricted|restrained|quarantined)|(?:suspended|locked|blocked|frozen) (?:mail ?box|account|user|recipient|address|domain)|suspended"
)
"""Boxes that may come back. Hard only when the server's own code says that the box is gone (5.1.1, 5.2.1)."""
