"""Bounces that are not machine-readable reports, one per program, written after the programs' documentation.

Each is (name, headers, body, kind, hard, recipients).
"""

from __future__ import annotations

ORIGINAL = """\
Received: from app (localhost [127.0.0.1])
\tby out.news.example.com (Postfix) with ESMTP id 4AB12
\tfor <kim@example.net>; Sun, 22 Nov 2026 09:00:00 +0000 (UTC)
Message-ID: <one@news.example.com>
From: Letters <letters@news.example.com>
To: Kim <kim@example.net>
Subject: Page one: no such user was ever unknown, and the mailbox is full
"""

DAEMON = "From: MAILER-DAEMON@mx.example.com\nTo: bounces+1-2-3-4@news.example.com\nSubject: "
TO = "\nTo: bounces+1-2-3-4@news.example.com\nSubject: "

Case = tuple[str, str, str, str, bool, list[str]]

FORMATS: list[Case] = [
    ("qmail", DAEMON + "failure notice", f"""\
Hi. This is the qmail-send program at mx.example.com.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<kim@example.net>:
192.0.2.25 does not like recipient.
Remote host said: 550 5.1.1 <kim@example.net>: Recipient address rejected: User unknown
Giving up on 192.0.2.25.

--- Below this line is a copy of the message.

{ORIGINAL}""", "bounce", True, ["kim@example.net"]),
    ("qmail-two", DAEMON + "failure notice", f"""\
Hi. This is the qmail-send program at mx.example.com.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<kim@example.net>:
Sorry, no mailbox here by that name. (#5.1.1)

<lee@example.net>:
Sorry, I couldn't find any host named example.net. (#5.1.2)

--- Below this line is a copy of the message.

{ORIGINAL}""", "bounce", True, ["kim@example.net", "lee@example.net"]),
    ("qmail-full", DAEMON + "failure notice", f"""\
Hi. This is the qmail-send program at mx.example.com.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<kim@example.net>:
user is over quota

--- Below this line is a copy of the message.

{ORIGINAL}""", "bounce", False, ["kim@example.net"]),
    ("qmail-queue", DAEMON + "failure notice", f"""\
Hi. This is the qmail-send program at mx.example.com.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<kim@example.net>:
Sorry, I wasn't able to establish an SMTP connection. (#4.4.1)
I'm not going to try again; this message has been in the queue too long.

--- Below this line is a copy of the message.

{ORIGINAL}""", "bounce", False, ["kim@example.net"]),
    ("exim", "From: Mail Delivery System <Mailer-Daemon@mx.example.com>\nX-Failed-Recipients: kim@example.net\nAuto-Submitted: auto-replied" + TO + "Mail delivery failed: returning message to sender", f"""\
This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  kim@example.net
    SMTP error from remote mail server after RCPT TO:<kim@example.net>:
    host mx.example.net [192.0.2.25]: 550 No such user here

------ This is a copy of the message, including all the headers. ------

{ORIGINAL}""", "bounce", True, ["kim@example.net"]),
    ("exim-unrouteable", "From: Mail Delivery System <Mailer-Daemon@mx.example.com>" + TO + "Mail delivery failed: returning message to sender", f"""\
This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  kim@example.net
    Unrouteable address

------ This is a copy of the message, including all the headers. ------

{ORIGINAL}""", "bounce", True, ["kim@example.net"]),
    ("exim-timeout", "From: Mail Delivery System <Mailer-Daemon@mx.example.com>\nX-Failed-Recipients: kim@example.net" + TO + "Mail delivery failed: returning message to sender", f"""\
This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  kim@example.net
    retry timeout exceeded

------ This is a copy of the message, including all the headers. ------

{ORIGINAL}""", "bounce", False, ["kim@example.net"]),
    ("exim-delay", "From: Mail Delivery System <Mailer-Daemon@mx.example.com>\nAuto-Submitted: auto-replied" + TO + "Warning: message 1abcDE-000001-XY delayed 24 hours", """\
This message was created automatically by mail delivery software.
A message that you sent has not yet been delivered to one or more of its
recipients after more than 24 hours on the queue on mx.example.com.

The message identifier is:     1abcDE-000001-XY
The subject of the message is: Page one

The address to which the message has not yet been delivered is:

  kim@example.net
    Delay reason: user unknown lookup deferred

No action is required on your part. Delivery attempts will continue for
some time, and this warning may be repeated at intervals if the message
remains undelivered.
""", "none", False, ["kim@example.net"]),
    ("postfix-plain", DAEMON + "Undelivered Mail Returned to Sender", f"""\
This is the mail system at host mx.example.com.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients. It's attached below.

For further assistance, please send mail to postmaster.

                   The mail system

<kim@example.net>: unknown user: "kim"

{ORIGINAL}""", "bounce", True, ["kim@example.net"]),
    ("sendmail-5", "From: Mail Delivery Subsystem <MAILER-DAEMON@mx.example.com>" + TO + "Returned mail: User unknown", f"""\
   ----- Transcript of session follows -----
While talking to mx.example.net:
>>> RCPT To:<kim@example.net>
<<< 550 <kim@example.net>, User Unknown
550 <kim@example.net>... User unknown

   ----- Unsent message follows -----
{ORIGINAL}""", "bounce", True, ["kim@example.net"]),
    ("sendmail-8-plain", "From: Mail Delivery Subsystem <MAILER-DAEMON@mx.example.com>" + TO + "Returned mail: Host unknown (Name server: example.net: host not found)", f"""\
The original message was received at Sun, 22 Nov 2026 09:00:00 GMT
from app.news.example.com [192.0.2.1]

   ----- The following addresses had permanent fatal errors -----
<kim@example.net>

   ----- Transcript of session follows -----
550 5.1.2 <kim@example.net>... Host unknown (Name server: example.net: host not found)

   ----- Original message follows -----
{ORIGINAL}""", "bounce", True, ["kim@example.net"]),
    ("sendmail-warning", "From: Mail Delivery Subsystem <MAILER-DAEMON@mx.example.com>" + TO + "Warning: could not send message for past 4 hours", """\
    **********************************************
    **      THIS IS A WARNING MESSAGE ONLY      **
    **  YOU DO NOT NEED TO RESEND YOUR MESSAGE  **
    **********************************************

   ----- The following addresses had transient non-fatal errors -----
<kim@example.net>

   ----- Transcript of session follows -----
<kim@example.net>... Deferred: Connection refused by mx.example.net.
Warning: message still undelivered after 4 hours
Will keep trying until message is 5 days old
""", "none", False, ["kim@example.net"]),
    ("exchange-ims", "From: System Administrator <postmaster@example.com>\nX-Mailer: Internet Mail Service (5.5.2653.19)" + TO + "Undeliverable: Page one", """\
Your message

  To:      kim@example.net
  Subject: Page one
  Sent:    Sun, 22 Nov 2026 09:00:00 -0000

did not reach the following recipient(s):

kim@example.net on Sun, 22 Nov 2026 09:00:02 -0000
    The recipient name is not recognized
\tThe MTS-ID of the original message is: c=us;a= ;p=example;l=MX0122110900
    MSEXCH:IMS:EXAMPLE:MX:SERVER 0 (000C05A6) Unknown Recipient
""", "bounce", True, ["kim@example.net"]),
    ("exchange-2007", "From: postmaster@example.com" + TO + "Undeliverable: Page one", """\
Delivery has failed to these recipients or distribution lists:

kim@example.net
The e-mail address you entered couldn't be found. Please check the recipient's e-mail address and try to resend the message.

________________________________
Sent by Microsoft Exchange Server 2007

Diagnostic information for administrators:

Generating server: mx.example.com

kim@example.net
#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##

Original message headers:

Received: from out.news.example.com (192.0.2.1) by mx.example.com
From: Letters <letters@news.example.com>
To: kim@example.net
Subject: Page one
""", "bounce", True, ["kim@example.net"]),
    ("exchange-2007-size", "From: postmaster@example.com" + TO + "Undeliverable: Page one", """\
Delivery has failed to these recipients or distribution lists:

kim@example.net
This message is larger than the size limit for messages. Please make it smaller and try sending it again.

Diagnostic information for administrators:

Generating server: mx.example.com

kim@example.net
#550 5.2.3 RESOLVER.RST.RecipSizeLimit; message too large for this recipient ##
""", "bounce", False, ["kim@example.net"]),
    ("gmx", "From: \"GMX Mailer Daemon\" <mailer-daemon@gmx.example>" + TO + "Mail delivery failed: returning message to sender", f"""\
This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of
its recipients. This is a permanent error. The following address
failed:

"kim@example.net":
SMTP error from remote server after RCPT command:
host: mx.example.net
5.1.1 <kim@example.net>... User Unknown

--- The header of the original message is following. ---

{ORIGINAL}""", "bounce", True, ["kim@example.net"]),
    ("imail", 'From: "Postmaster" <postmaster@mx.example.com>\nX-Mailer: <SMTP32 v8.22>' + TO + "Undeliverable Mail", f"""\
Unknown user: kim@example.net

Original message follows.

{ORIGINAL}""", "bounce", True, ["kim@example.net"]),
    ("imail-vague", 'From: "Postmaster" <postmaster@mx.example.com>\nX-Mailer: <SMTP32 v8.22>' + TO + "Undeliverable Mail", f"""\
undeliverable to kim@example.net

Original message follows.

{ORIGINAL}""", "bounce", False, ["kim@example.net"]),
    ("mailmarshal", "From: <postmaster@relay.example.com>" + TO + "Undeliverable Mail: \"Page one\"", """\
Your message:
   From:    letters@news.example.com
   Subject: Page one

Could not be delivered because of

550 5.1.1 User unknown

The following recipients were affected:
   kim@example.net

Additional Information
======================
Original Sender:    <letters@news.example.com>
Sender-MTA:         <192.0.2.1>
Remote-MTA:         <192.0.2.25>
Reporting-MTA:      <relay.example.com>
""", "bounce", True, ["kim@example.net"]),
    ("mailfoundry", "From: <>" + TO + "Message delivery has failed", """\
Unable to deliver message to: <kim@example.net>
Delivery failed for the following reason:
Server mx.example.net[192.0.2.25] failed with: 550 <kim@example.net> No such user here

This has been a permanent failure.  No further delivery attempts will be made.
""", "bounce", True, ["kim@example.net"]),
    ("sun-messaging", "From: Internet Mail Delivery <postmaster@mx.example.com>" + TO + "Delivery Notification: Delivery has failed", """\
This report relates to a message you sent with the following header fields:

  Message-id: <one@news.example.com>
  Date: Sun, 22 Nov 2026 09:00:00 +0000
  From: Letters <letters@news.example.com>
  To: lists@example.org
  Subject: Page one

Your message cannot be delivered to the following recipients:

  Recipient address: kim@example.net
  Reason: Remote SMTP server has rejected address
  Diagnostic code: smtp;550 5.1.1 <kim@example.net>... User Unknown
  Remote system: dns;mx.example.net (TCP|192.0.2.1|47323|192.0.2.25|25) (mx.example.net ESMTP)
""", "bounce", True, ["kim@example.net"]),
    ("brackets", DAEMON + "Returned Mail: User unknown", """\
The original message was received at Sun, 22 Nov 2026 09:00:00 +0000
from letters@news.example.com

   ---The following addresses had delivery errors---

kim@example.net [User unknown]
""", "bounce", True, ["kim@example.net"]),
    ("yahoo", "From: MAILER-DAEMON@yahoo.com" + TO + "Delivery failure", f"""\
Message from yahoo.com.
Unable to deliver message to the following address(es).

<kim@example.net>:
This user doesn't have a yahoo.com account (kim@example.net) [0]

--- Original message follows.

{ORIGINAL}""", "bounce", True, ["kim@example.net"]),
    ("yahoo-full", "From: MAILER-DAEMON@yahoo.com" + TO + "Delivery failure", f"""\
Message from yahoo.com.
Unable to deliver message to the following address(es).

<kim@example.net>:
Sorry, your message to kim@example.net cannot be delivered. This account is over quota.

--- Original message follows.

{ORIGINAL}""", "bounce", False, ["kim@example.net"]),
    ("stars", "From: Mail Delivery System <noreply@mx.example.com>\nReturn-Path: <>" + TO + "Delivery status notification", """\
============================================================================
      This is an automatically generated Delivery Status Notification.

Delivery to the following recipients failed permanently:

  * kim@example.net

============================================================================
                             Technical details:

SMTP:RCPT host 192.0.2.25: 553 5.3.0 <kim@example.net>... No such user here
============================================================================
""", "bounce", True, ["kim@example.net"]),
    ("notes", "From: Postmaster@notes.example.com" + TO + "Undeliverable message", f"""\
------- Failure Reasons  --------

User not listed in public Name & Address Book
kim@example.net

------- Returned Message --------
{ORIGINAL}""", "bounce", True, ["kim@example.net"]),
    ("domino", "From: CN=MX/O=EXAMPLE@example.com\nReturn-Path: <>" + TO + "DELIVERY FAILURE: User kim (kim@example.net) not listed in Domino Directory", f"""\
Your message

  Subject: Page one

was not delivered to:

  kim@example.net

because:

  User kim (kim@example.net) not listed in Domino Directory

{ORIGINAL}""", "bounce", True, ["kim@example.net"]),
    ("groupwise", "From: Mailer-Daemon@gw.example.net" + TO + "Message status - undeliverable", """\
The message that you sent was undeliverable to the following:
\tkim@example.net (user not found)

Possibly truncated original message follows:
""", "bounce", True, ["kim@example.net"]),
    ("mcafee", "From: webshield@mx.example.com" + TO + "Delivery Status", """\
--- The following addresses had delivery problems ---

<kim@example.net>   (User unknown kim@example.net)

--------------Returned Mail Header--------
From: Letters <letters@news.example.com>
To: kim@example.net
Subject: Page one
""", "bounce", True, ["kim@example.net"]),
    ("james", "From: postmaster@mx.example.com" + TO + "[BOUNCE]", """\
Hi. This is the James mail server at mx.example.com.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.  Below
I include the list of recipients and the reason why I was unable to deliver
your message.

Failed recipient(s):
kim@example.net

Error message:
550 - Requested action not taken: no such user here

Message details:
  Subject: Page one
""", "bounce", True, ["kim@example.net"]),
    ("verizon", "From: Post_Office@vtext.example" + TO + "Undeliverable Message", """\
Error: kim@example.net Invalid user

Message could not be delivered to mobile.
Error: No valid recipients for this MM
""", "bounce", True, ["kim@example.net"]),
    ("surfcontrol", "From: postmaster@mx.example.com\nX-Mailer: SurfControl E-mail Filter" + TO + "Message could not be delivered", """\
Your message could not be sent.
A transcript of the attempts to send the message follows.
The number of attempts made: 1
Addressed To: kim@example.net

Sun 22 Nov 2026 09:00:00 +0000
Failed to send to identified host,
kim@example.net: [192.0.2.25], 550 kim@example.net... No such user
--- Message non-deliverable.
""", "bounce", True, ["kim@example.net"]),
    ("google-2013", "From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>\nX-Failed-Recipients: kim@example.net\nAuto-Submitted: auto-replied" + TO + "Delivery Status Notification (Failure)", f"""\
Delivery to the following recipient failed permanently:

     kim@example.net

Technical details of permanent failure:
Google tried to deliver your message, but it was rejected by the server for the recipient domain example.net by mx.example.net. [192.0.2.25].

The error that the other server returned was:
550 5.1.1 <kim@example.net>: Recipient address rejected: User unknown in local recipient table

----- Original message -----

{ORIGINAL}""", "bounce", True, ["kim@example.net"]),
    ("google-delay", "From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>\nAuto-Submitted: auto-replied" + TO + "Delivery Status Notification (Delay)", """\
This is an automatically generated Delivery Status Notification

THIS IS A WARNING MESSAGE ONLY.

YOU DO NOT NEED TO RESEND YOUR MESSAGE.

Delivery to the following recipient has been delayed:

     kim@example.net

Message will be retried for 2 more day(s)

Technical details of temporary failure:
The recipient server did not accept our requests to connect.
""", "none", False, ["kim@example.net"]),
    ("opensmtpd", "From: Mailer Daemon <MAILER-DAEMON@mx.example.com>" + TO + "Delivery status notification: error", """\
    Hi!

    This is the MAILER-DAEMON, please DO NOT REPLY to this email.

    An error has occurred while attempting to deliver a message for
    the following list of recipients:

kim@example.net: 550 5.1.1 <kim@example.net>... User Unknown

    Below is a copy of the original message:

Received: from app (localhost [127.0.0.1])
Message-ID: <one@news.example.com>
From: letters@news.example.com
To: kim@example.net
Subject: Page one
""", "bounce", True, ["kim@example.net"]),
    ("dragonfly", "From: MAILER-DAEMON <>" + TO + "Mail delivery failed", """\
This is the DragonFly Mail Agent v0.13 at mx.example.com.

There was an error delivering your mail to <kim@example.net>.

example.net [192.0.2.25] did not like our RCPT TO:
550 5.1.1 <kim@example.net>... User Unknown

Message headers follow.

Received: from letters (uid 1000)
From: letters@news.example.com
To: kim@example.net
Subject: Page one
""", "bounce", True, ["kim@example.net"]),
    ("courier", "From: \"Courier mail server at mx.example.com\" <@>\nReturn-Path: <>" + TO + "NOTICE: mail delivery status.", """\
This is a delivery status notification from mx.example.com,
running the Courier mail server, version 0.65.2.

The original message was received on Sun, 22 Nov 2026 09:00:00 +0000
from news.example.com ([192.0.2.1])

---------------------------------------------------------------------------

                           UNDELIVERABLE MAIL

Your message to the following recipients cannot be delivered:

<kim@example.net>:
    mx.example.net [192.0.2.25]:
>>> RCPT TO:<kim@example.net>
<<< 550 5.1.1 <kim@example.net>... User Unknown

---------------------------------------------------------------------------
""", "bounce", True, ["kim@example.net"]),
    ("interscan", "From: postmaster@mx.example.com" + TO + "Mail could not be delivered", """\
****** Message from InterScan Messaging Security Suite ******

Sent <<< RCPT TO:<kim@example.net>
Received >>> 550 5.1.1 <kim@example.net>... user unknown
Unable to deliver message to <kim@example.net>

************************     End of message     **********************
""", "bounce", True, ["kim@example.net"]),
    ("kddi", "From: Postmaster@au.example\nReturn-Path: <>" + TO + "Mail System Error - Returned Mail", """\
Your mail sent on: Sun, 22 Nov 2026 09:00:00 +0900
    Could not be delivered to: <kim@example.net>
    As their mailbox is full.

""", "bounce", False, ["kim@example.net"]),
    ("ezweb", "From: Postmaster@ezweb.example\nReturn-Path: <>" + TO + "Mail System Error - Returned Mail", f"""\
The user(s) account is disabled.

<kim@example.net>: 550 user unknown (in reply to RCPT TO command)

-- Original message --
{ORIGINAL}""", "bounce", True, ["kim@example.net"]),
    ("biglobe", "From: postmaster@biglobe.example" + TO + "Returned mail", """\
   ----- The following addresses had delivery problems -----
********@example.net

   ----- Non-delivered information -----
The number of messages in recipient's mailbox exceeded the local limit.
""", "bounce", False, []),
    ("mail-ru", "From: Mailer-Daemon@mail.example" + TO + "Mail failure.", """\
Это письмо создано автоматически сервером. Отвечать на него не нужно.

К сожалению, Ваше письмо не может быть доставлено одному или нескольким получателям:

  kim@example.net
    SMTP error from remote mail server after RCPT TO:<kim@example.net>:
    host mx.example.net [192.0.2.25]: 550 5.1.1 Такого пользователя нет: неизвестный пользователь

""", "bounce", True, ["kim@example.net"]),
    ("german", "From: Postmaster@mail.example" + TO + "Unzustellbar: Seite eins", """\
Ihre Nachricht hat einige oder alle Empfänger nicht erreicht.

Folgende Empfänger konnten nicht erreicht werden:

      kim@example.net am 22.11.2026 10:00
            Der Empfänger ist unbekannt. Postfach existiert nicht.
""", "bounce", True, ["kim@example.net"]),
    ("french", "From: Postmaster <postmaster@mail.example>" + TO + "Message non remis : page un", """\
Votre message n'a pas pu être remis aux destinataires suivants :

<kim@example.net>
La boîte aux lettres du destinataire est pleine.
""", "bounce", False, ["kim@example.net"]),
    ("spanish", "From: Mail Delivery System <mailer-daemon@correo.example>" + TO + "No se pudo entregar el mensaje", """\
Su mensaje no se pudo entregar a los siguientes destinatarios:

kim@example.net: el usuario no existe
""", "bounce", True, ["kim@example.net"]),
    ("chinese", "From: postmaster@163.example\nReturn-Path: <>" + TO + "系统退信", """\
抱歉,您的邮件被退回来了

收件人: kim@example.net
退信原因: 收件人邮箱不存在 550 User not found: kim@example.net
""", "bounce", True, ["kim@example.net"]),
    ("japanese", "From: MAILER-DAEMON@jp.example" + TO + "配信できませんでした", """\
以下の宛先にメールを配信できませんでした。

<kim@example.net>
宛先のメールアドレスは存在しません。
""", "bounce", True, ["kim@example.net"]),
    ("lost-boundary", DAEMON + "Returned mail: Too many hops\nContent-Type: multipart/report; report-type=delivery-status;\n\tbo", """\
--X/mx.example.com

The original message was received at Sun, 22 Nov 2026 09:00:00 +0000

   ----- The following addresses have delivery notifications -----
<kim@example.net>  (unrecoverable error)

--X/mx.example.com
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com

Final-Recipient: rfc822; kim@example.net
Action: failed
Status: 5.1.1

--X/mx.example.com--
""", "bounce", True, ["kim@example.net"]),
    ("returned-permanent", "From: postmaster@mx.example.com" + TO + "There was an error sending your mail", """\
We had trouble delivering your message. Full details follow:

Subject: 'Page one'
Date: 'Sun, 22 Nov 2026 09:00:00 +0000'

1 error(s):

SMTP Server <mx.example.net> rejected recipient <kim@example.net>
  (Error following RCPT command). It responded as follows: [550 5.1.1 User unknown]
""", "bounce", True, ["kim@example.net"]),
    ("permanent-errors", "From: postmaster@mx.example.com" + TO + "Delivery failure", """\
The following recipients returned permanent errors:
 kim@example.net.
The following errors occurred: 550 <kim@example.net>... invalid user
""", "bounce", True, ["kim@example.net"]),
    ("activehunter", "From: MAILER-DAEMON@mx.example.com" + TO + "FAILURE NOTICE", f"""\
This is the ActiveHunter mail server at mx.example.com.
I was not able to deliver your message to the following addresses.

>>> kim@example.net <kim@example.net>

550 sorry, no mailbox here by that name (#5.1.1 - chkuser)

----- original message -----

{ORIGINAL}""", "bounce", True, ["kim@example.net"]),
    ("remote-rejected", "From: Postmaster@ezweb.example\nReturn-Path: <>" + TO + "Mail System Error - Returned Mail", """\
Each of the following recipients was rejected by a remote mail server.
The reasons given by the server are included to help you determine why
each recipient was rejected.

    Recipient: <kim@example.net>
    >>> RCPT TO:<kim@example.net>
    <<< 550 <kim@example.net>: User unknown

""", "bounce", True, ["kim@example.net"]),
    ("temporarily-limited", "From: Postmaster@ezweb.example\nReturn-Path: <>" + TO + "Mail System Error - Returned Mail", """\
The user(s) account is temporarily over quota.

<kim@example.net>

""", "bounce", False, ["kim@example.net"]),
    ("zoho", "From: mailer-daemon@mail.zoho.example" + TO + "Undelivered Mail Returned to Sender", """\
This message was created automatically by mail delivery software.
A message that you sent could not be delivered to one or more of its recipients. This is a permanent error.

kim@example.net Invalid Address, ERROR_CODE :550, ERROR_CODE :5.1.1 <kim@example.net>... User Unknown
""", "bounce", True, ["kim@example.net"]),
    ("html-only", "From: Mail Delivery System <mailer-daemon@mx.example.com>\nContent-Type: text/html; charset=utf-8" + TO + "Undeliverable mail", """\
<html><body><p>Delivery has failed to these recipients:</p><p><b>kim@example.net</b><br>
The e&#45;mail address wasn&#39;t found: 550 5.1.1 user unknown</p></body></html>
""", "bounce", True, ["kim@example.net"]),
    ("mac-line-ends", DAEMON + "failure notice", "Hi. This is the qmail-send program at mx.example.com.\r\r<kim@example.net>:\rSorry, no mailbox here by that name. (#5.1.1)\r", "bounce", True, ["kim@example.net"]),
    ("local-name", "From: Mail Delivery Subsystem <MAILER-DAEMON@example.net>" + TO + "Returned mail", """\
Your mail to the following recipients could not be delivered because they are not accepting mail with attachments:
\tkim

""", "bounce", False, ["kim@example.net"]),
    ("semicolon-lost", """\
From: Mail Delivery System <MAILER-DAEMON>
To: news@example.com
Subject: Returned Mail: User unknown
Content-Type: multipart/mixed; boundary="--part"
""", """\
----part
Content-Type: text/plain
   charset="us-ascii"

---The following addresses had delivery errors---

kim@example.net [User unknown]

----part
Received: from mx.example.com (192.0.2.4) by mx.example.net
From: News <news@example.com>
To: lee@example.net
Subject: Page one

Lee is not the one.
----part--
""", "bounce", True, ["kim@example.net"]),
    ("box-answers-itself", """Return-Path: <>
From: kim@example.net
To: news@example.com
Subject: Mail
Content-Type: multipart/mixed; boundary="part"
""", """\
--part
Content-Type: text/plain

Your mail sent on Monday
    Could not be delivered to: <lee@example.net>
    As their mailbox is full.

--part
Content-Type: message/rfc822

From: News <news@example.com>
To: <lee@example.net>
Subject: Page one

--part--
""", "bounce", False, ["lee@example.net"]),
    ("guesses", DAEMON + "Undeliverable", """\
Your message to kim@example.net couldn't be delivered.

The address may not exist, or the mailbox might be full. Check that the
recipient is not unknown, and make sure the account has not been disabled.
""", "bounce", False, ["kim@example.net"]),
    ("blocked", DAEMON + "Undelivered Mail Returned to Sender", f"""\
<kim@example.net>: host mx.example.net[192.0.2.25] said: 554 5.7.1 Service
    unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org;
    user unknown to the list (in reply to RCPT TO command)

{ORIGINAL}""", "bounce", False, ["kim@example.net"]),
]  # fmt: skip
"""Bounces for people."""

OTHER_MAIL: list[Case] = [
    ("vacation", "From: Kim <kim@example.net>" + TO + "Out of Office: Page one", "I no longer work at Example. My account will be disabled.\nWrite to lee@example.net.\n", "autoreply", False, []),
    ("vacation-de", "From: kim@example.net\nAuto-Submitted: auto-replied" + TO + "Abwesenheitsnotiz: Seite eins", "Der Empfänger ist bis Montag nicht erreichbar.\n", "autoreply", False, []),
    ("vacation-plain-subject", "From: kim@example.net\nAuto-Submitted: auto-replied\nPrecedence: bulk" + TO + "Re: Page one", "I am out of the office until Monday. Mail to this address is not delivered.\n", "autoreply", False, []),
    ("vacation-null-sender", "Return-Path: <>\nFrom: kim@example.net\nAuto-Submitted: auto-replied" + TO + "Automatic reply: Page one", "User unknown until Monday; my mailbox is full of sand.\n", "autoreply", False, []),
    ("vacation-ja", "From: kim@example.net" + TO + "自動返信: 不在のお知らせ", "ただいま不在です。宛先不明。\n", "autoreply", False, []),
    ("ticket", "From: support@example.net\nAuto-Submitted: auto-replied" + TO + "[#4711] We received your request", "Your message could not be assigned to a known user.\n", "autoreply", False, []),
    ("reply", "From: Kim <kim@example.net>\nIn-Reply-To: <one@news.example.com>" + TO + "Re: Page one", "Great page! By the way, lee@example.net does not exist any more: user unknown.\n", "none", False, []),
    ("reply-about-bounce", "From: Kim <kim@example.net>\nIn-Reply-To: <x@y>" + TO + "Re: Undelivered Mail Returned to Sender", "I got this:\n> <lee@example.net>: 550 5.1.1 user unknown\n", "none", False, []),
    ("reply-about-holidays", "From: Kim <kim@example.net>\nIn-Reply-To: <one@news.example.com>" + TO + "Re: Annual leave and holiday pay", "Thank you for this page.\n", "none", False, []),
    ("parcel", "From: Kim <kim@example.net>" + TO + "Delivery problem", "My parcel was not delivered. The invalid address was:\n\nlee@example.net\n\nKim\n", "none", False, []),
    ("quiet-vacation", "Return-Path: <>\nFrom: Kim <kim@example.net>" + TO + "Gone fishing", "Mail can't be delivered to me. Lee is not known to fish, either.\n", "none", False, []),
    ("forwarded-bounce", "From: Kim <kim@example.net>" + TO + "Fwd: Mail delivery failed", "Look:\n\nlee@example.net\n  550 user unknown\n", "none", False, []),
    ("ordinary", "From: Kim <kim@example.net>" + TO + "My address book", "The user lee@example.net is unknown to me and the mailbox on our house is full.\n", "none", False, []),
    ("newsletter", "From: News <news@example.net>\nPrecedence: bulk\nList-Id: <n.example.net>" + TO + "Delivery news: what failed in November", "Undeliverable parcels: address not found.\n", "none", False, []),
    ("delivered-plain", "From: Postmaster <postmaster@mx.example.com>" + TO + "Delivery Notification: Delivery has been successful", "Your message has been successfully delivered to the following recipients:\n\n  kim@example.net\n", "delivered", False, []),
    ("empty", "", "", "none", False, []),
]  # fmt: skip
"""Mail that must have no consequences."""
