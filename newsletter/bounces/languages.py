"""What mail servers write when they refuse, in other languages than English; read together with `phrases`."""

from __future__ import annotations

from newsletter.bounces.verdict import Reason

OTHER: dict[Reason, tuple[str, ...]] = {
    Reason.MAILBOX_FULL: (
        r"zu ?viele (?:e-?)?mails|postfach.{0,30}(?:voll|überfüllt|überlauf)|speicherplatz|mailbox.{0,10}(?:voll|vol\b)|kontingent|speicherlimit",  # de
        r"(?:boîte|boite|messagerie|bal)\b.{0,40}(?:pleine|saturée|saturee|plein)|quota.{0,20}(?:dépass|depass|atteint)|dépass.{0,20}quota|espace.{0,20}insuffisant",  # fr
        r"buz[oó]n.{0,30}(?:lleno|llena|excedi)|cuota.{0,30}(?:excedi|super|llena|agotad)|excedi.{0,20}(?:cuota|espacio|capacidad)|espacio insuficiente|sin espacio",  # es
        r"caixa.{0,40}(?:cheia|lotada|excedi|lotou)|(?:cota|quota).{0,20}(?:excedi|ultrapass|esgotad|atingi)|excede.{0,20}(?:cota|quota|espaço|limite de arm)|espaço.{0,20}(?:insuficiente|esgotado)",  # pt
        r"casella.{0,40}(?:piena|satur)|spazio.{0,20}(?:esaurito|insufficiente)|quota.{0,20}(?:superat|esaurit|eccedut)|casella postale piena",  # it
        r"(?:postbus|mailbox|postvak|inbox).{0,20}\bvol\b|quotum.{0,20}overschre",  # nl
        r"skrzynka.{0,30}(?:pełna|przepełniona|pelna|przepelniona)|przekroczon\w+.{0,20}(?:limit|quot|pojemno)|brak miejsca",  # pl
        r"(?:ящик|почтовый).{0,40}(?:переполнен|заполнен)|квот.{0,30}(?:превыш|исчерп)|превыш.{0,20}квот|нет места|переполнен",  # ru, uk
        r"邮箱.{0,10}(?:已满|满|空间不足|超出)|信箱.{0,10}(?:已滿|滿|空間不足|超過)|容量.{0,10}(?:不足|超|已满|已滿|オーバー|を超え)|空间不足|空間不足|超出.{0,8}(?:容量|配额)",  # zh
        r"メールボックス.{0,20}(?:一杯|いっぱい|満杯|容量|空き)|受信容量|容量.{0,10}(?:超過|オーバー|超え|一杯|いっぱい)|ディスク.{0,10}不足",  # ja
        r"용량.{0,20}(?:초과|부족)|(?:편지함|메일함|사서함).{0,20}(?:가득|초과|꽉)",  # ko
        r"(?:brevlåda|postlåda|postkasse|postkassen|innboks|inkorg).{0,30}(?:full|fuld)|kvot\w*.{0,20}(?:överskr|overskr)|sähköpostilaatikko.{0,20}täy|postilaatikko.{0,20}täy",  # sv da nb fi
        r"schránka.{0,30}(?:plná|přeplněn|zaplněn)|překročen\w*.{0,20}kvót|kvóta.{0,20}překro|postafiók.{0,20}(?:megtelt|tele)|kota.{0,15}(?:aşıl|dol)|posta kutusu.{0,20}dolu|cutia.{0,30}plină|γραμματοκιβώτιο.{0,30}(?:πλήρες|γεμάτο)",  # cs sk hu tr ro el
        r"(?:hộp thư|hop thu).{0,20}(?:đầy|day)|kotak.{0,15}penuh|صندوق.{0,20}(?:ممتلئ|ممتلئة)|תיבת.{0,20}מלאה",  # vi id ar he
    ),
    Reason.UNKNOWN_USER: (
        r"(?:empf[äa]e?nger|benutzer|nutzer|teilnehmer|adresse|postfach|mailbox|adressat|konto|empfängeradresse)(?:name|adresse|-)?.{0,50}(?:unbekannt|existiert nicht|nicht (?:gefunden|bekannt|vorhanden|existent|existiert)|ungültig|gibt es nicht)|unbekannte[rn]? (?:benutzer|empf(?:ä|ae|a)nger|adresse|nutzer)|kein(?:en)? (?:solche[rns]? )?(?:benutzer|empfänger|postfach)|existiert nicht|nicht bekannt|adresse nicht gefunden",  # de
        r"(?:utilisateur|destinataire|adresse|compte|boîte|boite|abonné|usager)\b.{0,60}(?:inconnu|n'existe|introuvable|invalide|inexistant|erronée|pas (?:été )?(?:trouvé|reconnu|valide))|n'existe (?:pas|plus)|inconnu|adresse d'?au moins un destinataire invalide|inexistant",  # fr
        r"(?:usuario|destinatario|direcci[oó]n|cuenta|buz[oó]n|correo)\b.{0,60}(?:desconocid|no existe|inexistente|no (?:fue |se ha |se )?(?:encontr|v[aá]lid|registrad)|inv[aá]lid|incorrect)|no existe|desconocid[oa]|no se (?:ha )?encontr",  # es
        r"(?:usu[aá]rio|destinat[aá]rio|endere[cç]o|conta|caixa|e-?mail)\b.{0,60}(?:desconhecid|n[ãa]o (?:existe|encontrad|foi encontrad|[ée] v[aá]lid|cadastrad|localizad)|inexistente|inv[aá]lid)|n[ãa]o existe|inexistente|desconhecid",  # pt
        r"(?:utente|destinatario|indirizzo|casella|account)\b.{0,60}(?:sconosciut|inesistente|non (?:esiste|trovat|valid|è stato trovat|esistente)|errat)|sconosciut[oa]|inesistente|non esiste",  # it
        r"(?:gebruiker|ontvanger|geadresseerde|adres|postbus|mailbox)\b.{0,50}(?:onbekend|bestaat niet|niet (?:gevonden|gekend|bekend)|ongeldig)|onbekende (?:gebruiker|ontvanger)|bestaat niet",  # nl
        r"(?:użytkownik|uzytkownik|odbiorca|adres|adresat|konto|skrzynka)\w*.{0,50}(?:nie istnieje|nieznan|nie (?:został\w* )?znalezion|nieprawidłow)|nie istnieje|nieznany (?:użytkownik|odbiorca)|nie ma takiego|brak takiego",  # pl
        r"(?:пользовател|получател|адрес|ящик|учетн|абонент|аккаунт)\w*.{0,60}(?:не (?:существ|найден|зарегистр|обнаруж)|неизвест|неверн|недействит)|не существует|неизвестный (?:пользователь|получатель)|нет такого|не знайдено|не існує|невідом",  # ru, uk
        r"(?:用户|用戶|收件人|收信人|邮箱|信箱|帐号|帳號|账号|使用者|地址|邮件地址|账户|電子郵件|电子邮件).{0,30}(?:不存在|未找到|找不到|无效|無效|错误|不正确|没有找到|沒有找到|未知|不明|无法找到)|不存在|查无此人|查無此|无此用户|無此(?:用戶|使用者|帳號)|没有这个用户|找不到",  # zh
        r"(?:宛先|ユーザ|ユーザー|受信者|アドレス|メールアドレス|アカウント).{0,50}(?:不明|存在し(?:ない|ません)|見つか(?:らない|りません)|ありません|無効|間違|誤り|登録され)|宛先不明|存在しません|見つかりません|該当(?:する)?.{0,20}(?:ありません|いません)|お間違え",  # ja
        r"(?:사용자|수신자|받는 ?사람|메일 ?주소|계정|수신인|아이디|주소|이메일).{0,50}(?:존재하지|없(?:는|습니다)|찾을 수 없|유효하지|잘못|알 수 없)|존재하지 않|없는 (?:사용자|주소|계정)|알 수 없는 사용자",  # ko
        r"(?:användare|mottagare|adress|konto|bruger|modtager|bruker|mottaker|adresse)\w*.{0,50}(?:okänd|finns (?:inte|ej)|ukendt|findes ikke|ukjent|finnes ikke|eksisterer ikke|existerar inte|ikke fundet|hittades inte|saknas|ikke funnet)|okänd (?:användare|mottagare)|ukendt (?:bruger|modtager)|ukjent (?:bruker|mottaker)|finns (?:inte|ej)|findes ikke|finnes ikke",  # sv da nb
        r"(?:käyttäjä|vastaanottaja|osoite|postilaatikko)\w*.{0,50}(?:tuntematon|ei ole olemassa|ei löydy|ei löytynyt|virheellinen)|tuntematon (?:käyttäjä|vastaanottaja)",  # fi
        r"(?:uživatel|příjemce|adresa|adresát|schránka|účet|používateľ|príjemca)\w*.{0,50}(?:neexistuje|neznám|nenalezen|nebyl nalezen|neplatn|neexistuj)|neexistuje|neznámý (?:uživatel|příjemce)",  # cs sk
        r"(?:felhasználó|címzett|cím|postafiók)\w*.{0,50}(?:nem létez|ismeretlen|nem található|érvénytelen)|ismeretlen (?:felhasználó|címzett)|nincs ilyen",  # hu
        r"(?:kullanıcı|alıcı|adres|hesap|posta kutusu)\w*.{0,50}(?:bulunamadı|bilinmiyor|mevcut değil|geçersiz|yok\b|bulunmamaktadır)|böyle bir (?:kullanıcı|adres|hesap)",  # tr
        r"(?:utilizatorul|destinatarul|adresa|contul|cutia)\w*.{0,50}(?:nu există|nu exista|necunoscut|invalid|nu a fost găsit)|(?:χρήστης|παραλήπτης|διεύθυνση)\w*.{0,50}(?:άγνωστ|δεν υπάρχει|δεν βρέθηκε)|(?:потребител|получател|адресат)\w*.{0,40}(?:не съществува|непознат)",  # ro el bg
        r"(?:người dùng|người nhận|địa chỉ|tài khoản).{0,40}(?:không tồn tại|không tìm thấy|không hợp lệ)|không tồn tại|(?:pengguna|penerima|alamat).{0,40}(?:tidak (?:ditemukan|ada|dikenal|valid))|(?:ผู้ใช้|ผู้รับ|ที่อยู่).{0,40}ไม่(?:พบ|มี|ถูกต้อง)|(?:المستخدم|المستلم|العنوان|البريد).{0,40}(?:غير موجود|غير معروف|غير صالح)|(?:המשתמש|הנמען|הכתובת).{0,40}(?:לא קיים|לא נמצא|אינו קיים|אינה קיימת)",  # vi id th ar he
    ),
    Reason.MAILBOX_DISABLED: (
        r"(?:postfach|konto|mailbox|account|adresse).{0,40}(?:deaktiviert|abgeschaltet|gelöscht|geschlossen|stillgelegt|nicht mehr (?:aktiv|gültig|vorhanden|verfügbar))",  # de
        r"(?:compte|boîte|boite|adresse).{0,40}(?:désactivé|desactive|fermé|supprimé|clôturé|résilié|n'est plus (?:valide|active|actif|utilisé))",  # fr
        r"(?:cuenta|buz[oó]n|usuario|direcci[oó]n).{0,40}(?:desactivad|deshabilitad|cancelad|eliminad|cerrad|dad[oa] de baja)|(?:conta|caixa|usu[aá]rio|endere[cç]o).{0,40}(?:desativad|desabilitad|encerrad|cancelad|exclu[ií]d|removid)",  # es pt
        r"(?:casella|account|utente|indirizzo).{0,40}(?:disabilitat|disattivat|chius|cancellat|cessat|non (?:è )?più attiv)|(?:account|adres|postbus).{0,40}(?:opgeheven|uitgeschakeld|gesloten|verwijderd|niet meer actief)",  # it nl
        r"(?:konto|skrzynka).{0,40}(?:wyłączon|usunięt|zamknięt|nieaktywn)|(?:ящик|аккаунт|учетн|пользовател)\w*.{0,40}(?:отключ|удал|закрыт|деактивир)",  # pl ru
        r"(?:用户|用戶|邮箱|信箱|帐号|帳號|账号|账户).{0,15}(?:已停用|停用|被停用|已注销|注销|已禁用|被禁用|已关闭|已刪除|已删除|禁用)|(?:アカウント|アドレス|メールボックス).{0,20}(?:無効化|停止され|削除され|解約|廃止|使用されて(?:いません|おりません)|利用停止)|(?:계정|메일함).{0,20}(?:비활성|삭제|해지|탈퇴|정지)",  # zh ja ko
    ),
    Reason.MOVED: (
        r"(?:e-?mail-?)?adresse hat sich geändert|neue (?:e-?mail-?)?adresse|nicht mehr (?:im|in unserem) (?:unternehmen|hause)|nouvelle adresse|a chang[ée] d'adresse|ha cambiado (?:de|su) (?:direcci|correo)|nueva direcci[oó]n|novo endere[cç]o|nuovo indirizzo|アドレス(?:が|を)変更",
    ),
    Reason.UNKNOWN_DOMAIN: (
        r"(?:domain|domäne|host|rechner|zielrechner).{0,40}(?:unbekannt|existiert nicht|nicht gefunden)|domaine.{0,30}(?:inconnu|n'existe pas|introuvable)|dominio.{0,30}(?:no existe|desconocid|inesistente|non esiste|non trovat|no encontrad)|dom[ií]nio.{0,30}(?:n[ãa]o (?:existe|encontrad)|inexistente)|домен.{0,30}(?:не (?:существ|найден))|域名.{0,15}(?:不存在|找不到|无效|错误)|網域.{0,15}(?:不存在|找不到)|ドメイン.{0,20}(?:存在し|見つかりません|不明)|도메인.{0,20}(?:존재하지|없|찾을 수)|無此網域",
    ),
    Reason.SPAM: (
        r"垃圾(?:邮件|郵件|信)|迷惑メール|スパム|스팸|спам|als (?:spam|werbung)|pourriel|indésirable|correo no deseado|lixo eletr[oô]nico|posta indesiderata|病毒|ウイルス|вирус",
    ),
    Reason.POLICY: (
        r"richtlinie|abgelehnt|nicht (?:erlaubt|gestattet|zugelassen|akzeptiert)|refusé|interdit|rejeté|no (?:est[aá] )?(?:permitid|autorizad|aceptad)|rechazad|pol[ií]tica|n[ãa]o (?:autorizad|permitid|aceit)|rejeitad|rifiutat|non (?:autorizzat|consentit|permess|accettat)|geweigerd|niet toegestaan|odrzucon|отклонен|заблокирован|запрещ|拒绝|拒絕|被拒|不允许|禁止|受信拒否|拒否|受け取りを拒否|거부|차단",
    ),
    Reason.TEMPORARY: (
        r"vorübergehend|zeitweilig|später|temporaire|plus tard|temporal(?:mente)?|m[aá]s tarde|temporari?amente|mais tarde|temporane|più tardi|tijdelijk|tymczasow|временн|позже|暂时|暫時|稍后|稍後|一時的|しばらく|일시적|나중에|tillfällig|midlertidig|tilapäi|dočasn|ideiglenes|geçici",
    ),
    Reason.EXPIRED: (
        r"zeitüberschreitung|délai|tiempo (?:de espera|excedido)|tempo (?:limite|esgotado|scaduto|excedido)|超时|逾時|超時|タイムアウト|시간 초과|время ожидания",
    ),
}
"""Reason → patterns. The comments name the languages by ISO 639-1."""
