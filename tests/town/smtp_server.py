"""A mail server for tests: takes mail into a folder, or refuses it.

    smtp_server.py PORT FOLDER implicit|starttls|none CERTIFICATE KEY USER PASSWORD

A mail becomes FOLDER/mail-N.eml, with the envelope's recipients in its first lines ("X-Envelope-To"). While FOLDER/refuse
is there, its content is the answer to every mail; each refusal is a line of FOLDER/refused. FOLDER/unknown names an
address that is refused as a recipient for good.
"""

import asyncio
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

port, folder, security, certificate, key, user, password = sys.argv[1:]


def read(name):
    try:
        with open(os.path.join(folder, name)) as file:
            return file.read().strip()
    except FileNotFoundError:
        return ""


class Inbox:
    taken = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address == read("unknown"):
            return f"550 5.1.1 <{address}>: no such user here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server, session, envelope):
        refusal = read("refuse")
        if refusal:
            with open(os.path.join(folder, "refused"), "a") as file:
                file.write(refusal + "\n")
            return refusal
        Inbox.taken += 1
        name = os.path.join(folder, f"mail-{Inbox.taken:04}")
        with open(name + ".part", "wb") as file:
            for to in envelope.rcpt_tos:
                file.write(f"X-Envelope-To: {to}\r\n".encode())
            file.write(envelope.original_content)
        os.rename(name + ".part", name + ".eml")
        return "250 2.0.0 Ok: taken"


def authenticator(server, session, envelope, mechanism, data):
    known = data.login == user.encode() and data.password == password.encode()
    return AuthResult(success=known, handled=known)


def protocol(context):
    return SMTP(
        Inbox(),
        hostname="mail.localhost",
        authenticator=authenticator,
        auth_required=bool(user),
        # With TLS from the first octet it does not see that there is any.
        auth_require_tls=security == "starttls",
        require_starttls=security == "starttls",
        tls_context=context if security == "starttls" else None,
    )


async def serve():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if security != "none":
        context.load_cert_chain(certificate, key)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: protocol(context),
        "127.0.0.1",
        int(port),
        ssl=context if security == "implicit" else None,
    )
    async with server:
        await server.serve_forever()


asyncio.run(serve())
