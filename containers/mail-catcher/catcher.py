"""Takes every mail over SMTP with STARTTLS (1025), and shows all of them over HTTP (1080)."""

import email
import email.policy
import html
import json
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller

MAILS = []
# What a mail catcher keeps; the oldest go.
MOST = 1000


class Catcher:
    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        body = mail.get_body(preferencelist=("plain", "html"))
        MAILS.append(
            {
                "from": envelope.mail_from,
                "to": envelope.rcpt_tos,
                "subject": str(mail["Subject"]),
                "messageId": str(mail["Message-ID"]),
                "date": str(mail["Date"]),
                "text": body.get_content() if body else "",
            }
        )
        del MAILS[:-MOST]
        return "250 taken"


class Pages(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/messages":
            self.answer("application/json", json.dumps(MAILS))
        elif self.path == "/":
            self.answer("text/html; charset=utf-8", page())
        else:
            self.send_error(404, "there are / and /messages")

    def answer(self, kind, text):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


def page():
    mails = "".join(
        "<article><h2>{}</h2><p>{}, to {}</p><pre>{}</pre></article>".format(
            *(html.escape(text) for text in (m["subject"], m["date"], ", ".join(m["to"]), m["text"]))
        )
        for m in reversed(MAILS)
    )
    return f"<!doctype html><title>Mail</title><h1>{len(MAILS)} mails</h1>{mails}"


def main():
    certificate, key = sys.argv[1:]
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    Controller(Catcher(), hostname="0.0.0.0", port=1025, tls_context=tls, require_starttls=True).start()
    ThreadingHTTPServer(("0.0.0.0", 1080), Pages).serve_forever()


main()
