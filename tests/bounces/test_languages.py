"""The same three answers in the languages of the world: nobody of that name, no room, we don't want your mail."""

import pytest

from newsletter.bounces.classify import classify_mail
from newsletter.bounces.reasons import classify_reply
from newsletter.bounces.verdict import Kind, Reason, Severity

GONE = """\
Benutzer existiert nicht|Unbekannter Empfaenger|Diese Adresse existiert nicht|Das Postfach wurde deaktiviert
L'adresse e-mail n'existe pas|Destinataire inconnu|Cette boîte aux lettres est désactivée
El destinatario no existe en este servidor|usuario desconocido|Esta cuenta ha sido desactivada
Endereço de e-mail não encontrado|Caixa postal inexistente|Conta desativada
Destinatario sconosciuto|Utente inesistente|Deze gebruiker bestaat niet|Onbekende ontvanger
Le compte est bloqué|La boîte est archivée|Casella bloccata per inutilizzo|La cuenta está suspendida|名簿に載っていません
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


AWAY = """\
Automatic reply: Hello|Automatische Antwort: Hallo|Réponse automatique : Bonjour|Respuesta automática: Hola|Risposta automatica: Ciao
Resposta automática: Olá|Automatisch antwoord: Hallo|Autosvar: Hej|Automatisk svar: Hej|Automaattinen vastaus: Hei
Autoodpowiedź: Witaj|Automatická odpověď: Ahoj|Automatická odpoveď: Ahoj|Automatikus válasz: Szia|Răspuns automat: Salut
Otomatik Yanıt: Merhaba|Αυτόματη απάντηση: Γεια|Автоматический ответ: Привет|Автоматична відповідь: Привіт
Автоматичен отговор: Здравей|Аутоматски одговор: Здраво|Automatski odgovor: Bok|Samodejni odgovor: Živjo|Automaatvastus: Tere
Automatinis atsakymas: Labas|Automātiskā atbilde: Sveiki|自動応答: こんにちは|自动答复: 你好|自動回覆: 你好|자동 회신: 안녕하세요
תשובה אוטומטית: שלום|رد تلقائي: مرحبا|ตอบกลับอัตโนมัติ: สวัสดี|Trả lời tự động: Xin chào|Balasan otomatis: Halo"""


@pytest.mark.parametrize("subject", phrases(AWAY))
@pytest.mark.parametrize("path", ["<>", "<kim@acme.example>"])
def test_an_answering_machine_is_known_by_its_subject_in_every_language(subject: str, path: str) -> None:
    mail = f"Return-Path: {path}\nFrom: Kim <kim@acme.example>\nTo: bounces@news.example\nSubject: {subject}\n\nUser unknown?\n"
    found = classify_mail(mail.encode())
    assert (found.kind, found.hard) == (Kind.AUTOREPLY, False)


@pytest.mark.parametrize(
    ("subject", "text", "hard"),
    [
        ("Error en la entrega del mensaje", "No se ha podido entregar a:\n\nkim@qq.com\n\nLa cuenta no existe.", True),
        ("Échec de remise", "N'a pas pu être remis :\n\n<kim@qq.com>\n\nLa boîte aux lettres est pleine.", False),
        ("Nedoručitelná zpráva", "Zprávu se nepodařilo doručit:\n\n<kim@qq.com>\n\nUživatel neexistuje.", True),
        ("Mancato recapito", "Impossibile recapitare il messaggio a:\n\n<kim@qq.com>\n\nUtente sconosciuto.", True),
        ("退信通知", "很抱歉，您的邮件被退回。\n退信原因：收件人邮件地址（kim@qq.com）不存在，邮件无法送达。", True),
        ("系统退信", "您的邮件无法送达\n收件人：kim@qq.com\n原因：对方邮箱已满。", False),
        ("配信エラー", "次の宛先へ配信できませんでした。\n\n宛先kim@qq.comのユーザーが存在しません", True),
    ],
)
def test_a_bounce_without_a_report_is_read_in_many_languages(subject: str, text: str, hard: bool) -> None:
    mail = f"Return-Path: <>\nFrom: postmaster@mx.example\nTo: bounces@news.example\nSubject: {subject}\n\n{text}\n"
    found = classify_mail(mail.encode())
    assert (found.kind, found.hard, found.recipients) == (Kind.BOUNCE, hard, ("kim@qq.com",))
    assert classify_mail(mail.encode("utf-16")) == found
