"""Invented mails. None of them was ever sent; the wordings are those that desks of each country use."""

from email.message import EmailMessage
from email.utils import format_datetime
from datetime import UTC, datetime

CUSTOMER = "Ann Gray <ann@inbox.example>"


def mail(
    text: str,
    subject: str = "Re: Where is my kettle?",
    sender: str = "Example Support <support@desk.example>",
    html: str | None = None,
    **headers: str,
) -> bytes:
    """A mail from a desk to Ann; header names are written with underscores."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = CUSTOMER
    message["Subject"] = subject
    message["Date"] = format_datetime(datetime(2026, 11, 18, 10, 0, tzinfo=UTC))
    message["Message-ID"] = "<m1@desk.example>"
    for name, value in {
        "In_Reply_To": "<q1@inbox.example>",
        "Return_Path": "<support@desk.example>",
        **headers,
    }.items():
        if value:
            message[name.replace("_", "-")] = value
    message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html")
    return message.as_bytes()


ACKNOWLEDGEMENTS = {
    "en": (
        "We've received your enquiry",
        "Hi Ann,\n\nThanks for reaching out! Your message has been received and a member of our team will reply within one business day. Opening hours: Monday to Friday, 9-17.\n\nThe Example Team",
    ),
    "en-ticket": (
        "[Ticket ID: 55120] Where is my kettle?",
        "Dear Ann,\n\nA support ticket has now been opened for your request. You will be notified when a response is made by email.\n\nSubject: Where is my kettle?\nPriority: Medium\nStatus: Open\n\nYou can view the ticket at any time at https://desk.example/t/55120",
    ),
    "en-short": (
        "Re: Where is my kettle?",
        "Thank you for contacting us. This is an automated confirmation. We will get back to you as soon as possible.",
    ),
    "de": (
        "Ihre Anfrage 77120",
        "Guten Tag Frau Gray,\n\nherzlichen Dank für Ihre Anfrage. Wir haben diese unter der Ticketnummer 77120 erfasst und melden uns schnellstmöglich bei Ihnen.\n\nFreundliche Grüße\nIhr Serviceteam",
    ),
    "de-du": (
        "Wir haben deine Nachricht erhalten",
        "Hallo Ann,\n\ndanke, dass du uns geschrieben hast! Deine Nachricht ist bei uns angekommen, wir haben deine Anfrage erhalten. Aktuell kann die Antwort bis zu 3 Werktage dauern.\n\nDein Beispiel-Team",
    ),
    "fr": (
        "Votre demande n° 5512",
        "Bonjour,\n\nVotre demande a bien été enregistrée sous le numéro 5512. Un conseiller vous répondra dans les plus brefs délais.\n\nMerci de ne pas répondre à ce message automatique.\n\nLe service clients",
    ),
    "es": (
        "Solicitud recibida #3345",
        "Estimada Ann:\n\nSu solicitud ha sido recibida y está siendo revisada por nuestro equipo de soporte. Nos pondremos en contacto con usted a la mayor brevedad.\n\nAtentamente,\nAtención al cliente",
    ),
    "it": (
        "Abbiamo ricevuto la tua richiesta",
        "Ciao Ann,\n\nabbiamo ricevuto la tua richiesta e ti risponderemo il prima possibile.\n\nIl team di assistenza",
    ),
    "nl": (
        "Bevestiging van uw aanvraag",
        "Beste klant,\n\nBedankt voor uw bericht. Uw aanvraag is in goede orde ontvangen. We nemen zo snel mogelijk contact met u op.\n\nMet vriendelijke groet,\nKlantenservice",
    ),
    "pt": (
        "Recebemos o seu pedido de suporte",
        "Olá Ann,\n\nO seu pedido foi recebido e está sendo analisado pela nossa equipe. Entraremos em contato em breve.\n\nEquipe de atendimento",
    ),
    "pl": (
        "Potwierdzenie zgłoszenia 9912",
        "Dzień dobry,\n\ndziękujemy za kontakt. Państwa zgłoszenie zostało zarejestrowane pod numerem 9912. Odpowiemy najszybciej jak to możliwe.\n\nBiuro Obsługi Klienta",
    ),
    "sv": (
        "Vi har tagit emot ditt ärende",
        "Hej!\n\nTack för att du kontaktar oss. Vi har tagit emot ditt ärende och återkommer så snart vi kan.\n\nVänliga hälsningar\nKundtjänst",
    ),
    "da": (
        "Din henvendelse er modtaget",
        "Hej Ann\n\nTak for din henvendelse. Din henvendelse er modtaget, og vi vender tilbage hurtigst muligt.\n\nMed venlig hilsen\nKundeservice",
    ),
    "no": (
        "Vi har mottatt din henvendelse",
        "Hei!\n\nTakk for at du tok kontakt. Vi har mottatt din henvendelse og svarer så raskt vi kan.\n\nMed vennlig hilsen\nKundeservice",
    ),
    "fi": (
        "Yhteydenottosi on vastaanotettu",
        "Hei!\n\nKiitos viestistäsi. Olemme vastaanottaneet yhteydenottosi ja vastaamme mahdollisimman pian.\n\nYstävällisin terveisin\nAsiakaspalvelu",
    ),
    "cs": (
        "Potvrzení přijetí požadavku",
        "Dobrý den,\n\nděkujeme za Váš dotaz. Váš požadavek byl zaregistrován pod číslem 4471. Odpovíme co nejdříve.\n\nZákaznická podpora",
    ),
    "sk": (
        "Prijali sme vašu požiadavku",
        "Dobrý deň,\n\nďakujeme za vašu správu. Vaša požiadavka bola zaregistrovaná. Odpovieme čo najskôr.\n\nZákaznícka podpora",
    ),
    "hu": (
        "Visszaigazolás",
        "Kedves Ügyfelünk!\n\nÜzenetét megkaptuk, hamarosan válaszolunk. Ez egy automatikus üzenet.\n\nÜgyfélszolgálat",
    ),
    "ro": (
        "Am primit solicitarea",
        "Bună ziua,\n\nVă mulțumim pentru mesaj. Am primit solicitarea dumneavoastră și vă vom răspunde cât mai curând posibil.\n\nEchipa de suport",
    ),
    "tr": (
        "Talebiniz alındı",
        "Merhaba,\n\nTalebiniz alınmıştır. En kısa sürede size dönüş yapılacaktır.\n\nMüşteri Hizmetleri",
    ),
    "ru": (
        "Ваше обращение принято",
        "Здравствуйте!\n\nВаше обращение зарегистрировано под номером 55120. Наши специалисты ответят вам в ближайшее время.\n\nСлужба поддержки",
    ),
    "uk": (
        "Ваше звернення отримано",
        "Доброго дня!\n\nВаше звернення отримано. Ми відповімо найближчим часом.\n\nСлужба підтримки",
    ),
    "el": (
        "Λάβαμε το μήνυμά σας",
        "Αγαπητέ πελάτη,\n\nΛάβαμε το μήνυμά σας και θα σας απαντήσουμε το συντομότερο δυνατό.\n\nΕξυπηρέτηση πελατών",
    ),
    "ja": (
        "お問い合わせを受け付けました",
        "お問い合わせいただきありがとうございます。\nお問い合わせを受け付けました。担当者より改めてご連絡いたします。\n※このメールは自動返信です。",
    ),
    "zh": ("我们已收到您的请求", "您好，\n\n感谢您的来信。我们已收到您的请求，将尽快回复您。\n\n客服团队"),
    "ko": (
        "문의가 접수되었습니다",
        "안녕하세요.\n\n문의해 주셔서 감사합니다. 고객님의 문의가 접수되었습니다. 빠른 시일 내에 답변드리겠습니다.\n\n고객센터",
    ),
}

ABSENCES = {
    "en": (
        "Out of office: Where is my kettle?",
        "I am on annual leave until 1 December and will reply on my return. For urgent questions please write to help@desk.example.\n\nRobin",
    ),
    "en-left": (
        "Automatic reply: Where is my kettle?",
        "Robin no longer works for Example Ltd. Please contact support@desk.example instead.",
    ),
    "de": (
        "Abwesenheitsnotiz: Wo ist mein Kessel?",
        "Ich bin vom 16. bis 27. November im Urlaub und lese keine E-Mails. Ihre Nachricht wird nicht weitergeleitet.\n\nRobin",
    ),
    "fr": (
        "Absence : Où est ma bouilloire ?",
        "Bonjour, je suis en congés jusqu'au 30 novembre. Je vous répondrai à mon retour.",
    ),
    "es": (
        "Respuesta automática: ¿Dónde está?",
        "Hola, estaré fuera de la oficina hasta el lunes. Para urgencias, escriba a soporte@desk.example.",
    ),
    "it": (
        "Risposta automatica: Dove",
        "Sarò assente dall'ufficio fino al 3 dicembre e leggerò la posta al mio rientro.",
    ),
    "nl": (
        "Automatisch antwoord: Waar is",
        "Ik ben met vakantie en op 1 december weer terug. Bij spoed kunt u bellen met de receptie.",
    ),
    "pt": ("Resposta automática: Onde", "Estou de férias até 30 de novembro. Responderei no meu regresso."),
    "pl": (
        "Automatyczna odpowiedź: Gdzie",
        "Przebywam na urlopie do 30 listopada. W pilnych sprawach proszę o kontakt z sekretariatem.",
    ),
    "sv": ("Autosvar: Var är", "Jag är på semester och åter på kontoret den 1 december."),
    "da": ("Autosvar: Hvor er", "Jeg holder ferie til og med den 27. november."),
    "no": ("Automatisk svar: Hvor er", "Jeg er på ferie og tilbake 1. desember."),
    "fi": ("Automaattinen vastaus: Missä", "Olen lomalla 30.11. asti. Palaan töihin joulukuussa."),
    "cs": (
        "Automatická odpověď: Kde je",
        "Jsem na dovolené do 30. listopadu. V naléhavých případech volejte kolegyni.",
    ),
    "hu": ("Automatikus válasz: Hol van", "Szabadságon vagyok november 30-ig."),
    "ru": ("Автоматический ответ: Где", "Я в отпуске до 30 ноября. Отвечу после возвращения."),
    "ja": ("自動応答: やかん", "11月30日まで休暇をいただいております。ご返信が遅れますことをご了承ください。"),
}

CLOSED = {
    "en": (
        "[Example] Ticket #55120 closed",
        "Your request #55120 has been closed. If you need further help, reply to this email and the ticket will be reopened.",
    ),
    "en-survey": (
        "How did we do?",
        "Hi Ann,\n\nPlease take a moment to rate the support you received. Your feedback helps us improve.\n\nGreat  Okay  Bad",
    ),
    "en-pending": (
        "Ticket #55120 reminder",
        "We have not heard back from you. This ticket will be closed automatically in 3 days unless you reply.",
    ),
    "de": (
        "Ticket 77120 gelöst",
        "Guten Tag,\n\nIhr Ticket 77120 wurde als gelöst markiert. Falls Sie weitere Fragen haben, antworten Sie einfach auf diese E-Mail.",
    ),
    "fr": (
        "Votre demande a été résolue",
        "Bonjour,\n\nVotre demande 5512 est maintenant considérée comme résolue. Pour la rouvrir, répondez à ce message.",
    ),
    "es": ("Su caso ha sido cerrado", "Su caso 3345 ha sido cerrado. Si necesita más ayuda, responda a este correo."),
    "nl": ("Ticket gesloten", "Uw ticket 8831 is gesloten. Reageer op deze e-mail om het te heropenen."),
    "it": (
        "Richiesta risolta",
        "La tua richiesta 9921 è stata risolta. Se hai altre domande rispondi a questo messaggio.",
    ),
}

HUMANS = {
    "en": "Hi Ann,\n\nThanks for your message. I have checked with our warehouse and your kettle left yesterday; it should be with you on Friday.\n\nKind regards,\nRobin",
    "en-plural": "Dear Ann,\n\nThank you for contacting us. We have received your kettle back from the carrier. The address label was damaged, therefore we are sending a new one today, free of charge.\n\nRobin Baker\nExample Support",
    "en-ask": "Hello Ann,\n\nthank you for your e-mail. Could you please tell me the postcode that you used? Your order has two addresses.\n\nBest wishes\nRobin",
    "en-closing": "Hi Ann, glad it works now! I've closed your ticket, just reply if anything else comes up. Robin",
    "en-short": "Friday, before noon.\n\nRobin",
    "de": "Guten Tag Frau Gray,\n\nvielen Dank für Ihre Nachricht. Ich habe nachgesehen: Der Kessel wurde gestern verschickt und kommt am Freitag an.\n\nMit freundlichen Grüßen\nRobin Bauer",
    "de-plural": "Hallo Frau Gray,\n\nder Kessel ist leider in Leipzig hängen geblieben. Der Paketdienst hat uns die Zustellung für morgen zugesagt. Nach Österreich versenden wir für 9,90 Euro.\n\nViele Grüße\nRobin Bauer",
    "fr": "Bonjour Madame Gray,\n\nMerci pour votre message. J'ai vérifié auprès du transporteur : la bouilloire arrivera vendredi matin.\n\nBien cordialement,\nRobin",
    "es": "Hola Ann:\n\nGracias por tu mensaje. He revisado tu pedido y el hervidor salió ayer; llegará el viernes por la mañana.\n\nUn saludo,\nRobin",
    "it": "Buongiorno Ann,\n\ngrazie per il tuo messaggio. Ho controllato: il bollitore è partito ieri e arriverà venerdì mattina.\n\nCordiali saluti\nRobin",
    "nl": "Beste Ann,\n\nBedankt voor je bericht. Ik heb het nagekeken: de waterkoker is gisteren verzonden en komt vrijdag aan.\n\nMet vriendelijke groet,\nRobin",
    "pt": "Olá Ann,\n\nObrigado pela sua mensagem. Verifiquei o seu pedido: a chaleira saiu ontem e chega na sexta-feira de manhã.\n\nCumprimentos,\nRobin",
    "pl": "Dzień dobry,\n\ndziękuję za wiadomość. Sprawdziłem zamówienie: czajnik wysłano wczoraj, dotrze w piątek rano.\n\nPozdrawiam\nRobin",
    "sv": "Hej Ann,\n\nTack för ditt mejl. Jag har kollat med lagret och vattenkokaren skickades i går, den kommer på fredag.\n\nVänliga hälsningar\nRobin",
    "cs": "Dobrý den,\n\nděkuji za zprávu. Zkontroloval jsem objednávku a konvice odešla včera, dorazí v pátek dopoledne.\n\nS pozdravem\nRobin",
    "ru": "Здравствуйте, Анна!\n\nЯ проверил заказ: чайник отправлен вчера и прибудет в пятницу утром.\n\nС уважением,\nРобин",
    "ja": "グレイ様\n\nご連絡ありがとうございます。確認したところ、やかんは昨日発送されており、金曜日の午前中に届く予定です。\n\nロビン",
    "tr": "Merhaba Ann,\n\nSiparişinizi kontrol ettim: su ısıtıcısı dün kargoya verildi, cuma sabahı elinizde olur.\n\nSaygılarımla\nRobin",
}

MARKS = {  # what helpdesks and responders put on their mail
    "zendesk": {"Auto_Submitted": "auto-generated", "X_Auto_Response_Suppress": "All", "X_Mailer": "Zendesk Mailer"},
    "rt": {"Precedence": "bulk", "X_RT_Ticket": "desk.example #7", "X_Managed_By": "RT 5.0.3"},
    "redmine": {"Auto_Submitted": "auto-generated", "X_Mailer": "Redmine", "X_Redmine_Site": "Example"},
    "plain": {},
}
RESPONDER = {"Auto_Submitted": "auto-replied", "X_Auto_Response_Suppress": "All", "Return_Path": "<>"}
