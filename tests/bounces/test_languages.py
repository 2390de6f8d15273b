"""The same three answers in the languages of the world: nobody of that name, no room, we don't want your mail."""

import pytest

from newsletter.bounces.reasons import classify_reply
from newsletter.bounces.verdict import Reason, Severity

GONE = """\
Benutzer existiert nicht|Unbekannter Empfaenger|Diese Adresse existiert nicht|Das Postfach wurde deaktiviert
L'adresse e-mail n'existe pas|Destinataire inconnu|Cette boîte aux lettres est désactivée
El destinatario no existe en este servidor|usuario desconocido|Esta cuenta ha sido desactivada
Endereço de e-mail não encontrado|Caixa postal inexistente|Conta desativada
Destinatario sconosciuto|Utente inesistente|Deze gebruiker bestaat niet|Onbekende ontvanger
Nieznany użytkownik|Konto nie istnieje|Пользователь не найден|нет такого пользователя|такого ящика не существует
无此用户|帐号不存在|收件人地址不存在|信箱不存在|そのようなユーザはいません|宛先が見つかりません|ユーザーが存在しません
존재하지 않는 사용자입니다|Användaren finns inte|Brugeren findes ikke|Uživatel neexistuje|Kullanıcı bulunamadı
Ismeretlen felhasználó|Δεν υπάρχει ο χρήστης|Người dùng không tồn tại|Vastaanottaja ei löydy"""
FULL = """\
Das Postfach ist voll|Speicherplatz überschritten|Quota dépassé|La boîte aux lettres est pleine|Buzón lleno|cuota excedida
Caixa de correio cheia|Casella piena|Skrzynka pełna|почтовый ящик переполнен|邮箱已满|信箱已滿|메일함 용량 초과
メールボックスがいっぱいです|Schránka je plná|Posta kutusu dolu"""
OURS = """\
Nachricht als Spam abgelehnt|Absender unbekannt|Absenderadresse existiert nicht|expéditeur inconnu|message refusé: spam
remitente desconocido|Mensaje rechazado por política|remetente não existe|mittente sconosciuto|垃圾邮件|发件人不存在|迷惑メール"""


def phrases(text: str) -> list[str]:
    return [phrase for line in text.splitlines() for phrase in line.split("|")]


@pytest.mark.parametrize("said", phrases(GONE))
def test_a_recipient_that_is_gone_is_hard_in_every_language(said: str) -> None:
    assert classify_reply(550, "", said).severity is Severity.HARD
    assert classify_reply(450, "", said).severity is Severity.SOFT


@pytest.mark.parametrize("said", phrases(FULL))
def test_a_full_mailbox_is_soft_in_every_language_whatever_the_code(said: str) -> None:
    verdict = classify_reply(550, "5.1.1", said)
    assert (verdict.severity, verdict.reason) == (Severity.SOFT, Reason.MAILBOX_FULL)


@pytest.mark.parametrize("said", phrases(OURS))
def test_what_is_about_the_sender_is_never_hard(said: str) -> None:
    assert classify_reply(550, "", said).severity is Severity.SENDER
