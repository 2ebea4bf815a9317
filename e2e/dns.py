"""A name server for the sandbox: ghcr.test is 127.0.0.1, and there is nothing else."""

import socket

KNOWN = b"\x04ghcr\x04test\x00"
ADDRESS = bytes([127, 0, 0, 1])

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
print("listening", flush=True)
while True:
    query, client = server.recvfrom(512)
    # RFC 1035: a header of 12 bytes, then one question: labels up to a zero byte, a type, a class.
    end = query.index(0, 12) + 1
    question, kind = query[12 : end + 4], query[end : end + 2]
    known = query[12:end].lower() == KNOWN
    answers = int(known and kind == b"\x00\x01")
    flags = b"\x81\x80" if known else b"\x81\x83"
    reply = query[:2] + flags + b"\x00\x01" + answers.to_bytes(2, "big") + bytes(4) + question
    if answers:
        reply += b"\xc0\x0c\x00\x01\x00\x01" + (60).to_bytes(4, "big") + b"\x00\x04" + ADDRESS
    server.sendto(reply, client)
