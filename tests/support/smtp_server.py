"""A real SMTP server for tests: aiosmtpd, with its faults chosen by the command line.

smtp_server.py FOLDER PORT [--user U --password P] [--cert FILE --key FILE [--tls-first]]
               [--refuse ADDRESS] [--put-off ADDRESS] [--close-at ADDRESS]

Listens on 127.0.0.1 (PORT 0: a free one), then writes its port to FOLDER/port. The n-th mail it
takes is the folder FOLDER/n with a file for each thing said of it: who it is from and for, its header
fields and its text as Python's own mail parser decodes them, its longest line, and whether it came
over TLS and with a login.
"""

import argparse
import asyncio
import email
import email.policy
import os
import ssl

from aiosmtpd.smtp import SMTP, AuthResult


def write(path, text):
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text)


def write_mail(path, said):
    os.mkdir(path + ".part")
    for name, text in said.items():
        write(os.path.join(path + ".part", name), str(text))
    os.rename(path + ".part", path)


class Box:
    def __init__(self, options):
        self.options = options
        self.count = 0

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if address == self.options.refuse:
            return "550 no such mailbox " + address
        if address == self.options.put_off:
            return "450 come again for " + address
        if address == self.options.close_at:
            server.transport.abort()
            return "421 gone"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
        lines = envelope.original_content.decode("ascii").split("\r\n")
        self.count += 1
        said = {name.lower(): value for name, value in mail.items()}
        said |= {
            "greeting": session.host_name,
            "sender": envelope.mail_from,
            "recipients": " ".join(envelope.rcpt_tos),
            "text": mail.get_payload(decode=True).decode("utf-8"),
            "longest_line": max(len(line) for line in lines),
            "tls": server.transport.get_extra_info("ssl_object") is not None,
            "login": session.authenticated,
        }
        write_mail(os.path.join(self.options.folder, str(self.count)), said)
        return "250 OK"


def authenticator(options):
    expected = (options.user.encode(), options.password.encode())

    def check(server, session, envelope, mechanism, data):
        return AuthResult(success=(data.login, data.password) == expected, handled=False)

    return check


async def serve(options):
    context = None
    if options.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert, options.key)
    arguments = {"hostname": "mail.test"}
    if options.user:
        arguments |= {"authenticator": authenticator(options), "auth_required": True,
                      "auth_require_tls": False}
    if context and not options.tls_first:
        arguments |= {"tls_context": context, "require_starttls": True}
    box = Box(options)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(box, **arguments), "127.0.0.1", options.port,
        ssl=context if options.tls_first else None)
    port = os.path.join(options.folder, "port")
    write(port + ".part", str(server.sockets[0].getsockname()[1]))
    os.rename(port + ".part", port)
    await server.serve_forever()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("port", type=int)
    for name in ("user", "password", "cert", "key", "refuse", "put-off", "close-at"):
        parser.add_argument("--" + name)
    parser.add_argument("--tls-first", action="store_true")
    asyncio.run(serve(parser.parse_args()))


main()
